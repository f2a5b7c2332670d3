/* A double of NVIDIA's driver library (libcuda.so.1), for tests on machines without a GPU.
 *
 * What it does: device memory is malloc. A stream is a queue: what is put into it runs when somebody waits (stream, event, context), and not before, so
 * that a missing wait shows. A plain copy in from memory that is not page-locked returns when its bytes are taken, and they arrive later. A capture records
 * the queue, a graph puts it back. Primary contexts are counted. Wrong use is listed (double_wrong), and everything alive is counted (double_alive).
 * What it does not do: kernels (double_enqueue puts a C function in their place), streams that wait for an event, time that means anything, and all
 * functions in unsupported.h, which answer CUDA_ERROR_NOT_SUPPORTED and are listed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, INVALID_DEVICE = 101, INVALID_CONTEXT = 201, INVALID_HANDLE = 400,
       NOT_FOUND = 500, NOT_READY = 600, ILLEGAL_ADDRESS = 700, NOT_SUPPORTED = 801, CAPTURE_UNSUPPORTED = 900, CAPTURE_IMPLICIT = 906 };
enum { DEVICE_MEMORY, HOST_MEMORY, STREAM, EVENT, GRAPH, EXEC, KINDS };
static const char *KIND[KINDS] = { "device allocations", "host allocations", "streams", "events", "graphs", "graph executables" };
typedef unsigned long long Address;
typedef struct Context { int device, count; } *Context;
typedef struct Op { int kind; char *to; const char *from; size_t bytes; char *staged; void (*call)(void *); void *argument; struct Thing *event; struct Op *next; } Op;
enum { COPY, CALL, RECORD };
typedef struct Thing { /* anything that must be given back */
    int kind, flags, capturing, broken, running, done, recorded;
    Context context;
    char *memory;
    size_t bytes;
    Op *first, *last; /* stream: its queue; graph and exec: their work; during a capture: what is recorded */
    Op *captured, *captured_last;
    struct Thing *stream; /* event: where it was recorded */
    double time;
    struct Thing *next;
} Thing;

#define EXPORT __attribute__((visibility("default")))
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Thing *things;
static struct Context primary[8];
static Thing defaults[8];
static __thread Context stack[64];
static __thread int depth;
static __thread Thing *capture_of_this_thread;
static int started, fail_after;
static size_t memory_limit = (size_t)8 << 30;
static char wrong[1 << 16];

static void say(const char *format, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (strlen(wrong) + strlen(line) + 2 < sizeof wrong) strcat(strcat(wrong, line), "\n");
}
static int wrong_use(int error, const char *what) { say("%s", what); return error; }
static int devices(void) { const char *n = getenv("DRIVER_DOUBLE_GPUS"); return n ? atoi(n) : 1; }
static Context current(void) { return depth ? stack[depth - 1] : NULL; }
static Thing *find(int kind, const void *handle) {
    for (Thing *t = things; t; t = t->next) if (t == handle && t->kind == kind) return t;
    return NULL;
}
static Thing *memory_at(int kind, const char *address, size_t bytes) {
    for (Thing *t = things; t; t = t->next)
        if (t->kind == kind && address >= t->memory && address + bytes <= t->memory + t->bytes) return t;
    return NULL;
}
static size_t used(void) { size_t n = 0; for (Thing *t = things; t; t = t->next) if (t->kind == DEVICE_MEMORY) n += t->bytes; return n; }

static int make(int kind, size_t bytes, Thing **made) {
    if (!current()) return INVALID_CONTEXT;
    if (capture_of_this_thread && kind != GRAPH && kind != EXEC) { capture_of_this_thread->broken = 1; return CAPTURE_UNSUPPORTED; }
    if (fail_after == 1) return OUT_OF_MEMORY; /* and it stays so: PyCUDA collects garbage and tries again */
    if (fail_after) fail_after--;
    if (kind == DEVICE_MEMORY && used() + bytes > memory_limit) return OUT_OF_MEMORY;
    Thing *t = calloc(1, sizeof *t);
    t->kind = kind, t->context = current(), t->bytes = bytes;
    if (bytes) { t->memory = aligned_alloc(256, (bytes + 255) / 256 * 256); memset(t->memory, 0xA5, bytes); } /* never zeros: they hide unwritten outputs */
    pthread_mutex_lock(&lock);
    t->next = things, things = t;
    pthread_mutex_unlock(&lock);
    *made = t;
    return OK;
}
static void drop_op(Op *op) { free(op->staged); free(op); }
static void drop_ops(Op *op) { while (op) { Op *next = op->next; drop_op(op); op = next; } }
static int unmake(Thing *gone, const char *what) {
    if (!gone) return wrong_use(INVALID_HANDLE, what);
    pthread_mutex_lock(&lock);
    for (Thing **t = &things; *t; t = &(*t)->next) if (*t == gone) { *t = gone->next; break; }
    pthread_mutex_unlock(&lock);
    if (gone->memory) { memset(gone->memory, 0xDD, gone->bytes); free(gone->memory); }
    drop_ops(gone->first); drop_ops(gone->captured);
    free(gone);
    return OK;
}

/* ------------------------------------------------------------------------------------------ streams */
static int run(Op *op) {
    if (op->kind == CALL) op->call(op->argument);
    if (op->kind == RECORD && find(EVENT, op->event)) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        op->event->time = now.tv_sec * 1e3 + now.tv_nsec / 1e6, op->event->done = 1;
    }
    if (op->kind == COPY) {
        if (!memory_at(DEVICE_MEMORY, op->to, op->bytes) && !memory_at(DEVICE_MEMORY, op->from, op->bytes))
            return wrong_use(ILLEGAL_ADDRESS, "a copy ran after its device memory was freed");
        memmove(op->to, op->from, op->bytes);
    }
    return OK;
}
static int drain(Thing *stream) { /* run what is queued; another thread may be at it */
    int error = OK;
    while (1) {
        pthread_mutex_lock(&lock);
        if (stream->running) { pthread_mutex_unlock(&lock); sched_yield(); continue; }
        Op *op = stream->first;
        if (!op) { pthread_mutex_unlock(&lock); return error; }
        stream->first = op->next;
        if (!op->next) stream->last = NULL;
        stream->running = 1;
        pthread_mutex_unlock(&lock);
        int found = run(op);
        error = error ? error : found;
        drop_op(op);
        stream->running = 0;
    }
}
/* Stream 0, the default one. It and the streams that were made without flag 1 wait for each other; the others do not wait for it. */
static Thing *default_stream(void) {
    Thing *s = &defaults[current()->device];
    s->kind = STREAM, s->context = current();
    return s;
}
static int wait_for_each_other(Thing *s) {
    Thing *zero = default_stream();
    if (s != zero) return s->flags & 1 ? OK : drain(zero);
    int error = OK;
    for (Thing *t = things; t; t = t->next) if (t->kind == STREAM && t->context == s->context && !(t->flags & 1)) { int e = drain(t); error = error ? error : e; }
    return error;
}
static int captured_implicitly(void) { /* the default stream would wait for a stream that captures */
    for (Thing *t = things; t; t = t->next) if (t->kind == STREAM && t->capturing && !(t->flags & 1)) { t->broken = 1; return 1; }
    return 0;
}
static int drain_all(void) {
    int error = current() ? drain(default_stream()) : OK;
    for (Thing *t = things; t; t = t->next) if (t->kind == STREAM && t->context == current()) { int e = drain(t); error = error ? error : e; }
    return error;
}
static Thing *usable(void *handle, int *error) {
    *error = current() ? OK : INVALID_CONTEXT;
    if (*error) return NULL;
    Thing *s = handle ? find(STREAM, handle) : default_stream();
    if (!s) *error = wrong_use(INVALID_HANDLE, "a stream was used that does not exist (or no longer)");
    else if (s->context != current()) *error = wrong_use(INVALID_CONTEXT, "a stream was used while another context was current");
    return *error ? NULL : s;
}
static int put(void *handle, Op work) {
    int error;
    Thing *s = usable(handle, &error);
    if (!s) return error;
    if (!handle && captured_implicitly()) return CAPTURE_IMPLICIT;
    if (!s->capturing && (error = wait_for_each_other(s))) return error;
    Op *op = malloc(sizeof *op);
    *op = work, op->next = NULL;
    pthread_mutex_lock(&lock);
    Op **first = s->capturing ? &s->captured : &s->first, **last = s->capturing ? &s->captured_last : &s->last;
    if (*first) (*last)->next = op; else *first = op;
    *last = op;
    pthread_mutex_unlock(&lock);
    return OK;
}
static int copy(char *to, const char *from, size_t bytes, char *on_device, char *on_host, int queued, void *stream) {
    if (!current()) return INVALID_CONTEXT;
    if (!memory_at(DEVICE_MEMORY, on_device, bytes)) return wrong_use(INVALID_VALUE, "a copy reaches outside of the device memory that was allocated");
    if (memory_at(DEVICE_MEMORY, on_host, 1)) say("a device address was given where the host's belongs");
    if (queued && !memory_at(HOST_MEMORY, on_host, bytes)) say("an asynchronous copy from or to host memory that is not page-locked");
    if (queued) return put(stream, (Op){ .kind = COPY, .to = to, .from = from, .bytes = bytes });
    Op work = { .kind = COPY, .to = to, .from = from, .bytes = bytes };
    int returns_early = on_device == to && !memory_at(HOST_MEMORY, on_host, bytes); /* it has the bytes, and they arrive later */
    if (returns_early) work.from = work.staged = memcpy(malloc(bytes), from, bytes);
    int error = put(NULL, work);
    return error || returns_early ? error : drain(default_stream());
}

/* ------------------------------------------------------------------------------------------ start, devices, contexts */
EXPORT int cuInit(unsigned flags) { started = 1; return flags ? INVALID_VALUE : devices() ? OK : 100; }
EXPORT int cuDriverGetVersion(int *version) { *version = 13000; return OK; }
EXPORT int cuDeviceGetCount(int *count) { *count = devices(); return started ? OK : NOT_INITIALIZED; }
EXPORT int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return !started ? NOT_INITIALIZED : ordinal >= 0 && ordinal < devices() ? OK : INVALID_DEVICE; }
EXPORT int cuDeviceGetName(char *name, int length, int device) { snprintf(name, length, "driver double %d", device); return OK; }
EXPORT int cuDeviceTotalMem_v2(size_t *bytes, int device) { (void)device; *bytes = memory_limit; return OK; }
EXPORT int cuDeviceGetAttribute(int *value, int attribute, int device) { (void)device; *value = attribute == 75 ? 9 : 0; return OK; }
EXPORT int cuDeviceComputeCapability(int *major, int *minor, int device) { (void)device; *major = 9, *minor = 0; return OK; }
EXPORT int cuDevicePrimaryCtxRetain(Context *context, int device) {
    if (!started) return NOT_INITIALIZED;
    primary[device].device = device, primary[device].count++, *context = &primary[device];
    return OK;
}
EXPORT int cuDevicePrimaryCtxRelease_v2(int device) {
    Context gone = &primary[device];
    if (!gone->count) return wrong_use(INVALID_CONTEXT, "a primary context was released more often than retained");
    if (--gone->count) return OK;
    for (Thing *t = things; t; t = t->next) if (t->context == gone) { say("a primary context was released with %s alive in it", KIND[t->kind]); break; }
    return OK;
}
EXPORT int cuCtxPushCurrent_v2(Context context) {
    if (!context || !context->count) return wrong_use(INVALID_CONTEXT, "a context was pushed that nobody retains");
    if (depth == 64) return wrong_use(INVALID_CONTEXT, "64 contexts pushed and none popped");
    stack[depth++] = context;
    return OK;
}
EXPORT int cuCtxPopCurrent_v2(Context *context) { if (!depth) return INVALID_CONTEXT; depth--; if (context) *context = stack[depth]; return OK; }
EXPORT int cuCtxGetCurrent(Context *context) { *context = current(); return OK; }
EXPORT int cuCtxSetCurrent(Context context) { if (depth) stack[depth - 1] = context; else stack[depth++] = context; return OK; }
EXPORT int cuCtxGetDevice(int *device) { if (!current()) return INVALID_CONTEXT; *device = current()->device; return OK; }
EXPORT int cuCtxGetApiVersion(Context context, unsigned *version) { (void)context; *version = 13000; return OK; }
EXPORT int cuCtxSynchronize(void) { return current() ? drain_all() : INVALID_CONTEXT; }
EXPORT int cuCtxDetach(Context context) { (void)context; return wrong_use(INVALID_CONTEXT, "cuCtxDetach of a primary context: it stays retained"); }

/* ------------------------------------------------------------------------------------------ memory */
EXPORT int cuMemAlloc_v2(Address *address, size_t bytes) {
    Thing *t;
    if (!bytes) return INVALID_VALUE;
    int error = make(DEVICE_MEMORY, bytes, &t);
    if (!error) *address = (Address)t->memory;
    return error;
}
EXPORT int cuMemFree_v2(Address address) {
    if (!current()) return INVALID_CONTEXT;
    Thing *t = memory_at(DEVICE_MEMORY, (char *)address, 1);
    drain_all();
    return unmake(t && t->memory == (char *)address ? t : NULL, "device memory was freed that is none (or freed twice)");
}
EXPORT int cuMemHostAlloc(void **address, size_t bytes, unsigned flags) {
    Thing *t;
    (void)flags;
    if (!bytes) return INVALID_VALUE;
    int error = make(HOST_MEMORY, bytes, &t);
    if (!error) *address = t->memory;
    return error;
}
EXPORT int cuMemAllocHost_v2(void **address, size_t bytes) { return cuMemHostAlloc(address, bytes, 0); }
EXPORT int cuMemFreeHost(void *address) {
    if (!current()) return INVALID_CONTEXT;
    drain_all();
    return unmake(memory_at(HOST_MEMORY, address, 1), "page-locked memory was freed that is none (or freed twice)");
}
EXPORT int cuMemGetInfo_v2(size_t *free_bytes, size_t *total) { *free_bytes = memory_limit - used(), *total = memory_limit; return current() ? OK : INVALID_CONTEXT; }
EXPORT int cuMemcpyHtoD_v2(Address to, const void *from, size_t n) { return copy((char *)to, from, n, (char *)to, (char *)from, 0, NULL); }
EXPORT int cuMemcpyDtoH_v2(void *to, Address from, size_t n) { return copy(to, (char *)from, n, (char *)from, to, 0, NULL); }
EXPORT int cuMemcpyHtoDAsync_v2(Address to, const void *from, size_t n, void *stream) { return copy((char *)to, from, n, (char *)to, (char *)from, 1, stream); }
EXPORT int cuMemcpyDtoHAsync_v2(void *to, Address from, size_t n, void *stream) { return copy(to, (char *)from, n, (char *)from, to, 1, stream); }

/* ------------------------------------------------------------------------------------------ streams and events */
EXPORT int cuStreamCreate(Thing **stream, unsigned flags) { int error = make(STREAM, 0, stream); if (!error) (*stream)->flags = flags; return error; }
EXPORT int cuStreamDestroy_v2(Thing *stream) { Thing *s = find(STREAM, stream); if (s) drain(s); return unmake(s, "a stream was destroyed twice"); }
EXPORT int cuStreamSynchronize(void *stream) {
    int error;
    Thing *s = usable(stream, &error);
    if (s && s->capturing) { s->broken = 1; return CAPTURE_UNSUPPORTED; }
    if (s && !stream) error = wait_for_each_other(s);
    return s && !error ? drain(s) : error;
}
EXPORT int cuStreamQuery(void *stream) { int error; Thing *s = usable(stream, &error); return !s ? error : s->first ? NOT_READY : OK; }
EXPORT int cuEventCreate(Thing **event, unsigned flags) { (void)flags; return make(EVENT, 0, event); }
EXPORT int cuEventDestroy_v2(Thing *event) {
    Thing *e = find(EVENT, event);
    if (e && e->stream && find(STREAM, e->stream)) drain(e->stream);
    return unmake(e, "an event was destroyed twice");
}
EXPORT int cuEventRecord(Thing *event, void *stream) {
    if (!find(EVENT, event)) return wrong_use(INVALID_HANDLE, "an event was recorded that does not exist");
    event->done = 0, event->recorded = 1, event->stream = stream;
    return put(stream, (Op){ .kind = RECORD, .event = event });
}
EXPORT int cuEventSynchronize(Thing *event) { return !find(EVENT, event) ? INVALID_HANDLE : event->recorded && !event->done ? drain(event->stream) : OK; }
EXPORT int cuEventQuery(Thing *event) { return !find(EVENT, event) ? INVALID_HANDLE : event->recorded && !event->done ? NOT_READY : OK; }
EXPORT int cuEventElapsedTime_v2(float *ms, Thing *first, Thing *last) {
    if (!find(EVENT, first) || !find(EVENT, last) || !first->recorded || !last->recorded) return INVALID_HANDLE;
    if (!first->done || !last->done) return NOT_READY;
    *ms = last->time - first->time;
    return OK;
}

/* ------------------------------------------------------------------------------------------ capture and graphs */
EXPORT int cuStreamBeginCapture_v2(void *stream, int mode) {
    int error;
    Thing *s = usable(stream, &error);
    (void)mode;
    if (!s) return error;
    if (s->capturing) return wrong_use(INVALID_VALUE, "a capture was begun in a stream that captures already");
    s->capturing = 1, s->broken = 0, capture_of_this_thread = s;
    return OK;
}
EXPORT int cuStreamEndCapture(void *stream, Thing **graph) {
    int error;
    Thing *s = usable(stream, &error);
    *graph = NULL;
    if (!s) return error;
    if (!s->capturing) return wrong_use(INVALID_VALUE, "a capture was ended that was not begun");
    s->capturing = 0, capture_of_this_thread = NULL;
    if (s->broken || (error = make(GRAPH, 0, graph))) { drop_ops(s->captured); s->captured = s->captured_last = NULL; return error ? error : CAPTURE_UNSUPPORTED; }
    (*graph)->first = s->captured, s->captured = s->captured_last = NULL;
    return OK;
}
EXPORT int cuGraphInstantiateWithFlags(Thing **exec, Thing *graph, unsigned long long flags) {
    (void)flags;
    int error = find(GRAPH, graph) ? make(EXEC, 0, exec) : INVALID_HANDLE;
    if (error) return error;
    Op **end = &(*exec)->first;
    for (Op *op = graph->first; op; op = op->next) { *end = malloc(sizeof *op); **end = *op; (*end)->next = NULL; end = &(*end)->next; }
    return OK;
}
EXPORT int cuGraphDestroy(Thing *graph) { return unmake(find(GRAPH, graph), "a graph was destroyed twice"); }
EXPORT int cuGraphExecDestroy(Thing *exec) { return unmake(find(EXEC, exec), "a graph's executable was destroyed twice"); }
EXPORT int cuGraphLaunch(Thing *exec, void *stream) {
    if (!find(EXEC, exec)) return wrong_use(INVALID_HANDLE, "a graph was launched that does not exist (or no longer)");
    for (Op *op = exec->first; op; op = op->next) { int error = put(stream, *op); if (error) return error; }
    return OK;
}

/* ------------------------------------------------------------------------------------------ errors, and how functions are found */
static const struct { int number; const char *name; } ERRORS[] = {
    { OK, "CUDA_SUCCESS" }, { INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE" }, { OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY" },
    { NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED" }, { 100, "CUDA_ERROR_NO_DEVICE" }, { INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE" },
    { INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT" }, { INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE" }, { NOT_READY, "CUDA_ERROR_NOT_READY" },
    { ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS" }, { NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED" },
    { CAPTURE_UNSUPPORTED, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED" }, { CAPTURE_IMPLICIT, "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT" } };
EXPORT int cuGetErrorName(int error, const char **name) {
    for (size_t i = 0; i < sizeof ERRORS / sizeof *ERRORS; i++) if (ERRORS[i].number == error) { *name = ERRORS[i].name; return OK; }
    *name = NULL;
    return INVALID_VALUE;
}
EXPORT int cuGetErrorString(int error, const char **text) { return cuGetErrorName(error, text); }
EXPORT int cuGetProcAddress_v2(const char *symbol, void **function, int version, unsigned long long flags, int *status) {
    char name[128];
    (void)version, (void)flags;
    for (const char **s = (const char *[]){ "_v2", "", NULL }; *s; s++) {
        snprintf(name, sizeof name, "%s%s", symbol, *s);
        void *self = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
        if ((*function = dlsym(self ? self : RTLD_DEFAULT, name))) { if (status) *status = 0; return OK; }
    }
    if (status) *status = 1;
    return NOT_FOUND;
}
static int unsupported(const char *name) { say("%s: the double does not have it", name); return NOT_SUPPORTED; }
#define NO(name) EXPORT int name(void) { return unsupported(#name); }
#include "unsupported.h"

/* ------------------------------------------------------------------------------------------ for the tests */
EXPORT int double_enqueue(void *stream, void (*call)(void *), void *argument) { return put(stream, (Op){ .kind = CALL, .call = call, .argument = argument }); }
EXPORT void double_fail_after(int allocations) { fail_after = allocations; } /* from the n-th on, whatever is to be made is refused; 0: nothing */
EXPORT int double_retained(int device) { return primary[device].count; }
EXPORT int double_depth(void) { return depth; }
EXPORT int double_alive(int kind) { int n = 0; for (Thing *t = things; t; t = t->next) n += t->kind == kind; return n; }
EXPORT int double_device_of(Address address) { Thing *t = memory_at(DEVICE_MEMORY, (char *)address, 1); return t ? t->context->device : -1; }
EXPORT size_t double_room(Address address) { /* bytes from here to the end of its device memory */
    Thing *t = memory_at(DEVICE_MEMORY, (char *)address, 1);
    return t ? (size_t)(t->memory + t->bytes - (char *)address) : 0;
}
EXPORT int double_queued(void *stream) { Thing *s = find(STREAM, stream); int n = 0; if (s) for (Op *op = s->first; op; op = op->next) n++; return n; }
EXPORT const char *double_wrong(void) { return wrong; } /* lines: what was used wrongly */
EXPORT void double_forget(void) { wrong[0] = 0; }
