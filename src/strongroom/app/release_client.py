"""The requester: attests this machine to a broker, for a key that lives in memory only, and opens what comes back.

The broker learns evidence and a public key; whoever takes its place learns no more. What it answers opens for the key of
this object and no other, and the key is gone with it.
"""

import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self, TypeVar

from cryptography.hazmat.primitives.asymmetric import ec, mlkem, rsa

from strongroom.app.agent_client import context
from strongroom.app.release_evidence import Attester
from strongroom.app.release_secret import Secret
from strongroom.app.release_words import OutOfReach, TurnedAway
from strongroom.attest.members import answer as nonce_for
from strongroom.kit import jwe, kbs_client, runtime_data
from strongroom.kit.jwk import ECDH, MLKEM, OAEP, recipient
from strongroom.kit.kbs import COOKIE, LEASE
from strongroom.ledger.asking import Caller, Line, NoAnswerError, Response
from strongroom.model.errors import BadSignature, BadUsage, Malformed
from strongroom.model.release import resource_name

ALGORITHMS = (ECDH, OAEP, MLKEM)
TIMEOUT = 30.0  # seconds for one request: evidence has megabytes of logs
MOST = 12 << 20  # octets of a resource, encrypted, in base64
T = TypeVar("T")
_LONGEST = 86_400  # seconds that an attestation, or a lease, is believed to last
_JSON = {"Content-Type": "application/json"}
_EARLY = timedelta(seconds=20)  # before a token ends, another is asked for


@dataclass(frozen=True, slots=True)
class To:
    """The broker, and how it is spoken to. `ca` is a file of authorities, or None for the system's."""

    url: str
    ca: str | None = None
    algorithm: str = ECDH
    timeout: float = TIMEOUT
    init: str | None = None  # the init-data of this workload, as text


@dataclass(frozen=True, slots=True)
class Vouched:
    """A broker that was verified: the key that signs its tokens (SPKI, DER), and its certificate (DER)."""

    token_key: bytes
    certificate: bytes


@dataclass(slots=True)
class Session:
    """One attestation: its key, its cookie, and what the broker said of it."""

    key: jwe.PrivateKey
    cookie: str
    standing: kbs_client.Standing
    begun: datetime
    got: set[str] = field(default_factory=set)
    leases: dict[str, datetime] = field(default_factory=dict)
    length: timedelta = field(init=False)

    def __post_init__(self) -> None:
        told = self.standing.ends - self.standing.issued
        self.length = timedelta(seconds=max(0, min(told, _LONGEST)))

    @property
    def ends(self) -> datetime:
        """When it is over by our own clock: the broker's may be another."""
        return self.begun + self.length

    @property
    def kept_until(self) -> datetime:
        """Until when all that was got with it may be held; without a word of the broker's, until it is over."""
        return min(self.leases.values(), default=self.ends)

    @property
    def good_until(self) -> datetime:
        """Until when something may be begun with it."""
        return self.ends - min(_EARLY, self.length / 10)


def made(algorithm: str) -> jwe.PrivateKey:
    """A key that is used once. Raises BadUsage."""
    if algorithm == ECDH:
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == OAEP:
        return rsa.generate_private_key(public_exponent=65537, key_size=3072)
    if algorithm == MLKEM:
        return mlkem.MLKEM768PrivateKey.generate()
    raise BadUsage("--algorithm", repr(algorithm[:40]), ", ".join(ALGORITHMS))


def opened(octets: bytes, key: jwe.PrivateKey) -> Secret:
    """The secret in an answer. Raises Malformed, BadSignature; then nothing of it is left."""
    made: list[Secret] = []
    with contextlib.ExitStack() as held:  # whatever ends this, an interruption too, wipes what was made

        def room(size: int) -> memoryview:
            made.append(held.enter_context(Secret(size)))
            return made[0].view

        jwe.decrypt_into(octets, key, room)
        held.pop_all()
    return made[0]


class Client:
    """Gets keys from one broker. Close it when done.

    Each method raises:
        TurnedAway: the broker refused.
        OutOfReach: it did not answer, cannot work now, or its certificate is not one that is trusted.
        NotFound, Unreadable: this machine cannot give evidence.
        BadInput, BadSignature: what the broker answers is none, or is for another key.
    """

    def __init__(self, to: To, attester: Attester, clock: Callable[[], datetime]) -> None:
        """Raises BadInput, Unreadable for a URL or a file of authorities that cannot be used."""
        tls = context(to.ca) if to.url.startswith("https") else None
        if tls is not None:
            tls.minimum_version = ssl.TLSVersion.TLSv1_3
        self._caller = Caller(to.url, Line(to.timeout, tls=tls))
        if to.algorithm not in ALGORITHMS:
            raise BadUsage("--algorithm", repr(to.algorithm[:40]), ", ".join(ALGORITHMS))
        self._to = to
        self._attester = attester
        self._clock = clock
        self._session: Session | None = None
        self.vouched: Vouched | None = None
        self.trust = ""  # who vouches for the broker, as it said itself when it was last asked

    # Attest

    def attest(self) -> Session:
        """Attest, with a new key; the session is used until it ends."""
        self.forget()
        begun = self._clock()
        opened = self.ask("kbs/v0/auth", kbs_client.opening(self._attester.tee))
        asked = kbs_client.challenge(opened.body)
        cookie = kbs_client.cookie(opened.headers.get("set-cookie", ""))
        if not cookie:
            raise Malformed("challenge", "no session beside it", f"a cookie {COOKIE}")
        key = made(self._to.algorithm)
        body = self._answer(asked, key)
        standing = kbs_client.standing(self.ask("kbs/v0/attest", body, cookie).body)
        self._check(standing, key)
        self.trust = standing.trust
        self._session = Session(key, cookie, standing, begun)
        return self._session

    def _answer(self, asked: kbs_client.Challenge, key: jwe.PrivateKey) -> bytes:
        """The devices answer first; what they say, be it nothing, is in what the root of trust signs."""
        runtime = kbs_client.runtime(asked, jwe.public_members(key))
        more = self._attester.devices(nonce_for("nvidia", runtime_data.digest(runtime, asked.algorithm)))
        digest = runtime_data.digest(runtime_data.with_devices(runtime, more.encode()), asked.algorithm)
        return kbs_client.answer(runtime, self._attester.root(digest), more, self._to.init)

    def _check(self, standing: kbs_client.Standing, key: jwe.PrivateKey) -> None:
        """The token is for this key; where the broker was verified, it is by the key that was vouched for."""
        if recipient(standing.key).thumbprint != recipient(jwe.public_members(key)).thumbprint:
            raise BadSignature("token", "another's key in it", "the key that was attested")
        if self.vouched is not None:
            kbs_client.signed_by(standing.token, self.vouched.token_key)

    def session(self) -> Session:
        """The attestation that stands, or a new one."""
        held = self._session
        return held if held is not None and self._clock() < held.good_until else self.attest()

    # Get

    def get(self, name: str) -> Secret:
        """The resource. The caller wipes it. Raises Malformed for a name that is none, and as the class says."""
        resource_name(name)
        return self.standing(lambda session: self._got(name, session), name)

    def standing(self, work: Callable[[Session], T], name: str = "") -> T:
        """What a work comes to by the attestation that stands, or a new one, where this one had the resource `name`."""
        before, session = self._session, self.session()
        if name in session.got:  # an attestation is good for so many releases of a resource, often one
            session = self.attest()
        try:
            return work(session)
        except TurnedAway as e:
            if e.kind != "TokenNotFound" or session is not before:
                raise
            return work(self.attest())  # the broker counts its minutes by another clock

    def _got(self, name: str, session: Session) -> Secret:
        asked = self._clock()  # from before the broker counts: what the way takes is not added
        answer = self.once(f"kbs/v0/resource/{name}", None, session, name)
        session.got.add(name)
        secret = opened(answer.body, session.key)
        told = answer.headers.get(LEASE.lower(), "")
        if told.isascii() and told.isdigit():
            session.leases[name] = asked + timedelta(seconds=min(int(told[:9]), _LONGEST))
        return secret

    # The wire

    def once(self, path: str, body: bytes | None, session: Session, subject: str) -> Response:
        """One request of a session that is sent once. Raises as `ask`."""
        # A kept connection may be dead, and then the request would be sent twice; a release may be good for once.
        self._caller.close()
        return self.ask(path, body, session.cookie, subject)

    def ask(self, path: str, body: bytes | None, cookie: str = "", subject: str = "attestation") -> Response:
        """One request. Raises TurnedAway, OutOfReach; BadSignature from a broker that is not the one that was verified."""
        headers = dict(_JSON) | ({"Cookie": f"{COOKIE}={cookie}"} if cookie else {})
        try:
            answer = self._caller.ask(path, MOST, body, headers)
        except NoAnswerError as e:
            hint = "is it up, and is its certificate by an authority of --ca?"
            raise OutOfReach(f"broker {self._to.url}", str(e), "an answer", hint) from None
        if self.vouched is not None and answer.peer != self.vouched.certificate:
            raise BadSignature(f"broker {self._to.url}", "another certificate", "that of the broker that was verified")
        if answer.status == 200:
            return answer
        told = kbs_client.told(answer.body)
        if answer.status in (401, 403):
            raise TurnedAway(subject, told.kind, told.detail)
        if answer.status in (429, 502, 503, 504):
            raise OutOfReach(f"broker {self._to.url}", f"{answer.status}, {told.detail}", "a broker that can work now")
        wanted = "an answer of the Key Broker Service protocol"
        raise Malformed(f"broker {self._to.url}", f"{answer.status}, {told.kind or 'no kind'}: {told.detail}", wanted)

    def forget(self) -> None:
        """Let go of the attestation and its key."""
        self._session = None

    def close(self) -> None:
        """Let go of the key and of the connection."""
        self.forget()
        self._caller.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
