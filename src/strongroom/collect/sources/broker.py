"""`broker:FILE`: a broker, by its configuration. What it has done is in its state and its log, which the file names.

Here is what the file says; `app` opens state and log, makes each release again, and lays what comes of it beside this.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from strongroom.model.errors import Malformed, TooLarge, Unreadable
from strongroom.model.estate import Asset, Estate, Fact, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.ports import Collector, Peek, Request
from strongroom.model.values import Value, Where

NATIVE = "strongroom.broker"
_MOST = 1 << 20  # bytes
_WHAT = "the configuration of a broker"
_HINT = "name the file that `strongroom serve broker --config` reads, with a section [broker]"


class _Admin(msgspec.Struct):
    name: str
    roles: tuple[str, ...] = ()


class _Oidc(msgspec.Struct):
    issuer: str = ""
    roles: dict[str, tuple[str, ...]] = {}


class _Broker(msgspec.Struct):
    signers: tuple[str, ...] = ()
    threshold: int = 1
    keys: dict[str, dict[str, str]] = {}
    admins: tuple[_Admin, ...] = ()
    oidc: _Oidc = msgspec.field(default_factory=_Oidc)
    redact_log: bool = True


class _File(msgspec.Struct):
    broker: _Broker


def recognises(peek: Peek) -> int:
    """A TOML file with a section of a broker."""
    if peek.is_dir or peek.path.suffix.lower() != ".toml":
        return 0
    return 85 if b"\n[broker" in b"\n" + peek.head else 0


def collect(request: Request) -> Estate:
    """The broker that a configuration is of. Raises Unreadable, TooLarge, Malformed."""
    path = Path(request.target)
    data = _octets(path)
    held = _parsed(data, str(path)).broker
    where = Where(str(path))
    facts = {name: Fact(name, value, where, request.spec) for name, value in _facts(held)}
    prefix = f"{request.label}:" if request.label else ""
    asset = Asset(
        id=f"{prefix}broker:{path.name}",
        kind=Kind.KEY_VAULT,
        native_type=NATIVE,
        address=path.name,
        name=path.name,
        facts=facts,
        where=where,
        origin=request.spec,
    )
    kinds = (Kind.KEY_VAULT, Kind.KEY)
    read = SourceRead(request.spec, "broker", "a broker's configuration, state and log", 1, len(data), kinds)
    return Estate((asset,), (), (read,), request.now)


def _octets(path: Path) -> bytes:
    try:
        with path.open("rb") as f:
            data = f.read(_MOST + 1)
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), _WHAT, _HINT) from None
    if len(data) > _MOST:
        raise TooLarge(str(path), f"over {_MOST >> 20} MiB", _WHAT)
    return data


def _parsed(data: bytes, subject: str) -> _File:
    try:
        return msgspec.convert(tomllib.loads(data.decode("utf-8")), _File)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError, msgspec.ValidationError) as e:
        raise Malformed(subject, str(e).lower()[:200], _WHAT, _HINT) from None


def _facts(held: _Broker) -> Iterator[tuple[str, Value]]:
    yield "broker.log_redacted", held.redact_log
    yield "broker.backends", tuple(held.keys)
    yield "broker.signers", len(held.signers)
    yield "broker.threshold", held.threshold
    yield "broker.admins", tuple(f"{a.name}: {' '.join(a.roles)}" for a in held.admins)
    yield "broker.oidc", held.oidc.issuer or None
    yield "broker.oidc_words", tuple(f"{word}: {' '.join(roles)}" for word, roles in held.oidc.roles.items())


COLLECTOR = Collector(
    scheme="broker",
    title="A broker's configuration, state and log",
    reads="the configuration of `strongroom serve broker`, and by it the broker's policy, state and log, read-only",
    kinds=(Kind.KEY_VAULT, Kind.KEY),
    recognises=recognises,
    collect=collect,
)
