"""The broker of a configuration: its state, its log, its key, its back ends, and what it judges by."""

import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from strongroom.app.appraisal import appraise
from strongroom.app.attest_policy import load as load_policy
from strongroom.app.broker import Broker, Chance, Judging, Setup
from strongroom.app.broker_record import Judge
from strongroom.app.broker_tokens import Tokens
from strongroom.app.config import Config
from strongroom.app.endorsements import gather
from strongroom.app.evidence import wants
from strongroom.app.key_backends import backend
from strongroom.app.log import now as clock_now
from strongroom.app.log_default import open_or_create, place_of
from strongroom.app.references import load as load_references
from strongroom.app.release_policy import in_force
from strongroom.app.release_policy import load as load_terms
from strongroom.app.state import state_path
from strongroom.attest.policy import Policy
from strongroom.kit.gate import LogGate
from strongroom.kit.tlog import policy as trust
from strongroom.model.attest import Endorsements, Evidence, ReferenceValues
from strongroom.model.errors import BadInput, Denied, Malformed, Unreadable
from strongroom.model.release import Gate, Keys, KeySettings, ReleasePolicy
from strongroom.store.broker import BrokerStore

_NOBODY = b"quorum none\n"
_MOST = 4096  # endorsements of machines that are kept in memory
Clock = Callable[[], datetime]


def places(config: Config) -> tuple[str, Path]:
    """The broker's database, and the folder of its records."""
    beside = Path(state_path(None if "://" in config.state.path else config.state.path or None)).parent
    where = config.broker.state or str(beside / "broker.db")
    near = beside if "://" in where else Path(where).parent
    return where, Path(config.broker.files) if config.broker.files else near / "broker"


def open_state(config: Config) -> tuple[BrokerStore, Path]:
    """The broker's database, made where it is not there, and the folder of its records. Raises StateError."""
    where, files = places(config)
    return BrokerStore(where), files


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


def token_key(config: Config) -> ec.EllipticCurvePrivateKey:
    """The key that signs tokens; made where it is not there, for its owner alone. Raises Unreadable, Malformed."""
    path = Path(config.broker.token_key) if config.broker.token_key else places(config)[1].parent / "broker.key"
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


class Judged:
    """What evidence is judged by: policy and references read again when a file changes, endorsements kept by what they are of."""

    def __init__(self, config: Config, clock: Clock, *, offline: bool) -> None:
        self._config, self._clock, self._offline = config, clock, offline
        self._lock = threading.Lock()
        self._stamp: tuple[object, ...] = ()
        self._held: tuple[Policy, ReferenceValues] | None = None
        self._given: dict[tuple[object, ...], tuple[Endorsements, datetime]] = {}

    def in_force(self) -> tuple[Policy, ReferenceValues]:
        """The appraisal policy and the reference values, as the files are now. Raises BadInput."""
        a = self._config.attest
        stamp = _stamp((a.policy, *a.references, *(f"{r}.sig" for r in a.references), *a.endorsements))
        with self._lock:
            if self._held is None or stamp != self._stamp:
                policy = load_policy(a.policy) if a.policy else Policy()
                self._held = policy, load_references(a.references, self._config, a.keys)
                self._stamp, self._given = stamp, {}
            return self._held

    def __call__(self, evidence: Evidence, now: datetime) -> Judging:
        """What this evidence is judged by. Raises BadInput."""
        policy, references = self.in_force()
        wanted = wants(evidence)
        with self._lock:
            held = self._given.get(wanted)
        if held is None or now - held[1] > timedelta(hours=1):
            found = gather((), wanted, now, self._config, offline=self._offline, keys=self._config.attest.keys)
            held = found.endorsements, now
            with self._lock:
                if len(self._given) >= _MOST:
                    self._given.clear()
                self._given[wanted] = held
        return Judging(policy, references, held[0])


class Terms:
    """The release policy that counts: read again when it changes, never one that is older than one that counted."""

    def __init__(self, config: Config, store: BrokerStore) -> None:
        self._config, self._store = config, store
        self._lock = threading.Lock()
        self._stamp: tuple[object, ...] | None = None
        self._held: ReleasePolicy | None = None

    def __call__(self) -> ReleasePolicy | None:
        """The policy; None where there is none that its signers have signed. Raises StateError."""
        path = self._config.broker.policy
        with self._lock:
            stamp = _stamp((path, *_notes(path)))
            if stamp != self._stamp:
                self._held, self._stamp = self._read(path), stamp
            return self._held

    def _read(self, path: str) -> ReleasePolicy | None:
        if not path or not Path(path).exists():
            return None
        try:
            found = in_force(load_terms(path), self._config.broker.signers, self._config.broker.threshold)
            self._store.in_force(found.name, found.version, found.digest)
        except (BadInput, Denied):
            return None  # what cannot be believed names nothing: every resource is denied
        return found


def _notes(path: str) -> tuple[str, ...]:
    at = Path(path)
    try:
        return tuple(sorted(str(p) for p in at.parent.glob(f"{at.name}*.sig"))) if path else ()
    except OSError:
        return ()


def _stamp(paths: tuple[str, ...]) -> tuple[object, ...]:
    found: list[object] = []
    for path in paths:
        try:
            s = Path(path).stat() if path else None
        except OSError:
            s = None
        found.append((path, s.st_mtime_ns, s.st_size, s.st_ino) if s else (path, 0, 0, 0))
    return tuple(found)


@contextmanager
def open_broker(
    config: Config,
    *,
    clock: Clock = clock_now,
    chance: Chance = secrets.token_bytes,
    judge: Judge = appraise,
    offline: bool = False,
) -> Iterator[Broker]:
    """The broker of a configuration. Only a test has another `judge`: one with roots of its own.

    Raises StateError, LogError, NotFound, BadInput, KeyUnavailable: what it is made of cannot be opened.
    """
    with ExitStack() as held:
        place = place_of(config)
        log = held.enter_context(open_or_create(place, made=not config.log.path, offline=offline))
        log.keep_publishing()
        store, files = open_state(config)
        held.callback(store.close)
        gate = LogGate(place.read_policy() or trust.parse(_NOBODY), log.settings.verifiers())
        keys = open_keys(config, gate)
        for one in keys.values():
            held.callback(one.close)
        judged = Judged(config, clock, offline=offline)
        yield Broker(
            Setup(
                store=store,
                log=log,
                tokens=Tokens(token_key(config), trust="operator-trusted"),
                files=files,
                judging=judged,
                algorithm=lambda: judged.in_force()[0].composite.hash,
                policy=Terms(config, store),
                keys=keys,
                clock=clock,
                chance=chance,
                judge=judge,
                session=timedelta(minutes=config.broker.session_minutes),
                token=timedelta(minutes=config.broker.token_minutes),
            )
        )


def forget(broker: Broker, kept: timedelta = timedelta(days=1)) -> int:
    """Forget attestations that ended so long ago; how many. Raises StateError."""
    return broker.setup.store.forget(broker.setup.clock() - kept)
