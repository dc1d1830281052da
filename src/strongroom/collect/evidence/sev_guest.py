"""Evidence by `/dev/sev-guest`: the report of SEV-SNP where the kernel has no configfs-tsm.

Sources: Linux, include/uapi/linux/sev-guest.h; SEV-SNP ABI 56860, Table 22 (MSG_REPORT_REQ) and Table 25
(MSG_REPORT_RSP); GHCB 56421, section 4.1.8.1 (the table of certificates that the host gives with the extended request).
"""

import ctypes
import errno
import fcntl
import os
import struct
from collections.abc import Callable
from pathlib import Path

from strongroom.collect.evidence.collected import Collected
from strongroom.model.attest import EvidenceKind, EvidencePart
from strongroom.model.errors import BadInput, NotFound, Unreadable

DEVICE = "/dev/sev-guest"
REPORT_DATA = 64
_REPORT_SIZE = 1184
_RESPONSE_SIZE = 4000
_PAGE = 4096
_MOST_CERTIFICATES = 1 << 20
_IOCTL = struct.Struct("<B7xQQQ")  # msg_version, req_data, resp_data, exitinfo2 (fw_error below, vmm_error above)
_REQUEST = struct.Struct("<64sI28x")  # user_data, vmpl
_EXTENDED = struct.Struct("<64sI28xQI4x")  # the same, certs_address, certs_len
_RESPONSE = struct.Struct("<II24x")  # status, report_size
_INVALID_LENGTH = 1  # vmm_error: the room for certificates is too small
_HINT = "run it inside of the SEV-SNP guest, as root; modprobe sev-guest"

Ioctl = Callable[[int, int, bytearray], object]


def _number(nr: int) -> int:
    """`_IOWR('S', nr, struct snp_guest_request_ioctl)`."""
    return 3 << 30 | _IOCTL.size << 16 | ord("S") << 8 | nr


GET_REPORT, GET_EXT_REPORT = _number(0), _number(2)


def _system(descriptor: int, code: int, argument: bytearray) -> object:
    return fcntl.ioctl(descriptor, code, argument, True)


def present(device: str = DEVICE) -> bool:
    """Whether the device is there."""
    return os.path.exists(device)  # noqa: PTH110 - never raises, whatever the folder refuses


def collect(report_data: bytes, vmpl: int = 0, device: str = DEVICE, ioctl: Ioctl = _system) -> Collected:
    """Ask for a report over these octets (and zeros, up to 64), with the host's certificates where it has them.

    Raises:
        NotFound: there is no such device.
        Unreadable: it may not be opened, or the firmware refuses; the message has its errors.
        BadInput: too many octets, or what came back is no report.
    """
    if len(report_data) > REPORT_DATA:
        raise BadInput("report data", f"{len(report_data)} octets", f"at most {REPORT_DATA}")
    if not present(device):
        raise NotFound("SEV-SNP guest", f"no {device}", "the device of the sev-guest module", _HINT)
    try:
        descriptor = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    except OSError as e:
        raise Unreadable(device, (e.strerror or "an error").lower(), "a device that may be opened", _HINT) from None
    try:
        report, certificates = _asked(descriptor, report_data, vmpl, device, ioctl)
    finally:
        os.close(descriptor)
    parts = [EvidencePart("report", "application/octet-stream", report)]
    if certificates:
        parts.append(EvidencePart("certificates", "application/octet-stream", certificates))
    return Collected(EvidenceKind.SNP, tuple(parts), Path(device).name)


def _asked(descriptor: int, data: bytes, vmpl: int, device: str, ioctl: Ioctl) -> tuple[bytes, bytes]:
    """The extended request, with more room where the host asks for it; the plain one where the host has none."""
    room = 4 * _PAGE
    for _ in range(2):
        certificates = ctypes.create_string_buffer(room)
        request = ctypes.create_string_buffer(
            _EXTENDED.pack(data, vmpl, ctypes.addressof(certificates), room), _EXTENDED.size
        )
        response, error, firmware, host = _call(descriptor, GET_EXT_REPORT, request, ioctl)
        if not error:
            return _report(response, device), _trimmed(certificates.raw)
        wanted = _EXTENDED.unpack(request.raw)[3]
        if host != _INVALID_LENGTH or not room < wanted <= _MOST_CERTIFICATES:
            break
        room = -(-wanted // _PAGE) * _PAGE
    request = ctypes.create_string_buffer(_REQUEST.pack(data, vmpl), _REQUEST.size)
    response, error, firmware, host = _call(descriptor, GET_REPORT, request, ioctl)
    if error:
        why = f"{os.strerror(error).lower()}, firmware error 0x{firmware:x}, host error 0x{host:x}"
        raise Unreadable(device, why, "a report", "ask at the level of the guest: --vmpl")
    return _report(response, device), b""


def _call(
    descriptor: int, code: int, request: "ctypes.Array[ctypes.c_char]", ioctl: Ioctl
) -> tuple[bytes, int, int, int]:
    """The response, and the errors of the system, the firmware and the host; zeros where there are none."""
    response = ctypes.create_string_buffer(_RESPONSE_SIZE)
    argument = bytearray(_IOCTL.pack(1, ctypes.addressof(request), ctypes.addressof(response), 0))
    error = 0
    try:
        ioctl(descriptor, code, argument)
    except OSError as e:
        error = e.errno or errno.EIO
    exit_info = _IOCTL.unpack(bytes(argument))[3]
    return response.raw, error, exit_info & 0xFFFFFFFF, exit_info >> 32


def _report(response: bytes, device: str) -> bytes:
    status, size = _RESPONSE.unpack_from(response)
    if status or size != _REPORT_SIZE:
        raise BadInput(device, f"status 0x{status:x} and {size} octets", f"a report of {_REPORT_SIZE} octets")
    return response[_RESPONSE.size : _RESPONSE.size + size]


def _trimmed(table: bytes) -> bytes:
    """The table up to the end of its last certificate; nothing where the host gave none."""
    end = 0
    for at in range(0, len(table) - 24, 24):
        offset, length = struct.unpack_from("<II", table, at + 16)
        if not any(table[at : at + 24]):
            return table[:end] if end else b""
        end = max(end, offset + length)
    return b""
