"""What minted quotes are made of: the sound reports, and the levels of a sound collateral."""

from collections.abc import Sequence

Json = dict[str, object]
CHALLENGE = bytes(range(64))

DOMAIN = {
    "tee_tcb_svn": bytes([3, 0, 5]) + bytes(13),
    "mrseam": b"\x5b" * 48,
    "mrsignerseam": bytes(48),
    "seam_attributes": bytes(8),
    "td_attributes": (1 << 28).to_bytes(8, "little"),
    "xfam": (0x602E7).to_bytes(8, "little"),
    "mrtd": b"\x91" * 48,
    "mrconfigid": bytes(48),
    "mrowner": bytes(48),
    "mrownerconfig": bytes(48),
    "rtmr0": b"\xa0" * 48,
    "rtmr1": b"\xa1" * 48,
    "rtmr2": b"\xa2" * 48,
    "rtmr3": bytes(48),
    "report_data": CHALLENGE,
}
DOMAIN15 = {"tee_tcb_svn2": bytes([3, 0, 5]) + bytes(13), "mrservicetd": bytes(48)}
ENCLAVE = {
    "cpu_svn": bytes(16),
    "misc_select": bytes(4),
    "reserved1": bytes(12),
    "ext_prod_id": bytes(16),
    "attributes": (5).to_bytes(8, "little") + (0xE7).to_bytes(8, "little"),
    "mrenclave": b"\xee" * 32,
    "reserved2": bytes(32),
    "mrsigner": b"\x8c" * 32,
    "reserved3": bytes(32),
    "config_id": bytes(64),
    "isv_prod_id": (1).to_bytes(2, "little"),
    "isv_svn": (6).to_bytes(2, "little"),
    "config_svn": bytes(2),
    "reserved4": bytes(42),
    "family_id": bytes(16),
    "report_data": CHALLENGE,
}


# Levels


def level(
    status: str, date: str, *, first: int = 5, pce: int = 11, tee: int = 3, advisories: Sequence[str] = ()
) -> Json:
    """A level of a platform: what the first component of each kind must reach, and the PCESVN."""
    sgx_parts: list[Json] = [{"svn": first, "category": "BIOS", "type": "Early Microcode Update"}]
    sgx_parts += [{"svn": 0}] * 15
    tcb: Json = {"sgxtcbcomponents": sgx_parts, "pcesvn": pce, "tdxtcbcomponents": [{"svn": tee}] + [{"svn": 0}] * 15}
    made: Json = {"tcb": tcb, "tcbDate": f"{date}T00:00:00Z", "tcbStatus": status}
    return made | ({"advisoryIDs": list(advisories)} if advisories else {})


def isv(svn: int, status: str, date: str = "2025-03-01", advisories: Sequence[str] = ()) -> Json:
    """A level of a quoting enclave or of a module."""
    made: Json = {"tcb": {"isvsvn": svn}, "tcbDate": f"{date}T00:00:00Z", "tcbStatus": status}
    return made | ({"advisoryIDs": list(advisories)} if advisories else {})


LEVELS = (
    level("UpToDate", "2025-03-01"),
    level("OutOfDate", "2023-08-01", first=3, pce=10, tee=2, advisories=("INTEL-SA-00960",)),
    level("Revoked", "2020-01-01", first=0, pce=0, tee=0, advisories=("INTEL-SA-00001",)),
)
MODULES: tuple[Json, ...] = (
    {
        "id": "TDX_01",
        "mrsigner": "00" * 48,
        "attributes": "00" * 8,
        "attributesMask": "FF" * 8,
        "tcbLevels": [isv(3, "UpToDate"), isv(2, "OutOfDate", "2024-01-01", ("INTEL-SA-01036",))],
    },
)
