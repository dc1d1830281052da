"""What an event of a measured boot says, in words; one that cannot be told is shown as its first octets.

Sources: PC Client Platform Firmware Profile 1.06, 10.2 and 10.4; UEFI 2.10, 5.3 (GPT) and 10.3 (device paths).

Words come from the log, which anybody may have written: where the digest is not the hash of the data, the words are a
remark, and say so by `remark`.
"""

from strongroom.kit import secure_boot
from strongroom.kit.ccel import Event
from strongroom.model.errors import BadInput

_VARIABLES = frozenset({0x80000001, 0x80000002, 0x8000000C, 0x800000E0})
_IMAGES = frozenset({0x80000003, 0x80000004, 0x80000005})
_TEXTS = frozenset({0x01, 0x05, 0x0D, 0x80000007})
_AUTHORITY = 0x800000E0
_BLOBS = {0x80000008: 0, 0x8000000A: 1}
_MOST = 200
NO_FILE = "that has no file"
_FILE, _MEDIA = 0x04, 0x04  # a file's path, among the media of device paths


def words(event: Event) -> str:
    """What it says."""
    try:
        return _told(event)[:_MOST]
    except BadInput as e:
        return f"{e.subject}: {e.found}"


def remark(event: Event, algorithm: int) -> bool:
    """Whether the words are beside what was hashed, as they are for images and files."""
    return event.extends and not event.says_what_it_measured(algorithm)


def _told(e: Event) -> str:
    if e.type == 0x04:
        return "separator" if e.data in (bytes(4), b"\xff" * 4) else f"separator after an error: {_octets(e.data)}"
    if e.type == 0x03:
        return _no_action(e.data)
    if e.type in _VARIABLES:
        return _vouched(e.data) if e.type == _AUTHORITY else _variable(e.data)
    if e.type in _IMAGES:
        return f"image {_image_path(e.data)}"
    if e.type == 0x08:
        return f"firmware version {e.data.decode('utf-16-le', 'replace').strip(chr(0))!r}"
    if e.type in _BLOBS:
        return _blob(e.data, named=bool(_BLOBS[e.type]))
    return _plain(e.data) if e.type in _TEXTS else _octets(e.data)


def _no_action(data: bytes) -> str:
    name = data[:16].split(b"\0")[0].decode("ascii", "replace")
    if name == "StartupLocality" and len(data) == 17:
        return f"startup locality {data[16]}"
    return f"{name}: says how to read the log" if name.startswith("Spec ID") else f"remark {name!r}"


def _vouched(data: bytes) -> str:
    """Whose key vouched for an image: one entry of db with its owner, no list (PFP 10.2.6); shim's own as it is."""
    found = secure_boot.variable(data)
    if found.name in ("db", "dbx"):
        held = secure_boot.Entry(secure_boot.X509, secure_boot.guid(found.data), found.data[16:])
        return f"vouched for by {found.name}: {held.words}"
    return f"{found.name}: {_plain(found.data)}"


def _variable(data: bytes) -> str:
    found = secure_boot.variable(data)
    if found.name in ("PK", "KEK", "db", "dbx"):
        held = secure_boot.entries(found.data)
        if found.name == "dbx" or len(held) > 8:
            return f"{found.name} of {len(held)} {'entry' if len(held) == 1 else 'entries'}"
        return f"{found.name}: {'; '.join(x.words for x in held) or 'empty'}"
    if found.name in ("SecureBoot", "SetupMode", "AuditMode", "DeployedMode") and len(found.data) == 1:
        return f"{found.name} {'on' if found.data == secure_boot.ON else 'off'}"
    return f"{found.name}: {_plain(found.data)}"


def _image_path(data: bytes) -> str:
    """The file of an image's device path: UEFI_IMAGE_LOAD_EVENT has three numbers and a length before it."""
    at, names = 32, list[str]()
    while at + 4 <= len(data):
        kind, subtype, size = data[at], data[at + 1], int.from_bytes(data[at + 2 : at + 4], "little")
        if size < 4:
            break
        if (kind, subtype) == (_MEDIA, _FILE):
            names.append(data[at + 4 : at + size].decode("utf-16-le", "replace").rstrip("\0"))
        at += size
    return "".join(names) or NO_FILE


def _blob(data: bytes, *, named: bool) -> str:
    size = 1 + data[0] if named and data else 0
    name = data[1:size].decode("ascii", "replace") if size else ""
    base, length = (int.from_bytes(data[n : n + 8], "little") for n in (size, size + 8))
    return f"firmware {name + ' ' if name else ''}at 0x{base:x}, {length} octets"


def _plain(data: bytes) -> str:
    """Text where it is text, in either of the ways in which firmware and loaders write it."""
    for encoding in ("utf-8", "utf-16-le"):
        text = " ".join(data.rstrip(b"\0").decode(encoding, "replace").split("\n")).strip() if data else ""
        if text and text.isprintable() and "\N{REPLACEMENT CHARACTER}" not in text:
            return text
    return _octets(data)


def _octets(data: bytes) -> str:
    return f"{len(data)} octets {data[:16].hex()}{'…' if len(data) > 16 else ''}" if data else "nothing"
