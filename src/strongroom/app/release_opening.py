"""The use cases behind `release open-output` and `release recipient`: an owner's key, and what was sealed to it."""

import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from strongroom.app import release_sinks
from strongroom.app.log import Place
from strongroom.app.log_entries import entries
from strongroom.app.release_secret import Secret, protect
from strongroom.kit import jwe, outputs
from strongroom.kit.jwk import public_members, recipient
from strongroom.model.codes import EntryKind
from strongroom.model.errors import BadInput, BadProof, Malformed, NotFound, Unreadable
from strongroom.model.release import ALLOW, OUTPUT

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_KEY = "a private key of a recipient, PKCS#8 in PEM"


@dataclass(frozen=True, slots=True)
class Opened:
    """What is said of an output: of which resource and policy, its digest, and where the log has it, if that was looked for."""

    resource: str
    policy: str
    recipients: tuple[str, ...]
    digest: str
    octets: int
    entry: int | None = None
    at: datetime | None = None


def open_output(path: str, key: str, place: tuple[str | None, int | None, bool], log: Place | None = None) -> Opened:
    """Open an output for the holder of a key, and put it where it is wanted. With a log, only what is in it.

    Raises:
        BadSignature: it is for others, or was changed.
        BadProof: the log has no such output, or it is of another resource or policy.
        And as `release_sinks.opened`.
    """
    output, number, disk = place
    with release_sinks.opened(output, number, disk=disk) as sink:
        protect()
        held = _key(key)
        found = outputs.opened(_read(path, outputs.MOST_ENVELOPE), held)
        entry, at = _logged(log, found) if log is not None else (None, None)
        with Secret(len(found.plaintext)) as octets:
            octets.view[:] = found.plaintext
            sink.put(octets)
    h = found.header
    return Opened(h.resource, h.policy, h.recipients, found.digest, len(found.plaintext), entry, at)


def _logged(log: Place, found: outputs.Opened) -> tuple[int, datetime]:
    """Where the log has it: anybody can seal something to a public key, but only an attested workload gets this entry."""
    for got in entries(log, (EntryKind.DECISION.value,)):
        e = got.entry
        if e is None or (e.fields.get("verb"), e.fields.get("outcome")) != (OUTPUT, ALLOW):
            continue
        names, digests = e.fields.get("inputs"), e.fields.get("input-digests")
        if not isinstance(names, tuple) or not isinstance(digests, tuple):
            continue
        inputs = dict(zip(names, digests, strict=False))
        if inputs.get("output") != found.digest:
            continue
        if e.subject != found.header.resource or inputs.get("release-policy") != found.header.policy:
            raise BadProof("output", f"in the log of {e.subject[:80]}", f"one of {found.header.resource[:80]}")
        return got.index, e.at
    raise BadProof("output", f"{found.digest[:23]}…, which the log does not have", "one that a workload handed out")


def recipient_of(name: str, path: str) -> str:
    """The part of a policy that makes the holder of a key a recipient; the key is made where the file is not there.

    Raises Unreadable, Malformed.
    """
    if not _NAME.fullmatch(name):
        raise Malformed("recipient", repr(name[:80]), "a name of letters, digits and . _ -")
    if not Path(path).exists():
        _make(path)
    members = public_members(_key(path).public_key())
    jwk = ", ".join(f'{n} = "{v}"' for n, v in members.items())
    return f'[[recipient]]  # {recipient(members).thumbprint}\nname = "{name}"\nkey = {{ {jwk} }}\n'


def _make(path: str) -> None:
    made = ec.generate_private_key(ec.SECP256R1())
    text = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as e:
        raise Unreadable(path, (e.strerror or "an error").lower(), "a file that can be made") from None
    with os.fdopen(descriptor, "wb") as f:
        f.write(text)


def _key(path: str) -> jwe.PrivateKey:
    try:
        found = load_pem_private_key(_read(path, 1 << 20), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Malformed(path, "no private key, or one under a passphrase", _KEY) from None
    if not isinstance(found, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | mlkem.MLKEM768PrivateKey):
        raise Malformed(path, "a key of another kind", "an EC, RSA or ML-KEM-768 key")
    return found


def _read(path: str, most: int) -> bytes:
    try:
        with Path(path).open("rb") as f:
            data = f.read(most + 1)
    except FileNotFoundError:
        raise NotFound("file", path, "one that exists") from None
    except OSError as e:
        raise Unreadable(path, (e.strerror or "an error").lower(), "a file that can be read") from None
    if len(data) > most:
        raise BadInput(path, f"over {most} octets", "an output of at most 64 MiB")
    return data
