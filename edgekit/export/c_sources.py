"""The C that is the same for every model: see `edgekit.export.c_code`."""

KERNELS_H = """#ifndef KERNELS_H
#define KERNELS_H
#include <stdint.h>

/* Tensors are [channels][height][width]; x is the input, y the output. low is 0 where a ReLU follows, else -128. */
void convolve(const int8_t *x, int8_t *y, int in, int h, int w, int out, int oh, int ow, int kernel, int stride, int pad, int groups,
              const int8_t *weight, const int32_t *bias, const int32_t *multiplier, const uint8_t *shift, int low);
void linear(const int8_t *x, int8_t *y, int in, int out,
            const int8_t *weight, const int32_t *bias, const int32_t *multiplier, const uint8_t *shift, int low);
void maxpool(const int8_t *x, int8_t *y, int channels, int h, int w, int oh, int ow, int kernel, int stride, int pad);

#endif
"""

KERNELS = """#include "kernels.h"

/* acc * multiplier / 2^shift, halves rounded up, clipped to int8.
   Right shifts of negative numbers are arithmetic on every compiler used here. */
static int8_t requantize(int32_t acc, int32_t multiplier, int shift, int low) {
  int64_t scaled = ((int64_t)acc * multiplier + ((int64_t)1 << (shift - 1))) >> shift;
  return (int8_t)(scaled < low ? low : scaled > 127 ? 127 : scaled);
}

void convolve(const int8_t *x, int8_t *y, int in, int h, int w, int out, int oh, int ow, int kernel, int stride, int pad, int groups,
              const int8_t *weight, const int32_t *bias, const int32_t *multiplier, const uint8_t *shift, int low) {
  int each = in / groups;
  for (int o = 0; o < out; o++) {
    const int8_t *filter = weight + o * each * kernel * kernel;
    int first = o / (out / groups) * each;
    for (int r = 0; r < oh; r++)
      for (int c = 0; c < ow; c++) {
        int32_t acc = bias[o];
        for (int i = 0; i < each; i++)
          for (int u = 0; u < kernel; u++) {
            int row = r * stride + u - pad;
            if (row < 0 || row >= h) continue; /* padding is the zero point, 0: it adds nothing */
            for (int v = 0; v < kernel; v++) {
              int column = c * stride + v - pad;
              if (column < 0 || column >= w) continue;
              acc += x[((first + i) * h + row) * w + column] * filter[(i * kernel + u) * kernel + v];
            }
          }
        y[(o * oh + r) * ow + c] = requantize(acc, multiplier[o], shift[o], low);
      }
  }
}

void linear(const int8_t *x, int8_t *y, int in, int out,
            const int8_t *weight, const int32_t *bias, const int32_t *multiplier, const uint8_t *shift, int low) {
  for (int o = 0; o < out; o++) {
    int32_t acc = bias[o];
    for (int i = 0; i < in; i++) acc += x[i] * weight[o * in + i];
    y[o] = requantize(acc, multiplier[o], shift[o], low);
  }
}

void maxpool(const int8_t *x, int8_t *y, int channels, int h, int w, int oh, int ow, int kernel, int stride, int pad) {
  for (int o = 0; o < channels; o++)
    for (int r = 0; r < oh; r++)
      for (int c = 0; c < ow; c++) {
        int8_t best = -128;
        for (int u = 0; u < kernel; u++)
          for (int v = 0; v < kernel; v++) {
            int row = r * stride + u - pad, column = c * stride + v - pad;
            if (row < 0 || row >= h || column < 0 || column >= w) continue;
            int8_t value = x[(o * h + row) * w + column];
            if (value > best) best = value;
          }
        y[(o * oh + r) * ow + c] = best;
      }
}
"""

# On the board, printing goes through semihosting: a breakpoint that the debugger, or QEMU, answers.
MAIN = """#include "model.h"
#include "inputs.h"

#ifdef BOARD
void put(char c);
#else
#include <stdio.h>
static void put(char c) { putchar(c); }
#endif

static void put_int(int value) {
  char digits[12];
  int n = 0;
  if (value < 0) { put('-'); value = -value; }
  do { digits[n++] = (char)('0' + value % 10); value /= 10; } while (value);
  while (n) put(digits[--n]);
}

int main(void) {
  int8_t output[MODEL_OUTPUT];
  for (int i = 0; i < COUNT; i++) {
    model_run(inputs + i * MODEL_INPUT, output);
    for (int j = 0; j < MODEL_OUTPUT; j++) { put_int(output[j]); put(j + 1 < MODEL_OUTPUT ? ' ' : '\\n'); }
  }
  return 0;
}
"""

STARTUP = """#include <stdint.h>

int main(void);
extern uint32_t __stack, __bss_start, __bss_end, __data_start, __data_end, __data_load;

static int semihosting(int operation, const void *argument) {
  register int r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

void put(char c) { semihosting(0x03, &c); } /* SYS_WRITEC */

static void stop(int status) {
  const uint32_t exit_args[2] = {0x20026, (uint32_t)status}; /* ADP_Stopped_ApplicationExit */
  semihosting(0x20, exit_args);                              /* SYS_EXIT_EXTENDED */
  for (;;) {}
}

static void fault(void) { stop(1); }

static void reset(void) {
  uint32_t *from = &__data_load;
  for (uint32_t *to = &__data_start; to < &__data_end;) *to++ = *from++;
  for (uint32_t *to = &__bss_start; to < &__bss_end;) *to++ = 0;
  stop(main());
}

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    &__stack, (void *)reset, (void *)fault, (void *)fault, (void *)fault, (void *)fault, (void *)fault};
"""

# 4 MB at 0 and 4 MB at 0x20000000: what QEMU's mps2-an500 has; an STM32H7 has less, `footprint` says whether it fits there.
BOARD = """MEMORY { FLASH (rx) : ORIGIN = 0x00000000, LENGTH = 4M  RAM (rwx) : ORIGIN = 0x20000000, LENGTH = 4M }
ENTRY(main)
SECTIONS {
  .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) . = ALIGN(4); } > FLASH
  __data_load = LOADADDR(.data);
  .data : { __data_start = .; *(.data*) . = ALIGN(4); __data_end = .; } > RAM AT > FLASH
  .bss (NOLOAD) : { __bss_start = .; *(.bss*) *(COMMON) . = ALIGN(4); __bss_end = .; } > RAM
  __stack = ORIGIN(RAM) + LENGTH(RAM);
}
"""
