"""Azure machines: virtual machines, scale sets, batch pools, container groups, and their disks."""

from strongroom.collect.native import INAPPLICABLE, Default, Inapplicable, Native, Reader, Row, flag, text
from strongroom.collect.tables._azure import cmk, docs, identity, in_group, marked, not_flags, satellite
from strongroom.collect.tables._azure_sizes import cc_tech, gpu_count, gpu_model, on_gpus, sensitive
from strongroom.collect.tables._paths import machine_links, set_links
from strongroom.kit.kleene import Tri, any_of
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Value

AT_HOST = "https://learn.microsoft.com/azure/virtual-machines/disk-encryption"
LAUNCH = "https://learn.microsoft.com/azure/virtual-machines/trusted-launch"
DISK = docs("managed_disk")
EXTENSION = "azurerm_virtual_machine_extension"
SET = "azurerm_virtual_machine_scale_set"
GPU_PUBLISHER = "Microsoft.HpcCompute"


def _nics_public(r: Reader) -> Value:
    """Whether one of the machine's network interfaces has a public address."""
    raw = r.at("network_interface_ids")
    if isinstance(raw, Unknown):
        return raw
    return any_of(_nic_public(r, one) for one in (raw if isinstance(raw, list) else [raw]) if one is not None)


def _nic_public(r: Reader, link: object) -> Tri:
    nic = r.follow(link)
    if nic is None:
        return Unknown(GapCode.UNDECIDED, "a network interface of it is not in these files")
    return addresses_public(r.reading(nic))


def addresses_public(nic: Reader) -> Tri:
    """Whether an IP configuration of a network interface names a public address."""
    found = nic.blocks("ip_configuration")
    if isinstance(found, Unknown):
        return found
    return any_of(nic.given("public_ip_address_id", b) for b in found)


def _set_public(r: Reader) -> Value:
    """Whether the members of a scale set get public addresses of their own."""
    interfaces = [
        *_inside(r, "network_interface", "ip_configuration"),
        *_inside(r, "network_profile", "ip_configuration"),
    ]
    names = ("public_ip_address", "public_ip_address_configuration")
    return any_of(b if isinstance(b, Unknown) else _some(r.blocks(name, b)) for b in interfaces for name in names)


def _inside(r: Reader, outer: str, inner: str) -> list[dict[str, object] | Unknown]:
    first = r.blocks(outer)
    if isinstance(first, Unknown):
        return [first]
    out: list[dict[str, object] | Unknown] = []
    for b in first:
        found = r.blocks(inner, b)
        out += [found] if isinstance(found, Unknown) else [dict(f) for f in found]
    return out


def _some(found: object) -> Tri:
    return found if isinstance(found, Unknown) else bool(found)


def _legacy_password(r: Reader) -> Value:
    """The first machines kept it in os_profile_linux_config; a Windows machine has only passwords and is not asked."""
    linux = r.blocks("os_profile_linux_config")
    if isinstance(linux, Unknown):
        return linux
    off = r.flag("disable_password_authentication", linux[0]) if linux else None
    if off is None:
        off = r.flag("disable_password_authentication")
    return off if isinstance(off, Unknown) else off is False


def _driver(r: Reader) -> Value:
    """Whether Microsoft's GPU driver extension keeps the driver current; in an image of one's own nobody can tell.

    Source: https://learn.microsoft.com/azure/virtual-machines/extensions/hpccompute-gpu-linux
    """
    apart, doubt = satellite(r, EXTENSION, "virtual_machine_id")
    in_set, doubt_too = satellite(r, f"{SET}_extension", "virtual_machine_scale_set_id")
    inline = r.blocks("extension")
    if isinstance(inline, Unknown):
        return inline
    ours = [b for b in (*(s.values for s in (*apart, *in_set)), *inline) if b.get("publisher") == GPU_PUBLISHER]
    if not ours:
        none = Unknown(GapCode.UNDECIDED, "the GPU driver comes with the image or is installed by hand")
        return doubt or doubt_too or none
    names = ("automatic_upgrade_enabled", "auto_upgrade_minor_version", "auto_upgrade_minor_version_enabled")
    return any_of(r.flag(n, b) or False for b in ours for n in names)


def _sealed(r: Reader) -> Value:
    """Whether a confidential machine's OS disk can be opened by that machine's TPM only."""
    word = r.text("os_disk.security_encryption_type")
    return word if isinstance(word, Unknown) else word == "DiskWithVMGuestState"


def _on_confidential(row: Row, *sizes: str) -> Row:
    tech = cc_tech(*sizes)

    def read(r: Reader) -> Value | Inapplicable:
        return row.read(r) if tech.read(r) in ("sev-snp", "tdx") else INAPPLICABLE

    return Row(row.fact, read)


def _machine(size: str) -> tuple[Row, ...]:
    return (
        flag("enc.at_host", "encryption_at_host_enabled", Default(False, AT_HOST)),
        cmk(
            "enc.volume_key",
            "os_disk.secure_vm_disk_encryption_set_id",
            "os_disk.disk_encryption_set_id",
            source=DISK,
        ),
        flag("boot.secure", "secure_boot_enabled", Default(False, LAUNCH)),
        flag("boot.vtpm", "vtpm_enabled", Default(False, LAUNCH)),
        identity(),
        in_group(),
        gpu_model(size),
        gpu_count(size),
        on_gpus(Row("gpu.sharing", lambda _: "none"), size),
        on_gpus(Row("gpu.driver_managed", _driver), size),
        text("azure.size", size),
        cc_tech(size),
        sensitive(size),
        _on_confidential(Row("cc.disk_sealed", _sealed), size),
    )


def _password(resource: str) -> Row:
    default = Default(False, docs(resource))
    return not_flags("auth.password", "disable_password_authentication", default=default)


def _single(resource: str, *more: Row) -> Native:
    return Native(
        type=f"azurerm_{resource}",
        kind=Kind.INSTANCE,
        provider="azure",
        rows=(*_machine("size"), Row("net.public", _nics_public), *machine_links(), *more),
        refs=(("interface", "network_interface_ids"), ("key", "os_disk.disk_encryption_set_id")),
    )


def _set(resource: str, *more: Row) -> Native:
    return Native(
        type=f"azurerm_{resource}",
        kind=Kind.TEMPLATE,
        provider="azure",
        rows=(*_machine("sku"), Row("net.public", _set_public), *set_links(), *more),
        refs=(("subnet", "network_interface.ip_configuration.subnet_id"),),
    )


def _export_off(r: Reader) -> Value:
    """Whether a disk's content can be fetched over the public network with a link (SAS)."""
    policy = r.text("network_access_policy")
    off = r.flag("public_network_access_enabled")
    return any_of(
        (
            policy if isinstance(policy, Unknown) else (policy or "AllowAll").lower() != "allowall",
            off if isinstance(off, Unknown) else off is False,
        )
    )


def _disk(resource: str) -> Native:
    return Native(
        type=f"azurerm_{resource}",
        kind=Kind.DISK,
        provider="azure",
        rows=(
            cmk("enc.key", "secure_vm_disk_encryption_set_id", "disk_encryption_set_id", source=docs(resource)),
            Row("copy.export_closed", _export_off),
        ),
        refs=(("key", "disk_encryption_set_id"),),
    )


def _group_public(r: Reader) -> Value:
    word = r.text("ip_address_type")
    return word if isinstance(word, Unknown) else (word or "Public").lower() == "public"


def _group_tech(r: Reader) -> Value:
    """Source: https://learn.microsoft.com/azure/container-instances/container-instances-confidential-overview."""
    word = r.text("sku")
    return word if isinstance(word, Unknown) else "sev-snp" if (word or "").lower() == "confidential" else ""


def _batch_public(r: Reader) -> Value:
    word = r.text("network_configuration.public_address_provisioning_type")
    return word if isinstance(word, Unknown) else (word or "").lower() != "nopublicipaddresses"


def _legacy_size(size: str) -> tuple[Row, ...]:
    return (
        Row("auth.password", _legacy_password),
        gpu_model(size),
        gpu_count(size),
        on_gpus(Row("gpu.sharing", lambda _: "none"), size),
        text("azure.size", size),
        cc_tech(size),
        sensitive(size),
    )


TABLE = (
    _single("linux_virtual_machine", _password("linux_virtual_machine")),
    _single("windows_virtual_machine"),
    _set("linux_virtual_machine_scale_set", _password("linux_virtual_machine_scale_set")),
    _set("windows_virtual_machine_scale_set"),
    Native(
        type="azurerm_orchestrated_virtual_machine_scale_set",
        kind=Kind.TEMPLATE,
        provider="azure",
        rows=(
            flag("enc.at_host", "encryption_at_host_enabled", Default(False, AT_HOST)),
            cmk("enc.volume_key", "os_disk.disk_encryption_set_id", source=DISK),
            not_flags(
                "auth.password",
                "os_profile.linux_configuration.disable_password_authentication",
                default=Default(False, docs("orchestrated_virtual_machine_scale_set")),
            ),
            Row("net.public", _set_public),
            gpu_model("sku_name"),
            gpu_count("sku_name"),
            on_gpus(Row("gpu.sharing", lambda _: "none"), "sku_name"),
            text("azure.size", "sku_name"),
            cc_tech("sku_name"),
            sensitive("sku_name"),
        ),
    ),
    Native(
        type="azurerm_virtual_machine",
        kind=Kind.INSTANCE,
        provider="azure",
        rows=(*_legacy_size("vm_size"), Row("net.public", _nics_public), *machine_links()),
        refs=(("interface", "network_interface_ids"),),
    ),
    Native(
        type=SET,
        kind=Kind.TEMPLATE,
        provider="azure",
        rows=(*_legacy_size("sku.name"), Row("net.public", _set_public), *set_links()),
    ),
    Native(
        type="azurerm_batch_pool",
        kind=Kind.TEMPLATE,
        provider="azure",
        rows=(
            Row("net.public", _batch_public),
            gpu_model("vm_size"),
            gpu_count("vm_size"),
            on_gpus(Row("gpu.sharing", lambda _: "none"), "vm_size"),
            text("azure.size", "vm_size"),
            cc_tech("vm_size"),
            sensitive("vm_size"),
        ),
        refs=(("subnet", "network_configuration.subnet_id"),),
    ),
    Native(
        type="azurerm_container_group",
        kind=Kind.WORKLOAD,
        provider="azure",
        rows=(
            Row("net.public", _group_public),
            text("azure.size", "sku", Default("Standard", docs("container_group"))),
            Row("cc.tech", _group_tech),
            marked(),
            identity(),
        ),
        refs=(("subnet", "subnet_ids"),),
    ),
    Native(type="azurerm_container_app", kind=Kind.WORKLOAD, provider="azure"),
    _disk("managed_disk"),
    _disk("snapshot"),
    Native(
        type="azurerm_disk_encryption_set",
        kind=Kind.OTHER,
        provider="azure",
        rows=(
            cmk("enc.key", "key_vault_key_id", "managed_hsm_key_id"),
            flag("key.rotation_followed", "auto_key_rotation_enabled", Default(False, docs("disk_encryption_set"))),
        ),
        refs=(("key", "key_vault_key_id"),),
    ),
    Native(
        type=EXTENSION,
        kind=Kind.OTHER,
        provider="azure",
        refs=(("machine", "virtual_machine_id"),),
    ),
)
