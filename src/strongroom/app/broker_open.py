"""The broker of a configuration: its state, its log, its key, its back ends, and what it judges by."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from strongroom.app.appraisal import appraise
from strongroom.app.broker import Broker, Chance, Setup
from strongroom.app.broker_judging import DEBUG, Judged, ReleaseTerms
from strongroom.app.broker_record import Judge
from strongroom.app.broker_self import OPERATOR, OwnEvidence, machine_of
from strongroom.app.broker_tokens import Tokens
from strongroom.app.config import Config
from strongroom.app.key_backends import backend
from strongroom.app.log import Log, Place
from strongroom.app.log import now as clock_now
from strongroom.app.log_default import open_or_create, place_of
from strongroom.app.state_place import state_path
from strongroom.kit.gate import LogGate
from strongroom.kit.tlog import policy as trust
from strongroom.model.errors import Denied, Malformed, Unreadable
from strongroom.model.release import Gate, Keys, KeySettings
from strongroom.store.broker import BrokerStore

if TYPE_CHECKING:
    from strongroom.app.release_evidence import Attester

_NOBODY = b"quorum none\n"
_TWIN = "give it a configuration of its own: another [broker] state, policy and keys"
Clock = Callable[[], datetime]


def places(config: Config) -> tuple[str, Path]:
    """The broker's database, and the folder of its key."""
    beside = Path(state_path(None if "://" in config.state.path else config.state.path or None)).parent
    where = config.broker.state or str(beside / "broker.db")
    near = beside if "://" in where else Path(where).parent
    return where, near


def open_state(config: Config) -> BrokerStore:
    """The broker's database, made where it is not there. Raises StateError."""
    return BrokerStore(places(config)[0])


def open_keys(config: Config, gate: Gate) -> dict[str, Keys]:
    """Every back end that the configuration names, behind the gate.

    Raises NotFound for a name that there is none of, BadInput for its options, KeyUnavailable where it does not open.
    """
    held: dict[str, Keys] = {}
    with ExitStack() as undone:
        for name, options in config.broker.keys.items():
            held[name] = backend(name).open(KeySettings(options, config.broker.seconds), gate)
            undone.callback(held[name].close)
        undone.pop_all()  # all of them are open: whoever asked closes them
    return held


def token_key(config: Config, *, debug: bool = False) -> ec.EllipticCurvePrivateKey:
    """The key that signs tokens; made where it is not there, for its owner alone. Raises Unreadable, Malformed."""
    name = "broker.debug.key" if debug else "broker.key"
    path = Path(config.broker.token_key) if config.broker.token_key else places(config)[1] / name
    try:
        if not path.exists():
            _make_key(path)
        data = path.read_bytes()
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), "the broker's signing key") from None
    try:
        key = load_pem_private_key(data, None)
    except (ValueError, TypeError):
        raise Malformed(str(path), "no private key in PEM", "a P-256 key") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise Malformed(str(path), "another kind of key", "a P-256 key")
    return key


def _make_key(path: Path) -> None:
    made = ec.generate_private_key(ec.SECP256R1())
    text = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:  # another broker made it just now
        return
    with os.fdopen(descriptor, "wb") as f:
        f.write(text)
        f.flush()
        os.fsync(f.fileno())


@dataclass(frozen=True, slots=True)
class Opened:
    """An open broker, and what its server asks beside: what it judges by, who vouches for it, and where its log is."""

    broker: Broker
    config: Config
    judged: Judged
    terms: ReleaseTerms
    shown: OwnEvidence | None
    log: Log
    place: Place
    trust: str  # who vouches for it, as its tokens say
    twin: bool = False


@contextmanager
def opened(
    config: Config,
    *,
    clock: Clock = clock_now,
    chance: Chance = secrets.token_bytes,
    judge: Judge = appraise,
    offline: bool = False,
    certificate: bytes = b"",
    attester: "Attester | None" = None,
    debug: bool = False,
) -> Iterator[Opened]:
    """The broker of a configuration, behind a TLS certificate (DER). Only a test has another `judge` or `attester`.

    `debug` opens a twin for debugging, which must have nothing of production.

    Raises StateError, LogError, NotFound, BadInput, KeyUnavailable: what it is made of cannot be opened.
    Denied: a twin where resources of production are kept.
    """
    with ExitStack() as held:
        place = place_of(config)
        log = held.enter_context(open_or_create(place, made=not config.log.path, offline=offline))
        log.keep_publishing()
        store = open_state(config)
        held.callback(store.close)
        if debug:
            twin_alone(config, store)
        gate = LogGate(place.read_policy() or trust.parse(_NOBODY), log.settings.verifiers())
        keys = open_keys(config, gate)
        for one in keys.values():
            held.callback(one.close)
        judged = Judged(config, clock, offline=offline)
        terms = ReleaseTerms(config, store, debug=debug)
        key = token_key(config, debug=debug)
        machine = attester or machine_of(config.broker.evidence)
        shown = OwnEvidence(machine, key, certificate, lambda: judged.in_force()[0].composite.hash) if machine else None
        trust_word = DEBUG if debug else shown.trust if shown else OPERATOR
        setup = Setup(
            store=store,
            log=log,
            tokens=Tokens(key, trust=trust_word),
            judging=judged,
            algorithm=lambda: judged.in_force()[0].composite.hash,
            policy=terms,
            keys=keys,
            clock=clock,
            chance=chance,
            judge=judge,
            session=timedelta(minutes=config.broker.session_minutes),
            token=timedelta(minutes=config.broker.token_minutes),
        )
        yield Opened(Broker(setup), config, judged, terms, shown, log, place, trust_word, debug)


@contextmanager
def open_broker(
    config: Config,
    *,
    clock: Clock = clock_now,
    chance: Chance = secrets.token_bytes,
    judge: Judge = appraise,
    offline: bool = False,
) -> Iterator[Broker]:
    """The broker of a configuration alone, for whoever does not serve it. Raises as `opened`."""
    with opened(config, clock=clock, chance=chance, judge=judge, offline=offline) as found:
        yield found.broker


def twin_alone(config: Config, store: BrokerStore) -> None:
    """A debug twin tells callers why it refuses: where anything of production is kept, it does not start. Raises Denied."""
    for name, _, _ in store.resources():
        if not name.startswith(f"{DEBUG}/"):
            raise Denied("debug twin", f"{name} in its database", f"resources of the repository {DEBUG} alone", _TWIN)
    if config.broker.token_key:
        raise Denied("debug twin", "[broker] token_key", "a key of its own, made beside its database", _TWIN)


def forget(broker: Broker, kept: timedelta = timedelta(days=1)) -> int:
    """Forget attestations that ended so long ago; how many. Raises StateError."""
    return broker.setup.store.forget(broker.setup.clock() - kept)
