"""What a sealed artifact must show before anything of it is given out: who sealed it, that it was scanned, where it is from.

The signature outside is verified before any key is asked for, so that nobody makes this machine attest for what he has
put together. What is attached counts once it has opened under the artifact's key.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from strongroom.app import seal_provenance, seal_verify
from strongroom.app.seal_verify import Inside, Trust
from strongroom.kit import oms, oms_comparing, scan_record, sealed
from strongroom.kit.formats.verdicts import Verdict
from strongroom.kit.oms import Piece, Reason
from strongroom.kit.sealed import Boundary, Role
from strongroom.model.errors import BadSignature, BadUsage, Denied
from strongroom.model.ports import Progress
from strongroom.seal.reading import Unsealed

_CLEAR = (sealed.ARTIFACT_FILE, sealed.INDEX_FILE)


class NotShown(Denied):
    """Something that is demanded is missing, or says no."""

    exit_code = 1


class NotSigned(BadSignature):
    """A signature is missing or not valid, or is not by whom it must be."""

    exit_code = 1


class Shown(StrEnum):
    """What may be demanded."""

    SIGNATURE = "signature"
    SCAN = "scan"
    PROVENANCE = "provenance"
    BOM = "bom"


RELEASED = frozenset({Shown.SIGNATURE, Shown.SCAN, Shown.PROVENANCE})  # what a broker's release always wants beside it


@dataclass(frozen=True, slots=True)
class Demands:
    """What is demanded, and by whom it must be: `trust` for the signatures, `provenance_key` and `builder` for the provenance.

    `review` lets files pass that somebody must decide about.
    """

    required: frozenset[Shown] = frozenset()
    trust: Trust | None = None
    provenance_key: str | None = None
    builder: str | None = None
    review: bool = False

    def with_all(self, released: frozenset[Shown]) -> "Demands":
        """The same, with more that is required."""
        return Demands(self.required | released, self.trust, self.provenance_key, self.builder, self.review)

    def check(self) -> None:
        """Raise BadUsage where something is required and nobody says who is trusted with it."""
        if Shown.SIGNATURE in self.required and self.trust is None:
            wanted = "--public-key, --certificate-chain or --trust-config: whose it must be"
            raise BadUsage("signature", "nobody who is trusted", wanted)
        if Shown.PROVENANCE in self.required and self.provenance_key is None:
            raise BadUsage("provenance", "nobody who is trusted", "--provenance-key PEM: whose it must be")


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What was found, in words, for whoever opens it."""

    lines: tuple[str, ...]
    inside: Inside | None


def outside(path: Path, demands: Demands, now: datetime, tell: Progress | None, *, whole: bool) -> str:
    """Who signed the artifact as it lies there. `whole` takes the digest of every message, and else of the index alone.

    Without the digests of messages, what is in them is held by their keys alone: whoever has the artifact's key could
    have written them.

    Raises:
        NotSigned: it is not valid, or there is none.
        BadInput: it cannot be read.
    """
    assert demands.trust is not None
    place = path / sealed.SIGNATURE_FILE
    if not place.exists():
        wanted, hint = "one that is trusted", "strongroom seal create --sign-key PEM signs what it seals"
        raise NotSigned(str(path), "no signature", wanted, hint)
    only = () if whole else _CLEAR
    asked = seal_verify.Asked(str(path), str(place), demands.trust, now, ignore=(sealed.SLOTS_FILE,), only=only)
    verdict = seal_verify.verify(asked, tell)
    if not verdict.valid:
        _refuse(verdict.reasons)
    return _signed(verdict.signers)


def attached(found: Unsealed, demands: Demands, now: datetime) -> Verdicts:
    """The verdicts that lie inside, each held against the artifact.

    Raises:
        NotShown: one is missing that is demanded, or it refuses.
        NotSigned: the signature inside is not valid.
    """
    lines = list(_scan(found, demands))
    inside = _inside(found, demands, now)
    if inside is not None:
        lines.append(f"signed inside by {_signed(inside.signers)}")
    if Shown.BOM in demands.required and found.index.attached(Role.BOM) is None:
        raise _missing(found, "no bill of materials")
    return Verdicts(tuple(lines), inside)


def provenance(found: Unsealed, demands: Demands, digests: Mapping[str, str] | None) -> tuple[str, ...]:
    """Hold the provenance against the digests (SHA-256, hex) of whole files; its signature alone where there are none.

    Raises NotShown.
    """
    octets = found.attached(Role.PROVENANCE)
    if octets is None:
        if Shown.PROVENANCE in demands.required:
            raise _missing(found, "no provenance")
        return ()
    if demands.provenance_key is None:
        return ("a provenance is attached, and nobody said whose it must be (--provenance-key)",)
    reasons = seal_provenance.judged(octets, digests, demands.provenance_key, demands.builder)
    if reasons:
        more = f", and {len(reasons) - 1} more" if len(reasons) > 1 else ""
        raise NotShown("provenance", f"{reasons[0]}{more}", "one of this model, by who is trusted")
    return ("provenance: valid",)


def bill(found: Unsealed, digests: Mapping[str, str] | None) -> tuple[str, ...]:
    """Hold the bill of materials against the digests of whole files, where there are any. Raises NotShown."""
    octets = found.attached(Role.BOM)
    if octets is None or digests is None:
        return ()
    from strongroom.kit import mlbom_checking  # noqa: PLC0415 - the readers of all formats, for who demands a bill

    reasons = mlbom_checking.reasons(octets, digests)
    if reasons:
        more = f", and {len(reasons) - 1} more" if len(reasons) > 1 else ""
        raise NotShown("bill of materials", f"{reasons[0]}{more}", "one of these files")
    return ("bill of materials: of these files",)


def files(found: Unsealed, inside: Inside, digests: Mapping[Piece, str]) -> None:
    """Hold what was opened against the signature inside. Raises NotSigned."""
    assert inside.statement is not None  # without one there are reasons, and it was refused
    sizes = {e.path: e.size for e in found.index.files}
    ignored = () if found.index.single else inside.statement.how.ignore_paths
    tree = oms_comparing.Tree({p: s for p, s in sizes.items() if not oms.is_under(p, ignored)})
    reasons, _ = oms_comparing.compare(inside.statement, tree, digests)
    if reasons:
        _refuse(reasons)


def wanted_pieces(found: Unsealed, inside: Inside) -> tuple[Piece, ...]:
    """What the signature inside has digests of."""
    assert inside.statement is not None
    return oms_comparing.to_hash(inside.statement, oms_comparing.Tree({e.path: e.size for e in found.index.files}))


def released(boundary: Boundary, *, by_broker: bool) -> frozenset[Shown]:
    """What must be shown whatever the words of a command are."""
    return RELEASED if by_broker or boundary is Boundary.ATTESTED else frozenset()


def _scan(found: Unsealed, demands: Demands) -> tuple[str, ...]:
    octets = found.attached(Role.SCAN)
    if octets is None:
        if Shown.SCAN in demands.required:
            raise _missing(found, "no verdict of a scan")
        return ()
    record = scan_record.read(octets)
    missed = record.missing(e.path for e in found.index.files)
    bad = tuple(f for f in record.files if f.verdict not in (Verdict.SAFE, Verdict.REVIEW))
    doubtful = () if demands.review else tuple(f for f in record.files if f.verdict is Verdict.REVIEW)
    if Shown.SCAN in demands.required and (missed or bad or doubtful):
        name = missed[0] if missed else (*bad, *doubtful)[0].path
        what = "not scanned" if missed else (*bad, *doubtful)[0].verdict.value
        hint = "" if bad or missed else "--accept-review opens what somebody has looked at"
        raise NotShown(f"scan of {name}", what, "safe", hint)
    told = ", ".join(f"{n} {v}" for v, n in record.counts().items())
    return (f"scanned {record.at:%Y-%m-%d} by {record.scanner}: {told}",)


def _inside(found: Unsealed, demands: Demands, now: datetime) -> Inside | None:
    octets = found.attached(Role.SIGNATURE)
    if octets is None:
        if Shown.SIGNATURE in demands.required:
            raise _missing(found, "no signature inside")
        return None
    if demands.trust is None:
        return None
    single = found.index.files[0].path if found.index.single else None
    judged = seal_verify.inside(octets, "signature inside", demands.trust, now, single=single)
    if judged.reasons:
        _refuse(judged.reasons)
    return judged


def _signed(signers: tuple[seal_verify.SignedBy, ...]) -> str:
    return ", ".join(f"the {s.method} {s.id[:16]}…{' of ' + ', '.join(s.names) if s.names else ''}" for s in signers)


def _refuse(reasons: tuple[Reason, ...]) -> None:
    first = reasons[0]
    more = f" (and {len(reasons) - 1} more reasons)" if len(reasons) > 1 else ""
    raise NotSigned(first.file, f"{first.found}{more}", first.wanted)


def _missing(found: Unsealed, what: str) -> NotShown:
    wanted = "one, as it is demanded of what a broker releases, or by --require"
    return NotShown(str(found.sealed.path), what, wanted)
