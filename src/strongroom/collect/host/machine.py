"""Who the machine is, what it runs on, and how it booted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from strongroom.collect.host.reading import Reading, Said
from strongroom.kit.identity import hashed
from strongroom.kit.kleene import Tri, any_of
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Value

DMI = "/sys/class/dmi/id/"
EFIVARS = "/sys/firmware/efi/efivars"
VULNERABILITIES = "/sys/devices/system/cpu/vulnerabilities/"
# Values that boards carry when nobody set one; two machines with such a UUID would be one.
_NO_UUID = (
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "03000200-0400-0500-0006-000700080009",
)
# UEFI sample keys that shipped in products (CVE-2024-8105, "PKfail") name themselves so.
_TEST_KEYS = ("DO NOT TRUST", "DO NOT SHIP")
_HIDDEN = "/sys/firmware: empty or hidden, as in a container: run the collector on the host"


@dataclass(frozen=True, slots=True)
class Identity:
    """The stable id of a host: from where, its name, and what else it is called."""

    id: str
    source: str  # machine-id, dmi-uuid, gpus or hostname
    name: str
    aliases: tuple[str, ...]


def identity(r: Reading) -> Identity:
    """The machine id where there is one; else the mainboard's UUID, which only root may read; else the name."""
    words = r.words("identity")
    name = words.get("hostname", "") or "unnamed"
    machine_id = "" if r.container else words.get("machine-id", "")
    uuid = r.value(DMI + "product_uuid")
    uuid = uuid.lower() if isinstance(uuid, str) and uuid.lower() not in _NO_UUID else ""
    aliases = (f"host-name:{name}",) + ((f"dmi:{uuid}",) if uuid else ())
    if machine_id:
        return Identity(f"host:{machine_id}", "machine-id", name, aliases)
    if uuid:
        return Identity(f"host:{hashed(uuid)}", "dmi-uuid", name, aliases)
    return Identity(f"host:name/{name}", "hostname", name, aliases)


def facts(r: Reading) -> Iterator[Said]:
    """Everything of this file's subject."""
    yield from _who(r)
    yield from _cpu(r)
    yield from _confidential(r)
    yield from _boot(r)
    yield from _versions(r)


def _who(r: Reading) -> Iterator[Said]:
    words = r.words("collector")
    uid = words.get("uid", "")
    yield "host.collected_at", words.get("date") or Unknown(GapCode.MALFORMED, "collector: no date"), "collector"
    yield "host.collected_as", "root" if uid == "0" else f"uid {uid}", "collector"
    yield "host.container", r.container, "virtualisation"
    for fact, file in (("vendor", "sys_vendor"), ("product", "product_name"), ("serial", "product_serial")):
        yield f"host.{fact}", r.value(DMI + file), "values"
    yield "host.virtual", virtual(r), "virtualisation"


def virtual(r: Reading) -> bool | Unknown:
    """Whether the machine is a virtual one: by systemd's word, else by the CPU's hypervisor flag."""
    said = r.words("virtualisation").get("vm", "not-asked")
    if said != "not-asked":
        return said != "none"
    flags = cpu(r).get("flags")
    if flags is not None:
        return "hypervisor" in flags.split()
    return Unknown(GapCode.ABSENT, "systemd-detect-virt: not installed, and /proc/cpuinfo has no flags")


def cpu(r: Reading) -> Mapping[str, str]:
    """The first processor of /proc/cpuinfo, by key."""
    lines = r.lines("cpu")
    pairs = (line.partition(":") for line in lines) if isinstance(lines, tuple) else ()
    return {key.strip(): text.strip() for key, _, text in pairs}


def _cpu(r: Reading) -> Iterator[Said]:
    model = cpu(r)
    yield "cpu.model", model.get("model name") or model.get("CPU implementer"), "cpu"
    listed = r.under(VULNERABILITIES)
    states: Value = tuple(
        v if isinstance(v, Unknown) else f"{p.removeprefix(VULNERABILITIES)}: {v}" for p, v in listed.items()
    )
    if not listed:
        states = Unknown(GapCode.ABSENT, f"{VULNERABILITIES}: nothing there; the kernel is older than 4.15")
    yield "cpu.vulnerabilities", states, "values"
    smt = r.flag("/sys/devices/system/cpu/smt/active")
    yield (
        "cpu.smt",
        smt if smt is not None else Unknown(GapCode.ABSENT, "/sys/devices/system/cpu/smt/active: no such file"),
        "values",
    )


def confidential(r: Reading) -> str | Unknown:
    """The technology of the confidential VM that this is; empty on bare metal and in an ordinary VM."""
    said = r.words("virtualisation").get("cvm", "not-asked")
    if said not in ("none", "not-asked"):
        return said
    snp: Tri = any_of((r.present("/dev/sev-guest"), r.present("/sys/devices/system/cpu/sev/vmpl")))
    if snp is True:
        return "sev-snp"
    if "tdx_guest" in cpu(r).get("flags", "").split() or r.present("/dev/tdx_guest") is True:
        return "tdx"
    if said == "none" or virtual(r) is False:
        return ""
    return Unknown(
        GapCode.ABSENT,
        "systemd-detect-virt --cvm: not there to say, and neither /dev/sev-guest nor /dev/tdx_guest exists",
    )


def _confidential(r: Reading) -> Iterator[Said]:
    yield "cc.tech", confidential(r), "virtualisation"
    offers = []
    for tech, path in (
        ("sev", "kvm_amd/parameters/sev"),
        ("sev-es", "kvm_amd/parameters/sev_es"),
        ("sev-snp", "kvm_amd/parameters/sev_snp"),
        ("tdx", "kvm_intel/parameters/tdx"),
    ):
        if r.flag(f"/sys/module/{path}") is True:
            offers.append(tech)
    if r.present("/dev/sgx_enclave") is True:
        offers.append("sgx")
    yield "cc.offers", tuple(offers), "values"


def _boot(r: Reading) -> Iterator[Said]:
    uefi = r.present("/sys/firmware/efi")
    if not r.has("firmware") or r.lines("firmware") is None:
        uefi = Unknown(GapCode.OUTSIDE, _HIDDEN)
    mode: Value = uefi if isinstance(uefi, Unknown) else "uefi" if uefi else "legacy"
    yield "boot.mode", mode, "presence"
    yield "boot.secure", variable(r, "SecureBoot") if uefi is True else uefi, "efi:SecureBoot"
    if uefi is not False:
        yield "boot.setup_mode", variable(r, "SetupMode") if uefi is True else uefi, "efi:SetupMode"
        yield "boot.test_key", _test_key(r) if uefi is True else uefi, "efi:PK"
    tpm = r.present("/sys/class/tpm/tpm0")
    yield "boot.vtpm", tpm, "presence"
    if tpm is not False:
        version = r.value("/sys/class/tpm/tpm0/tpm_version_major")
        absent = Unknown(
            GapCode.ABSENT, "/sys/class/tpm/tpm0/tpm_version_major: no such file; the kernel is older than 5.6"
        )
        yield "tpm.version", version if version is not None else absent, "values"
        yield "boot.event_log", r.present("/sys/kernel/security/tpm0/binary_bios_measurements"), "presence"


def _bytes(r: Reading, name: str) -> bytes | Unknown | None:
    """The value of a UEFI variable, without its four bytes of attributes (UEFI 2.10 §8.2)."""
    lines = r.lines(f"efi:{name}")
    if not isinstance(lines, tuple):
        return lines
    try:
        raw = bytes.fromhex(" ".join(lines))
    except ValueError:
        return Unknown(GapCode.MALFORMED, f"{EFIVARS}/{name}: not a dump of bytes")
    return raw[4:] if len(raw) > 4 else Unknown(GapCode.MALFORMED, f"{EFIVARS}/{name}: {len(raw)} bytes, wanted over 4")


def variable(r: Reading, name: str) -> bool | Unknown:
    """A UEFI variable of one byte, 0 or 1. One that is missing is unknown: efivarfs may not be mounted."""
    found = _bytes(r, name)
    if isinstance(found, Unknown):
        return found
    if found is None:
        return Unknown(GapCode.ABSENT, f"{EFIVARS}/{name}: no such file; mount efivarfs")
    if found in (b"\x00", b"\x01"):
        return found == b"\x01"
    return Unknown(GapCode.MALFORMED, f"{EFIVARS}/{name}: found {found.hex()[:20]}, wanted 00 or 01")


def _test_key(r: Reading) -> bool | Unknown | None:
    found = _bytes(r, "PK")
    if not isinstance(found, bytes):
        return found
    return any(mark.encode(code) in found for mark in _TEST_KEYS for code in ("ascii", "utf-16-be"))


def _versions(r: Reading) -> Iterator[Said]:
    kernel = r.words("identity").get("kernel", "").split()
    yield (
        "version.kernel",
        kernel[1] if len(kernel) > 1 else Unknown(GapCode.MALFORMED, "identity: no kernel"),
        "identity",
    )
    lines = r.lines("os-release")
    release: Value = lines
    if isinstance(lines, tuple):
        pairs = dict(line.partition("=")[::2] for line in lines)
        release = pairs.get("PRETTY_NAME", "").strip("\"'") or None
    yield "version.os", release, "os-release"
    yield "version.bios", r.value(DMI + "bios_version"), "values"
    yield "version.bios_date", r.value(DMI + "bios_date"), "values"
    yield "version.microcode", cpu(r).get("microcode"), "cpu"
    bmc = next((v for p, v in r.small.items() if p.startswith("/sys/devices/platform/ipmi_bmc")), None)
    if bmc is not None:
        yield "version.bmc", bmc[1] if bmc[0] == "ok" else Unknown(GapCode.DENIED, bmc[1]), "values"
    elif r.present("/dev/ipmi0") is True:
        yield (
            "version.bmc",
            Unknown(GapCode.ABSENT, "/sys/devices/platform/ipmi_bmc*: no such file; ask the BMC itself"),
            "presence",
        )
