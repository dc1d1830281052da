"""Landlock: the kernel's own fence around what a process may open (Linux 5.13+, landlock(7)).

Terraform's `file()` follows any path, also out of a template; here the kernel refuses it.
"""

import ctypes
import os
import struct
from collections.abc import Sequence
from pathlib import Path

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same numbers on every architecture
_READ_FILE, _READ_DIR, _EXECUTE = 1 << 2, 1 << 3, 1 << 0
_ALL_ABI_1 = (1 << 13) - 1
_PATH_BENEATH = 1
_ASK_VERSION = 1  # LANDLOCK_CREATE_RULESET_VERSION
_ABI_WITH_NET = 4
_ALL_NET = 0b11  # LANDLOCK_ACCESS_NET_BIND_TCP | _CONNECT_TCP
_NO_NEW_PRIVS = 38  # prctl(2) PR_SET_NO_NEW_PRIVS


def restrict(readable: Sequence[str], writable: Sequence[str]) -> bool:
    """Let this process and its children read below `readable` and do anything below `writable`, nothing else.

    Where the kernel can (ABI 4, Linux 6.7), TCP is refused as well. Answers whether the kernel enforces it; False where Landlock is absent or switched off.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE, None, ctypes.c_size_t(0), _ASK_VERSION)
    handled = [_ALL_ABI_1, _ALL_NET] if version >= _ABI_WITH_NET else [_ALL_ABI_1]
    attributes = struct.pack(f"={len(handled)}Q", *handled)
    ruleset = libc.syscall(_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        return False
    try:
        for paths, rights in ((readable, _READ_FILE | _READ_DIR | _EXECUTE), (writable, _ALL_ABI_1)):
            for path in paths:
                if not _allow(libc, ruleset, path, rights):
                    return False
        libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
        return bool(libc.syscall(_RESTRICT, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> bool:
    if not Path(path).is_dir():
        return True
    fd = os.open(Path(path), os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", rights, fd)  # struct landlock_path_beneath_attr is packed
        return bool(libc.syscall(_ADD, ruleset, _PATH_BENEATH, rule, 0) == 0)
    finally:
        os.close(fd)
