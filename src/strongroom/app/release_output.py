"""Outputs of this workload: sealed to those whom the owners' policy names and nobody else, and in the broker's log first."""

import secrets
from collections.abc import Callable
from datetime import datetime

import msgspec

from strongroom.app.broker_fresh import fresh
from strongroom.app.release_client import Client, Session
from strongroom.kit import jose, jwe, outputs, strict_json
from strongroom.kit.jwk import recipient
from strongroom.model.errors import BadSignature, Malformed
from strongroom.model.release import resource_name

RECIPIENTS, OUTPUT = "strongroom/v0/recipients", "strongroom/v0/output"
_KEYS = ".well-known/jwks.json"
_SKEW = 60  # seconds by which the broker's clock may be another
_SUBJECT = "statement of recipients"


class _Stated(msgspec.Struct):
    statement: str


def recipients(client: Client, name: str, clock: Callable[[], datetime]) -> outputs.Statement:
    """Who may get outputs of a resource, as the broker has signed it for this workload's key.

    Raises:
        BadSignature: it was signed by another key, or is for another key or resource.
        And as `Client.get`.
    """
    resource_name(name)
    return client.standing(lambda session: _stated(client, name, session, clock))


def seal(client: Client, name: str, data: bytes, clock: Callable[[], datetime]) -> bytes:
    """The data, sealed to the recipients of a resource; its digest is in the broker's log by then.

    At most 64 MiB: all of it is in memory.

    Raises:
        Denied: the policy names no recipient.
        TooLarge: it is over 64 MiB.
        And as `recipients`.
    """
    resource_name(name)
    return client.standing(lambda session: _sealed(client, name, data, session, clock))


def _sealed(client: Client, name: str, data: bytes, session: Session, clock: Callable[[], datetime]) -> bytes:
    said = _stated(client, name, session, clock)
    made = outputs.sealed(said, data, tuple(fresh(r, secrets.token_bytes) for r in outputs.keys_of(said)))
    body = msgspec.json.encode(outputs.Handed(outputs.digest_of(made), said.policy))
    client.once(f"{OUTPUT}/{name}", body, session, subject=name)
    return made


def _stated(client: Client, name: str, session: Session, clock: Callable[[], datetime]) -> outputs.Statement:
    answer = client.once(f"{RECIPIENTS}/{name}", None, session, subject=name)
    strict_json.check(answer.body, _SUBJECT)
    try:
        token = msgspec.json.decode(answer.body, type=_Stated).statement.encode()
    except msgspec.MsgspecError as e:
        raise Malformed(_SUBJECT, str(e)[:160], "a signed statement") from None
    read = jose.read(token)
    if read.type != outputs.STATEMENT:
        raise Malformed(_SUBJECT, f"the type {read.type[:40]!r}", outputs.STATEMENT)
    said = outputs.statement(jose.verify(read, jose.Algorithm.ES256, _key(client, read.key_id)))
    mine = recipient(jwe.public_members(session.key)).thumbprint
    if (said.resource, said.key) != (name, mine):
        raise BadSignature(_SUBJECT, f"one of {said.resource[:80]} for another key", f"one of {name} for this key")
    if not said.iat - _SKEW <= clock().timestamp() < said.exp + _SKEW:
        raise BadSignature(_SUBJECT, "one of another time", "one of now")
    return said


def _key(client: Client, named: str) -> bytes:
    """The key of the broker's tokens: as its evidence vouched for it, or as this broker shows it on the same line."""
    if client.vouched is not None:
        return client.vouched.token_key
    for key in jose.keys(client.ask(_KEYS, None, subject=_SUBJECT).body):
        if key.key_id == named:
            return key.key
    raise BadSignature(_SUBJECT, "a key that the broker does not show", "that of its tokens")
