"""Ask the witnesses of a policy to cosign a checkpoint, and hold what they have seen against what the log says."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from strongroom.kit.tlog import note as notes
from strongroom.kit.tlog import policy as policies
from strongroom.kit.tlog.checkpoint import Checkpoint, open_checkpoint, parse
from strongroom.kit.tlog.cosignature import verifier
from strongroom.kit.tlog.keys import VerifierKey
from strongroom.kit.tlog.note import Signature
from strongroom.kit.tlog.policy import AcceptedCheckpoint, Policy, Witness
from strongroom.ledger import cosigners, tree
from strongroom.ledger.cosigners import Ahead, CosignerAt, Outcome, Refused, Unproven, Unreachable
from strongroom.ledger.publisher import Head
from strongroom.model.errors import BadInput, BadProof, LogDamaged, LogUnavailable, NotFound, SplitView

_CONFLICT = 422  # tlog-witness, "add-checkpoint": a proof that does not verify, or another root of the same size


@dataclass(frozen=True, slots=True)
class Said:
    """What one witness of the policy answered, in words; `cosigned` says whether its cosignature was had."""

    name: str
    cosigned: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A checkpoint with the cosignatures that could be had, and whether they are the policy's quorum."""

    head: Head
    said: tuple[Said, ...]
    quorum: bool

    def summary(self) -> str:
        """How many witnesses cosigned, and why the others did not."""
        have = sum(s.cosigned for s in self.said)
        rest = "; ".join(f"{s.name}: {s.detail}" for s in self.said if not s.cosigned)
        return f"{have} of {len(self.said)} witnesses" + (f" ({rest})" if rest else "")


def _name(witness: Witness) -> str:
    return witness.name.decode("utf-8", "backslashreplace")


def _by_url(policy: Policy) -> dict[str, list[Witness]]:
    """The witnesses that can be asked; keys of one witness share its URL, and are asked for at once."""
    found: dict[str, list[Witness]] = {}
    for witness in policy.witnesses:
        if witness.url:
            found.setdefault(witness.url.decode("utf-8", "replace"), []).append(witness)
    return found


def _known(note: bytes, witnesses: Iterable[Witness]) -> int:
    """The size that the witnesses cosigned last, as the published checkpoint has it; a hint, and not believed."""
    parsed = notes.parse(note)
    there = {(s.name, s.key_id) for s in parsed.signatures}
    seen = all((w.key.name, w.key.key_id) in there for w in witnesses)
    return parse(parsed.text).size if seen else 0


def ask(
    policy: Policy, head: Head, read: Callable[[str], bytes], logs: Sequence[VerifierKey], before: bytes = b""
) -> Cosigned:
    """The checkpoint with the cosignatures of every witness that gave one.

    Args:
        policy: the witnesses, where they are, and the quorum.
        head: a checkpoint whose tiles are durable.
        read: reads the tiles.
        logs: the log's own keys.
        before: the note that was published before.

    Raises:
        LogDamaged: a witness has seen a larger log than this one.
        SplitView: a witness has seen another tree of the same size.
    """
    places = _by_url(policy)
    asked = {
        url: CosignerAt(url, tuple(w.key for w in group), _known(before, group) if before else 0)
        for url, group in places.items()
    }
    outcomes: dict[str, Outcome] = cosigners.submit_all(
        asked, head.note, lambda old: tree.consistency(old, head.checkpoint, read)
    )
    said: list[Said] = []
    signatures: list[Signature] = []
    for url, group in places.items():
        outcome = outcomes[url]
        outcome = _checked(outcome, url, head, read, logs)
        given = {s.key: s.signature for s in outcome.signatures} if isinstance(outcome, cosigners.Cosigned) else {}
        signatures += given.values()
        said += [Said(_name(w), w.key in given, _detail(outcome)) for w in group]
    said += [Said(_name(w), cosigned=False, detail="no URL in the policy") for w in policy.witnesses if not w.url]
    note = notes.add_signatures(head.note, signatures) if signatures else head.note
    return Cosigned(Head(head.checkpoint, note), tuple(said), accepted(note, policy, logs) is not None)


def _detail(outcome: Outcome) -> str:
    match outcome:
        case cosigners.Cosigned():
            return "cosigned"
        case Refused(status, text):
            return f"refused, status {status}: {text}"
        case Unreachable(reason):
            return f"not reached: {reason}"
        case Unproven(size, reason):
            return f"is at {size}, and no proof from there: {reason}"
        case Ahead(size):
            return f"is at {size}"


def _checked(
    outcome: Outcome, url: str, head: Head, read: Callable[[str], bytes], logs: Sequence[VerifierKey]
) -> Outcome:
    """The outcome, unless the witness can prove that this log is not what it was: then the log must not go on.

    A witness's word is no proof: what it says it has cosigned counts once the log's own key is found to have signed it.
    """
    if not isinstance(outcome, Ahead) and not (isinstance(outcome, Refused) and outcome.status == _CONFLICT):
        return outcome
    origin, size = head.checkpoint.origin, head.checkpoint.size
    try:
        note = cosigners.latest(url, origin)
        theirs = open_checkpoint(note, origin, [verifier(k) for k in logs if k.name == origin]).checkpoint
    except (LogUnavailable, NotFound, BadInput) as e:
        return Refused(_CONFLICT, f"{_detail(outcome)}, and shows no checkpoint of this log for it: {e}")
    if theirs.size > size:
        found = f"{size} entries, and the witness {url} has cosigned {theirs.size}"
        hint = "it was rolled back, or is a copy: restore the newest state before anything is appended"
        raise LogDamaged(f"log {origin}", found, "all that was ever cosigned", hint)
    compare(head.checkpoint, theirs, f"the witness {url}", read)
    return outcome


def compare(ours: Checkpoint, theirs: Checkpoint, whose: str, read: Callable[[str], bytes]) -> str:
    """How another's checkpoint of this log relates to ours, in words; both signatures are verified by the caller.

    Raises:
        SplitView: both cannot be true of one log.
        LogDamaged: tiles that would tell are missing or wrong.
    """
    if ours.origin != theirs.origin:
        return f"of another log, {theirs.origin}"
    if theirs.size > ours.size:
        return f"newer: {theirs.size} entries, of which {theirs.size - ours.size} are not here"
    if theirs.size == 0:
        return "the empty log"
    if theirs.size == ours.size and theirs.root == ours.root:
        return "the same"
    found = f"two trees of {theirs.size} entries, both signed: root {theirs.root.hex()[:16]}… with {whose}"
    wanted = "one tree, the beginning of the log that is here"
    hint = "strongroom log audit says whether tiles are damaged; if none is, both checkpoints prove that two logs were shown"
    if theirs.size == ours.size:
        raise SplitView(f"log {ours.origin}", found, wanted, hint)
    try:
        tree.consistency(theirs.size, ours, read, theirs.root)
    except BadProof:
        tree.frontier(ours.size, ours.root, read, f"log {ours.origin}")  # damage here is no split view
        raise SplitView(f"log {ours.origin}", found, wanted, hint) from None
    return f"an earlier state, of {theirs.size} entries, that this log begins with"


def accepted(note: bytes, policy: Policy | None, logs: Sequence[VerifierKey]) -> AcceptedCheckpoint | None:
    """The checkpoint as the policy accepts it; None where there is no quorum to reach, or it is not reached.

    Raises:
        BadSignature, Malformed: its signatures do not verify.
    """
    if policy is None or policy.quorum is None:
        return None
    try:
        return policies.open_checkpoint(note, policy, logs)
    except BadProof:
        return None
