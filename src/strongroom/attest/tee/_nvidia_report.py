"""The attestation report of an NVIDIA GPU or switch: an SPDM request for measurements, and the answer to it.

Sources: DMTF DSP0274 1.1, "Security Protocol and Data Model", section 10.11 (GET_MEASUREMENTS, MEASUREMENTS; tables
43 to 46); the fields of the opaque data are those of NVIDIA's attestation SDK.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from strongroom.model.errors import Malformed

REQUEST_SIZE = 37  # version, code, two parameters, nonce, slot
NONCE_SIZE, SIGNATURE_SIZE = 32, 96  # P-384: r and s, each 48 octets
REQUEST, RESPONSE = b"\x11\xe0", b"\x11\x60"  # SPDM 1.1: GET_MEASUREMENTS, MEASUREMENTS
_SIGNED_ALL = b"\x01\xff"  # parameters: with a signature, every measurement
_HEADER = 8  # version, code, two parameters, number of blocks, length of the record in three octets
MOST = 64 << 10  # bytes; reports have about four KiB
MOST_FIELDS = 64
MEASUREMENTS = 64  # blocks that every report of this format has; a manifest numbers them from 0, the report from 1
TRAILING = 1  # octets behind the signature: some collectors hand over the end of a C string with the buffer
_DMTF = 1  # measurement specification, table 45

DRIVER, VBIOS, NVDEC, BOARD, CHIP_SKU, PROJECT, PROJECT_SKU, FWID, PPCIE, FLAG = 3, 6, 11, 14, 15, 17, 18, 20, 21, 36
PDI, LINKED, CHIP = 22, 26, 35  # of a GPU, 22 are the switches at its links; of a switch, 22 is its own, 26 its GPUs'
_PDI_SIZE, _PDIS = 8, 8  # octets of one; a switch names eight, and then to which of them each of its ports leads
FIELD_NAMES: Mapping[int, str] = {
    1: "cert_issuer_name",
    2: "cert_authority_key_identifier",
    3: "driver_version",
    4: "gpu_info",
    5: "sku",
    6: "vbios_version",
    7: "manufacturer_id",
    8: "tamper_detection",
    9: "smc",
    10: "vpr",
    11: "nvdec0_status",
    12: "msrscnt",
    13: "cprinfo",
    14: "board_id",
    15: "chip_sku",
    16: "chip_sku_mod",
    17: "project",
    18: "project_sku",
    19: "project_sku_mod",
    20: "fwid",
    21: "protected_pcie_status",
    22: "switch_pdi",
    23: "floorswept_ports",
    24: "position_id",
    25: "lock_switch_status",
    26: "switch_gpu_pdis",
    27: "switch_ports",
    32: "gpu_link_conn",
    33: "sys_enable_status",
    34: "opaque_data_version",
    35: "chip_info",
    36: "feature_flag",
}
# nvtrust (spdm_msrt_resp_msg.py) has 0 SPT and 1 MPT; the C++ attestation SDK (gpu/evidence.h) has 0 MPT and 1 SPT. No
# recorded report has either, so a policy that takes only one of them rests on the reading of nvtrust, which is here.
_MODES = {0: "spt", 1: "mpt", 2: "ppcie"}
_ON, _OFF = b"\xaa", b"\x55"


class Report(NamedTuple):
    """What a report claims. `size` is what its own lengths come to; `measurements` are by their number in the report."""

    signed: bytes
    signature: bytes
    nonce: bytes
    answered_nonce: bytes
    measurements: Mapping[int, bytes]
    fields: Mapping[int, bytes]
    size: int

    def text(self, field: int) -> str:
        """A field that is text: up to its first zero; empty where there is none."""
        return self.fields.get(field, b"").split(b"\0")[0].decode("ascii", "replace")

    @property
    def driver(self) -> str:
        """The version of the driver, such as `550.90.07`."""
        return self.text(DRIVER)

    @property
    def vbios(self) -> str:
        """The version of the VBIOS, such as `96.00.9F.00.01`: four octets, the lowest first, and one more.

        Switches have it as text.
        """
        octets = self.fields.get(VBIOS, b"")
        if len(octets) > _PDI_SIZE:
            return self.text(VBIOS)
        return ".".join(f"{o:02X}" for o in (*octets[3::-1], octets[4])) if len(octets) >= 5 else ""

    @property
    def mode(self) -> str:
        """The mode of the feature flag, or what older drivers say of protected PCIe; `unstated` where neither is there."""
        flag = self.fields.get(FLAG)
        if flag is not None:
            return _MODES.get(int.from_bytes(flag, "little") if flag else -1, f"0x{flag.hex()}")
        said = self.fields.get(PPCIE)
        return "unstated" if said is None else {_ON: "ppcie", _OFF: "spt"}.get(said, f"0x{said.hex()}")

    @property
    def own_number(self) -> str:
        """The number by which a switch names itself (PDI, 8 octets), in hex."""
        return self.fields.get(PDI, b"").hex()

    @property
    def is_of_switch(self) -> bool:
        """Whether it has a number where a GPU has those of all its links."""
        return len(self.fields.get(PDI, b"")) == _PDI_SIZE

    @property
    def switches(self) -> tuple[str, ...]:
        """The numbers of the switches at a GPU's links, as these name themselves: a GPU has their octets reversed."""
        return tuple(sorted({one[::-1].hex() for one in _numbers(self.fields.get(PDI, b""))}))

    @property
    def linked(self) -> tuple[str, ...]:
        """The numbers of the GPUs that a switch is linked to; none where its firmware does not state them."""
        return tuple(sorted({one.hex() for one in _numbers(self.fields.get(LINKED, b"")[: _PDIS * _PDI_SIZE])}))

    @property
    def decoder_off(self) -> bool:
        """Whether the video decoder is off; its firmware is then not loaded, and its measurement says nothing."""
        return self.fields.get(NVDEC) == _OFF


def _numbers(octets: bytes) -> list[bytes]:
    """The numbers that stand one after another; zeros are a link that is off."""
    whole = range(0, len(octets) - _PDI_SIZE + 1, _PDI_SIZE)
    return [one for one in (octets[n : n + _PDI_SIZE] for n in whole) if any(one)]


def _bad(found: str, wanted: str) -> Malformed:
    return Malformed("report", found, wanted)


def begins(data: bytes) -> bool:
    """Whether octets begin as a request and its answer do."""
    return data[:2] == REQUEST and data[REQUEST_SIZE : REQUEST_SIZE + 2] == RESPONSE


def _little(data: bytes, at: int, size: int) -> int:
    if at + size > len(data):
        raise _bad(f"the end at octet {len(data)}", "a length")
    return int.from_bytes(data[at : at + size], "little")


@lru_cache(maxsize=64)  # the steps of one verdict, and of its parts, read it again
def parse(data: bytes) -> Report:
    """The report, by its own lengths. Raises Malformed."""
    if len(data) > MOST:
        raise _bad(f"{len(data)} octets", f"at most {MOST}")
    if not begins(data):
        raise _bad(
            f"{data[:2].hex()} and {data[REQUEST_SIZE : REQUEST_SIZE + 2].hex()}", "an SPDM 1.1 request, its answer"
        )
    if data[2:4] != _SIGNED_ALL:
        raise _bad(f"a request with {data[2:4].hex()}", "one for all measurements, signed")
    count = _little(data, REQUEST_SIZE + 4, 1)
    record = REQUEST_SIZE + _HEADER
    end = record + _little(data, REQUEST_SIZE + 5, 3)
    measurements = _measurements(data[record:end], count)
    opaque = end + NONCE_SIZE + 2
    signature = opaque + _little(data, end + NONCE_SIZE, 2)
    size = signature + SIGNATURE_SIZE
    if size > len(data):
        raise _bad(f"{len(data)} octets", f"{size}, as its lengths say")
    return Report(
        signed=data[:signature],
        signature=data[signature:size],
        nonce=data[4 : 4 + NONCE_SIZE],
        answered_nonce=data[end : end + NONCE_SIZE],
        measurements=measurements,
        fields=_fields(data[opaque:signature]),
        size=size,
    )


def _measurements(record: bytes, count: int) -> dict[int, bytes]:
    """The blocks of a record: number, specification, size, and the DMTF's own type and size (tables 44 to 46)."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(record):
        number, specification, size = _little(record, at, 1), _little(record, at + 1, 1), _little(record, at + 2, 2)
        body = record[at + 4 : at + 4 + size]
        if specification != _DMTF or len(body) != size or size < 3 or _little(body, 1, 2) != size - 3:
            raise _bad(f"block {len(found) + 1} of another form", "DMTF measurements, each with its size")
        if number in found or not 1 <= number <= MEASUREMENTS:
            raise _bad(f"block number {number}", f"1 to {MEASUREMENTS}, each once")
        found[number] = body[3:]
        at += 4 + size
    if len(found) != count:
        raise _bad(f"{len(found)} blocks", f"{count}, as the answer says")
    return found


def _fields(opaque: bytes) -> dict[int, bytes]:
    """The fields of the opaque data: type and size in two octets each, the lower first."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(opaque):
        kind, size = _little(opaque, at, 2), _little(opaque, at + 2, 2)
        value = opaque[at + 4 : at + 4 + size]
        if len(value) != size or kind in found or len(found) >= MOST_FIELDS:
            raise _bad(f"the opaque field {kind}, twice or cut off", "every field once, and whole")
        found[kind] = value
        at += 4 + size
    return found
