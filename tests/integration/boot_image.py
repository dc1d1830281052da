"""The disk and the initrd of a machine that boots under emulation, and what its one process does."""

import gzip
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from boot_parts import MODULES, Parts, device_library

HANDLE = "0x81010002"  # where enrolment leaves the attestation key: the owner's range, TCG Registry of Reserved Handles
PCRS = "sha256:0,1,2,3,4,5,6,7,8,9,10,14"
COMMAND_LINE = "console=ttyS0,115200 panic=-1 ima_policy=tcb lockdown=integrity"
NOTHING: Mapping[str, bytes] = MappingProxyType({})

# One line in, one hand-out: `quote HEX`, or `off`. The files go out in base64, each with its digest, for a serial line
# is shared with whatever else wants to say something.
_INIT = f"""#!/bin/sh
export PATH=/bin LD_LIBRARY_PATH=/lib TPM2TOOLS_TCTI=device:/dev/tpmrm0
for place in "proc /proc" "sysfs /sys" "devtmpfs /dev" "tmpfs /run"; do mount -t ${{place% *}} none ${{place#* }}; done
mount -t securityfs none /sys/kernel/security
dmesg -n 1
for module in {" ".join(MODULES)}; do insmod /lib/$module.ko; done
losetup /dev/loop0 /disk.img && mount -t vfat -o ro /dev/loop0 /mnt && /mnt/busybox true
kernel=/sys/kernel/security
hand_out() {{
  [ -s "$2" ] || return
  echo "::file $1 $(sha256sum < "$2" | cut -d' ' -f1)"; base64 "$2"; echo "::end"
}}
cd /run
echo "::ready"
while read -r word nonce; do
  case "$word" in
  quote)
    rm -f quote.* said
    tpm2 quote -c {HANDLE} -l {PCRS} -g sha256 -q "$nonce" -m quote.msg -s quote.sig -o quote.pcrs > said 2>&1
    cat $kernel/tpm0/binary_bios_measurements > events 2>> said
    cat $kernel/ima/binary_runtime_measurements > files 2>> said
    for name in quote.msg quote.sig quote.pcrs said; do hand_out $name $name; done
    hand_out binary_bios_measurements events
    hand_out ima_at_quote_binary files
    echo "::done" ;;
  off) poweroff -f ;;
  esac
done
poweroff -f
"""
_TPM2 = Path("/usr/bin/tpm2")
_FOLDERS = ("bin", "lib", "lib64", "proc", "sys", "dev", "run", "mnt", "etc")
_APPLETS = "sh mount dmesg insmod losetup sha256sum cut base64 cat rm poweroff true"


@dataclass(frozen=True)
class Image:
    """What one machine starts from."""

    disk: Path
    initrd: bytes


# The archive that the kernel unpacks (Documentation/driver-api/early-userspace/buffer-format.rst: "newc")


@dataclass(frozen=True)
class Entry:
    """One entry: `mode` with the type in it, as in inode(7)."""

    mode: int
    data: bytes = b""


def archive(entries: Mapping[str, Entry]) -> bytes:
    """The entries as a newc archive, in their order; the same entries give the same octets."""
    out = bytearray()
    for number, (name, entry) in enumerate([*entries.items(), ("TRAILER!!!", Entry(0))], 1):
        path = name.encode() + b"\0"
        links = 2 if entry.mode & 0o170000 == 0o040000 else 1
        fields = (number, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0, 0, 0, len(path), 0)
        out += b"070701" + b"".join(b"%08X" % f for f in fields) + path
        out += bytes(-len(out) % 4) + entry.data
        out += bytes(-len(out) % 4)
    return bytes(out)


def _file(data: bytes, mode: int = 0o755) -> Entry:
    return Entry(0o100000 | mode, data)


def _libraries(*programs: Path) -> dict[str, Path]:
    """What the dynamic loader would load for the programs, and the loader, by the place where the programs look."""
    found = dict[str, Path]()
    for program in programs:
        said = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True, timeout=60).stdout
        for name, at in re.findall(r"^\s*(\S+)(?: => (\S+))? \(0x", said, re.MULTILINE):
            if at:
                found[f"lib/{name}"] = Path(at)
            elif name.startswith("/"):
                found[name.lstrip("/")] = Path(name)
    return found


def initrd(parts: Parts, files: Path, extra: Mapping[str, bytes]) -> bytes:
    """An initrd whose init quotes on demand. `files` is a disk image; `extra` are files that somebody put in."""
    device = device_library()
    assert device is not None
    entries = {name: Entry(0o040755) for name in _FOLDERS}
    entries["init"] = _file(_INIT.encode())
    entries["bin/busybox"] = _file(parts["busybox"].read_bytes())
    entries |= {f"bin/{name}": Entry(0o120777, b"busybox") for name in _APPLETS.split()}
    entries["bin/tpm2"] = _file(_TPM2.read_bytes())
    entries |= {name: _file(at.read_bytes()) for name, at in sorted(_libraries(_TPM2, device).items())}
    entries["lib/" + device.name] = _file(device.read_bytes())
    entries |= {f"lib/{m}.ko": _file(parts[f"{m}.ko"].read_bytes(), 0o644) for m in MODULES}
    entries["disk.img"] = _file(files.read_bytes(), 0o644)
    entries |= {name: _file(data) for name, data in extra.items()}
    return gzip.compress(archive(entries), compresslevel=1, mtime=0)


# Disks


def _disk(at: Path, mebibytes: int, files: Mapping[str, Path]) -> Path:
    """A FAT file system without partitions, with the files at their paths."""
    geometry = ("-h", str(mebibytes), "-s", "32", "-t", "64")  # heads, sectors and tracks: 1 MiB for each head
    _mtool("mformat", "-C", "-i", str(at), *geometry, "-v", "STRONGROOM", "::")
    with at.open("r+b") as disk:  # mformat leaves a partition in the first sector, and firmware believes it
        disk.seek(0x1BE)
        disk.write(bytes(4 * 16))
    folders = sorted({str(p) for name in files for p in Path(name).parents if p.name}, key=len)
    for folder in folders:
        _mtool("mmd", "-i", str(at), f"::{folder}")
    for name, source in files.items():
        _mtool("mcopy", "-i", str(at), str(source), f"::{name}")
    return at


def _mtool(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


def image(parts: Parts, folder: Path, command_line: str = COMMAND_LINE, extra: Mapping[str, bytes] = NOTHING) -> Image:
    """An image in the folder, which is made: shim, grub, kernel and initrd, each where the one before looks for it."""
    return _made(parts, folder, f"linux /vmlinuz {command_line}\ninitrd /initrd.gz\n", extra)


def chained(parts: Parts, folder: Path) -> Image:
    """The same, where grub lets the firmware start the kernel, which then loads the initrd by itself."""
    return _made(parts, folder, f"chainloader /vmlinuz {COMMAND_LINE} initrd=initrd.gz\n", NOTHING)


def _made(parts: Parts, folder: Path, starting: str, extra: Mapping[str, bytes]) -> Image:
    folder.mkdir()
    files = _disk(folder / "files.img", 4, {"busybox": parts["busybox"]})
    packed = initrd(parts, files, extra)
    (folder / "initrd.gz").write_bytes(packed)
    (folder / "grub.cfg").write_text(f"search --file --set=root /vmlinuz\n{starting}boot\n")
    placed = {
        "EFI/BOOT/BOOTX64.EFI": parts["shimx64.efi"],
        "EFI/BOOT/grubx64.efi": parts["grubx64.efi"],
        "EFI/debian/grub.cfg": folder / "grub.cfg",
        "vmlinuz": parts["vmlinuz"],
        "initrd.gz": folder / "initrd.gz",
    }
    return Image(_disk(folder / "disk.img", 64, placed), packed)
