"""Sessions and tokens of the broker. A session is a cookie that only the broker can make; a token is a signed EAR.

Neither is kept: any broker with the same key takes up where another left. What must happen once, the answer to a
challenge, is held to that by the database.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

import strongroom
from strongroom.app.broker_words import ended, no_session
from strongroom.attest import ear
from strongroom.kit import jose, jwe, jws
from strongroom.model.attest import Appraisal
from strongroom.model.errors import BadInput

TYPE = "eat+jwt"  # RFC 9782


class Session(msgspec.Struct, frozen=True, array_like=True):
    """A challenge that was given out: its nonce, the kind of root that asked, the hash that binds, and its end."""

    nonce: bytes
    tee: str
    algorithm: str
    ends: int  # seconds since the epoch

    @property
    def id(self) -> str:
        """What its answer is kept by: a hash, so that the database does not hold nonces."""
        return hashlib.sha256(b"strongroom session\0" + self.nonce).hexdigest()


class Bearer(NamedTuple):
    """Whom a token is of: the attestation, until when."""

    attestation: str
    ends: datetime


class Tokens:
    """Makes and reads sessions and tokens by one signing key."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, *, trust: str) -> None:
        """`trust` says who vouches for this broker: `attested`, or `operator-trusted` outside of any TEE."""
        self._key = key
        self._trust = trust
        self.spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.key_id = hashlib.sha256(self.spki).hexdigest()[:16]
        held = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        self._mac = hmac.new(held, b"strongroom broker session", "sha256").digest()

    def key_set(self) -> bytes:
        """The public key that tokens are signed with, as a JSON Web Key Set (RFC 7517)."""
        members = {n: v for n, v in jwe.public_members(self._key).items() if n != "alg"}
        key = {**members, "use": "sig", "alg": "ES256", "kid": self.key_id}
        return msgspec.json.encode({"keys": [key]}, order="sorted")

    def cookie(self, session: Session) -> str:
        """The session as a text that nobody else can make."""
        body = msgspec.json.encode(session)
        tag = hmac.new(self._mac, body, "sha256").digest()
        return base64.urlsafe_b64encode(body + tag).rstrip(b"=").decode()

    def session(self, cookie: str, now: datetime) -> Session:
        """The session of a cookie. Raises Refused where it is none of ours, or is over."""
        try:
            octets = jose.unpadded(cookie.encode("ascii", "replace"), "session")
            body, tag = octets[:-32], octets[-32:]
            if not hmac.compare_digest(hmac.new(self._mac, body, "sha256").digest(), tag):
                raise no_session("a session that was not made here")
            found = msgspec.json.decode(body, type=Session)
        except (BadInput, msgspec.MsgspecError):
            raise no_session("a session that cannot be read") from None
        if now.timestamp() >= found.ends:
            raise ended("a session that is over", found.id)
        return found

    def token(self, a: Appraisal, ident: str, key: Mapping[str, object], now: datetime, life: timedelta) -> str:
        """The attestation result (EAR) as a signed token, bound to the key that the evidence vouches for (RFC 7800)."""
        ends = min(now + life, a.expires_at)
        claims = ear.claims_set(a, strongroom.__version__)
        bound = msgspec.convert(msgspec.to_builtins(dict(key)), dict[str, str])
        claims |= {
            "jti": ident,
            "iat": int(now.timestamp()),
            "exp": int(ends.timestamp()),
            "cnf": {"jwk": dict(bound)},
            "tee-pubkey": dict(bound),
            "broker-trust": self._trust,
        }
        return jws.sign(msgspec.json.encode(claims), {"typ": TYPE, "kid": self.key_id}, self._key)

    def statement(self, claims: Mapping[str, object], kind: str) -> str:
        """Something else that this broker says, signed; `kind` keeps it from being taken for a token."""
        return jws.sign(msgspec.json.encode(claims, order="sorted"), {"typ": kind, "kid": self.key_id}, self._key)

    def bearer(self, token: str, now: datetime) -> Bearer:
        """Whom a token is of. Raises Refused where we did not sign it, or it is over."""
        try:
            read = jose.read(token.encode("ascii", "replace"))
            if read.type != TYPE:
                raise no_session("a statement of this broker that is no token")
            claims = msgspec.json.decode(jose.verify(read, jose.Algorithm.ES256, self.spki), type=_Claims)
        except (BadInput, msgspec.MsgspecError):
            raise no_session("a token that was not made here") from None
        ends = datetime.fromtimestamp(claims.exp, UTC)
        if now >= ends:
            raise ended("a token that is over", claims.jti)
        return Bearer(claims.jti, ends)


class _Claims(msgspec.Struct):
    jti: str
    exp: int
