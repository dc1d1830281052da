"""What every Google Cloud table shares: sources of defaults, whose key it is, identities, and marks of sensitivity."""

import re
from collections.abc import Callable, Iterable, Mapping

from strongroom.collect.native import INAPPLICABLE, Default, Inapplicable, Reader, Row, as_key
from strongroom.collect.resource import Link, pick, undecided
from strongroom.kit.gcp_iam import is_default_account
from strongroom.kit.kleene import Tri, negate
from strongroom.kit.marks import sensitive
from strongroom.model.codes import GapCode
from strongroom.model.values import Key, Unknown, Value

Maybe = bool | Unknown | None


def docs(resource: str) -> str:
    """The page of the google provider that states the defaults of a resource (`storage_bucket`)."""
    return f"https://registry.terraform.io/providers/hashicorp/google/latest/docs/resources/{resource}"


DEFAULT_ENCRYPTION = Default(Key("provider"), "https://cloud.google.com/docs/security/encryption/default-encryption")
"""Google encrypts whatever is stored, with keys of its own, when no other key is named."""


def service(name: str) -> Row:
    """A row for the Google Cloud service that a resource belongs to."""
    return Row("google.service", lambda _: name)


def _project(r: Reader) -> Value | Inapplicable:
    raw = r.at("project")
    if isinstance(raw, Link):
        return raw.address
    return raw if isinstance(raw, str) and raw and undecided(raw) is None else INAPPLICABLE


PROJECT = Row("google.project", _project)
"""A row for the project that a resource says it is in: its id, or the address of the block that makes it."""


def key_in(fact: str, block: str, attribute: str, default: Default | None = DEFAULT_ENCRYPTION) -> Row:
    """A row for a block that exists only to name the customer's key: where the block stands, the key is the customer's.

    The attribute is required, so a name that is not known yet changes nothing.
    """

    def read(r: Reader) -> Value:
        return required_key(r, block, attribute)

    return Row(fact, read, default)


def required_key(r: Reader, block: str, attribute: str) -> Key | Unknown | None:
    """The customer's key of a block in which it is required; None without the block."""
    found = r.blocks(block)
    if isinstance(found, Unknown):
        return found
    if not found:
        return None
    key = as_key(r.open(found[0].get(attribute)))
    return Key("cmk") if isinstance(key, Unknown) else key


def first_key(r: Reader, block: object, *attributes: str) -> Key | Unknown | None:
    """The customer's key under the first attribute that names one; an unknown one counts when no other does."""
    found = [as_key(r.open(pick(block, a))) for a in attributes]
    return next((k for k in found if isinstance(k, Key)), next((k for k in found if k is not None), None))


def weakest(keys: Iterable[Key | Unknown | None]) -> Key | Unknown | None:
    """The key of many disks: the provider's if one has no other, else unknown if one is, else the first; None of none."""
    all_keys = list(keys)
    if any(k is None for k in all_keys):
        return Key("provider")
    doubt = next((k for k in all_keys if isinstance(k, Unknown)), None)
    return doubt if doubt is not None else (all_keys[0] if all_keys else None)


def not_at(fact: str, path: str, default: Default | None = None) -> Row:
    """A row for the opposite of a boolean; the default is of the fact."""

    def read(r: Reader) -> Maybe:
        found = r.flag(path)
        return None if found is None else negate(found)

    return Row(fact, read, default)


def only_if(row: Row, applies: Callable[[Reader], bool]) -> Row:
    """A row whose question arises only for some resources of its type."""

    def read(r: Reader) -> Value | Inapplicable:
        return row.read(r) if applies(r) else INAPPLICABLE

    return Row(row.fact, read, row.default)


def stands(path: str) -> Callable[[Reader], bool]:
    """Whether anything stands at a path, known or not."""
    return lambda r: r.at(path) not in (None, [], ())


def own_identity(fact: str, *paths: str, absent: Value = False) -> Row:
    """A row for whether a service account of its own is named: not none, and not a project's default one."""

    def read(r: Reader) -> Value:
        return next((own_account(r, r.at(p)) for p in paths if r.at(p) is not None), absent)

    return Row(fact, read)


def own_account(r: Reader, raw: object) -> Maybe:
    """Whether a service account is somebody's own, from its e-mail address or the block that makes it."""
    raw = r.open(raw)
    if isinstance(raw, Link):
        return "default_service_account" not in raw.address
    if isinstance(raw, str):
        if not raw.strip() or raw.strip() == "default" or is_default_account(raw):
            return False
        return undecided(raw) or True
    return raw if isinstance(raw, Unknown) else None


def marked(*paths: str) -> Row:
    """A row for whether labels at one of several paths mark the resource as sensitive. No mark is no sensitivity."""
    return Row("sensitive", lambda r: mark(r, paths) or False)


def mark(r: Reader, paths: Iterable[str]) -> Maybe:
    """What the labels at several paths say together; None when they say nothing, Unknown when they are not known."""
    doubt: Unknown | None = None
    labels: dict[str, str] = {}
    for path in paths:
        raw = r.at(path)
        if isinstance(raw, Mapping):
            known = {str(k): str(r.open(v)) for k, v in raw.items() if undecided(r.open(v)) is None}
            doubt = doubt or next((d for v in raw.values() if (d := undecided(r.open(v))) is not None), None)
            labels = known | labels
        elif raw is not None:
            doubt = doubt or undecided(raw)
    said = sensitive(labels)
    return said if said is not None else doubt


_TECHNOLOGIES = {"sev": "sev", "sev_snp": "sev-snp", "tdx": "tdx"}


def confidential(r: Reader, block: str, switch: str, default_type: str = "sev") -> str | Unknown | None:
    """The technology of a confidential-computing block: its type, or AMD SEV where only the switch is on.

    Source: https://cloud.google.com/confidential-computing/confidential-vm/docs/confidential-vm-overview.
    """
    found = r.blocks(block)
    if isinstance(found, Unknown):
        return found
    if not found:
        return None
    on = r.flag(switch, found[0])
    kind = r.text("confidential_instance_type", found[0])
    if on is False:
        return ""
    if isinstance(kind, str):
        return _TECHNOLOGIES.get(kind.lower(), Unknown(GapCode.UNSUPPORTED, f"confidential type {kind[:40]}"))
    if kind is not None:
        return kind
    return default_type if on is True else on or ""


def any_flag(r: Reader, blocks: tuple[Mapping[str, object], ...], *names: str) -> Tri:
    """Whether one of the blocks has one of the nested blocks; a nested block may be empty and still counts."""
    for b in blocks:
        for name in names:
            inner = r.blocks(name, b)
            if isinstance(inner, Unknown):
                return inner
            if inner or isinstance(pick(b, name), Mapping):
                return True
    return False


_DURATION = re.compile(r"(\d+(?:\.\d+)?)s?")


def days(raw: object) -> float | Unknown | None:
    """A duration in seconds (`7776000s`) as days."""
    doubt = undecided(raw)
    if doubt is not None or raw is None:
        return doubt
    found = _DURATION.fullmatch(str(raw).strip())
    return float(found[1]) / 86400 if found else Unknown(GapCode.MALFORMED, f"found {str(raw)[:40]!r}, wanted seconds")
