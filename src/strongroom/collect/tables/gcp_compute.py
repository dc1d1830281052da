"""Compute Engine: machines, what machines are made from, and their disks."""

from collections.abc import Callable, Iterator, Mapping

from strongroom.collect.native import INAPPLICABLE, Default, Inapplicable, Native, Reader, Row, as_key, flag
from strongroom.collect.tables._gcp import (
    DEFAULT_ENCRYPTION,
    any_flag,
    confidential,
    docs,
    mark,
    marked,
    own_account,
    service,
    stands,
    weakest,
)
from strongroom.collect.tables._gcp_accelerators import accelerator_rows, attached, has_accelerator
from strongroom.collect.tables._paths import links, one
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.values import Key, Unknown, Value

COMPUTE = service("compute")
DOCS = docs("compute_instance")
SHIELDED = "shielded_instance_config"
NETWORK_CARDS = "network_interface"
Answer = Value | Inapplicable


def _public(r: Reader) -> Value:
    """Whether some network card has an address of its own outside, of either family."""
    cards = r.blocks(NETWORK_CARDS)
    return cards if isinstance(cards, Unknown) else any_flag(r, cards, "access_config", "ipv6_access_config")


def _on_unless_off(fact: str, attribute: str) -> Row:
    """Without the block nothing is asked for; within it the setting is on unless switched off."""

    def read(r: Reader) -> Value:
        found = r.blocks(SHIELDED)
        if isinstance(found, Unknown):
            return found
        if not found:
            return None
        said = r.flag(attribute, found[0])
        return True if said is None else said

    return Row(fact, read, Default(False, DOCS))


def _account(r: Reader) -> Answer:
    """A machine without the block runs as nobody. Nodes of GKE are judged with their pool."""
    name = r.at("name")
    if isinstance(name, str) and name.startswith("gke-"):
        return INAPPLICABLE
    found = r.blocks("service_account")
    if isinstance(found, Unknown):
        return found
    if not found:
        return True
    own = own_account(r, found[0].get("email"))
    return False if own is None else own


def named_key(r: Reader, block: Mapping[str, object], kms: str, *supplied: str) -> Key | Unknown | None:
    """The customer's key of one disk, managed in KMS or supplied with the request, which is never repeated."""
    managed = as_key(r.open(block.get(kms)))
    if isinstance(managed, Key):
        return managed
    given = [r.given(name, block) for name in supplied]
    if any(g is True for g in given):
        return Key("cmk", "supplied by the customer")
    return managed or next((g for g in given if isinstance(g, Unknown)), None)


def _disk_key(r: Reader, block: str = "disk_encryption_key") -> Key | Unknown | None:
    found = r.blocks(block)
    if isinstance(found, Unknown):
        return found
    return named_key(r, found[0], "kms_key_self_link", "raw_key", "rsa_encrypted_key") if found else None


def _behind(r: Reader, block: Mapping[str, object]) -> Key | Unknown | None:
    """The key of an existing disk that a machine attaches, where that disk is in the files too."""
    source = r.open(block.get("source"))
    if source is None:
        return None
    disk = r.follow(source)
    if disk is not None and disk.mode == "managed":
        return _disk_key(r.reading(disk))
    return Unknown(GapCode.NOT_FETCHED, "a disk is attached that is not in these files")


def _instance_disks(r: Reader) -> Iterator[Key | Unknown | None]:
    for path in ("boot_disk", "attached_disk"):
        found = r.blocks(path)
        if isinstance(found, Unknown):
            yield found
            continue
        for b in found:
            own = named_key(r, b, "kms_key_self_link", "disk_encryption_key_raw", "disk_encryption_key_rsa")
            yield own if own is not None else _behind(r, b)


def _template_disks(r: Reader) -> Iterator[Key | Unknown | None]:
    found = r.blocks("disk")
    if isinstance(found, Unknown):
        yield found
        return
    for b in found:
        if r.text("type", b) == "SCRATCH" or r.text("disk_type", b) == "local-ssd":
            continue
        keys = r.blocks("disk_encryption_key", b)
        if isinstance(keys, Unknown):
            yield keys
        elif keys:
            yield named_key(r, keys[0], "kms_key_self_link", "raw_key", "rsa_encrypted_key")
        else:
            yield _behind(r, b)


def _volumes(disks: Callable[[Reader], Iterator[Key | Unknown | None]]) -> Row:
    return Row("enc.volume_key", lambda r: weakest(disks(r)), DEFAULT_ENCRYPTION)


FIND = attached("guest_accelerator", "machine_type")


def _sensitive(r: Reader) -> Value:
    """A machine with an accelerator counts as sensitive unless its labels say otherwise."""
    said = mark(r, ("labels",))
    if has_accelerator(FIND)(r):
        return True if said is None or isinstance(said, Unknown) else said
    return said or False


def _cards(r: Reader) -> Value:
    """Each network card as `NETWORK SUBNETWORK V4 V6`: its places (`-` for none said), and whether it has addresses outside."""
    found = r.blocks(NETWORK_CARDS)
    if isinstance(found, Unknown):
        return (found,)
    return tuple(_card(r, b) for b in found)


def _card(r: Reader, b: Mapping[str, object]) -> str | Unknown:
    places = [one(r, b.get(name)) for name in ("network", "subnetwork")]
    outside = [r.blocks(name, b) for name in ("access_config", "ipv6_access_config")]
    doubt = next((x for x in places if isinstance(x, Unknown)), None)
    if doubt is not None:
        return doubt
    had = ["unknown" if isinstance(x, Unknown) else "yes" if x else "no" for x in outside]
    return " ".join([*(str(p or "-") for p in places), *had])


MACHINE = (
    COMPUTE,
    Row("net.public", _public),
    Row("net.interfaces", _cards),
    Row("net.tags", lambda r: r.texts("tags") or ()),
    links("net.accounts", "service_account.email"),
    flag("boot.secure", f"{SHIELDED}.enable_secure_boot", Default(False, DOCS)),
    _on_unless_off("boot.vtpm", "enable_vtpm"),
    _on_unless_off("boot.integrity", "enable_integrity_monitoring"),
    Row("identity.own", _account),
    Row(
        "cc.tech",
        lambda r: confidential(r, "confidential_instance_config", "enable_confidential_compute"),
        Default("", DOCS),
    ),
    *accelerator_rows(FIND),
    Row("sensitive", _sensitive),
)
INSTANCE = (*MACHINE, _volumes(_instance_disks))
TEMPLATE = (*MACHINE, _volumes(_template_disks))

# Which block of a machine decides each fact, where the machine is made from a template and may say it again itself.
_DECIDES = {
    "net.public": NETWORK_CARDS,
    "net.interfaces": NETWORK_CARDS,
    "net.tags": "tags",
    "net.accounts": "service_account",
    "boot.secure": SHIELDED,
    "boot.vtpm": SHIELDED,
    "boot.integrity": SHIELDED,
    "identity.own": "service_account",
    "cc.tech": "confidential_instance_config",
    "enc.volume_key": "boot_disk",
    "sensitive": "labels",
}


def _from_template(own: Row, inherited: Row) -> Row:
    """A row of a machine made from a template: its own words, else the template's."""
    decides = _DECIDES.get(own.fact, "guest_accelerator")

    def read(r: Reader) -> Answer:
        if own.fact == "google.service" or stands(decides)(r):
            return own.read(r)
        template = r.follow(r.at("source_instance_template"))
        if template is None or template.mode != "managed":
            return Unknown(GapCode.NOT_FETCHED, "it is as its template says, which is not in these files")
        found = inherited.read(r.reading(template))
        return inherited.default.value if found is None and inherited.default is not None else found

    return Row(own.fact, read, own.default)


FROM_TEMPLATE = tuple(_from_template(own, inherited) for own, inherited in zip(INSTANCE, TEMPLATE, strict=True))
REFS = (("network", "network_interface.network"), ("subnet", "network_interface.subnetwork"))


def _machine(native: str, kind: Kind, rows: tuple[Row, ...], *refs: tuple[str, str]) -> Native:
    return Native(type=native, kind=kind, provider="gcp", labels_at="labels", rows=rows, refs=(*REFS, *refs))


def _disk(native: str, block: str) -> Native:
    return Native(
        type=native,
        kind=Kind.DISK,
        provider="gcp",
        labels_at="labels",
        rows=(COMPUTE, Row("enc.key", lambda r: _disk_key(r, block), DEFAULT_ENCRYPTION), marked("labels")),
        refs=(("key", f"{block}.kms_key_self_link"),),
    )


TABLE = (
    _machine("google_compute_instance", Kind.INSTANCE, INSTANCE, ("disk", "boot_disk.source")),
    _machine("google_compute_instance_template", Kind.TEMPLATE, TEMPLATE),
    _machine("google_compute_region_instance_template", Kind.TEMPLATE, TEMPLATE),
    _machine(
        "google_compute_instance_from_template",
        Kind.INSTANCE,
        FROM_TEMPLATE,
        ("template", "source_instance_template"),
    ),
    _disk("google_compute_disk", "disk_encryption_key"),
    _disk("google_compute_region_disk", "disk_encryption_key"),
    _disk("google_compute_image", "image_encryption_key"),
    _disk("google_compute_snapshot", "snapshot_encryption_key"),
)
