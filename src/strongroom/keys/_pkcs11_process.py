"""The process that a PKCS#11 module runs in, started as a module of its own.

A module is a vendor's library: it may hang, crash or print. Here it does so alone. Data keys of 32 octets pass through this
process; the secrets that they seal never do.
"""

import importlib
import os
import resource
import sys
from collections.abc import Callable
from typing import BinaryIO, cast

import msgspec

from strongroom.keys._frames import EXTRA, HEAD, MOST, Answer, Request, frame

_Serve = Callable[[object, Request], tuple[object, Answer]]


def _read(source: BinaryIO) -> Request | None:
    head = source.read(HEAD.size)
    size = HEAD.unpack(head)[0] if len(head) == HEAD.size else MOST + 1
    return msgspec.msgpack.decode(source.read(size), type=Request) if size <= MOST else None


def _library() -> _Serve:
    try:
        return cast("_Serve", importlib.import_module("strongroom.keys._pkcs11_token").serve)
    except ImportError as e:
        missing = Answer(error=EXTRA, why=str(e.name))
        return lambda token, _: (token, missing)


def main() -> None:
    """Serve until the other side closes its end."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash leaves no keys on a disk
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a module prints must not look like an answer
    serve = _library()
    source: BinaryIO = sys.stdin.buffer
    token: object = None
    while (request := _read(source)) is not None:
        token, answer = serve(token, request)
        out.write(frame(answer))


if __name__ == "__main__":
    main()
