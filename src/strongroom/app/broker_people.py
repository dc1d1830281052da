"""Who administers a broker, and what each of them may do: known by a client certificate, or by a token of OpenID Connect.

Every call is a decision in the log, of a named person, before it takes effect. Who is nobody is refused without an entry:
otherwise anybody could fill the log.
"""

import hashlib
import hmac
import re
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from strongroom.app.agent_client import context
from strongroom.app.broker_words import Refused, cannot_work
from strongroom.app.config import AdminSection, BrokerSection, OidcSection
from strongroom.kit import jose, strict_json
from strongroom.ledger.asking import Caller, Line, NoAnswerError
from strongroom.model.errors import BadInput, LogError, Malformed, Unreadable
from strongroom.model.release import ALLOW, DENY, AdminRole
from strongroom.model.trust import Decision, Receipt

VERB, WHO = "administer", "admin"  # as the log has what is done, and by whom
_SKEW = 30  # seconds between a provider's clock and ours
_LONGEST = timedelta(hours=24)  # of a token: who may live longer than a day may have left since
_AGAIN = timedelta(minutes=5)  # after which a provider's keys are read again
_SOONER = timedelta(seconds=10)  # the same for a key that is not known, and where the keys could not be read
_OLDEST = timedelta(hours=1)  # after which keys that could not be read again count no more: one may have been withdrawn
_KEY = re.compile(r"[0-9a-f]{64}")
_ALGORITHMS = {a.value[0]: a for a in jose.Algorithm}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who administers: the name that the log has, and the roles."""

    name: str
    roles: frozenset[AdminRole]


def nobody(why: str) -> Refused:
    """Who comes is nobody that is known; the caller does not learn why."""
    return Refused(401, "Unauthenticated", "a known client certificate or token is wanted", why)


def not_allowed(why: str) -> Refused:
    """Who comes is known, and may not do this."""
    return Refused(403, "Forbidden", "none of your roles may do this", why)


class Doorkeeper:
    """Says who somebody is. `fetch` gets a key set from an https URL."""

    def __init__(self, config: BrokerSection, fetch: "Callable[[OidcSection], bytes] | None" = None) -> None:
        """Raises Malformed for an entry that could let in anybody or nobody."""
        self._admins = tuple(map(_checked, config.admins))
        self._oidc = config.oidc
        if config.oidc.issuer and not (config.oidc.audience and config.oidc.keys):
            raise Malformed("[broker.oidc]", "an issuer alone", "its audience and keys too")
        self._keys = _KeySet(config.oidc, fetch or _fetched)

    @property
    def anybody(self) -> bool:
        """Whether there is anybody whom it would know."""
        return bool(self._admins or self._oidc.issuer)

    def known(self, certificate: bytes, token: str, now: datetime) -> Person:
        """Who comes, with a certificate that TLS has verified (DER) or a token. Raises Refused (401 or 503)."""
        if token:
            if not self._oidc.issuer:
                raise nobody("a token, and no [broker.oidc]")
            return self._by_token(token, now)
        if not certificate:
            raise nobody("neither a certificate nor a token")
        return self._by_certificate(certificate)

    def _by_certificate(self, der: bytes) -> Person:
        try:
            found = x509.load_der_x509_certificate(der)
            spki = found.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            subject = found.subject.rfc4514_string()
        except (ValueError, x509.InvalidVersion):
            raise nobody("a certificate that cannot be read") from None
        key = hashlib.sha256(spki).hexdigest()
        for one in self._admins:
            if hmac.compare_digest(one.key.lower(), key) or (one.subject and one.subject == subject):
                return Person(one.name, frozenset(one.roles))
        raise nobody(f"the certificate of {subject[:120]!r} with the key {key[:16]}…")

    def _by_token(self, token: str, now: datetime) -> Person:
        oidc = self._oidc
        try:
            read = jose.read(token.encode("ascii", "replace"))
            algorithm = _ALGORITHMS.get(read.algorithm)
            if algorithm is None:
                raise nobody(f"a token by the algorithm {read.algorithm[:40]!r}")
            claims = _claims(jose.verify(read, algorithm, self._keys.of(read.key_id, read.algorithm, now)))
        except (BadInput, msgspec.MsgspecError) as e:
            raise nobody(f"a token: {str(e)[:200]}") from None
        _current(claims, oidc, now)
        return Person(f"{claims.sub}@{oidc.issuer}", frozenset(_roles(claims.rest.get(oidc.claim), oidc)))


@dataclass(frozen=True, slots=True)
class _Claims:
    iss: str
    sub: str
    exp: float
    iat: float
    nbf: float
    aud: tuple[str, ...]
    rest: Mapping[str, object]


class _Registered(msgspec.Struct):
    """RFC 7519 section 4.1. Without a subject, an end and a beginning a token is none here."""

    iss: str
    sub: str
    exp: float
    iat: float
    aud: str | list[str]
    nbf: float = 0


def _claims(payload: bytes) -> _Claims:
    strict_json.check(payload, "claims of the token")
    found = msgspec.json.decode(payload, type=_Registered)
    rest = msgspec.json.decode(payload, type=dict[str, object])
    aud = (found.aud,) if isinstance(found.aud, str) else tuple(found.aud)
    return _Claims(found.iss, found.sub, found.exp, found.iat, found.nbf, aud, rest)


def _current(claims: _Claims, oidc: OidcSection, now: datetime) -> None:
    at = now.timestamp()
    if claims.iss != oidc.issuer or oidc.audience not in claims.aud:
        raise nobody(f"a token of {claims.iss[:120]!r} for {', '.join(claims.aud)[:120]!r}")
    if not claims.sub or not claims.sub.isprintable() or len(claims.sub) > 256:
        raise nobody("a token without a subject")
    if not (max(claims.iat, claims.nbf) - _SKEW <= at < claims.exp):
        raise nobody(f"a token of {claims.sub!r} that is over, or of the future")
    if claims.exp - claims.iat > _LONGEST.total_seconds():
        raise nobody(f"a token of {claims.sub!r} that lasts over {_LONGEST.total_seconds() / 3600:g} hours")


def _roles(held: object, oidc: OidcSection) -> list[AdminRole]:
    """The roles that a claim names: in our words, or in those that the configuration translates."""
    words = held.split() if isinstance(held, str) else held if isinstance(held, list) else []
    named = [w for w in words if isinstance(w, str)]
    if oidc.roles:
        return [role for w in named for role in oidc.roles.get(w, ())]
    return [AdminRole(w) for w in named if w in set(AdminRole)]


class _KeySet:
    """The provider's keys: read when they are asked for first, and again after a while or for a key that is not known."""

    def __init__(self, oidc: OidcSection, fetch: Callable[[OidcSection], bytes]) -> None:
        self._oidc, self._fetch = oidc, fetch
        self._lock = threading.Lock()
        self._held: tuple[jose.Jwk, ...] = ()
        self._asked: datetime | None = None
        self._read_at: datetime | None = None
        self._trouble = ""

    def of(self, key_id: str, algorithm: str, now: datetime) -> bytes:
        """The key of an id. Raises Malformed where there is none, Refused (503) where there are no keys at all."""
        with self._lock:
            self._again(key_id, now)
            held = [k for k in self._held if k.key_id == key_id and k.algorithm in ("", algorithm)]
        if len(held) != 1:
            raise Malformed("key of the token", f"the id {key_id[:60]!r}", f"one of {self._oidc.keys}")
        return held[0].key

    def _again(self, key_id: str, now: datetime) -> None:
        """Read the keys where they are due. Raises Refused (503) where those at hand are none, or too old."""
        missing = not any(k.key_id == key_id for k in self._held)
        fresh = self._read_at is not None and abs(now - self._read_at) <= _AGAIN
        due = not fresh or missing
        if due and (self._asked is None or abs(now - self._asked) > _SOONER):
            self._asked = now
            try:
                self._held, self._read_at = jose.keys(self._fetch(self._oidc)), now
            except BadInput as e:
                self._trouble = str(e)
        if self._read_at is None or abs(now - self._read_at) > _OLDEST:
            raise cannot_work(f"keys of {self._oidc.issuer}: {self._trouble}", owed=False)


def _fetched(oidc: OidcSection) -> bytes:
    if not oidc.keys.startswith("https://"):
        try:
            return Path(oidc.keys).read_bytes()
        except OSError as e:
            raise Unreadable(oidc.keys, (e.strerror or "an error").lower(), "a JSON Web Key Set") from None
    base, _, tail = oidc.keys.rpartition("/")
    try:
        answer = Caller(base, Line(5.0, tls=context(oidc.ca or None))).ask(tail, jose.MOST)
    except NoAnswerError as e:
        raise Unreadable(oidc.keys, str(e), "a JSON Web Key Set") from None
    if answer.status != 200:
        raise Unreadable(oidc.keys, f"status {answer.status}", "a JSON Web Key Set")
    return answer.body


def _checked(one: AdminSection) -> AdminSection:
    if bool(one.key) == bool(one.subject) or (one.key and not _KEY.fullmatch(one.key.lower())):
        wanted = "either `key`, the SHA-256 of its public key in 64 hex digits, or `subject`"
        raise Malformed(f"[[broker.admins]] {one.name[:60]}", "both, neither, or another form", wanted)
    if not one.name or not one.name.isprintable() or not one.roles:
        raise Malformed("[[broker.admins]]", f"{one.name[:60]!r} with {len(one.roles)} roles", "a name, and roles")
    return one


def admitted(
    person: Person, allowed: frozenset[AdminRole], call: str, log: Callable[[Decision], Receipt], now: datetime
) -> Receipt:
    """The receipt of a call by somebody who may make it: it is in the log before anything is done.

    Raises Refused: 403 once the refusal is in the log, 503 where nothing can be logged.
    """
    holds = bool(person.roles & allowed)
    had = ", ".join(sorted(person.roles)) or "no role"
    reason = f"{VERB}.role: {had}" if holds else f"{VERB}.role: {had}, of {', '.join(sorted(allowed))}"
    decision = Decision(
        id=str(uuid.uuid4()),
        verb=VERB,
        subject=call,
        outcome=ALLOW if holds else DENY,
        reasons=(reason,),
        inputs=(),
        actor=f"{WHO}:{person.name}",
        decided_at=now,
    )
    try:
        receipt = log(decision)
    except LogError as e:
        raise cannot_work(str(e), owed=False) from None
    if not holds:
        raise not_allowed(f"{person.name}: {reason}")
    return receipt
