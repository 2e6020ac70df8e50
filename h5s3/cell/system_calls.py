"""Calls of the system that a cell may not make: a filter of seccomp, where Linux has it.

Sources: seccomp(2), Documentation/userspace-api/seccomp_filter.rst; the numbers of calls: Linux,
arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct

FILTER, ALL_THREADS = 1, 1  # operation and flag of seccomp(2)
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN, AND = 0x20, 0x15, 0x35, 0x45, 0x06, 0x54  # BPF
ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000
EPERM, ENOSYS = 1, 38
NUMBER, ARCHITECTURE, FIRST_ARGUMENT, SECOND_ARGUMENT, FOURTH_ARGUMENT = 0, 4, 16, 24, 40  # `seccomp_data`
OTHER_NUMBERING = 0x40000000  # x32, on x86-64
THREAD = 0x00010000  # CLONE_THREAD
MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}  # AUDIT_ARCH, column below
CALLS: dict[str, tuple[int | None, int | None]] = {
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "setns": (308, 268),
    "unshare": (272, 97),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "mount_setattr": (442, 442),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "fanotify_init": (300, 262),
    "memfd_create": (319, 279),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "personality": (135, 92),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "setxattrat": (463, 463),
    "removexattrat": (466, 466),
    "truncate": (76, 45),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
    "prctl": (157, 167),
    "ioperm": (173, None),
    "iopl": (172, None),
}
CLONE, CLONE3, LIMITS = (56, 220), (435, 435), (302, 261)  # prlimit64
SOCKETPAIR, NOT_STREAM = (53, 199), 0b1110  # bits of all types of sockets but SOCK_STREAM
FCNTL, IOCTL, MMAP = (72, 25), (16, 29), (9, 222)
SIGNALLING = (4, 8, 10, 15)  # F_SETFL, F_SETOWN, F_SETSIG, F_SETOWN_EX: who is told, and how
TYPING = (0x5412, 0x541C, 0x5452)  # TIOCSTI, TIOCLINUX: into a terminal; FIOASYNC
SHARED = 0x21  # MAP_SHARED and MAP_ANONYMOUS: memory that no limit counts
KILLS = ((62, 129), (234, 131))  # kill, tgkill


def forbid_calls(libc: ctypes.CDLL) -> list[str]:
    """No sockets, programs, processes, or a look into other processes: the wall, if it stands."""
    machine = MACHINES.get(platform.machine())
    if machine is None or struct.calcsize("P") != 8:
        return []
    program = _program(*machine)
    instructions = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions))
    number = (317, 277)[machine[1]]
    done = libc.syscall(number, ctypes.c_uint(FILTER), ctypes.c_uint(ALL_THREADS), header)
    return ["calls"] if done == 0 else []


def _program(architecture: int, column: int) -> bytes:
    """Instructions of BPF: each call that is forbidden fails with EPERM."""
    forbid, mine = _returning(ERROR | EPERM), os.getpid()
    made = [_load(ARCHITECTURE), *_unless(EQUAL, architecture, _returning(KILL)), _load(NUMBER)]
    if column == 0:
        made += _when(AT_LEAST, OTHER_NUMBERING, forbid)
    for numbers in CALLS.values():
        if numbers[column] is not None:
            made += _when(EQUAL, numbers[column] or 0, forbid)
    made += _when(EQUAL, CLONE3[column], _returning(ERROR | ENOSYS))  # the C library then takes `clone`
    made += _where(CLONE[column], ANY_BIT, THREAD, forbid)
    made += _where(LIMITS[column], EQUAL, 0, forbid)  # of this process alone
    # of Python's event loops: a pair of streams leads nowhere, while datagrams could be sent to others
    made += _where(SOCKETPAIR[column], ANY_BIT, NOT_STREAM, forbid, SECOND_ARGUMENT, passing=False)
    made += _none_of(FCNTL[column], SIGNALLING, forbid)
    made += _none_of(IOCTL[column], TYPING, forbid)
    checked = [_load(FOURTH_ARGUMENT), _instruction(AND, 0, 0, SHARED), *_when(EQUAL, SHARED, forbid)]
    made += _of(MMAP[column], [*checked, _returning(ALLOW)])
    for numbers in KILLS:
        made += _where(numbers[column], EQUAL, mine, forbid)
    return b"".join([*made, _returning(ALLOW)])


def _instruction(code: int, yes: int, no: int, value: int) -> bytes:
    return struct.pack("HBBI", code, yes, no, value)


def _load(offset: int) -> bytes:
    return _instruction(LOAD, 0, 0, offset)


def _returning(value: int) -> bytes:
    return _instruction(RETURN, 0, 0, value)


def _when(test: int, value: int, then: bytes) -> list[bytes]:
    return [_instruction(test, 0, 1, value), then]


def _unless(test: int, value: int, then: bytes) -> list[bytes]:
    return [_instruction(test, 1, 0, value), then]


def _where(
    number: int, test: int, value: int, otherwise: bytes, at: int = FIRST_ARGUMENT, passing: bool = True
) -> list[bytes]:
    """Of one call: allowed where an argument passes a test, or does not."""
    check = _unless if passing else _when
    return _of(number, [_load(at), *check(test, value, otherwise), _returning(ALLOW)])


def _none_of(number: int, values: tuple[int, ...], otherwise: bytes) -> list[bytes]:
    """Of one call: allowed where its second argument is none of these."""
    checked = [part for value in values for part in _when(EQUAL, value, otherwise)]
    return _of(number, [_load(SECOND_ARGUMENT), *checked, _returning(ALLOW)])


def _of(number: int, checked: list[bytes]) -> list[bytes]:
    return [_instruction(EQUAL, 0, len(checked), number), *checked]
