"""What the events of a measured boot are: their class, the words for them, and whether the words are what was hashed.

Sources: TCG PC Client Platform Firmware Profile (PFP) 1.06, 3.3.4 and 10.4; shim, `MokVars.txt` and `mok.c`; GRUB, "Measuring
boot components"; Linux, `drivers/firmware/efi/libstub` (the tags of its events); systemd, "TPM2 PCR measurements".

A register proves digests and their order, never the type or the words beside them. Classes are for people, and for what
a policy lets vary; what is compared is digests at their places.
"""

import hashlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from strongroom.kit import event_words, secure_boot
from strongroom.kit.ccel import Event, Log
from strongroom.kit.x509 import certificate as certificates
from strongroom.model.errors import BadInput

# PFP 3.3.4, and what Linux, shim and GRUB use the others for (uapi-group.org, Linux TPM PCR Registry).
REGISTERS: Mapping[int, str] = MappingProxyType(
    {
        0: "firmware",
        1: "firmware's configuration",
        2: "option ROMs",
        3: "option ROMs' configuration",
        4: "boot loader",
        5: "boot loader's configuration, partition table",
        6: "the platform's maker",
        7: "Secure Boot",
        8: "GRUB's commands, the kernel's command line",
        9: "files that GRUB or the kernel's stub read: kernel, initrd",
        10: "files that Linux measured (IMA)",
        11: "unified kernel image",
        14: "shim's MOK",
    }
)
# The class of an event, and what a sentence calls it.
CLASSES: Mapping[str, str] = MappingProxyType(
    {
        "firmware": "firmware volume",
        "platform-data": "platform data",
        "boot-variable": "boot variable",
        "driver": "driver",
        "driver-data": "driver's data",
        "partition-table": "partition table",
        "action": "step of the firmware",
        "separator": "separator",
        "SecureBoot": "variable SecureBoot",
        "PK": "variable PK",
        "KEK": "variable KEK",
        "db": "variable db",
        "dbx": "variable dbx",
        "variable": "variable",
        "authority": "key that vouched",
        "sbat-level": "SBAT level",
        "shim": "shim",
        "mok": "variable of shim",
        "loader": "boot loader",
        "image": "started image",
        "loader-command": "command of the boot loader",
        "loader-file": "file that the boot loader read",
        "loader-config": "configuration of the boot loader",
        "kernel": "kernel",
        "initrd": "initrd",
        "command-line": "kernel command line",
        "unified-kernel": "section of the unified kernel image",
        "other": "event",
    }
)
# The classes that say nothing of the code that starts, and differ from machine to machine: PFP 3.3.4.2 and 3.3.4.6.
VARYING: Mapping[str, str] = MappingProxyType(
    {
        "boot-variable": "the order and the entries of the boot menu name the disks and network cards of one machine",
        "platform-data": "tables and settings of one machine: serial numbers, memory, network addresses",
        "partition-table": "every disk has identifiers of its own",
    }
)
VARIABLES = ("SecureBoot", "PK", "KEK", "db", "dbx")
WHERE: Mapping[str, tuple[int, ...]] = MappingProxyType(  # a label elsewhere lets nothing vary
    {"boot-variable": (1,), "platform-data": (1,), "partition-table": (5,)}
)

_SEPARATOR, _ACTION, _EFI_ACTION, _IPL, _TAG = 0x04, 0x05, 0x80000007, 0x0D, 0x06
_BOOT_VARIABLES = frozenset({0x80000002, 0x8000000C})
_PARTITIONS = frozenset({0x80000006, 0x8000000D, 0x0E})
_CONFIG, _AUTHORITY = 0x80000001, 0x800000E0
_IMAGES = frozenset({0x80000003, 0x80000004, 0x80000005})
_SHIM = "605dab50-e046-4300-abb6-3dd810dd8b23"  # SHIM_LOCK_GUID
_TAGS = {0x8F3B22EC: "initrd", 0x8F3B22ED: "command-line"}  # INITRD_EVENT_TAG_ID, LOAD_OPTIONS_EVENT_TAG_ID
_COMMAND, _CMDLINE, _MODULE = "grub_cmd: ", "kernel_cmdline: ", "module_cmdline: "
_SECTIONS = (11, 12, 13)
_WORDS = 400  # characters of a command line that are kept


class Seen(NamedTuple):
    """One event. `proven`: the words are what was hashed. `entries` are those of a Secure Boot variable, if proven."""

    number: int
    register: int
    what: str
    digest: bytes
    words: str
    proven: bool
    entries: tuple[str, ...] | None = None


def varies(event: Event, classes: Mapping[str, str]) -> bool:
    """Whether an event is of a class of which any number may come: by its type, and only in that class's register."""
    found = _by_type(event)
    return found in classes and found in WHERE


def _by_type(e: Event) -> str:
    """The class that may vary, which the type and the register alone decide; empty for the rest."""
    if e.type == _SEPARATOR:
        return ""
    if e.register == 1:
        return "boot-variable" if e.type in _BOOT_VARIABLES else "platform-data"
    return "partition-table" if e.register == 5 and e.type in _PARTITIONS else ""


def seen(log: Log, bank: int) -> tuple[Seen, ...]:
    """The events that went into registers, told in the log's order."""
    return tuple(_told(log, bank))


def _told(log: Log, bank: int) -> Iterator[Seen]:
    command = ""
    events = [e for e in log.events if e.extends]
    for n, e in enumerate(events):
        text, proven = _text(e, bank)
        if text.startswith(_COMMAND):
            command = text.removeprefix(_COMMAND).split(" ", 1)[0]
        what = _what(e, text, command, events[n + 1 : n + 4])
        words, entries = text, None
        if what in VARIABLES and proven:
            words, entries = _variable(e)
        for prefix in (_COMMAND, _CMDLINE, _MODULE, "image "):
            words = words.removeprefix(prefix)
        if e.type in _IMAGES and words == event_words.NO_FILE:
            words = "handed on in memory"
        yield Seen(e.number, e.register, what, e.digests.get(bank, b""), clean(words), proven, entries)


def clean(words: str) -> str:
    """Words as a file may hold them: on one line, bounded."""
    flat = "".join(c if c.isprintable() else " " for c in words)
    flat = " ".join(flat.split())
    return flat if len(flat) <= _WORDS else f"{flat[: _WORDS - 1]}…"


def _text(e: Event, bank: int) -> tuple[str, bool]:
    """What an event says, and whether that is what was hashed: all of it, or the text behind GRUB's own prefix."""
    whole = e.says_what_it_measured(bank)
    if e.type == _AUTHORITY:
        return _vouched(e), whole
    if e.type == _IPL and not whole:
        text = e.data.rstrip(b"\0")
        prefix = next((p for p in (_COMMAND, _CMDLINE, _MODULE) if text.startswith(p.encode())), "")
        if prefix:
            hashed = (text[len(prefix) :], text[len(prefix) :] + b"\0")
            proven = any(e._replace(data=h).says_what_it_measured(bank) for h in hashed)
            return text.decode("utf-8", "replace"), proven
    if e.type == _TAG:
        return _tagged(e.data)[1], whole
    return event_words.words(e), whole


def _tagged(data: bytes) -> tuple[int, str]:
    """TCG_PCClientTaggedEvent: a tag, the length, and what Linux says of the initrd or the load options."""
    tag, size = int.from_bytes(data[:4], "little"), int.from_bytes(data[4:8], "little")
    text = data[8 : 8 + size].rstrip(b"\0")
    wide = b"\0" in text
    return tag, text.decode("utf-16-le" if wide else "utf-8", "replace").rstrip("\0")


def _what(e: Event, text: str, command: str, following: list[Event]) -> str:
    if e.type == _SEPARATOR:
        return "separator"
    varying = _by_type(e)
    if varying:
        return varying
    if e.type in (_ACTION, _EFI_ACTION):
        return "action"
    if e.register in (0, 2, 3):
        return {0: "firmware", 2: "driver", 3: "driver-data"}[e.register]
    if e.type in (_CONFIG, _AUTHORITY):
        return _of_variable(e)
    if e.type in _IMAGES:
        return _of_image(text, command, following)
    return _of_loader(e, text, command)


def _of_variable(e: Event) -> str:
    try:
        held = secure_boot.variable(e.data)
    except BadInput:
        return "other"
    if e.type == _AUTHORITY:
        return "sbat-level" if held.name == "SbatLevel" and held.owner == _SHIM else "authority"
    return held.name if held.name in VARIABLES else "variable"


def _of_image(text: str, command: str, following: list[Event]) -> str:
    """Shim tells its own variables next; what GRUB hands on has no name; the rest goes by that of its file."""
    if any(e.register == 14 and e.type == _IPL for e in following[:1]):
        return "shim"
    name = text.lower()
    if "shim" in name:
        return "shim"
    if command.startswith(("linux", "chainloader")):
        return "kernel"
    return "loader" if any(word in name for word in ("grub", "systemd-boot", "bootmgfw")) else "image"


def _of_loader(e: Event, text: str, command: str) -> str:
    """What GRUB, shim, a kernel's stub and systemd's measure: by the command before it, else by its name."""
    if e.type == _TAG:
        return _TAGS.get(_tagged(e.data)[0], "other")
    if e.register == 14:
        return "mok"
    if e.register in _SECTIONS:
        return "command-line" if e.register == 12 else "unified-kernel"
    if e.register == 8:
        return "command-line" if text.startswith((_CMDLINE, _MODULE)) else "loader-command"
    return _of_file(text, command) if e.register == 9 else "other"


def _of_file(text: str, command: str) -> str:
    name = text.lower().rsplit("/", 1)[-1]
    if command.startswith(("linux", "chainloader")):
        return "kernel"
    if command.startswith("initrd") or name.startswith("initr"):
        return "initrd"
    if name.endswith((".cfg", ".conf")):
        return "loader-config"
    return "kernel" if name.startswith(("vmlinuz", "bzimage")) and not command else "loader-file"


# Variables


def _vouched(e: Event) -> str:
    """Who vouched: an entry of db or of shim's own keys, or shim's level of SBAT."""
    try:
        held = secure_boot.variable(e.data)
    except BadInput as x:
        return f"{x.subject}: {x.found}"
    if held.name == "SbatLevel":
        return held.data.rstrip(b"\0").decode("ascii", "replace")
    entry = secure_boot.Entry(secure_boot.X509, held.owner, held.data[16:])
    if certificates.readable(entry.data):
        return f"{entry.words}, of {held.name}"
    return f"{held.name}: {len(held.data)} octets"


def _variable(e: Event) -> tuple[str, tuple[str, ...] | None]:
    held = secure_boot.variable(e.data)
    if held.name == "SecureBoot":
        return "on" if held.data == secure_boot.ON else "off", None
    try:
        found = secure_boot.entries(held.data)
    except BadInput:
        return event_words.words(e), None
    told = tuple(dict.fromkeys(_entry(x) for x in found))
    many = "entry" if len(told) == 1 else "entries"
    return f"{len(told)} {many}" if told else "empty", told


def _entry(x: secure_boot.Entry) -> str:
    if x.kind == secure_boot.SHA256:
        return f"sha256:{x.data.hex()}"
    digest = hashlib.sha256(x.data).hexdigest()
    return clean(f"{x.kind}:{digest} {x.words}") if x.kind == secure_boot.X509 else f"{x.kind}:{digest}"
