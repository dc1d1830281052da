"""Which names identify a thing, so that two sources that use one mean the same thing.

An ARN, a resource path, a UUID or a serial number does; a name that people give does not, since they give it again.
What boards and cards carry when nobody set a number identifies nothing either.
"""

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# EC2 User Guide, "Resource IDs": 17 hexadecimal digits; the older ones of 8 are unique in one region only.
_AWS = re.compile(r"[a-z]{1,16}-[0-9a-f]{17}")
_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_LONG = re.compile(r"host:[0-9a-f]{32}")
_GOOGLE = re.compile(r"https://[\w.-]+\.googleapis\.com/(?:compute/[\w.]+/)?(projects/.+)")
_PROJECT = re.compile(r"projects/[^/]+/.+/[^/]+")

# Product UUIDs and serial numbers that a great many boards share: nobody set them.
_JUNK_UUIDS = frozenset(
    {
        "03000200-0400-0500-0006-000700080009",
        "00020003-0004-0005-0006-000700080009",
        "12345678-1234-5678-90ab-cddeefaabbcc",
        "12345678-1234-1234-1234-123456789abc",
        "fefefefe-fefe-fefe-fefe-fefefefefefe",
        "4c4c4544-0000-2010-8020-80c04f202020",  # the letters "DELL" and blanks
    }
)
_JUNK_SERIALS = frozenset(
    re.sub(r"[\W_]", "", word)
    for word in (
        "to be filled by o.e.m.",
        "to be filled by oem",
        "o.e.m.",
        "oem",
        "default string",
        "default",
        "system serial number",
        "base board serial number",
        "chassis serial number",
        "serial number",
        "not specified",
        "not applicable",
        "not available",
        "not present",
        "not set",
        "not supported",
        "n/a",
        "none",
        "null",
        "nil",
        "unknown",
        "undefined",
        "empty",
        "invalid",
        "no asset tag",
        "no asset information",
        "asset tag",
        "virtual machine",
        "sernum",
        "test",
        "tbd",
        "todo",
        "system product name",
        "standard",
        "insyde",
    )
)
_SHORTEST_SERIAL = 4
_LONGEST = 500
_RUNS = ("01234567890123456789", "12345678901234567890", "abcdefghijklmnopqrstuvwxyz", "98765432109876543210")


@lru_cache(maxsize=4096)  # what a great many things carry is asked a great many times
def is_junk(number: str) -> bool:
    """Whether a serial number or UUID is one that nobody set: a filler, one character repeated, a run."""
    low = number.strip().lower()
    if low in _JUNK_UUIDS or low.startswith("vmware-00 00 00 00"):
        return True
    plain = re.sub(r"[\W_]", "", low)
    if len(plain) < _SHORTEST_SERIAL or len(plain) > _LONGEST or plain in _JUNK_SERIALS:
        return True
    return len(set(plain)) == 1 or any(plain in run for run in _RUNS)


def key_of(alias: str) -> str:
    """The normal form of a name that identifies a thing anywhere; empty for a mere name, or a number nobody set."""
    if alias.startswith("arn:"):
        return alias if len(alias) <= _LONGEST else ""
    scheme, colon, rest = alias.partition(":")
    if colon:
        return _of_scheme(scheme.lower(), rest, alias) if len(alias) <= _LONGEST else ""
    if "/" in alias:
        if alias[:15].lower() == "/subscriptions/":  # Azure compares them without case
            return alias.lower().rstrip("/")
        return alias if _PROJECT.fullmatch(alias) else ""
    return alias if _AWS.fullmatch(alias) else ""


def _of_scheme(scheme: str, rest: str, alias: str) -> str:
    if scheme == "https":
        found = _GOOGLE.fullmatch(alias)
        return found[1] if found else alias
    if scheme == "host":
        return alias if _LONG.fullmatch(alias) else ""
    if scheme in ("dmi", "gpu"):
        uuid = rest.lower().removeprefix("gpu-")
        return f"{scheme}:{uuid}" if _UUID.fullmatch(uuid) and not is_junk(uuid) else ""
    if scheme in ("aws", "gce", "azure") and rest.startswith("///"):  # a Kubernetes providerID
        return key_of(alias.rpartition("/")[2]) or alias.lower()
    return ""


def hashed(secret: str) -> str:
    """A machine's id as the collector writes it: the id itself is not to leave the machine (machine-id(5))."""
    return hashlib.sha256(f"strongroom-host:{secret}".encode()).hexdigest()[:32]


def mac_key(address: str) -> str:
    """A hardware address that a maker gave; empty for one that software made up (IEEE 802: the local bit)."""
    low = address.strip().lower().replace("-", ":")
    if not _MAC.fullmatch(low) or int(low[:2], 16) & 3 or is_junk(low):
        return ""
    return f"mac:{low}"


NUMBERS = ("host.serial", "gpu.serial", "disk.serial", "inventory.serial", "nic.mac", "gpu.uuid")
"""The facts that hold what a maker gave a thing for life."""
_SERIALS = NUMBERS[:4]


def keys_of_numbers(values: Mapping[str, object]) -> tuple[str, ...]:
    """What the values of those facts identify; the kind of thing is the caller's matter."""
    out = []
    for name in _SERIALS:
        serial = values.get(name)
        if isinstance(serial, str) and not is_junk(serial):
            out.append(f"serial:{serial.strip().lower()}")
    mac = values.get("nic.mac")
    if isinstance(mac, str) and mac_key(mac):
        out.append(mac_key(mac))
    uuid = values.get("gpu.uuid")
    if isinstance(uuid, str) and key_of(f"gpu:{uuid}"):
        out.append(key_of(f"gpu:{uuid}"))
    return tuple(out)
