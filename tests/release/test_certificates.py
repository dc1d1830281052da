"""Certificates go to attested keys alone, with the policy's names alone, and the authority's key goes nowhere."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import authority_minting as a
import broker_rig as b
import composite_minting as c
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from strongroom.app import log_entries
from strongroom.app.broker_certificate import certificate
from strongroom.app.broker_release import resource
from strongroom.app.broker_words import Refused
from strongroom.app.release_admin import Desk, put
from strongroom.app.release_replay import replay
from strongroom.app.release_trial import Known, of_workloads, tried
from strongroom.kit import svid
from strongroom.model.codes import EntryKind
from strongroom.model.errors import Denied, KeyUnavailable, LogUnavailable, Malformed, StateError
from strongroom.model.log import LogEntry
from strongroom.model.release import CERTIFICATE, Demand, Issue, Revocation, Rule, Secret, Terms, What
from strongroom.model.trust import Decision, Receipt
from strongroom.release.decide import decide

CA = "lab/ca/rank"
RANK = "spiffe://lab.example/aggregation/rank"
ISSUE = Issue(RANK, dns=("rank.lab.example",), minutes=20.0)


@dataclass
class House:
    """A broker that keeps the key of an authority, and a session of an attested workload."""

    rig: b.Rig
    authority: a.Authority
    cookie: str = ""
    token: str = ""

    def ask(self, body: bytes | None = None, **words: str) -> dict[str, str]:
        """Ask for a certificate with the session."""
        who = words or {"cookie": self.cookie}
        found: dict[str, str] = json.loads(certificate(self.rig.broker, CA, body or a.request(c.KEY), **who))
        return found

    def rule(self, **fields: object) -> None:
        """Another rule."""
        assert self.rig.policy is not None
        made = msgspec.structs.replace(self.rig.policy.rules[0], **fields)
        self.rig.policy = msgspec.structs.replace(self.rig.policy, rules=(made, *self.rig.policy.rules[1:]))

    def deposit(self, octets: bytes, version: int, purpose: str = CERTIFICATE) -> None:
        """Another key in place of the authority's."""
        self.rig.store.deposit(self.rig.keys.wrap(Secret(octets), CA, version, (b.OWNER,), purpose), self.rig.now)

    def entries(self) -> list[LogEntry]:
        """What the log holds."""
        self.rig.log.publish()
        return [got.entry for got in log_entries.entries(self.rig.place) if got.entry is not None]

    def opened(self) -> int:
        """How often the back end has opened anything."""
        return self.rig.keys.opened


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A broker with an authority whose rule gives certificates, and a workload that was attested."""
    rig = b.Rig(tmp_path)
    assert rig.policy is not None
    rule = Rule(CA, {"lab": Demand(references=("worker 1.4",))}, issue=ISSUE)
    rig.policy = msgspec.structs.replace(rig.policy, rules=(rule, rig.rule()))
    made = House(rig, a.Authority(rig.now))
    made.deposit(made.authority.pem, 1)
    made.cookie, made.token = b.attested(rig)
    yield made
    rig.log.close()
    rig.store.close()


def refused(work: Callable[[], object]) -> Refused:
    """The refusal of something."""
    with pytest.raises(Refused) as caught:
        work()
    return caught.value


def leaf_of(told: dict[str, str]) -> x509.Certificate:
    """The certificate of an answer."""
    return x509.load_pem_x509_certificate(told["certificate"].encode())


# What is given


def test_an_attested_key_gets_a_certificate(house: House) -> None:
    """The certificate is for the attested key, has the policy's names and no other, and is verified up to the authority."""
    made = leaf_of(house.ask())
    assert made.public_key() == c.KEY.public_key()
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert [n.value for n in names.value] == [RANK, "rank.lab.example"]
    assert names.critical
    assert svid.workload_of(made.public_bytes(Encoding.DER)) == RANK
    svid.verified((made,), x509.load_pem_x509_certificates(house.authority.root), house.rig.now)


def test_a_bearer_of_the_token_gets_one_too(house: House) -> None:
    """With the token in place of the session; it is for the attested key all the same, of which a thief has none."""
    assert leaf_of(house.ask(token=house.token)).public_key() == c.KEY.public_key()


def test_the_log_has_the_decision_and_the_certificate(house: House) -> None:
    """First the decision, with the digest of the request and each owner's demand; then the digest of what was issued."""
    body = a.request(c.KEY)
    told = house.ask(body)
    decided, issued = house.entries()
    assert (decided.kind, issued.kind) == (EntryKind.RELEASE, EntryKind.DECISION)
    inputs = dict(zip(decided.fields["inputs"], decided.fields["input-digests"], strict=True))  # type: ignore[arg-type] # texts
    assert inputs["certificate-request"] == svid.request(body).digest
    assert "owner.lab" in inputs
    assert decided.fields["decision"] == told["decision"]
    assert f"issued by the decision {told['decision']}" in issued.fields["reasons"]  # type: ignore[operator] # texts
    digest = leaf_of(told).fingerprint(hashes.SHA256()).hex()
    assert f"sha256:{digest}" in issued.fields["input-digests"]  # type: ignore[operator] # texts


def test_a_certificate_is_decided_again_byte_for_byte(house: House) -> None:
    """What is kept of a certificate makes the same entry again."""
    ident = house.ask()["decision"]
    issued = str(house.entries()[1].fields["decision"])
    found = replay(house.rig.store, house.rig.place, ident, house.rig.judge)
    assert found.differs == ()
    assert "the decision, byte for byte as the entry of the log" in found.checked
    assert "issued by the decision" in replay(house.rig.store, house.rig.place, issued, house.rig.judge).checked[0]


def test_terms_of_another_purpose_are_another_decision(house: House) -> None:
    """The record of a certificate cannot be passed off as that of a release, or of another request."""
    ident = house.ask()["decision"]
    terms = msgspec.json.decode(house.rig.store.decision(ident), type=Terms)
    for fields in ({"purpose": ""}, {"request": "sha256:" + "00" * 32}, {"purpose": "output"}):
        other = msgspec.structs.replace(terms, ask=msgspec.structs.replace(terms.ask, **fields))
        assert decide(other) != decide(terms)


@pytest.mark.parametrize(("minutes", "ends"), [(5, 5), (24 * 60, None)], ids=["the rule", "the appraisal"])
def test_it_ends_with_the_first_of_its_ends(house: House, minutes: int, ends: int | None) -> None:
    """A certificate lasts as long as the rule says, and never longer than the appraisal that it stands on."""
    house.rule(issue=msgspec.structs.replace(ISSUE, minutes=minutes))
    house.rig.later(minutes=2)
    told = house.ask()
    terms = msgspec.json.decode(house.rig.store.decision(told["decision"]), type=Terms)
    assert terms.workload is not None
    wanted = terms.workload.expires_at.replace(microsecond=0) if ends is None else terms.now + timedelta(minutes=ends)
    assert leaf_of(told).not_valid_after_utc == wanted.replace(microsecond=0)
    assert leaf_of(told).not_valid_before_utc < terms.now


def test_serial_numbers_are_of_chance(house: House) -> None:
    """Two certificates have two serial numbers, positive and of 20 octets at most."""
    house.rule(uses=2)
    first, second = leaf_of(house.ask()), leaf_of(house.ask())
    assert first.serial_number != second.serial_number
    assert all(0 < s.serial_number < 1 << 159 for s in (first, second))


def test_names_of_the_request_count_for_nothing(house: House) -> None:
    """Another SPIFFE ID, a host, an address, a subject and cA in a request: nothing of it is in the certificate."""
    claims = [
        x509.UniformResourceIdentifier("spiffe://lab.example/admin"),
        x509.DNSName("bank.example"),
        x509.RFC822Name("root@lab.example"),
    ]
    made = leaf_of(house.ask(a.request(c.KEY, claims, "admin")))
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [n.value for n in names] == [RANK, "rank.lab.example"]
    assert list(made.subject) == []
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


# What is refused


def revoke(house: House, what: What, value: str) -> None:
    """Revoke something between the attestation and the request."""
    house.rig.store.revoke(Revocation(what, value, "it leaked", house.rig.now, "ops"))


def again(house: House) -> dict[str, str]:
    """The same request a second time."""
    body = a.request(c.KEY)
    house.ask(body)
    return house.ask(body)


def without(house: House) -> dict[str, str]:
    """A rule that gives no certificate."""
    house.rule(issue=None)
    return house.ask()


def unsigned(house: House) -> dict[str, str]:
    """The owner has not signed the policy that is in force."""
    assert house.rig.policy is not None
    house.rig.policy = msgspec.structs.replace(house.rig.policy, owners=())
    return house.ask()


def after(house: House, harm: Callable[[], object]) -> dict[str, str]:
    """Ask, after something was done."""
    harm()
    return house.ask()


DENIED: dict[str, tuple[str, Callable[[House], object]]] = {
    "another's key": ("release.key", lambda h: h.ask(a.request(c.OTHER))),
    "a key on another curve": ("release.key", lambda h: h.ask(a.request(ec.generate_private_key(ec.SECP384R1())))),
    "a request that is sent again": ("release.uses", again),
    "a rule without certificates": ("release.certificate", without),
    "the key of the authority": ("release.certificate", lambda h: resource(h.rig.broker, CA, h.cookie)),
    "an owner who has not signed": ("release.owners", unsigned),
    "a revoked measurement": (
        "release.revoked",
        lambda h: after(h, lambda: revoke(h, What.REFERENCE, "worker 1.4")),
    ),
    "a revoked authority": ("release.revoked", lambda h: after(h, lambda: revoke(h, What.RESOURCE, CA))),
    "another build": (
        "release.demands",
        lambda h: after(h, lambda: h.rule(owners={"lab": Demand(references=("worker 9",))})),
    ),
    "an old appraisal": (
        "release.demands",
        lambda h: after(
            h,
            lambda: (
                h.rule(owners={"lab": Demand(references=("worker 1.4",), max_age_minutes=1)}),
                h.rig.later(minutes=2),
            ),
        ),
    ),
    "a lease that is over": (
        "release.uses",
        lambda h: after(h, lambda: (h.rule(lease_minutes=1), h.rig.later(minutes=2))),
    ),
    "too many in an hour": (
        "release.rate",
        lambda h: after(h, lambda: (h.rule(uses=5, per_hour=1), h.ask())),
    ),
    "no approval": (
        "release.approvals",
        lambda h: after(h, lambda: h.rule(approvals=1, approvers=("ann+1",))),
    ),
}


@pytest.mark.parametrize(("condition", "work"), DENIED.values(), ids=DENIED)
def test_one_thing_amiss_denies(house: House, condition: str, work: Callable[[House], object]) -> None:
    """One thing that is not as demanded denies alone, is in the log by its condition, and opens no key."""
    told = refused(lambda: work(house))
    assert (told.status, told.kind) == (401, "PolicyDeny")
    entry = house.entries()[-1]
    assert entry.kind is EntryKind.DENIAL
    assert {str(r).partition(":")[0] for r in entry.fields["reasons"]} == {condition}  # type: ignore[union-attr] # texts
    issued = [e for e in house.entries() if e.kind is EntryKind.DECISION]
    assert house.opened() == len(issued)


def tampered() -> bytes:
    """A request whose signature is another's."""
    held = bytearray(a.request(c.KEY))
    held[-1] ^= 1
    return bytes(held)


NONE: dict[str, tuple[int, Callable[[], bytes]]] = {
    "a signature that does not verify": (400, tampered),
    "nothing that was asked": (400, lambda: b"\0"),
    "text": (400, lambda: b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"),
    "a key that is for signatures alone": (400, lambda: a.request(ed25519.Ed25519PrivateKey.generate())),
    "too much": (400, lambda: b"\0" * (svid.MOST_REQUEST + 1)),
}


@pytest.mark.parametrize(("status", "make"), NONE.values(), ids=NONE)
def test_what_is_no_request_is_refused(house: House, status: int, make: Callable[[], bytes]) -> None:
    """Octets that are no request, or that their own key has not signed, are refused before anything is decided."""
    assert refused(lambda: house.ask(make())).status == status
    assert house.opened() == 0
    assert not [e for e in house.entries() if e.kind is EntryKind.RELEASE]


def test_a_request_that_was_not_signed_is_in_the_log(house: House) -> None:
    """Whoever asks with a key that he need not have is denied, and the log says so."""
    refused(lambda: house.ask(tampered()))
    [entry] = house.entries()
    assert entry.kind is EntryKind.DENIAL
    assert "signature" in str(entry.fields["reasons"])


def test_an_attestation_that_is_over_gives_nothing(house: House) -> None:
    """After the minutes of a session, nobody is asked whether anything would hold."""
    house.rig.later(minutes=6)
    assert refused(house.ask).kind == "TokenNotFound"


@pytest.mark.parametrize("body", [a.request(c.KEY), tampered(), b"\0"], ids=["sound", "changed", "none"])
@pytest.mark.parametrize("begun", [False, True], ids=["nobody", "a session that was not attested"])
def test_nobody_without_an_attestation_gets_one(house: House, body: bytes, begun: bool) -> None:
    """Whatever somebody sends who was not attested: there is no session, and no entry with which he could fill the log."""
    cookie = house.rig.broker.auth(b.opening()).cookie if begun else "AAAA"
    assert refused(lambda: house.ask(body, cookie=cookie)).kind == "TokenNotFound"
    assert house.entries() == []


def test_an_authority_that_is_not_there_gives_nothing(house: House) -> None:
    """A rule for an authority of which no key was deposited: the same answer as a denial, and in the log."""
    house.rule(resource="lab/ca/other")
    told = refused(lambda: certificate(house.rig.broker, "lab/ca/other", a.request(c.KEY), house.cookie))
    assert (told.status, told.kind) == (401, "PolicyDeny")
    assert "no such resource" in str(house.entries()[-1].fields["reasons"])


def test_a_person_who_breaks_the_glass_gets_no_authority(house: House) -> None:
    """Not even with approvals does the key of an authority leave."""
    house.ask()
    terms = msgspec.json.decode(house.rig.store.decision(str(house.entries()[0].fields["decision"])), type=Terms)
    assert terms.policy is not None
    rule = msgspec.structs.replace(terms.policy.rules[0], break_glass=True)
    policy = msgspec.structs.replace(terms.policy, rules=(rule,))
    ask = msgspec.structs.replace(terms.ask, purpose="", request="", operator="dana", break_glass="the site is down")
    made = decide(msgspec.structs.replace(terms, policy=policy, ask=ask, workload=None))
    assert made.outcome == "deny"
    assert [r.partition(":")[0] for r in made.reasons] == ["release.certificate"]


def test_what_is_no_authority_is_not_deposited_as_one(house: House) -> None:
    """Under a rule that gives certificates, a mistake is told when it is made, and not at the first request."""
    desk = Desk(house.rig.store, {"memory": house.rig.keys}, house.rig.log, house.rig.policy, "kim", house.rig.now)
    with pytest.raises(Malformed, match="authority"):
        put(desk, CA, Secret(b"no authority"), "memory", ())
    assert put(desk, CA, Secret(a.Authority(house.rig.now).pem), "memory", ()).wrapped.version == 2


def test_a_trial_asks_for_a_certificate(house: House) -> None:
    """Where a rule gives certificates, a trial of the policy says who would get one."""
    assert house.rig.policy is not None
    workload = house.rig.store.attestation(house.rig.tokens.bearer(house.token, house.rig.now).attestation)
    assert workload is not None
    [tried_] = tried(house.rig.policy, of_workloads([("here", workload.workload)]), (CA,), Known())
    assert tried_.allowed, tried_.reasons


# When something fails after the decision


def receipts(house: House) -> list[Receipt]:
    """Every receipt that giving a certificate makes."""
    held: list[Receipt] = []

    class Keeps:
        def decide(self, decision: Decision) -> Receipt:
            held.append(house.rig.log.decide(decision))
            return held[-1]

    certificate(house.rig.but(log=Keeps()), CA, a.request(c.KEY), house.cookie)
    return held


BROKEN: dict[str, Callable[[House], bytes]] = {
    "no PEM": lambda _: b"thirty-two octets of a secret key",
    "a key without a certificate": lambda h: h.authority.private,
    "another's certificate": lambda h: h.authority.private + a.Authority(h.rig.now).root,
    "no authority": lambda h: h.authority.but(ca=False).pem,
    "one that signs no certificates": lambda h: h.authority.but(signs=False).pem,
    "one that is over": lambda h: a.Authority(h.rig.now - timedelta(days=60)).pem,
    "one without an identifier": lambda h: h.authority.but(without=(x509.SubjectKeyIdentifier,)).pem,
    "one of another trust domain": lambda h: (
        h.authority.but(
            also=((x509.SubjectAlternativeName([x509.UniformResourceIdentifier("spiffe://other.example")]), False),)
        ).pem
    ),
    "a chain that is none": lambda h: h.authority.pem + a.Authority(h.rig.now).root,
}


@pytest.mark.parametrize("make", BROKEN.values(), ids=BROKEN)
def test_an_authority_that_will_not_do_signs_nothing(house: House, make: Callable[[House], bytes]) -> None:
    """What is deposited is looked at before it signs; the log says that nothing came of the decision, and holds no secret."""
    octets = make(house)
    house.deposit(octets, 2)
    told = refused(house.ask)
    assert told.status == 503
    entry = house.entries()[-1]
    assert entry.kind is EntryKind.DENIAL
    assert "nothing left by the decision" in str(entry.fields["reasons"])
    assert "thirty-two" not in f"{told} {entry}"


def test_a_back_end_that_is_down_gives_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the key cannot be opened, the log says that nothing left."""

    def down(*_: object) -> Secret:
        raise KeyUnavailable("hsm", "no answer", "one")

    monkeypatch.setattr(house.rig.keys, "unwrap", down)
    assert refused(house.ask).status == 503
    assert [e.kind for e in house.entries()] == [EntryKind.RELEASE, EntryKind.DENIAL]


def test_a_back_end_that_is_slow_gives_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What took too long is not answered, and the log says that nothing left."""
    real = house.rig.keys.unwrap

    def slow(*given: object) -> Secret:
        found: Secret = real(*given)  # type: ignore[arg-type] # as it was called
        house.rig.later(minutes=2)
        return found

    monkeypatch.setattr(house.rig.keys, "unwrap", slow)
    assert refused(house.ask).status == 503
    assert [e.kind for e in house.entries()] == [EntryKind.RELEASE, EntryKind.DENIAL]


def test_a_database_that_is_down_gives_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the terms cannot be kept, nothing is decided: no key is opened, and the log has the denial."""

    def down(*_: object) -> bool:
        raise StateError("broker database", "a full disk", "room")

    monkeypatch.setattr(house.rig.store, "settle", down)
    assert refused(house.ask).status == 503
    assert [e.kind for e in house.entries()] == [EntryKind.DENIAL]
    assert house.opened() == 0


def test_a_revocation_between_two_certificates_counts(house: House) -> None:
    """A session that got a certificate gets no second one once its build is revoked."""
    house.rule(uses=2)
    house.ask()
    revoke(house, What.REFERENCE, "worker 1.4")
    assert refused(house.ask).kind == "PolicyDeny"
    assert house.opened() == 1


@pytest.mark.parametrize("works", [0, 1], ids=["the decision", "the certificate"])
def test_what_cannot_be_logged_is_not_given(house: House, works: int) -> None:
    """Without the entry of the decision no key is opened; without that of the certificate, it is not answered."""

    class Fills:
        def __init__(self) -> None:
            self.left = works

        def decide(self, decision: Decision) -> Receipt:
            if not self.left:
                raise LogUnavailable("log", "full", "room")
            self.left -= 1
            return house.rig.log.decide(decision)

    broker = house.rig.but(log=Fills())
    assert refused(lambda: certificate(broker, CA, a.request(c.KEY), house.cookie)).status == 503
    assert house.opened() == works


def test_the_receipt_of_a_certificate_opens_nothing_else(house: House) -> None:
    """What proves that a certificate was decided does not open the weights."""
    held = receipts(house)
    weights = house.rig.store.resource(b.WEIGHTS)
    assert weights is not None
    for receipt in held:
        with pytest.raises(Denied):
            house.rig.keys.unwrap(receipt, weights, house.rig.now)
    assert house.opened() == 1


def test_the_word_for_a_certificate_that_was_issued_opens_no_authority(house: House) -> None:
    """The second entry, of what was issued, is no release: a gate does not open for it."""
    held = receipts(house)
    authority = house.rig.store.resource(CA)
    assert authority is not None
    with pytest.raises(Denied):
        house.rig.keys.unwrap(held[1], authority, house.rig.now)
