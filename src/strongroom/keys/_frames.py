"""What is said between a back end and the process that its library runs in: frames of MessagePack on pipes."""

import struct

import msgspec

MOST = 1 << 16  # octets of a frame
HEAD = struct.Struct(">I")
MECHANISMS = ("aes-gcm", "aes-key-wrap", "rsa-oaep-sha256", "rsa-oaep-sha1")

# Errors of an answer. DATA: what was given does not open. MISSING: no such token or key. PIN: it was refused, and is not
# tried again. UNFIT: the token or its key is not as it must be. EXTRA: a package is missing. GONE: start again.
DATA, MISSING, PIN, UNFIT, EXTRA, GONE = "data", "missing", "pin", "unfit", "extra", "gone"


class Request(msgspec.Struct, frozen=True):
    """What is asked. `op` is open, wrap, unwrap, newest, make or check; `key` is a label; `aad` is 32 octets."""

    op: str
    key: str = ""
    data: bytes = b""
    aad: bytes = b""
    module: str = ""
    token: str = ""
    pin: str = ""
    mechanism: str = ""

    def __repr__(self) -> str:
        """Nothing of the PIN, nor of a key."""
        return f"Request({self.op})"


class Answer(msgspec.Struct, frozen=True):
    """What came of it. `why` is words without values, or the name of the library's exception."""

    data: bytes = b""
    text: str = ""
    error: str = ""
    why: str = ""

    def __repr__(self) -> str:
        """Nothing of a key."""
        return f"Answer({self.error or 'done'})"


def frame(message: Request | Answer) -> bytes:
    """A message with its length in front."""
    data = msgspec.msgpack.encode(message)
    return HEAD.pack(len(data)) + data
