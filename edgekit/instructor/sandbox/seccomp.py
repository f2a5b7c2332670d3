"""System calls that student code has no use for: a filter that the kernel keeps for the process and all that it starts.

Without it a submission could leave notes for the next one in the kernel's keyring (one user runs all jobs of a worker), make
namespaces of its own, or hold memory that no limit counts. Format: "Seccomp BPF" in the kernel's documentation, linux/filter.h.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

_LOAD, _EQUAL, _SET, _AT_LEAST, _RETURN = (0x20, 0x15, 0x45, 0x35, 0x06)  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, JSET, JGE, BPF_RET|K
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
_NEW_NAMESPACES = 0x7E020000  # all CLONE_NEW* flags that clone knows
_X32 = 0x40000000  # x86-64 has a second set of numbers from here on
# machine: (AUDIT_ARCH, clone, {refused: number}); from asm/unistd_64.h and asm-generic/unistd.h.
_COMMON = {"open_tree": 428, "move_mount": 429, "fsopen": 430, "io_uring_setup": 425, "memfd_secret": 447}
_MACHINES = {
    "x86_64": (
        0xC000003E,
        56,
        {
            "add_key": 248,
            "request_key": 249,
            "keyctl": 250,
            "unshare": 272,
            "setns": 308,
            "mount": 165,
            "umount2": 166,
            "pivot_root": 155,
            "bpf": 321,
            "perf_event_open": 298,
            "userfaultfd": 323,
            "open_by_handle_at": 304,
            "memfd_create": 319,
            "shmget": 29,
            **_COMMON,
        },
    ),
    "aarch64": (
        0xC00000B7,
        220,
        {
            "add_key": 217,
            "request_key": 218,
            "keyctl": 219,
            "unshare": 97,
            "setns": 268,
            "mount": 40,
            "umount2": 39,
            "pivot_root": 41,
            "bpf": 280,
            "perf_event_open": 241,
            "userfaultfd": 282,
            "open_by_handle_at": 265,
            "memfd_create": 279,
            "shmget": 194,
            **_COMMON,
        },
    ),
}
_CLONE3 = 435  # its flags are behind a pointer, which a filter cannot follow; the C library falls back to clone


def program(machine: str) -> list[tuple[int, int, int, int]]:
    """The filter as ``(code, jump if true, jump if false, operand)``; empty for a machine whose numbers are not known here."""
    if machine not in _MACHINES:
        return []
    architecture, clone, refused = _MACHINES[machine]
    refuse = _ERRNO | errno.EPERM
    steps = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, _NUMBER)]
    if machine == "x86_64":
        steps += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, refuse)]
    for number in refused.values():
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, refuse)]
    steps += [(_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    steps += [(_EQUAL, 0, 3, clone), (_LOAD, 0, 0, _FIRST_ARGUMENT), (_SET, 0, 1, _NEW_NAMESPACES), (_RETURN, 0, 0, refuse)]
    return [*steps, (_RETURN, 0, 0, _ALLOW)]


def install() -> bool:
    """Filter this process for good. It must have no_new_privs. False where kernel or machine cannot."""
    steps = program(platform.machine())
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(code, len(code))
    filter_program = struct.pack("@HP", len(steps), ctypes.addressof(buffer))
    set_seccomp, mode_filter = 22, 2  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
    return bool(steps) and ctypes.CDLL(None).prctl(set_seccomp, mode_filter, filter_program, 0, 0) == 0
