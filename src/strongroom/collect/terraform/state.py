"""Terraform's own state file, version 4, in neutral form: what Terraform last saw of everything that it manages.

Source: Terraform, internal/states/statefile/version4.go, and `terraform state pull`, which prints the same. Values stay
as undecoded slices of the file until their resource is read, so that a state of 100,000 resources fits in memory.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from strongroom.collect.resource import Resource, Sensitive
from strongroom.model.codes import GapCode
from strongroom.model.errors import Malformed
from strongroom.model.values import Unknown, Where

PULL = "terraform state pull > state.json"
_NOTHING = msgspec.Raw(b"null")

# Attributes that providers hold to be secret. A state lists what *expressions* made sensitive; what a provider's own
# schema says is written without a mark (before Terraform 1.10, and for everything that older versions wrote).
_TELLING = (
    r"[a-z0-9_]*(?:password|passwd|passphrase|secret|private_key|private_key_pem|access_key|api_key|auth_token"
    r"|client_secret|secret_string|secret_binary|secret_data|connection_string|sas_token|kube_config_raw"
    r"|kube_admin_config_raw|credentials|certificate_key|shared_key|primary_key|secondary_key|token)"
)
_TELLING_NAME = re.compile(_TELLING)
_TELLING_TEXT = re.compile(rf'"{_TELLING}"\s*:\s*(?!null|""|\[\]|true|false)'.encode())
_OF_TYPE: Mapping[str, tuple[str, ...]] = {
    "aws_ssm_parameter": ("value", "insecure_value"),
    "azurerm_key_vault_secret": ("value",),
    "kubernetes_config_map": ("data",),
    "kubernetes_secret": ("data", "binary_data"),
    "kubernetes_secret_v1": ("data", "binary_data"),
    "random_password": ("result", "bcrypt_hash"),
    "local_sensitive_file": ("content", "content_base64"),
}


class _Instance(msgspec.Struct):
    index_key: int | str | float | None = None
    status: str = ""
    deposed: str = ""
    attributes: msgspec.Raw = _NOTHING
    attributes_flat: dict[str, str] | None = None
    sensitive_attributes: msgspec.Raw = _NOTHING
    dependencies: list[str] = []


class _Resource(msgspec.Struct):
    mode: str
    type: str
    name: str
    module: str = ""
    instances: list[_Instance] = []


class State(msgspec.Struct):
    """The document, as far as it is read. What is None was not in the file."""

    version: int | None = None
    terraform_version: str = ""
    serial: int | None = None
    lineage: str | None = None
    resources: list[_Resource] | None = None
    encrypted_data: str | None = None


_DECODER = msgspec.json.Decoder(State)


@dataclass(slots=True)
class Blank(Mapping[str, object]):
    """The values of a resource whose attributes cannot be read: every one of them is unknown, none is absent."""

    why: Unknown

    def __getitem__(self, name: str) -> object:
        return self.why

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One object of the state, with what the state alone knows of it: that it is tainted, or left over."""

    resource: Resource
    tainted: bool = False
    deposed: str = ""


def load(data: bytes, subject: str) -> State:
    """Decode a state. Raises Malformed when it is none, of another version, or encrypted."""
    try:
        state = _DECODER.decode(data)
    except (msgspec.DecodeError, RecursionError) as e:
        found = re.sub(r"\s+", " ", str(e)).lower()[:120]
        raise Malformed(subject, found, "a Terraform state of version 4", PULL) from None
    if state.encrypted_data is not None:
        hint = "tofu state pull > state.json, where its key is; or tofu show -json > state-shown.json, and give plan:"
        raise Malformed(subject, "a state that OpenTofu encrypted", "one in plain text", hint)
    if state.version is None:
        raise Malformed(subject, "no version", "a Terraform state of version 4", PULL)
    if state.version != 4:
        older = state.version < 4
        hint = f"{PULL}, with Terraform 0.12 or later, which rewrites it" if older else "update strongroom"
        raise Malformed(subject, f"a state of version {state.version}", "version 4", hint)
    return state


def doubts(state: State) -> Iterator[str]:
    """What shows that the file was not written whole by Terraform."""
    missing = [name for name in ("serial", "lineage", "resources") if getattr(state, name) is None]
    if missing:
        yield f"it has no {' and no '.join(missing)}: Terraform always writes them, so the file is not as it was written"


def entries(state: State, file: str, label: str) -> Iterator[Entry]:
    """Every object that the state holds: instances, data sources, and what was deposed and not yet destroyed."""
    for r in state.resources or ():
        prefix = f"{r.module}." if r.module else ""
        stem = f"{prefix}{'data.' if r.mode == 'data' else ''}{r.type}.{r.name}"
        for i in r.instances:
            address = stem + _index(i.index_key)
            if i.deposed:
                address += f" (deposed {i.deposed[:40]})"
            resource = Resource(
                address,
                r.type,
                r.name,
                _values(i, r.type),
                Where(file, path=address),
                mode=r.mode,
                module=r.module,
                depends=tuple(i.dependencies),
                label=label,
            )
            yield Entry(resource, i.status == "tainted", i.deposed[:40])


def _index(key: float | str | None) -> str:
    if key is None:
        return ""
    return f"[{json.dumps(key, ensure_ascii=False)}]" if isinstance(key, str) else f"[{int(key)}]"


def _values(instance: _Instance, native: str) -> Mapping[str, object]:
    found = msgspec.json.decode(instance.attributes)
    if not isinstance(found, dict):
        why = "its attributes are missing: the state was not written whole"
        if instance.attributes_flat is not None:
            why = "its attributes are in the form of Terraform 0.11: run terraform apply -refresh-only"
        return Blank(Unknown(GapCode.UNSUPPORTED, why))
    values: dict[str, object] = found
    for name in _OF_TYPE.get(native, ()):
        if values.get(name) is not None:
            values[name] = Sensitive(values[name])
    if _TELLING_TEXT.search(bytes(instance.attributes)):
        values = {k: _named(k, v) for k, v in values.items()}
    for path in _paths(msgspec.json.decode(instance.sensitive_attributes)):
        values = _hidden(values, path)
    return values


def _named(name: str, value: object) -> object:
    """A value with everything sensitive in it that has the name of a secret. Flags and numbers tell nothing."""
    if isinstance(value, Sensitive) or value is None or isinstance(value, bool | int | float):
        return value
    if _TELLING_NAME.fullmatch(name) and value not in ("", [], {}):
        return Sensitive(value)
    if isinstance(value, dict):
        return {k: _named(k, v) for k, v in value.items()}
    if isinstance(value, list):
        return [_named("", v) for v in value]
    return value


def _paths(raw: object) -> Iterator[Sequence[object]]:
    """The sensitive paths; one that cannot be followed ends where it is last understood, and so hides more."""
    for steps in raw if isinstance(raw, list) else ():
        path: list[object] = []
        for step in steps if isinstance(steps, list) else ():
            value = step.get("value") if isinstance(step, dict) else step
            if isinstance(value, dict):  # an index step wraps its value with its type
                value = value.get("value")
            if not isinstance(value, str | int | float):
                break
            path.append(value)
        yield path


def _hidden(values: dict[str, object], path: Sequence[object]) -> dict[str, object]:
    if not path or not isinstance(path[0], str):  # it says nothing that is understood: then everything is secret
        return {k: Sensitive(v) for k, v in values.items()}
    if path[0] not in values:
        return values
    return {**values, path[0]: _at(values[path[0]], path[1:])}


def _at(value: object, path: Sequence[object]) -> object:
    if isinstance(value, Sensitive) or value is None:
        return value
    if path and isinstance(value, dict) and path[0] in value:
        return {k: _at(v, path[1:]) if k == path[0] else v for k, v in value.items()}
    if path and isinstance(value, list) and isinstance(path[0], int | float) and 0 <= path[0] < len(value):
        here = int(path[0])
        return [_at(v, path[1:]) if i == here else v for i, v in enumerate(value)]
    return Sensitive(value)
