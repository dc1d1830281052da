"""The log, for whoever writes to it: open it, append, get receipts, publish."""

import os
import pwd
import secrets
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from strongroom.app.log_places import SCHEMA, Settings, decode_settings, disclosures_of, exists, storage_of
from strongroom.app.log_witnesses import Cosigned, accepted, ask
from strongroom.kit import log_entry
from strongroom.kit.log_entry import commitment
from strongroom.kit.receipt import make_receipt, seal_decision
from strongroom.kit.tlog import policy as policies
from strongroom.kit.tlog.checkpoint import Checkpoint
from strongroom.kit.tlog.cosignature import Cosigner
from strongroom.kit.tlog.keys import Kind, SignerKey, VerifierKey
from strongroom.kit.tlog.merkle import leaf_hash
from strongroom.kit.tlog.note import Signer
from strongroom.kit.tlog.policy import Policy
from strongroom.ledger import keyfile, tree
from strongroom.ledger.publisher import Head, publish, published
from strongroom.ledger.sequencer import Sequenced, Sequencer, empty_checkpoint
from strongroom.ledger.storage import Disclosures, Storage
from strongroom.model.errors import BadInput, LogError, LogUnavailable, NotFound, Unreadable
from strongroom.model.log import LogEntry, SealedEntry
from strongroom.model.trust import Decision, Receipt

REFRESH = timedelta(minutes=1)  # after which witnesses are asked again about a checkpoint that they know

Clock = Callable[[], datetime]


def now() -> datetime:
    """The clock."""
    return datetime.now(UTC)  # noqa: TID251 - app is where the clock is asked


@dataclass(frozen=True, slots=True)
class Appended:
    """An entry that the log has taken, with what proves it. `checkpoint` is cosigned where the log waits for witnesses."""

    index: int
    leaf: bytes
    proof: tuple[bytes, ...]
    checkpoint: bytes


@dataclass(frozen=True, slots=True)
class Place:
    """Where a log is, and the files beside it: `keys` sign (the first one every batch), `policy` names the witnesses."""

    where: str
    keys: tuple[Path, ...] = ()
    policy: Path | None = None

    def key_files(self) -> tuple[Path, ...]:
        """The key files as given, or `<log>.key` and `<log>.ml-dsa.key` beside a log in a folder. Raises BadInput."""
        if self.keys:
            return self.keys
        if "://" in self.where:
            raise BadInput(f"log {self.where}", "no key file", "the file of its key", "name it with --key")
        first, second = Path(f"{self.where}.key"), Path(f"{self.where}.ml-dsa.key")
        return (first, second) if exists(second) else (first,)

    def read_policy(self) -> Policy | None:
        """The policy as given, or `<log>.policy` beside a log in a folder, if there is one."""
        path = self.policy or (Path(f"{self.where}.policy") if "://" not in self.where else None)
        if path is None or (self.policy is None and not exists(path)):
            return None
        return read_policy(path)


def read_policy(path: Path) -> Policy:
    """The trust policy of a file (c2sp.org/tlog-policy). Raises Unreadable, Malformed."""
    try:
        return policies.parse(path.read_bytes())
    except OSError as e:
        raise Unreadable(f"policy {path}", (e.strerror or "an error").lower(), "a tlog-policy file") from None


def fresh_key(name: str, kind: Kind) -> SignerKey:
    """A new key. Raises Malformed for a name that is none."""
    return SignerKey(name, kind, secrets.token_bytes(32))


def make_key(name: str, path: Path, *, witness: bool, algorithm: str | None) -> VerifierKey:
    """A new key of a log or a witness in a file; its public half. `algorithm` is `ed25519`, `ml-dsa-44` or the usual one.

    Raises:
        Malformed: the name is none.
        BadInput, Unreadable: the file is there already, or cannot be written.
    """
    kind = Kind.COSIGNATURE_ML_DSA_44
    if (algorithm or ("ml-dsa-44" if witness else "ed25519")) == "ed25519":
        kind = Kind.COSIGNATURE_ED25519 if witness else Kind.ED25519
    key = fresh_key(name, kind)
    keyfile.write(path, key)
    return key.verifier


def own_origin() -> str:
    """An origin for a log that nobody named: this host, and chance."""
    return f"{socket.gethostname() or 'localhost'}/strongroom/{secrets.token_hex(4)}"


def create(place: Place, origin: str = "", *, ml_dsa: bool = False, require_quorum: bool = False) -> Settings:
    """Make a log, and its keys where the key files are not there yet.

    Raises:
        BadInput: there is a log already, a key is of another kind or name, or a quorum is required and no policy has one.
        LogUnavailable, Unreadable: the place or a key file cannot be written.
    """
    paths = place.keys or place.key_files()
    if ml_dsa and not place.keys:
        paths = (*paths[:1], Path(f"{place.where}.ml-dsa.key"))
    policy = place.read_policy()
    if require_quorum and (policy is None or policy.quorum is None):
        hint = f"write a tlog-policy to {place.where}.policy, or name it with --policy"
        raise BadInput(f"log {place.where}", "no quorum of witnesses", "a policy that has one", hint)
    first = _key(paths[0], origin or own_origin(), Kind.ED25519)
    name = first.verifier.name
    if origin and name != origin:
        raise BadInput(f"key file {paths[0]}", f"a key of {name}", origin)
    keys = [first, *(_key(path, name, Kind.COSIGNATURE_ML_DSA_44) for path in paths[1:])]
    settings = Settings(SCHEMA, name, tuple(str(key.verifier) for key in keys), require_quorum)
    storage = storage_of(place.where)
    try:
        storage.create(settings.encode(), empty_checkpoint(first))
    finally:
        storage.close()
    return settings


def _key(path: Path, name: str, kind: Kind) -> SignerKey:
    try:
        key = keyfile.read(path)
    except NotFound:
        key = fresh_key(name, kind)
        try:
            keyfile.write(path, key)
        except BadInput:
            key = keyfile.read(path)  # another process made it just now
    if key.verifier.kind is not kind:
        raise BadInput(f"key file {path}", f"a key of type 0x{key.verifier.kind:02x}", f"0x{kind:02x}")
    return key


def _keys_of(place: Place, settings: Settings) -> tuple[SignerKey, ...]:
    keys = tuple(keyfile.read(path) for path in place.key_files())
    if tuple(str(key.verifier) for key in keys) != settings.keys:
        found = ", ".join(repr(key) for key in keys)
        raise BadInput(f"keys of {place.where}", found, "the keys that the log was made with")
    return keys


@dataclass(slots=True)
class Log:
    """An open log that can be written to. Threads may share it."""

    place: Place
    settings: Settings
    storage: Storage
    disclosures: Disclosures
    keys: tuple[SignerKey, ...]
    policy: Policy | None
    sequencer: Sequencer
    clock: Clock = now
    offline: bool = False
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _asked_at: datetime | None = None
    trouble: LogError | None = None  # why publishing in the background failed last

    @classmethod
    def open(cls, place: Place, *, clock: Clock = now, offline: bool = False) -> Self:
        """Take up a log. Raises NotFound, LogUnavailable, LogDamaged, and what is wrong with its keys."""
        with ExitStack() as stack:
            storage = storage_of(place.where)
            stack.callback(storage.close)
            settings = decode_settings(storage.settings(), place.where)
            keys = _keys_of(place, settings)
            sequencer = Sequencer(storage, keys[0])
            sequencer.open()
            policy = place.read_policy()
            disclosures = disclosures_of(place.where)
            stack.pop_all()
        return cls(place, settings, storage, disclosures, keys, policy, sequencer, clock, offline)

    def __enter__(self) -> Self:
        """The log itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop publishing, and let go of the place."""
        self.close()

    def append(self, entries: Sequence[SealedEntry]) -> tuple[Appended, ...]:
        """Put entries into the log. On return they are durable, and witnessed where the log demands it.

        Raises:
            LogUnavailable: they are not; nobody has a receipt for them.
            LogDamaged, TooLarge: as the sequencer.
        """
        if self.trouble is not None and not isinstance(self.trouble, LogUnavailable):
            raise self.trouble
        sealed = {commitment(text): text for entry in entries for text in entry.disclosures}
        if sealed:
            self.disclosures.keep(sealed)
        taken = self.sequencer.append([entry.data for entry in entries])
        if self.settings.require_quorum:
            return self._witnessed(entries, taken)
        leaves = [leaf_hash(entry.data) for entry in entries]
        return tuple(Appended(s.index, leaf, s.proof(), s.checkpoint) for s, leaf in zip(taken, leaves, strict=True))

    def _witnessed(self, entries: Sequence[SealedEntry], taken: Sequence[Sequenced]) -> tuple[Appended, ...]:
        """Receipts under a checkpoint that the quorum has cosigned."""
        done = self.publish()
        subject = f"entry {taken[0].index}" if taken else "nothing"
        if done is None or done.head.checkpoint.size < taken[-1].index + 1:
            raise LogUnavailable(f"log {self.place.where}", f"{subject} not published yet", "the quorum of witnesses")
        if not done.quorum:
            found = f"{subject} in the log, and {done.summary()}"
            raise LogUnavailable(f"log {self.place.where}", found, "the quorum of witnesses", "see that they answer")
        head = done.head.checkpoint
        leaves = [leaf_hash(entry.data) for entry in entries]
        proofs = [tree.inclusion(s.index, leaf, head, self.storage.read) for s, leaf in zip(taken, leaves, strict=True)]
        return tuple(
            Appended(s.index, leaf, proof, done.head.note) for s, leaf, proof in zip(taken, leaves, proofs, strict=True)
        )

    def record(self, entry: LogEntry, sealed: Sequence[str] = ()) -> Appended:
        """Put one entry into the log, with commitments in place of the fields named in `sealed`."""
        return self.append([sealing(entry, sealed)])[0]

    def decide(self, decision: Decision, sealed: Sequence[str] = ()) -> Receipt:
        """Log a decision; the receipt is what a gate wants. Raises LogUnavailable: then there is none, and the gate denies."""
        entry = seal_decision(decision, sealed, lambda: secrets.token_bytes(log_entry.SALT_SIZE))
        done = self.append([entry])[0]
        return make_receipt(decision, done.index, done.proof, done.checkpoint, entry.disclosures)

    def publish(self) -> Cosigned | None:
        """Write tiles for what is sequenced, ask the witnesses, and publish the checkpoint; None when another is at it.

        Raises:
            LogUnavailable, LogDamaged, SplitView: it could not be done.
        """
        target = Head(*self.sequencer.latest())
        seconds = int(self.clock().timestamp())
        extra: list[Signer] = [Cosigner(key, seconds) for key in self.keys[1:]]
        witnesses = self.policy if self.policy is not None and not self.offline else None
        before = self.published()
        if before.checkpoint == target.checkpoint and self._asked_at is not None:
            # Nothing is new: the witnesses are asked again only so often, to say that it is still the latest.
            witnesses = witnesses if self.clock() - self._asked_at >= REFRESH else None
        asked: list[Cosigned] = []

        def cosign(head: Checkpoint, note: bytes) -> bytes:
            assert witnesses is not None  # it is handed on only then
            asked.append(ask(witnesses, Head(head, note), self.storage.read, self.settings.verifiers(), before.note))
            self._asked_at = self.clock()
            return asked[0].head.note

        done = publish(self.storage, target, extra, cosign if witnesses and witnesses.witnesses else None)
        if done is None:
            return None
        return (
            asked[0]
            if asked
            else Cosigned(done, (), quorum=accepted(done.note, self.policy, self.settings.verifiers()) is not None)
        )

    def published(self) -> Head:
        """The published checkpoint as it stands."""
        return published(self.storage)

    def keep_publishing(self, seconds: float = 1.0) -> None:
        """Publish in a thread from now on, until the log is closed; `trouble` says why it failed last."""

        def work() -> None:
            while not self._stop.wait(seconds):
                try:
                    self.publish()
                    self.trouble = None
                except LogError as e:
                    self.trouble = e

        self._thread = threading.Thread(target=work, name="publish", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop publishing, and let go of the place."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self.storage.close()
        self.disclosures.close()


def sealing(entry: LogEntry, names: Sequence[str] = ()) -> SealedEntry:
    """An entry for `append`, with commitments under fresh salts in place of the fields of these names."""
    return log_entry.seal(entry, names, lambda: secrets.token_bytes(log_entry.SALT_SIZE))


def actor() -> str:
    """Who runs this command: the user, as the system knows it, and the host."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"
