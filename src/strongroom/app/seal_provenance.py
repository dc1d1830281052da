"""Make and verify the provenance of a model."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from strongroom.app import seal_model, seal_source
from strongroom.app.seal_signers import Signer
from strongroom.kit import dsse, model_key, provenance
from strongroom.kit.oms import Piece
from strongroom.kit.provenance import Build, Dependency, Provenance
from strongroom.model.errors import BadSignature, BadUsage, StrongroomError
from strongroom.model.ports import Progress
from strongroom.seal import hashing

_DIGEST = re.compile(r"(?P<what>.+)@(?P<algorithm>sha256|sha384|sha512|sha1|gitCommit):(?P<digest>[0-9a-f]{40,128})")


@dataclass(frozen=True, slots=True)
class Stated:
    """What a command states of a build, in its words: `NAME=VALUE`, `URI@ALGORITHM:HEX`, or the path of a file."""

    builder: str
    build_type: str
    parameters: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    started: datetime | None = None
    finished: datetime | None = None


def made(path: str, stated: Stated, signer: Signer, tell: Progress | None = None) -> bytes:
    """The signed provenance of a model: each of its files is a subject. Raises BadUsage, BadInput, Unreadable."""
    for word, text in (("--builder", stated.builder), ("--build-type", stated.build_type)):
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+", text):
            raise BadUsage(word, repr(text[:120]), "a URI")
    build = Build(
        stated.builder,
        stated.build_type,
        dict(_parameter(p) for p in stated.parameters),
        [_dependency(d, tell) for d in stated.dependencies],
        stated.started,
        stated.finished,
    )
    payload = provenance.statement(digests(path, tell), build)
    signature = signer.signed(dsse.pae(dsse.IN_TOTO, payload))
    made = dsse.Envelope(dsse.IN_TOTO, payload, signature)
    model_key.verified(signer.public_key, made, "new provenance")  # a faulty token must not hand out a useless one
    return provenance.written(payload, signature)


def digests(path: str, tell: Progress | None = None) -> dict[str, str]:
    """The SHA-256 of each file of a model, in hex, by its path. Raises as `seal_source.look`."""
    source = seal_source.look(path, follow=True)
    parts = [Piece(p.path) for p in source.planned]
    found = hashing.digests(source.root, parts, "sha256", allow_symlinks=True, tell=tell)
    return {piece.path: digest for piece, digest in found.items()}


def judged(octets: bytes, found: Mapping[str, str] | None, key: str, builder: str | None) -> tuple[str, ...]:
    """Why a provenance does not count: whose it must be is the public key in the file `key`. Nothing where it counts.

    `found` are the digests of the files; without them it is held against no file. Raises Unreadable, Malformed for the key.
    """
    public = model_key.public_key(seal_model.octets_of(key, "a public key in PEM"), key)
    try:
        return provenance.reasons(_verified(octets, public), found, builder)
    except StrongroomError as e:
        return (str(e),)


def _verified(octets: bytes, key: model_key.PublicKey) -> Provenance:
    envelope = provenance.envelope(octets)
    try:
        model_key.verified(key, envelope, provenance.SUBJECT)
    except BadSignature as e:
        raise BadSignature(provenance.SUBJECT, e.found, e.wanted) from None
    return provenance.read(envelope.payload)


def verify(file: str, path: str, key: str, builder: str | None, tell: Progress | None = None) -> tuple[str, ...]:
    """Why the provenance in a file is not that of a model; nothing where it is. Raises as `judged` and `digests`."""
    octets = seal_model.octets_of(file, "a provenance", provenance.MOST)
    provenance.envelope(octets, file)  # what is no envelope at all cannot be read, which is another answer than no
    return judged(octets, digests(path, tell), key, builder)


def _parameter(word: str) -> tuple[str, str]:
    name, found, value = word.partition("=")
    if not found or not name:
        raise BadUsage("--parameter", repr(word[:80]), "NAME=VALUE")
    return name, value


def _dependency(word: str, tell: Progress | None) -> Dependency:
    if match := _DIGEST.fullmatch(word):
        return Dependency(uri=match["what"], digest={match["algorithm"]: match["digest"]})
    at = Path(word)
    if not at.is_file():
        raise BadUsage("--dependency", repr(word[:120]), "URI@sha256:HEX, URI@gitCommit:HEX, or a file that is there")
    found = hashing.digests(at.parent, [Piece(at.name)], "sha256", allow_symlinks=True, tell=tell)
    return Dependency(name=at.name, digest={"sha256": next(iter(found.values()))})
