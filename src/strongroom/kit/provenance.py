"""Provenance of a model: SLSA v1 in an in-toto statement, signed in an envelope of DSSE.

Sources: slsa.dev/spec/v1.0/provenance; in-toto attestation framework, statement v1 and resource_descriptor v1.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, NamedTuple

import msgspec

from strongroom.kit import dsse, strict_json
from strongroom.kit.canonical import Json, canonical
from strongroom.kit.dsse import Envelope, EnvelopeJson
from strongroom.model.errors import BadInput, Malformed

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
MOST = 64 << 20  # octets
SUBJECT = "provenance"
_Hex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{2,128}$")]


class Named(msgspec.Struct, frozen=True):
    """A subject: a file of the model by its relative path, and its digests in hex, by algorithm."""

    name: str
    digest: dict[str, _Hex]


class Dependency(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went into it (ResourceDescriptor): at least one of a URI and a name, and its digests."""

    uri: str = ""
    digest: dict[str, _Hex] = {}
    name: str = ""


class _Definition(msgspec.Struct, rename="camel"):
    build_type: str
    external_parameters: dict[str, msgspec.Raw]
    resolved_dependencies: tuple[Dependency, ...] = ()


class _Builder(msgspec.Struct):
    id: str


class _Metadata(msgspec.Struct, rename="camel"):
    started_on: datetime | None = None
    finished_on: datetime | None = None


class _Run(msgspec.Struct):
    builder: _Builder
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


class _Predicate(msgspec.Struct, rename="camel"):
    build_definition: _Definition
    run_details: _Run


class _Statement(msgspec.Struct, rename={"predicate_type": "predicateType", "kind": "_type"}):
    kind: str
    subject: tuple[Named, ...]
    predicate_type: str
    predicate: msgspec.Raw


class Build(NamedTuple):
    """What somebody states of how a model was made; nothing is filled in that was not stated."""

    builder: str
    build_type: str
    parameters: Mapping[str, str]
    dependencies: Sequence[Dependency]
    started: datetime | None = None
    finished: datetime | None = None


class Provenance(NamedTuple):
    """A statement that was read: who built what, of what. That it was signed is told by whoever verified it."""

    subjects: Mapping[str, str]  # SHA-256 in hex, by path
    builder: str
    build_type: str
    dependencies: tuple[Dependency, ...]


def statement(digests: Mapping[str, str], build: Build) -> bytes:
    """The statement to sign, about files by their SHA-256, in canonical JSON. Raises BadInput where there is no file."""
    if not digests:
        raise BadInput(SUBJECT, "no file", "a model")
    definition: dict[str, Json] = {
        "buildType": build.build_type,
        "externalParameters": dict(build.parameters),
        "resolvedDependencies": [msgspec.to_builtins(d) for d in build.dependencies],
    }
    run: dict[str, Json] = {"builder": {"id": build.builder}}
    times = {"startedOn": build.started, "finishedOn": build.finished}
    told: dict[str, Json] = {n: f"{t:%Y-%m-%dT%H:%M:%SZ}" for n, t in times.items() if t is not None}
    if told:
        run["metadata"] = told
    whole: Json = {
        "_type": STATEMENT,
        "subject": [{"name": n, "digest": {"sha256": d}} for n, d in sorted(digests.items())],
        "predicateType": PREDICATE,
        "predicate": {"buildDefinition": definition, "runDetails": run},
    }
    return canonical(whole, SUBJECT)


def written(payload: bytes, signature: bytes) -> bytes:
    """The envelope as JSON."""
    return msgspec.json.encode(dsse.written(Envelope(dsse.IN_TOTO, payload, signature))) + b"\n"


def envelope(octets: bytes, subject: str = SUBJECT) -> Envelope:
    """The envelope of a file; nothing in it counts before its signature holds. Raises Malformed."""
    strict_json.check(octets, subject)
    try:
        found = msgspec.json.decode(octets, type=EnvelopeJson)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as e:
        raise Malformed(subject, str(e)[:160], "an envelope of DSSE") from None
    made = dsse.opened(found, subject)
    if made.payload_type != dsse.IN_TOTO:
        raise Malformed(subject, repr(made.payload_type[:80]), dsse.IN_TOTO)
    return made


def read(payload: bytes, subject: str = SUBJECT) -> Provenance:
    """What a statement says. Raises Malformed where it is none of SLSA v1, or names a file twice or without SHA-256."""
    strict_json.check(payload, subject)
    try:
        found = msgspec.json.decode(payload, type=_Statement)
        if found.kind != STATEMENT or found.predicate_type != PREDICATE:
            raise Malformed(subject, f"{found.predicate_type[:80]!r}", f"{PREDICATE} in {STATEMENT}")
        predicate = msgspec.json.decode(found.predicate, type=_Predicate)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as e:
        raise Malformed(subject, str(e)[:160], "a provenance of SLSA v1") from None
    subjects: dict[str, str] = {}
    for one in found.subject:
        digest = one.digest.get("sha256", "")
        if one.name in subjects or len(digest) != 64:
            raise Malformed(subject, f"the subject {one.name[:80]!r}", "each file once, by its SHA-256")
        subjects[one.name] = digest
    definition = predicate.build_definition
    return Provenance(
        subjects, predicate.run_details.builder.id, definition.build_type, definition.resolved_dependencies
    )


def reasons(found: Provenance, digests: Mapping[str, str] | None, builder: str | None) -> tuple[str, ...]:
    """Why a provenance is not that of these files, or not by this builder; without digests the files are not looked at."""
    told = []
    if builder is not None and found.builder != builder:
        told.append(f"built by {found.builder[:120]!r}, and not by {builder!r}")
    if digests is not None:
        told += [f"{p}: not a subject of it" for p in sorted(set(digests) - set(found.subjects))]
        told += [f"{p}: a subject that is not there" for p in sorted(set(found.subjects) - set(digests))]
        told += [
            f"{p}: another digest than its subject has"
            for p in sorted(digests)
            if found.subjects.get(p, digests[p]) != digests[p]
        ]
    return tuple(told)
