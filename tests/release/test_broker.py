"""The broker, from the challenge to the key: what it gives, what it refuses, and what is in the log by then."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import broker_rig as b
import composite_minting as c
import msgspec
import pytest

from strongroom.app import log_entries
from strongroom.app.broker_record import digest_of, read
from strongroom.app.broker_release import resource
from strongroom.app.broker_words import Refused
from strongroom.model.attest import ReferenceValues
from strongroom.model.codes import EntryKind
from strongroom.model.errors import BadSignature, KeyUnavailable, LogUnavailable, StateError
from strongroom.model.log import LogEntry
from strongroom.model.release import Revocation, Terms, What
from strongroom.release.decide import decide


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[b.Rig]:
    """A broker in a folder."""
    made = b.Rig(tmp_path)
    yield made
    made.log.close()
    made.store.close()


def entries(rig: b.Rig) -> list[LogEntry]:
    """What the log holds, in order."""
    rig.log.publish()
    return [got.entry for got in log_entries.entries(rig.place) if got.entry is not None]


def refused(work: Callable[[], object]) -> Refused:
    """The refusal of something."""
    with pytest.raises(Refused) as caught:
        work()
    return caught.value


def test_a_sound_workload_gets_its_key(rig: b.Rig) -> None:
    """A workload that is affirmed gets the resource, encrypted to its key, and the log has the release."""
    cookie, token = b.attested(rig)
    assert b.opened(resource(rig.broker, b.WEIGHTS, cookie)) == b.SECRET
    rig.policy = msgspec.structs.replace(rig.policy, rules=(rig.rule(uses=2),))
    assert b.opened(resource(rig.broker, b.WEIGHTS, token=token)) == b.SECRET
    assert [e.kind for e in entries(rig)] == [EntryKind.RELEASE] * 2
    assert entries(rig)[0].subject == b.WEIGHTS


def test_a_node_with_gpus_gets_its_key(rig: b.Rig) -> None:
    """A guest with two GPUs that answered before it is one workload, and gets the resource."""
    rig.node = c.Node()
    cookie, token = b.attested(rig, c.Node())
    assert b.opened(resource(rig.broker, b.WEIGHTS, cookie)) == b.SECRET
    claims = b.claims_of(token)
    assert {"node", "cpu0", "nvidia", "nvidia/0", "nvidia/1"} <= set(claims["submods"])


def test_the_token_is_bound_to_the_key(rig: b.Rig) -> None:
    """The token carries the key that was attested, and what it gives is for that key alone: stolen, it opens nothing."""
    _, token = b.attested(rig)
    assert b.claims_of(token)["cnf"] == {"jwk": c.jwk()}
    assert b.claims_of(token)["broker-trust"] == "operator-trusted"
    stolen = resource(rig.broker, b.WEIGHTS, token=token)
    with pytest.raises(BadSignature):
        b.opened(stolen, c.OTHER)


BAD: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "another nonce": ("composite.challenge", lambda _: b.answer(bytes(32))),
    "another's key": (
        "composite.root_bound",
        lambda n: b.answer(n, c.Node(count=0, signed=c.Node(runtime=c.runtime(n)).digest), key=c.OTHER),
    ),
    "evidence of before": ("composite.root_bound", lambda n: b.answer(n, c.Node(count=0, signed=bytes(48)))),
    "a GPU that the policy does not know": ("composite.count", lambda n: b.answer(n, c.Node(count=1))),
    "GPUs that answered another": (
        "composite.devices_bound",
        lambda n: b.answer(n, c.Node(count=1, asked=(bytes(32),))),
    ),
    "devices of nobody's kind": (
        "composite.members",
        lambda n: b.answer(n, **{"tee-evidence": {"primary_evidence": {}, "additional_evidence": '{"warp": {}}'}}),
    ),
    "no evidence": (
        "composite.members",
        lambda n: b.answer(n, **{"tee-evidence": {"primary_evidence": {}, "additional_evidence": ""}}),
    ),
}


@pytest.mark.parametrize(("step", "make"), BAD.values(), ids=BAD)
def test_evidence_that_does_not_do_is_refused_and_logged(rig: b.Rig, step: str, make: Callable[[bytes], bytes]) -> None:
    """Evidence that fails a step gets no token; the log and the operator know the step, the caller does not."""
    challenge = rig.broker.auth(b.opening())
    told = refused(lambda: rig.broker.attest(challenge.cookie, make(b.nonce_of(challenge.body))))
    assert (told.status, told.kind) == (401, "AttestationError")
    assert step in str(told)
    assert step not in told.public
    [entry] = entries(rig)
    assert entry.kind is EntryKind.DENIAL
    assert any(str(r).startswith(step) for r in entry.fields["reasons"])  # type: ignore[union-attr] # a list of texts
    assert refused(lambda: resource(rig.broker, b.WEIGHTS, challenge.cookie)).kind == "TokenNotFound"


def test_a_challenge_is_answered_once(rig: b.Rig) -> None:
    """The same answer to the same challenge, sent again, is refused."""
    challenge = rig.broker.auth(b.opening())
    body = b.answer(b.nonce_of(challenge.body))
    rig.broker.attest(challenge.cookie, body)
    assert "answered before" in str(refused(lambda: rig.broker.attest(challenge.cookie, body)))


def test_a_session_of_another_kind_is_refused(rig: b.Rig) -> None:
    """A session that was opened for one kind of root takes no evidence of another."""
    challenge = rig.broker.auth(b.opening("tdx"))
    refused(lambda: rig.broker.attest(challenge.cookie, b.answer(b.nonce_of(challenge.body))))


@pytest.mark.parametrize("cookie", ["", "AAAA", "x" * 300, "\u2603"])
def test_a_session_that_was_not_made_here_is_refused(rig: b.Rig, cookie: str) -> None:
    """Made-up cookies and tokens are no sessions."""
    assert refused(lambda: rig.broker.attest(cookie, b"{}")).kind == "TokenNotFound"
    assert refused(lambda: resource(rig.broker, b.WEIGHTS, cookie)).kind == "TokenNotFound"
    assert refused(lambda: resource(rig.broker, b.WEIGHTS, token=cookie or "x")).kind == "TokenNotFound"


def test_sessions_and_tokens_end(rig: b.Rig) -> None:
    """After their minutes are over, neither a session nor a token opens anything."""
    cookie, token = b.attested(rig)
    fresh = rig.broker.auth(b.opening())
    rig.later(minutes=6)
    assert refused(lambda: resource(rig.broker, b.WEIGHTS, cookie)).kind == "TokenNotFound"
    assert refused(lambda: resource(rig.broker, b.WEIGHTS, token=token)).kind == "TokenNotFound"
    late = b.answer(b.nonce_of(fresh.body))
    assert refused(lambda: rig.broker.attest(fresh.cookie, late)).kind == "TokenNotFound"


@pytest.mark.parametrize("version", ["0.3.0", "0.1.1", "1.0.0", "0.40.0", "x"])
def test_another_version_is_told_which_is_served(rig: b.Rig, version: str) -> None:
    """A client of another version is told the one that is served."""
    told = refused(lambda: rig.broker.auth(b.opening(version=version)))
    assert (told.status, told.kind) == (400, "ProtocolVersion")
    assert "0.4.x" in told.public


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"version":"0.4.0"}', b.opening("sample"), b"\xff", b"{" * 9000])
def test_a_message_of_no_protocol_is_refused(rig: b.Rig, body: bytes) -> None:
    """Octets that are no message are refused, opening and answering."""
    assert refused(lambda: rig.broker.auth(body)).status == 400
    cookie = rig.broker.auth(b.opening()).cookie
    assert refused(lambda: rig.broker.attest(cookie, body)).status == 400


def denied(rig: b.Rig, cookie: str) -> LogEntry:
    """The entry of a release that is denied."""
    told = refused(lambda: resource(rig.broker, b.WEIGHTS, cookie))
    assert (told.status, told.kind, told.public) == (401, "PolicyDeny", "the resource is not released")
    assert rig.keys.opened == 0
    return entries(rig)[-1]


def test_what_was_revoked_since_is_denied(rig: b.Rig) -> None:
    """A revocation between attestation and release counts, and the denial is in the log."""
    cookie, _ = b.attested(rig)
    rig.store.revoke(Revocation(What.MEASUREMENT, c.snp.MEASUREMENT.hex(), "it leaked", rig.now, "ops"))
    entry = denied(rig, cookie)
    assert entry.kind is EntryKind.DENIAL
    assert "it leaked" in str(entry.fields["reasons"])


def test_a_policy_that_changed_since_counts(rig: b.Rig) -> None:
    """Terms are judged when the resource is asked for: a rule that is gone denies."""
    cookie, _ = b.attested(rig)
    rig.policy = None
    assert "release.policy" in str(denied(rig, cookie).fields["reasons"])


def test_an_unknown_workload_is_denied(rig: b.Rig) -> None:
    """A workload that is genuine, and that no owner's terms name, gets nothing."""
    rig.known = ReferenceValues(
        tuple(msgspec.structs.replace(r, name="other", version="1") for r in rig.node.inputs().references.items), "x"
    )
    cookie, _ = b.attested(rig)
    assert "release.demands" in str(denied(rig, cookie).fields["reasons"])


def test_a_use_is_a_use(rig: b.Rig) -> None:
    """An attestation has a resource as often as its rule says, and no more."""
    cookie, _ = b.attested(rig)
    resource(rig.broker, b.WEIGHTS, cookie)
    told = refused(lambda: resource(rig.broker, b.WEIGHTS, cookie))
    assert "release.uses" in str(told)
    assert rig.keys.opened == 1


def test_a_denial_takes_no_use(rig: b.Rig) -> None:
    """A denial uses nothing up: once the terms are met, the same attestation has its use."""
    cookie, _ = b.attested(rig)
    sound, rig.policy = rig.policy, None
    denied(rig, cookie)
    rig.policy = sound
    assert b.opened(resource(rig.broker, b.WEIGHTS, cookie)) == b.SECRET


@pytest.mark.parametrize("name", ["models/weights/none", "models/tokens/x", "../../etc/passwd", "a/b", "a/b/c/d", ""])
def test_no_name_tells_whether_it_exists(rig: b.Rig, name: str) -> None:
    """A resource that is not there, one that no rule names, and no name at all get one answer."""
    cookie, _ = b.attested(rig)
    told = refused(lambda: resource(rig.broker, name, cookie))
    assert (told.status, told.kind, told.public) == (401, "PolicyDeny", "the resource is not released")


class NoLog:
    """A log that is full, or down."""

    def decide(self, _: object) -> object:
        """Take nothing."""
        raise LogUnavailable("log", "no room", "a log that takes entries")


def test_without_a_log_nothing_is_released(rig: b.Rig) -> None:
    """While the log takes no entry there is neither a release nor an answer to bad evidence: the broker does not work."""
    cookie, _ = b.attested(rig)
    dark = rig.but(log=NoLog())
    assert refused(lambda: resource(dark, b.WEIGHTS, cookie)).status == 503
    challenge = dark.auth(b.opening())
    assert refused(lambda: dark.attest(challenge.cookie, b.answer(bytes(32)))).status == 503
    assert rig.keys.opened == 0


class NoKeys(b.MemoryKeys):
    """A back end that is down."""

    def unwrap(self, *_: object) -> object:  # type: ignore[override] # it never answers
        """Open nothing."""
        raise KeyUnavailable("memory", "no answer in 5 s", "a back end that answers")


def test_a_back_end_that_is_down_denies_and_the_log_says_so(rig: b.Rig) -> None:
    """What was decided and could not be opened is followed by an entry that says that nothing left."""
    cookie, _ = b.attested(rig)
    broken = rig.but(keys={"memory": NoKeys(rig.gate)})
    assert refused(lambda: resource(broken, b.WEIGHTS, cookie)).status == 503
    held = entries(rig)
    assert [e.kind for e in held] == [EntryKind.RELEASE, EntryKind.DENIAL]
    assert "nothing left" in str(held[1].fields["reasons"])


def test_without_its_back_end_nothing_is_released(rig: b.Rig) -> None:
    """A resource whose back end is not open stays where it is."""
    cookie, _ = b.attested(rig)
    assert refused(lambda: resource(rig.but(keys={}), b.WEIGHTS, cookie)).status == 503


@pytest.mark.parametrize("method", ["held", "settle"])
def test_a_database_that_fails_denies(rig: b.Rig, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the database cannot answer, the broker answers that it cannot work, and opens nothing."""
    cookie, _ = b.attested(rig)

    def down(*_: object) -> object:
        raise StateError("broker database", "it is locked", "a database that can be used")

    monkeypatch.setattr(rig.store, method, down)
    assert refused(lambda: resource(rig.broker, b.WEIGHTS, cookie)).status == 503
    assert rig.keys.opened == 0


def test_a_full_disk_denies(rig: b.Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the record of an attestation cannot be kept, it cannot be proven later, and there is no token."""
    challenge = rig.broker.auth(b.opening())

    def full(*_: object) -> str:
        raise StateError("database", "no space left on device", "a folder with room")

    monkeypatch.setattr(type(rig.store), "attested", full)
    body = b.answer(b.nonce_of(challenge.body))
    assert refused(lambda: rig.broker.attest(challenge.cookie, body)).status == 503


def test_a_decision_is_made_again_byte_for_byte(rig: b.Rig) -> None:
    """From the kept terms comes the same decision, and from the record that they name the same verdict."""
    cookie, _ = b.attested(rig)
    resource(rig.broker, b.WEIGHTS, cookie)
    [entry] = entries(rig)
    ident = str(entry.fields["decision"])
    terms = msgspec.json.decode(rig.store.decision(ident), type=Terms)
    assert terms.digest == entry.fields["input-digests"][0]  # type: ignore[index] # the digests of the inputs
    again = decide(terms)
    assert (again.id, list(again.reasons)) == (ident, list(entry.fields["reasons"]))  # type: ignore[arg-type] # texts
    assert terms.workload is not None
    judged, before = read(rig.store, terms.workload.record, rig.judge)
    assert digest_of(judged.appraisal) == before


def test_expressions_of_owners_are_asked(rig: b.Rig) -> None:
    """What an owner demands in CEL is evaluated over the claims, and a false one denies."""
    yes, no = "claims.members.cpu0.policy.debug == false", "claims.members.cpu0.policy.debug == true"
    demand = msgspec.structs.replace(rig.rule().owners["lab"], require=(yes,))
    rig.policy = msgspec.structs.replace(rig.policy, rules=(rig.rule(owners={"lab": demand}),))
    cookie, _ = b.attested(rig)
    assert b.opened(resource(rig.broker, b.WEIGHTS, cookie)) == b.SECRET
    demand = msgspec.structs.replace(demand, require=(no,))
    rig.policy = msgspec.structs.replace(rig.policy, rules=(rig.rule(uses=9, owners={"lab": demand}),))
    assert f"{no}: false" in str(refused(lambda: resource(rig.broker, b.WEIGHTS, cookie)))


def test_nothing_secret_is_in_what_is_said(rig: b.Rig, capfd: pytest.CaptureFixture[str]) -> None:
    """The secret is in no message, no entry, no file but its own."""
    cookie, _ = b.attested(rig)
    resource(rig.broker, b.WEIGHTS, cookie)
    refused(lambda: resource(rig.broker, b.WEIGHTS, cookie))
    held = json.dumps([str(e) for e in entries(rig)]) + "".join(capfd.readouterr())
    assert b.SECRET.decode() not in held
    for path in rig.folder.rglob("*"):
        if path.is_file():
            assert b.SECRET not in path.read_bytes()


def test_two_brokers_share_one_state(rig: b.Rig) -> None:
    """A session that one broker opened is attested at another and used at a third, and no use is had twice."""
    first, second, third = rig.but(), rig.but(), rig.but(chance=os.urandom)
    challenge = first.auth(b.opening())
    second.attest(challenge.cookie, b.answer(b.nonce_of(challenge.body)))
    assert b.opened(resource(third, b.WEIGHTS, challenge.cookie)) == b.SECRET
    assert "release.uses" in str(refused(lambda: resource(first, b.WEIGHTS, challenge.cookie)))


def test_what_ended_is_forgotten(rig: b.Rig) -> None:
    """Attestations that ended are deleted with their uses, and nothing else is."""
    cookie, _ = b.attested(rig)
    resource(rig.broker, b.WEIGHTS, cookie)
    assert rig.store.forget(rig.now) == 0
    assert rig.store.forget(rig.now + timedelta(hours=1)) == 1
    assert rig.store.resource(b.WEIGHTS) is not None
