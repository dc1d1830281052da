"""Hold a bill of materials against the files of a model, and make or read the statement that signs it.

Sources: CycloneDX 1.7 (ECMA-424); in-toto attestation framework, statement v1 and predicates/cyclonedx.
"""

from collections.abc import Mapping

import msgspec

from strongroom.kit import strict_json
from strongroom.kit.canonical import Json, canonical
from strongroom.model.errors import Malformed

PREDICATE = "https://cyclonedx.org/bom"
STATEMENT = "https://in-toto.io/Statement/v1"
MOST = 256 << 20  # octets of a bill, or of an envelope with one, that are read
SUBJECT = "bill of materials"


def statement(found: Mapping[str, str], bill: bytes) -> bytes:
    """The statement to sign: the bill is what is said, about the files by their SHA-256."""
    inner: object = msgspec.json.decode(bill)
    whole: Json = {
        "_type": STATEMENT,
        "subject": [{"name": p, "digest": {"sha256": d}} for p, d in sorted(found.items())],
        "predicateType": PREDICATE,
        "predicate": inner,  # type: ignore[dict-item] # what JSON was decoded to
    }
    return canonical(whole, SUBJECT)


class _Subject(msgspec.Struct):
    name: str
    digest: dict[str, str]


class _Statement(msgspec.Struct, rename={"predicate_type": "predicateType", "kind": "_type"}):
    kind: str
    subject: tuple[_Subject, ...]
    predicate_type: str
    predicate: msgspec.Raw


def read(payload: bytes, subject: str = SUBJECT) -> bytes:
    """The bill that a statement makes. Raises Malformed where it is no such statement, or is about other files than it."""
    strict_json.check(payload, subject)
    try:
        found = msgspec.json.decode(payload, type=_Statement)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as e:
        raise Malformed(subject, str(e)[:160], "a statement of in-toto") from None
    if found.kind != STATEMENT or found.predicate_type != PREDICATE:
        raise Malformed(subject, f"{found.predicate_type[:80]!r}", f"{PREDICATE} in {STATEMENT}")
    bill = bytes(found.predicate)
    if {s.name: s.digest.get("sha256", "") for s in found.subject} != files_of(bill, subject):
        raise Malformed(subject, "subjects that are not its files", "the files that the bill lists")
    return bill


class _Hash(msgspec.Struct):
    alg: str
    content: str


class _Component(msgspec.Struct):
    type: str
    name: str
    hashes: tuple[_Hash, ...] = ()


class _Bill(msgspec.Struct):
    format: str = msgspec.field(name="bomFormat")
    spec: str = msgspec.field(name="specVersion")
    components: tuple[_Component, ...] = ()


def files_of(bill: bytes, subject: str = SUBJECT) -> dict[str, str]:
    """The files that a bill lists, with their SHA-256. Raises Malformed where it is none, or names a file twice."""
    strict_json.check(bill, subject)
    try:
        found = msgspec.json.decode(bill, type=_Bill)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as e:
        raise Malformed(subject, str(e)[:160], "a bill of materials of CycloneDX") from None
    if found.format != "CycloneDX":
        raise Malformed(subject, repr(found.format[:40]), "CycloneDX")
    listed: dict[str, str] = {}
    for c in found.components:
        if c.type == "file":
            if c.name in listed:
                raise Malformed(subject, f"the file {c.name[:80]!r} twice", "each file once")
            listed[c.name] = next((h.content.lower() for h in c.hashes if h.alg == "SHA-256"), "")
    return listed


def reasons(bill: bytes, found: Mapping[str, str], subject: str = SUBJECT) -> tuple[str, ...]:
    """Why a bill is not that of files (SHA-256 by path); nothing where it is. Raises Malformed where it is no bill."""
    listed = files_of(bill, subject)
    told = [f"{p}: not in it" for p in sorted(set(found) - set(listed))]
    told += [f"{p}: listed, and not there" for p in sorted(set(listed) - set(found))]
    told += [
        f"{p}: another digest than is listed" if listed[p] else f"{p}: listed without SHA-256"
        for p in sorted(set(found) & set(listed))
        if listed[p] != found[p]
    ]
    return tuple(told)
