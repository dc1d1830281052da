"""What lies under the file systems: which block devices hold data, and whether dm-crypt stands between them and it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import msgspec

from strongroom.collect.host.reading import Reading, Said
from strongroom.kit.kleene import Tri, all_of
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

# Signatures of layers: what they carry shows up as a child.
_LAYERS = ("crypto_LUKS", "BitLocker", "LVM2_member", "linux_raid_member", "mpath_member", "isw_raid_member",
           "ddf_raid_member", "bcache", "swap", "swsuspend")  # fmt: skip
_IMAGES = ("squashfs", "iso9660", "erofs", "udf")  # read-only, made elsewhere
_BOOT = ("/boot", "/boot/efi", "/efi", "/boot/firmware")
_ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"  # EFI system partition (UEFI 2.10 §5.3.3)
_XBOOTLDR = "bc13c2ff-59e6-4262-a352-b275fd6f7172"  # UAPI boot loader specification
_MEMORY = ("tmpfs", "ramfs")
_MAX_DEPTH = 40


class Node(msgspec.Struct):
    """One block device of `lsblk -J`; older versions write numbers and booleans as text."""

    name: str
    kname: str | None = None
    type: str | None = None
    fstype: str | None = None
    size: int | str | None = None
    mountpoint: str | None = None
    model: str | None = None
    serial: str | None = None
    parttype: str | None = None
    children: list["Node"] = []


class Listing(msgspec.Struct):
    """The document that lsblk prints."""

    blockdevices: list[Node]


@dataclass(frozen=True, slots=True)
class Place:
    """One device that holds data, on a path down from a disk."""

    node: Node
    encrypted: bool | Unknown


@dataclass(slots=True)
class Disk:
    """A whole device and the data on it."""

    node: Node
    places: list[Place] = field(default_factory=list)


@dataclass(slots=True)
class Storage:
    """The devices and mounts of one host. `trouble` says why the devices are not known."""

    disks: list[Disk]
    trouble: Unknown | None
    mounts: tuple[tuple[str, str, str], ...] | Unknown  # source, mount point, type
    below: Unknown | None  # for a virtual disk: what may encrypt it cannot be seen from inside
    _crypt: dict[str, bool] = field(default_factory=dict)  # device name, kernel name or mount point -> encrypted

    def note(self, node: Node, encrypted: bool) -> None:
        """Remember whether a device is encrypted; one way in plain text is enough for not."""
        for name in {node.name, node.kname or node.name, node.mountpoint or node.name}:
            self._crypt[name] = encrypted and self._crypt.get(name, True)

    def device(self, name: str) -> bool | Unknown:
        """Whether what is written to a device or mount point is encrypted."""
        if self.trouble is not None:
            return self.trouble
        known = self._crypt.get(name)
        if known is None:
            return Unknown(GapCode.ABSENT, f"lsblk: {name} is not among the devices")
        return known if known or self.below is None else self.below

    def protects(self, path: str) -> bool | Unknown:
        """Whether a file at a path would be encrypted or only in memory."""
        if isinstance(self.mounts, Unknown):
            return self.mounts
        here = PurePosixPath(path)
        # Of several mounts on one point the last one counts.
        over = [m for m in self.mounts if here.is_relative_to(m[1])]
        if not over:
            return Unknown(GapCode.ABSENT, f"/proc/self/mounts: no file system holds {path}")
        source, point, kind = max(enumerate(over), key=lambda m: (len(PurePosixPath(m[1][1]).parts), m[0]))[1]
        if kind in _MEMORY:
            return True
        if not source.startswith("/dev/"):
            return Unknown(GapCode.OUTSIDE, f"{path} lies on {kind} {source}, which is not on this machine's disks")
        known = self.device(point)
        missing = isinstance(known, Unknown) and known.code is GapCode.ABSENT
        return self.device(source.rpartition("/")[2]) if missing else known

    def protects_everything(self) -> Tri:
        """Whether all data on all disks is encrypted."""
        if self.trouble is not None:
            return self.trouble
        return all_of(self.state(p) for d in self.disks for p in d.places)

    def state(self, place: Place) -> bool | Unknown:
        """Whether one place is encrypted; in a virtual machine plain text is unknown."""
        return self.below if place.encrypted is False and self.below is not None else place.encrypted


def read(r: Reading, virtual: bool | Unknown, confidential: str | Unknown) -> Storage:
    """The storage of one host."""
    lines = r.lines("mounts")
    mounts: tuple[tuple[str, str, str], ...] | Unknown
    if isinstance(lines, tuple):
        rows = (line.split(" ") for line in lines)
        mounts = tuple((p[0], p[1].replace("\\040", " "), p[2]) for p in rows if len(p) == 3)
    else:
        mounts = lines or Unknown(GapCode.ABSENT, "/proc/self/mounts: no such file")
    storage = Storage([], None, mounts, _below(virtual, confidential))
    found = _listing(r)
    if isinstance(found, Unknown):
        storage.trouble = found
        return storage
    for node in found.blockdevices:
        if node.type in ("loop", "rom") or node.name.startswith(("zram", "ram")):
            continue
        disk = Disk(node)
        _walk(node, False, disk, storage, 0)
        storage.disks.append(disk)
    return storage


def _below(virtual: bool | Unknown, confidential: str | Unknown) -> Unknown | None:
    """Why plain text on a virtual disk is unknown: a provider may encrypt the volume under it.

    For a confidential VM that does not count: it must not trust the host, so only its own encryption does.
    """
    if virtual is False or (isinstance(confidential, str) and confidential):
        return None
    if isinstance(virtual, Unknown):
        return virtual
    return Unknown(
        GapCode.OUTSIDE, "a virtual disk: whether its volume is encrypted is seen from the cloud's side (plan:, aws: …)"
    )


def _listing(r: Reading) -> Listing | Unknown:
    lines = r.lines("lsblk")
    if lines is None:
        return Unknown(GapCode.ABSENT, "lsblk: not installed")
    if isinstance(lines, Unknown):
        return lines
    try:
        return msgspec.json.decode("\n".join(lines), type=Listing)
    except (msgspec.MsgspecError, RecursionError) as e:
        return Unknown(GapCode.MALFORMED, f"lsblk: {str(e).lower()}")


def _walk(node: Node, encrypted: bool, disk: Disk, storage: Storage, depth: int) -> None:
    if depth > _MAX_DEPTH:
        storage.trouble = Unknown(GapCode.TOO_LARGE, f"lsblk: over {_MAX_DEPTH} layers of devices")
        return
    encrypted = encrypted or node.type == "crypt"
    storage.note(node, encrypted)
    if _holds_data(node):
        state: bool | Unknown = encrypted
        if not encrypted and node.fstype == "zfs_member":
            state = Unknown(GapCode.UNSUPPORTED, f"{node.name}: ZFS encrypts by itself, and lsblk does not show it")
        disk.places.append(Place(node, state))
    for child in node.children:
        _walk(child, encrypted, disk, storage, depth + 1)


def _holds_data(node: Node) -> bool:
    if node.mountpoint in _BOOT or (node.parttype or "").lower() in (_ESP, _XBOOTLDR):
        return False
    if node.fstype in _IMAGES or node.mountpoint == "[SWAP]":
        return False
    return bool(node.mountpoint) or (node.fstype is not None and node.fstype not in _LAYERS)


def facts(r: Reading, storage: Storage) -> Iterator[Said]:
    """Facts of the host; the disks are assets of their own."""
    lines = r.lines("swaps")
    if not isinstance(lines, tuple):
        yield "swap.areas", lines, "swaps"
        return
    areas = [line.split() for line in lines[1:] if line.split()]
    yield "swap.areas", tuple(a[0] for a in areas), "swaps"
    plain: list[str | Unknown] = []
    for area in areas:
        name = area[0]
        if "/zram" in name:  # compressed memory, not a disk
            continue
        state = storage.protects(name) if area[1:2] == ["file"] else storage.device(name.rpartition("/")[2])
        if isinstance(state, Unknown):
            plain.append(Unknown(state.code, f"{name}: {state.detail}"))
        elif not state:
            plain.append(name)
    yield "swap.plaintext", tuple(plain), "swaps"


def disk_facts(disk: Disk, storage: Storage) -> Iterator[Said]:
    """Facts of one disk that holds data."""
    states = [(p, storage.state(p)) for p in disk.places]
    yield "enc.at_rest", all_of(s for _, s in states), "lsblk"
    yield "disk.plaintext", tuple(_label(p.node) for p, s in states if s is False), "lsblk"
    yield "disk.model", (disk.node.model or "").strip() or None, "lsblk"
    yield "disk.serial", disk.node.serial, "lsblk"
    size = str(disk.node.size or "")
    yield "disk.bytes", int(size) if size.isdigit() else None, "lsblk"


def _label(node: Node) -> str:
    kind = node.fstype or "a file system"
    return f"{node.name} ({kind} on {node.mountpoint})" if node.mountpoint else f"{node.name} ({kind})"
