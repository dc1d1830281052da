"""Trust policies (c2sp.org/tlog-policy): which logs are known, which witnesses, and how many of them must have cosigned.

Names are octets without a meaning of their own (section "Character set"), so two that look alike stay two.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from strongroom.kit.tlog import checkpoint as checkpoints
from strongroom.kit.tlog import note as notes
from strongroom.kit.tlog.checkpoint import Checkpoint
from strongroom.kit.tlog.cosignature import verifier
from strongroom.kit.tlog.keys import Kind, VerifierKey, parse_verifier_key
from strongroom.kit.tlog.note import VerifiedSignature
from strongroom.kit.tlog.text import from_decimal, shown
from strongroom.model.errors import BadProof, BadSignature, Malformed, TooLarge

MAX_POLICY = 1_000_000  # bytes; section "Implementation limits" allows a limit, and this holds hundreds of keys
_NONE = b"none"
_NOT_ALLOWED = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")  # section "Character set"
_SPACE = re.compile(rb"[ \t]+")  # section "Structure"


class Log(NamedTuple):
    """A known log; its key's name is the origin of its checkpoints."""

    key: VerifierKey
    url: bytes = b""


class Witness(NamedTuple):
    """A known witness. Its name is this policy's, and not the name of its key."""

    name: bytes
    key: VerifierKey
    url: bytes = b""


class Group(NamedTuple):
    """Witnesses and groups of which at least `threshold` must have witnessed a checkpoint."""

    name: bytes
    threshold: int
    members: tuple[bytes, ...]


class Policy(NamedTuple):
    """What makes a checkpoint valid: a signature of any of the logs, and the quorum; None asks for no witness."""

    logs: tuple[Log, ...]
    witnesses: tuple[Witness, ...]
    groups: tuple[Group, ...]
    quorum: bytes | None


class AcceptedCheckpoint(NamedTuple):
    """A checkpoint that a policy accepts: who has signed it, and the policy's names of the witnesses among them."""

    checkpoint: Checkpoint
    signatures: tuple[VerifiedSignature, ...]
    witnesses: tuple[bytes, ...]


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "backslashreplace")


class _Reader:
    """What the lines read so far have defined."""

    def __init__(self) -> None:
        self.logs: list[Log] = []
        self.witnesses: list[Witness] = []
        self.groups: list[Group] = []
        self.quorum: bytes | None = None
        self.decided = False
        self._defined: set[bytes] = set()
        self._taken: set[bytes] = set()

    def line(self, where: str, words: Sequence[bytes]) -> None:
        match list(words):
            case [b"log", key, *url] if len(url) <= 1:
                self._log(where, key, b"".join(url))
            case [b"witness", name, key, *url] if len(url) <= 1:
                self._witness(where, name, key, b"".join(url))
            case [b"group", name, threshold, *members]:
                self._group(where, name, threshold, members)
            case [b"quorum", name]:
                self._quorum(where, name)
            case _:
                line = _text(b" ".join(words))
                raise Malformed(where, shown(line), "a log, witness, group or quorum with its parts")

    def _define(self, where: str, name: bytes) -> None:
        if name == _NONE or name in self._defined:
            raise Malformed(
                where, f"the name {shown(_text(name))} again", "a name of its own; none has a meaning already"
            )
        self._defined.add(name)

    def _key(self, where: str, octets: bytes, others: Iterable[VerifierKey]) -> VerifierKey:
        try:
            key = parse_verifier_key(octets.decode("utf-8"))
        except UnicodeDecodeError:
            raise Malformed(where, "a verifier key that is not UTF-8", "a vkey") from None
        except Malformed as e:
            raise Malformed(f"{where}: {e.subject}", e.found, e.wanted) from None
        # Section "Public key representation": one key under two names would be two voices.
        if any(key.public == other.public for other in others):
            raise Malformed(where, f"the public key of {shown(key.name)} again", "each public key once")
        return key

    def _log(self, where: str, octets: bytes, url: bytes) -> None:
        self.logs.append(Log(self._key(where, octets, (log.key for log in self.logs)), url))

    def _witness(self, where: str, name: bytes, octets: bytes, url: bytes) -> None:
        key = self._key(where, octets, (w.key for w in self.witnesses))
        if key.kind is Kind.ED25519:
            raise Malformed(where, "signature type 0x01", "0x04 or 0x06, as witnesses make cosignatures")
        self._define(where, name)
        self.witnesses.append(Witness(name, key, url))

    def _group(self, where: str, name: bytes, threshold: bytes, members: list[bytes]) -> None:
        if not members:
            raise Malformed(where, "no member", "at least one")
        for member in members:
            if member not in self._defined:
                raise Malformed(where, f"the member {shown(_text(member))}", "a name of a line above")
            if member in self._taken:  # Section "Defining a witness group": a witness counts in one way only.
                raise Malformed(where, f"the member {shown(_text(member))} again", "each name in one group at most")
            self._taken.add(member)
        words = {b"all": len(members), b"any": 1}
        wanted = words[threshold] if threshold in words else from_decimal(_text(threshold), f"{where}: threshold")
        if not 1 <= wanted <= len(members):
            raise Malformed(where, f"the threshold {wanted}", f"1 to {len(members)}")
        self._define(where, name)
        self.groups.append(Group(name, wanted, tuple(members)))

    def _quorum(self, where: str, name: bytes) -> None:
        if self.decided:
            raise Malformed(where, "a second quorum", "exactly one")
        if name != _NONE and name not in self._defined:
            raise Malformed(where, f"the quorum {shown(_text(name))}", "a name of a line above, or none")
        self.quorum, self.decided = None if name == _NONE else name, True


def parse(data: bytes) -> Policy:
    """The policy of a file (section "Policy file syntax and structure").

    Raises:
        Malformed: a line is none of the policy's, names something that is not defined above it or already counted, or
            there is not exactly one quorum; the message says which line.
        TooLarge: it is over a million bytes.
    """
    if len(data) > MAX_POLICY:
        raise TooLarge("policy", f"{len(data)} bytes", f"at most {MAX_POLICY}")
    if bad := _NOT_ALLOWED.search(data):
        raise Malformed("policy", f"byte 0x{data[bad.start()]:02x} at {bad.start()}", "no control characters but tab")
    if not data.endswith(b"\n"):
        raise Malformed("policy", "no newline at its end", "whole lines")
    reader = _Reader()
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        words = line.strip(b" \t")
        if words and not words.startswith(b"#"):
            reader.line(f"policy, line {number}", _SPACE.split(words))
    if not reader.decided:
        raise Malformed("policy", "no quorum", "exactly one")
    return Policy(tuple(reader.logs), tuple(reader.witnesses), tuple(reader.groups), reader.quorum)


def witnessed(policy: Policy, cosigned: Iterable[bytes]) -> frozenset[bytes]:
    """The names of all witnesses and groups that have witnessed a checkpoint, from the witnesses that cosigned it."""
    names = {w.name for w in policy.witnesses} & set(cosigned)
    for group in policy.groups:  # A group names only what stands above it, so one pass is enough.
        if sum(member in names for member in group.members) >= group.threshold:
            names.add(group.name)
    return frozenset(names)


def open_checkpoint(data: bytes, policy: Policy, logs: Iterable[VerifierKey] = ()) -> AcceptedCheckpoint:
    """The checkpoint of a signed note, once a log of the policy has signed it and its quorum has cosigned it.

    Args:
        data: the note.
        policy: what is trusted.
        logs: keys of logs that are known from elsewhere, for a policy that names none.

    Raises:
        Malformed: it is no signed checkpoint.
        BadInput: two keys have one name and id.
        BadSignature: it is of no known log, the log has not signed it, or a known key's signature does not verify.
        BadProof: the witnesses that cosigned it are no quorum.
    """
    # The origin is read before anything is verified, to choose among trusted keys; open_checkpoint holds it to them.
    origin = checkpoints.parse(notes.parse(data).text).origin
    keys = [key for key in (*(log.key for log in policy.logs), *logs) if key.name == origin]
    if not keys:
        raise BadSignature("checkpoint", f"the origin {shown(origin)}", "a log of the policy")
    by_key = {w.key: w.name for w in policy.witnesses}
    opened = checkpoints.open_checkpoint(data, origin, [verifier(k) for k in keys], [verifier(k) for k in by_key])
    cosigned = tuple(by_key[s.key] for s in opened.signatures if s.key in by_key)
    if policy.quorum is not None and policy.quorum not in witnessed(policy, cosigned):
        found = ", ".join(map(_text, cosigned)) or "no witness"
        raise BadProof(
            f"checkpoint of {shown(origin)}", f"cosignatures of {found}", f"the quorum {_text(policy.quorum)}"
        )
    return AcceptedCheckpoint(opened.checkpoint, opened.signatures, cosigned)
