"""Linux's Landlock: a process gives up, for good, the files and ports that it will not need.

https://docs.kernel.org/userspace-api/landlock.html; no privilege is needed. The kernel holds
native code to it as well: a tokenizer in Rust that opens a path by itself gets EACCES.

The one package for it on PyPI is an alpha release and knows no network rules, so the three
system calls are made here.
"""

import ctypes
import os
import sys
from collections.abc import Iterable
from pathlib import Path

# The numbers are the same on every architecture: include/uapi/asm-generic/unistd.h
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
PATH_BENEATH = 1
PR_SET_NO_NEW_PRIVS = 38
# include/uapi/linux/landlock.h
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = (1 << bit for bit in range(4))
TRUNCATE, IOCTL_DEVICE = 1 << 14, 1 << 15
RIGHTS_OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEVICE
# How many rights of the file system a version of the interface knows, from version 1
KNOWN_RIGHTS = (13, 14, 15, 15, 16)
TCP_BIND_AND_CONNECT = 0b11
FIRST_VERSION_WITH_TCP = 4
# No signal to a process outside, and no abstract socket of one; the fork server and the page have
# the same user
ABSTRACT_SOCKETS_AND_SIGNALS = 0b11
FIRST_VERSION_WITH_SCOPES = 6


class _Ruleset(ctypes.Structure):
    _fields_ = [
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    ]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


def version() -> int:
    """The version of the interface that this kernel has; 0 where it has none."""
    if sys.platform != "linux":
        return 0
    return max(0, _libc().syscall(CREATE_RULESET, None, 0, 1))


def restrict(
    readable: Iterable[Path], writable: Iterable[Path], listable: Iterable[Path], network: bool
) -> bool:
    """From now on this thread, and what it starts, reaches only these paths and what lies below.

    readable: may be read, listed, and mapped as code. writable: may be changed as well.
    listable: only the names in it are readable. Without `network` no TCP connection can be made.
    From version 6 on no other process can be sent a signal.
    Paths that don't exist are left out. Returns whether the kernel does it.
    """
    known = version()
    if not known:
        return False
    handled = (1 << KNOWN_RIGHTS[min(known, len(KNOWN_RIGHTS)) - 1]) - 1
    has_tcp = known >= FIRST_VERSION_WITH_TCP
    has_scopes = known >= FIRST_VERSION_WITH_SCOPES
    attributes = _Ruleset(
        handled,
        0 if network or not has_tcp else TCP_BIND_AND_CONNECT,
        ABSTRACT_SOCKETS_AND_SIGNALS if has_scopes else 0,
    )
    size = 24 if has_scopes else 16 if has_tcp else 8
    ruleset = _libc().syscall(CREATE_RULESET, ctypes.byref(attributes), size, 0)
    if ruleset < 0:
        return False
    try:
        for path in readable:
            _allow(ruleset, path, handled & (EXECUTE | READ_FILE | READ_DIR))
        for path in writable:
            _allow(ruleset, path, handled & ~IOCTL_DEVICE)
        for path in listable:
            _allow(ruleset, path, handled & READ_DIR)
        _libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return _libc().syscall(RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # not there: nothing to allow
        return
    try:
        rights = rights if os.path.isdir(path) else rights & RIGHTS_OF_A_FILE
        rule = _PathBeneath(rights, descriptor)
        _libc().syscall(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(descriptor)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
