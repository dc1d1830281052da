"""Evidence by `/dev/nsm`: the attestation document of an AWS Nitro enclave.

Sources: Linux, include/uapi/linux/nsm.h (6.8 and later, and the driver of AWS's own kernels before); the messages are
those of `aws-nitro-enclaves-nsm-api`: CBOR, one map with the name of the request or of the answer.
"""

import ctypes
import fcntl
import os
import struct
from collections.abc import Callable

from strongroom.collect.evidence.collected import Collected
from strongroom.kit import cbor
from strongroom.model.attest import EvidenceKind, EvidencePart
from strongroom.model.errors import BadInput, Malformed, NotFound, Unreadable

DEVICE = "/dev/nsm"
NONCE, USER_DATA, PUBLIC_KEY = 512, 512, 1024  # most octets of each
_REQUEST_SIZE, _RESPONSE_SIZE = 0x1000, 0x3000
_RAW = struct.Struct("<QQQQ")  # address and length of the request, and of the response
RAW = 3 << 30 | _RAW.size << 16 | 0x0A << 8  # _IOWR(0x0A, 0, struct nsm_raw)
_HINT = "run it inside of a Nitro enclave, as root"

Ioctl = Callable[[int, int, bytearray], object]


def _system(descriptor: int, code: int, argument: bytearray) -> object:
    return fcntl.ioctl(descriptor, code, argument, True)


def present(device: str = DEVICE) -> bool:
    """Whether the device is there."""
    return os.path.exists(device)  # noqa: PTH110 - never raises, whatever the folder refuses


def request(nonce: bytes, user_data: bytes = b"", public_key: bytes = b"") -> bytes:
    """The request: `{"Attestation": {"user_data", "nonce", "public_key"}}`. Raises BadInput for too many octets."""
    given = (("user_data", user_data, USER_DATA), ("nonce", nonce, NONCE), ("public_key", public_key, PUBLIC_KEY))
    for name, data, most in given:
        if len(data) > most:
            raise BadInput(name.replace("_", " "), f"{len(data)} octets", f"at most {most}")
    return cbor.encode({"Attestation": {name: data or None for name, data, _ in given}})


def document(response: bytes) -> bytes:
    """The document of an answer. Raises BadInput with the module's word where it refuses, Malformed for another answer."""
    answer = cbor.read(response)
    if isinstance(answer, dict) and isinstance(answer.get("Error"), str):
        raise BadInput(DEVICE, f"the error {answer['Error']!r}", "an attestation document")
    inner = answer.get("Attestation") if isinstance(answer, dict) else None
    found = inner.get("document") if isinstance(inner, dict) else None
    if not isinstance(found, bytes):
        raise Malformed("answer of the Nitro module", f"{response[:40].hex()}…", "Attestation with a document")
    return found


def collect(nonce: bytes, device: str = DEVICE, ioctl: Ioctl = _system) -> Collected:
    """Ask for a document that answers the nonce.

    Raises:
        NotFound: there is no such device.
        Unreadable: it may not be opened, or does not answer.
        BadInput: the nonce is too long, or the module refuses.
    """
    asked = request(nonce)
    if not present(device):
        raise NotFound("Nitro enclave", f"no {device}", "the device of the Nitro Secure Module", _HINT)
    sent = ctypes.create_string_buffer(asked, len(asked))
    answer = ctypes.create_string_buffer(_RESPONSE_SIZE)
    argument = bytearray(_RAW.pack(ctypes.addressof(sent), len(asked), ctypes.addressof(answer), _RESPONSE_SIZE))
    try:
        descriptor = os.open(device, os.O_RDWR | os.O_CLOEXEC)
        try:
            ioctl(descriptor, RAW, argument)
        finally:
            os.close(descriptor)
    except OSError as e:
        raise Unreadable(device, (e.strerror or "an error").lower(), "a document", _HINT) from None
    length = _RAW.unpack(bytes(argument))[3]
    if length > _RESPONSE_SIZE:
        raise Malformed(device, f"an answer of {length} octets", f"at most {_RESPONSE_SIZE}")
    found = document(answer.raw[:length])
    return Collected(EvidenceKind.NITRO, (EvidencePart("document", "application/cbor", found),), "nsm")
