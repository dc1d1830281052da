"""Audit a log: every entry, every tile, every signature, every witness; and say plainly what that proves."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from strongroom.app.log import Place
from strongroom.app.log_places import Reading, disclosures_of, reading, settings_of
from strongroom.app.log_witnesses import accepted, compare
from strongroom.kit import log_entry
from strongroom.kit.tlog import note as notes
from strongroom.kit.tlog.audit import Fault, audit
from strongroom.kit.tlog.checkpoint import Checkpoint, open_checkpoint, parse
from strongroom.kit.tlog.cosignature import verifier
from strongroom.kit.tlog.keys import VerifierKey
from strongroom.kit.tlog.note import VerifiedSignature
from strongroom.kit.tlog.policy import Policy
from strongroom.ledger import cosigners, tree
from strongroom.ledger.storage import CHECKPOINT, Disclosures
from strongroom.model.codes import EntryKind
from strongroom.model.errors import (
    BadInput,
    BadProof,
    LogDamaged,
    LogError,
    Malformed,
    NotFound,
    SplitView,
    Unreadable,
)
from strongroom.model.log import LogEntry
from strongroom.model.ports import Progress

_MOST_NOTES = 20  # remarks of one sort that are kept in words
_MOST_BACK = 3  # of entries dated before the one before them


@dataclass(frozen=True, slots=True)
class WitnessSeen:
    """A witness of the policy: whether it has cosigned this checkpoint, when, and what it answered when it was asked."""

    name: str
    cosigned_at: datetime | None
    asked: str


@dataclass(slots=True)
class Audit:
    """What an audit found. `broken` are things that must not be; `remarks` are things to know."""

    where: str
    origin: str = ""
    size: int = 0
    root: str = ""
    keys: tuple[str, ...] = ()  # of the log, whose signatures on the checkpoint were verified
    keys_from: str = ""
    entries: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    foreign: int = 0  # entries of another schema: proven, and not understood here
    sealed: int = 0
    readable: int = 0  # sealed fields whose disclosure is still there
    witnesses: tuple[WitnessSeen, ...] = ()
    quorum: str = ""
    quorum_met: bool = False
    broken: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def vouched(self) -> int:
        """How many independent witnesses have cosigned the checkpoint that was audited."""
        return sum(w.cosigned_at is not None for w in self.witnesses)


@dataclass(frozen=True, slots=True)
class Ask:
    """What to audit, and against what: `others` are files of checkpoints that were had elsewhere or before."""

    place: Place
    keys: tuple[VerifierKey, ...] = ()
    others: tuple[Path, ...] = ()
    offline: bool = False


class _Entries:
    """Looks at the entries as they go by."""

    def __init__(self, result: Audit) -> None:
        self.result = result
        self.last = ""
        self.back = 0
        self.committed: dict[str, tuple[int, str]] = {}  # commitment: index and name
        self.redacted: dict[tuple[int, str], int] = {}  # index and name: the entry that says so

    def __call__(self, index: int, data: bytes) -> None:
        self.result.entries += 1
        try:
            entry = log_entry.glance(data)
            if entry.kind is EntryKind.REDACTION:
                self._redaction(index, log_entry.decode(data))
        except Malformed as e:
            self._foreign(index, data, e)
            return
        self.result.kinds[entry.kind] += 1
        if entry.at < self.last:
            self._gone_back(index, entry.at)
        self.last = entry.at
        for name, value in entry.sealed.items():
            self.committed[value] = (index, name)

    def _foreign(self, index: int, data: bytes, error: Malformed) -> None:
        self.result.foreign += 1
        if data.startswith(b'{"actor"') and self.result.foreign <= _MOST_NOTES:
            self.result.remarks.append(f"entry {index} looks like one of ours and is none: {error}")

    def _gone_back(self, index: int, at: str) -> None:
        self.back += 1
        if self.back <= _MOST_BACK:
            by = datetime.fromisoformat(self.last) - datetime.fromisoformat(at)
            self.result.remarks.append(f"entry {index} is dated {by} before the one before it")

    def _redaction(self, index: int, entry: LogEntry) -> None:
        of, names = entry.fields.get("index"), entry.fields.get("names")
        if isinstance(of, int) and isinstance(names, tuple):
            self.redacted |= {(of, name): index for name in names}


def audit_log(what: Ask, now: datetime, progress: Progress | None = None) -> Audit:
    """Verify a whole log.

    Raises:
        NotFound: there is no log.
        LogUnavailable, Unreadable: it cannot be read at all.
        BadInput: no key to verify it with is known.
    """
    with closing(reading(what.place.where)) as source:
        result = Audit(source.where)
        policy = what.place.read_policy()
        keys = _trusted(what, policy, result)
        head, note = _checkpoint(source, keys, result)
        if head is None:
            return result
        looked = _Entries(result)
        tell = (lambda done, total: progress("entries", done, total)) if progress else None
        tried = audit(head, tree.reader(source.read), looked, tell)
        result.broken += [_fault(f) for f in tried.faults]
        if tried.more:
            result.broken.append(f"and {tried.more} faults more")
        if looked.back > _MOST_BACK:
            result.remarks.append(f"{looked.back} entries are dated before the one before them")
        if what.place.where.startswith(("http://", "https://")) or settings_of(what.place.where) is None:
            result.remarks.append("the erasable store is not here: sealed fields were not opened")
        else:
            with closing(disclosures_of(what.place.where)) as store:
                _sealed(looked, store, result)
        _witnesses(note, policy, keys, result, now)
        _others(what, policy, head, keys, source, result, whole=not tried.faults)
        return result


def _trusted(what: Ask, policy: Policy | None, result: Audit) -> tuple[VerifierKey, ...]:
    """The log's keys: as given, else the policy's, else the ones that the log itself names."""
    if what.keys:
        result.keys_from = "the keys given"
        return what.keys
    if policy is not None and policy.logs:
        result.keys_from = "the policy"
        return tuple(log.key for log in policy.logs)
    settings = settings_of(what.place.where)
    if settings is None:
        hint = "name it with --key, as its operator published it, or give a --policy"
        raise BadInput(f"log {what.place.where}", "no key of the log", "its verifier key", hint)
    result.keys_from = "the log itself"
    result.remarks.append("the key is the one beside the log: somebody else's audit should be given it with --key")
    return settings.verifiers()


def _checkpoint(source: Reading, keys: Sequence[VerifierKey], result: Audit) -> tuple[Checkpoint | None, bytes]:
    """The published checkpoint, once one of the keys has signed it; None, with the reason, where none has."""
    try:
        note = source.read(CHECKPOINT)
    except NotFound as e:
        result.broken.append(f"the checkpoint is missing: {e}")
        return None, b""
    try:
        origin = parse(notes.parse(note).text).origin
        opened = open_checkpoint(note, origin, [verifier(k) for k in keys if k.name == origin])
    except BadInput as e:
        result.broken.append(f"the checkpoint is not signed by the log: {e}")
        return None, note
    head = opened.checkpoint
    result.origin, result.size, result.root = head.origin, head.size, head.root.hex()
    result.keys = tuple(f"{s.key.name}+{s.key.key_id:08x}" for s in opened.signatures)
    return head, note


def _fault(fault: Fault) -> str:
    return f"{fault.where}: found {fault.found}, wanted {fault.wanted}"


def _sealed(looked: _Entries, store: Disclosures, result: Audit) -> None:
    """Which sealed fields can still be read, whether they are what was committed to, and whether the erased are."""
    result.sealed = len(looked.committed)
    there = store.find(tuple(looked.committed)) if looked.committed else {}
    for commitment, text in there.items():
        index, name = looked.committed[commitment]
        if log_entry.commitment(text) != commitment:
            result.broken.append(f"entry {index}: the disclosure of {name} is not what the entry commits to")
        elif (by := looked.redacted.get((index, name))) is not None:
            hint = f"strongroom log redact {index} {name} finishes it"
            result.broken.append(f"entry {index}: {name} was redacted by entry {by}, and can still be read; {hint}")
        else:
            result.readable += 1
    redacted = {place for place in looked.redacted if place in set(looked.committed.values())}
    gone = result.sealed - result.readable - len(redacted)
    if gone > 0:
        result.remarks.append(f"{gone} sealed fields have no disclosure, and no entry says that they were redacted")


def _witnesses(note: bytes, policy: Policy | None, keys: Sequence[VerifierKey], result: Audit, now: datetime) -> None:
    """Which witnesses of the policy have cosigned the checkpoint, each under its own key, and whether they suffice."""
    if policy is None:
        return
    text = notes.parse(note).text
    lines = {(s.name, s.key_id): s for s in notes.parse(note).signatures}
    seen: list[WitnessSeen] = []
    for witness in policy.witnesses:
        name = witness.name.decode("utf-8", "backslashreplace")
        line = lines.get((witness.key.name, witness.key.key_id))
        at = None
        if line is not None:
            try:
                at = VerifiedSignature(witness.key, line, verifier(witness.key).verify(text, line.value)).timestamp
            except BadInput as e:
                result.broken.append(f"cosignature of {name}: {e}")
        when = datetime.fromtimestamp(at, UTC) if at else None
        if when is not None and when > now:
            result.remarks.append(f"{name} has cosigned at {when:%Y-%m-%d %H:%M:%S}, which is to come")
        seen.append(WitnessSeen(name, when, ""))
    result.witnesses = tuple(seen)
    if policy.quorum is not None:
        result.quorum = policy.quorum.decode("utf-8", "backslashreplace")
        try:
            result.quorum_met = accepted(note, policy, keys) is not None
        except BadInput as e:
            result.broken.append(f"the policy: {e}")


def _others(
    what: Ask,
    policy: Policy | None,
    head: Checkpoint,
    keys: Sequence[VerifierKey],
    source: Reading,
    result: Audit,
    *,
    whole: bool,
) -> None:
    """Hold every other checkpoint of this log against it: a difference is a split view."""
    for path in what.others:
        try:
            _other(path.read_bytes(), str(path), head, keys, source.read, result, whole=whole)
        except OSError as e:
            raise Unreadable(f"checkpoint {path}", (e.strerror or "an error").lower(), "a signed checkpoint") from None
    if policy is None or what.offline:
        return
    asked: dict[str, str] = {}
    for url in {w.url.decode("utf-8", "replace") for w in policy.witnesses if w.url}:
        try:
            theirs = cosigners.latest(url, head.origin)
        except (LogError, NotFound, BadInput) as e:
            asked[url] = f"not asked: {e}"
            continue
        asked[url] = _other(theirs, f"the witness {url}", head, keys, source.read, result, whole=whole)
    by_name = {w.name.decode("utf-8", "backslashreplace"): w.url.decode("utf-8", "replace") for w in policy.witnesses}
    result.witnesses = tuple(
        WitnessSeen(w.name, w.cosigned_at, asked.get(by_name[w.name], "no URL in the policy")) for w in result.witnesses
    )


def _other(
    note: bytes,
    whose: str,
    head: Checkpoint,
    keys: Sequence[VerifierKey],
    read: Callable[[str], bytes],
    result: Audit,
    *,
    whole: bool,
) -> str:
    try:
        theirs = open_checkpoint(note, head.origin, [verifier(k) for k in keys if k.name == head.origin]).checkpoint
    except BadInput as e:
        said = f"no checkpoint that this log has signed: {e}"
        result.remarks.append(f"{whose}: {said}")
        return said
    try:
        said = compare(head, theirs, whose, read)
    except SplitView as e:
        # The log's own signature is on both: this is proof, unless the tiles here are damaged.
        said = (
            f"SPLIT VIEW: {e}" if whole or theirs.size == head.size else f"cannot be compared with damaged tiles: {e}"
        )
        result.broken.append(f"{whose}: {said}")
        return said
    except (LogDamaged, BadProof) as e:
        said = f"cannot be compared: {e}"
        result.broken.append(f"{whose}: {said}")
        return said
    if theirs.size > head.size:
        result.broken.append(f"{whose}: the log has signed {theirs.size} entries, and shows {head.size}")
    return said
