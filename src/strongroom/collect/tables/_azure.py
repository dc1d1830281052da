"""What every Azure table shares: sources of defaults, settings with two names, and the blocks that complete another."""

from collections.abc import Callable, Iterator, Mapping

from strongroom.collect.native import INAPPLICABLE, Default, Inapplicable, Reader, Row, as_key
from strongroom.collect.resource import Link, Resource, undecided
from strongroom.kit.kleene import Tri, all_of, negate
from strongroom.kit.marks import sensitive
from strongroom.model.values import Key, Unknown, Value

DIAGNOSTICS = "azurerm_monitor_diagnostic_setting"


def docs(resource: str, version: str = "latest") -> str:
    """The page of the azurerm provider that states the defaults of a resource (`storage_account`)."""
    return f"https://registry.terraform.io/providers/hashicorp/azurerm/{version}/docs/resources/{resource}"


def flag_of(*paths: str) -> Callable[[Reader], bool | Unknown | None]:
    """Read a boolean that stood under several names over the provider's versions: the first that is set counts."""

    def read(r: Reader) -> bool | Unknown | None:
        return next((v for v in map(r.flag, paths) if v is not None), None)

    return read


def text_of(*paths: str) -> Callable[[Reader], str | Unknown | None]:
    """Read a text that stood under several names over the provider's versions."""

    def read(r: Reader) -> str | Unknown | None:
        return next((v for v in map(r.text, paths) if v is not None), None)

    return read


def flags(fact: str, *paths: str, default: Default | None = None) -> Row:
    """A row for a boolean under one of several names."""
    return Row(fact, flag_of(*paths), default)


def not_flags(fact: str, *paths: str, default: Default | None = None) -> Row:
    """A row for a boolean whose opposite stands under one of several names; the default is of the fact."""
    read = flag_of(*paths)

    def turned(r: Reader) -> Value:
        found = read(r)
        return None if found is None else negate(found)

    return Row(fact, turned, default)


def key_of(*paths: str) -> Callable[[Reader], Key | Unknown | None]:
    """Read whose key encrypts; a key identifier that a data source looks up is still a key of the customer's."""

    def read(r: Reader) -> Key | Unknown | None:
        for path in paths:
            found = as_key(r.at(path))
            if found is not None:
                return found
        return None

    return read


def cmk(fact: str, *paths: str, source: str = "") -> Row:
    """A row for the customer's key at one of several paths; without one Azure encrypts with its own."""
    return Row(fact, key_of(*paths), Default(Key("provider"), source) if source else None)


def identity(path: str = "identity") -> Row:
    """A row for whether a managed identity is attached."""

    def read(r: Reader) -> Value:
        found = r.blocks(path)
        if isinstance(found, Unknown):
            return found
        kind = r.text("type", found[0]) if found else None
        return kind if isinstance(kind, Unknown) else bool(kind)

    return Row("identity.managed", read)


def in_group() -> Row:
    """A row for the resource group that a resource is in: its name, or the address of the block that makes it."""

    def read(r: Reader) -> Value | Inapplicable:
        raw = r.at("resource_group_name")
        if isinstance(raw, Link):
            return raw.address
        return raw if isinstance(raw, str) and raw and undecided(raw) is None else INAPPLICABLE

    return Row("azure.group", read)


def satellite(r: Reader, native: str, *names: str) -> tuple[tuple[Resource, ...], Unknown | None]:
    """The blocks of a type that name this resource under one of several attributes, and a doubt about more."""
    found: dict[int, Resource] = {}
    doubt: Unknown | None = None
    for name in names:
        some = r.satellites(native, name)
        found |= {id(s): s for s in some.found}
        doubt = doubt or some.doubt
    return tuple(found.values()), doubt


def private_endpoint() -> Row:
    """A row for whether a private endpoint leads to this resource."""

    def read(r: Reader) -> Value:
        found, doubt = satellite(
            r, "azurerm_private_endpoint", "private_service_connection.private_connection_resource_id"
        )
        return True if found else doubt or False

    return Row("net.private_endpoint", read)


def log_types() -> Row:
    """A row for the log categories that diagnostic settings send somewhere; a group counts under `group:NAME`."""

    def read(r: Reader) -> Value:
        found, doubt = satellite(r, DIAGNOSTICS, "target_resource_id")
        seen: list[str | Unknown] = [c for s in found for c in categories(r.reading(s))]
        if doubt is not None:
            seen.append(doubt)
        return tuple(dict.fromkeys(seen))

    return Row("log.types", read)


def categories(setting: Reader) -> Iterator[str | Unknown]:
    """The categories that one diagnostic setting switches on (`enabled_log`, and `log` up to provider 3)."""
    for path, needs_on in (("enabled_log", False), ("log", True)):
        blocks = setting.blocks(path)
        if isinstance(blocks, Unknown):
            yield blocks
            continue
        for b in blocks:
            on = setting.flag("enabled", b) if needs_on else True
            name = setting.text("category", b)
            group = setting.text("category_group", b)
            word = f"group:{group}" if isinstance(group, str) and group else group if name is None else name
            if on is False or word is None:
                continue
            yield on if isinstance(on, Unknown) else word


def restricted(*, flag: str, names: str) -> Row:
    """A row for outbound traffic that is limited to a list: the switch is on, and the list names somebody."""

    def read(r: Reader) -> Value:
        listed = r.texts(names)
        return all_of((r.flag(flag) or False, listed if isinstance(listed, Unknown) else bool(listed)))

    return Row("net.egress_restricted", read)


def marked(path: str = "tags", unmarked: Callable[[Reader], Tri] = lambda _: False) -> Row:
    """A row that only sensitive things carry; `unmarked` says whether one without a mark counts as such."""

    def read(r: Reader) -> Value | Inapplicable:
        found = _mark(r, path)
        if found is None:
            found = unmarked(r)
        return INAPPLICABLE if found is False else found

    return Row("sensitive", read)


def _mark(r: Reader, path: str) -> bool | Unknown | None:
    tags = r.at(path)
    if not isinstance(tags, Mapping):
        return None if tags is None else undecided(tags)
    known = {str(k): r.open(v) for k, v in tags.items()}
    said = sensitive({k: str(v) for k, v in known.items() if undecided(v) is None})
    if said:
        return True
    doubts = (undecided(v) for k, v in known.items() if k.lower() in ("tier", "artifact", "sensitivity"))
    return next((d for d in doubts if d is not None), said)
