"""Evidence from a file: in whatever text it comes, recognised by what is inside."""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from strongroom.app.evidence_folder import packed
from strongroom.attest.members import members
from strongroom.attest.verifier import Verifier
from strongroom.kit.armour import unarmoured
from strongroom.kit.rooms import room
from strongroom.model.attest import Evidence, EvidenceKind, Want
from strongroom.model.errors import BadInput, Malformed, NotFound, TooLarge, Unreadable

MOST = 16 << 20  # bytes; the longest evidence of any kind here is an event log of some hundred KiB
_LEAST_SURE = 50


# The state that a verifier's steps share is its own business: whoever holds verifiers of every kind knows none of them.
AnyVerifier = Verifier[object]


@lru_cache(maxsize=1)
def verifiers() -> dict[EvidenceKind, AnyVerifier]:
    """Every verifier of this build by its kind, in the order of the kinds."""
    found: dict[EvidenceKind, AnyVerifier] = {
        v.kind: v for v in room("strongroom.attest.tee", "VERIFIER", Verifier).values()
    }
    return {kind: found[kind] for kind in EvidenceKind if kind in found}


def verifier_of(kind: EvidenceKind) -> AnyVerifier:
    """The verifier of a kind. Raises NotFound."""
    found = verifiers().get(kind)
    if found is None:
        raise NotFound("kind of evidence", kind.value, f"one of {', '.join(verifiers())}")
    return found


def wants(evidence: Evidence) -> tuple[Want, ...]:
    """What endorsements evidence calls for; of a whole node, what each of its members does. Raises NotFound."""
    if evidence.kind is not EvidenceKind.COMPOSITE:
        return verifier_of(evidence.kind).wants(evidence)
    inner = (m.evidence for m in members(verifiers(), evidence) if m.evidence is not None)
    return tuple(dict.fromkeys(w for one in inner for w in verifier_of(one.kind).wants(one)))


def verifier_of_step(ident: str) -> AnyVerifier | None:
    """The verifier that has a step of that id, or None."""
    return next((v for v in verifiers().values() if any(s.id == ident for s in v.steps)), None)


def read(path: str) -> bytes:
    """The bytes of a file of evidence. Raises Unreadable, TooLarge."""
    at = Path(path)
    if at.exists() and not at.is_file():
        raise Unreadable(path, "no regular file", "a file of evidence")
    try:
        with at.open("rb") as f:
            data = f.read(MOST + 1)
    except OSError as e:
        raise Unreadable(path, (e.strerror or "an error").lower(), "a file of evidence") from None
    if len(data) > MOST:
        raise TooLarge(path, f"over {MOST >> 20} MiB", "evidence, which is far smaller")
    if not data:
        raise Malformed(path, "an empty file", "evidence")
    return data


def _forms(data: bytes) -> Iterator[bytes]:
    """The octets as they are, and what they are a text of; a text of a text once more."""
    yield data
    for inner in unarmoured(data):
        yield inner
        yield from unarmoured(inner)


def recognise(data: bytes, subject: str, kind: EvidenceKind | None = None) -> tuple[AnyVerifier, bytes]:
    """The verifier whose evidence this is, and the octets without their armour.

    With `kind`, that verifier's reading of it, also where it is not recognised: its first step will say why.

    Raises:
        Malformed: it is unreadable as any evidence.
        NotFound: there is no verifier of the kind.
    """
    wanted = [verifier_of(kind)] if kind is not None else list(verifiers().values())
    forms = tuple(dict.fromkeys(_forms(data)))
    best = max(
        ((v.recognises(form), -n, v, form) for n, form in enumerate(forms) for v in wanted),
        key=lambda found: found[:2],
    )
    if best[0] >= _LEAST_SURE or (kind is not None and best[0] > 0):
        return best[2], best[3]
    if kind is not None:
        return wanted[0], forms[1] if len(forms) > 1 and data.strip().isascii() else data
    kinds = ", ".join(verifiers())
    raise Malformed(subject, f"{len(data)} octets that are no evidence of a known kind", kinds, "name it with --kind")


def load(path: str, kind: EvidenceKind | None, challenge: bytes | None, now: datetime) -> Evidence:
    """The evidence of a file, or of a folder that a TPM's tools wrote to.

    Raises Unreadable, TooLarge, Malformed, NotFound.
    """
    data = packed(path, read) if Path(path).is_dir() else read(path)
    verifier, octets = recognise(data, path, kind)
    try:
        parts = verifier.read(octets)
    except BadInput as e:
        raise type(e)(path, e.found, e.wanted, e.hint) from None
    return Evidence(verifier.kind, parts, challenge, now)


def nonce(text: str | None) -> bytes | None:
    """The octets of `--nonce`. Raises Malformed."""
    if text is None:
        return None
    with contextlib.suppress(ValueError):
        octets = bytes.fromhex(text.removeprefix("0x"))
        if 0 < len(octets) <= 1024:
            return octets
    raise Malformed("--nonce", repr(text[:60]), "1 to 1024 octets in hexadecimal")
