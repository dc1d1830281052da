"""Outputs go to the recipients that the owners named, and to nobody else; and not before the log has them."""

import json
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import authority_minting as a
import broker_rig as b
import composite_minting as c
import kinds_rig as k
import msgspec
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from served_broker import Answer, Served, serving

from strongroom.app import log_entries, release_output
from strongroom.app.broker_output import output, recipients
from strongroom.app.broker_release import resource
from strongroom.app.broker_words import Refused
from strongroom.app.release_client import Client, To
from strongroom.app.release_replay import replay
from strongroom.app.release_words import TurnedAway
from strongroom.cli.main import group
from strongroom.kit import jose, jwe, jws, outputs
from strongroom.kit.jwk import public_members, recipient
from strongroom.model.codes import EntryKind
from strongroom.model.errors import BadInput, BadSignature, Denied, LogUnavailable, Malformed, TooLarge
from strongroom.model.log import LogEntry
from strongroom.model.release import Demand, Receiver, Revocation, Terms, What
from strongroom.model.trust import Decision, Receipt
from strongroom.release.decide import decide
from strongroom.seal import memory as seal_memory

OWNER_A, OWNER_B = ec.derive_private_key(41, ec.SECP256R1()), ec.derive_private_key(42, ec.SECP384R1())
SEALED = "sha256:" + "55" * 32
TO = (Receiver("lab-a", public_members(OWNER_A.public_key())), Receiver("lab-b", public_members(OWNER_B.public_key())))


def bound(rig: b.Rig, *names: str, **fields: object) -> None:
    """Let outputs of the weights go to some of the recipients."""
    assert rig.policy is not None
    rule = rig.rule(recipients=names, **fields)
    rig.policy = msgspec.structs.replace(rig.policy, rules=(rule,), recipients=TO)


@dataclass
class At:
    """A broker, where it is served, and an SEV-SNP guest."""

    rig: k.KindRig
    served: Served
    kind: k.Kind

    def client(self) -> Client:
        """A client of the guest."""
        return Client(To(self.served.url, str(self.served.ca), timeout=5.0), self.kind, lambda: self.rig.now)

    def spoil(self, path: str, how: Callable[[Answer], Answer]) -> None:
        """Make one answer wrong."""
        self.served.spoil[path] = how


def entries(rig: b.Rig) -> list[LogEntry]:
    """What the log holds, in order."""
    rig.log.publish()
    return [got.entry for got in log_entries.entries(rig.place) if got.entry is not None]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[b.Rig]:
    """A broker whose rule lets outputs go to two owners."""
    made = b.Rig(tmp_path)
    bound(made, "lab-a", "lab-b")
    yield made
    made.log.close()
    made.store.close()


@pytest.fixture
def at(tmp_path: Path) -> Iterator[At]:
    """The same, served over TLS."""
    kind = k.KINDS["snp"]()
    made = k.KindRig(tmp_path, now=kind.now, kind=kind)
    bound(made, "lab-a", "lab-b")
    with serving(made.broker, tmp_path) as served:
        yield At(made, served, kind)
    made.log.close()
    made.store.close()


def refused(work: Callable[[], object]) -> Refused:
    """The refusal of something."""
    with pytest.raises(Refused) as caught:
        work()
    return caught.value


def body(rig: b.Rig, digest: str = SEALED, policy: str = "") -> bytes:
    """The word that something is handed out."""
    assert rig.policy is not None
    return msgspec.json.encode({"output": digest, "policy": policy or rig.policy.digest})


# From one end to the other


def test_what_is_sealed_is_for_the_owners_and_in_the_log(at: At) -> None:
    """Each owner opens it, nobody else does, and its digest is in the log before the workload has it."""
    with at.client() as client:
        made = release_output.seal(client, b.WEIGHTS, b"the mean of all ranks", lambda: at.rig.now)
    for key in (OWNER_A, OWNER_B):
        found = outputs.opened(made, key)
        assert found.plaintext == b"the mean of all ranks"
        assert (found.header.resource, found.header.policy) == (b.WEIGHTS, at.rig.policy and at.rig.policy.digest)
        assert len(found.header.recipients) == 2
    with pytest.raises(BadSignature):
        outputs.opened(made, c.KEY)
    said, handed = entries(at.rig)
    assert (said.fields["verb"], handed.fields["verb"]) == ("recipients", "output")
    inputs = dict(zip(handed.fields["inputs"], handed.fields["input-digests"], strict=True))  # type: ignore[arg-type] # texts
    assert inputs["output"] == outputs.digest_of(made)
    assert "owner.lab" in inputs
    for entry in (said, handed):
        assert replay(at.rig.store, at.rig.place, str(entry.fields["decision"]), at.rig.judge).differs == ()


def test_an_output_takes_no_use_of_the_resource(at: At) -> None:
    """A workload that may have the weights once gets them after its outputs, and hands outputs out after that."""
    with at.client() as client:
        release_output.seal(client, b.WEIGHTS, b"one", lambda: at.rig.now)
        with client.get(b.WEIGHTS) as secret:
            assert bytes(secret) == b.SECRET
        release_output.seal(client, b.WEIGHTS, b"two", lambda: at.rig.now)
    assert [e.kind for e in entries(at.rig)].count(EntryKind.RELEASE) == 1


def test_one_recipient_of_several_is_all_that_is_named(at: At) -> None:
    """Whom the policy knows but the rule does not name gets nothing."""
    bound(at.rig, recipient(TO[1].key).thumbprint)
    with at.client() as client:
        made = release_output.seal(client, b.WEIGHTS, b"for one", lambda: at.rig.now)
    assert outputs.opened(made, OWNER_B).plaintext == b"for one"
    with pytest.raises(BadSignature):
        outputs.opened(made, OWNER_A)


def test_nobody_named_means_nobody(at: At) -> None:
    """A rule without recipients lets no output be sealed: the broker does not say to whom, and logs no word of it."""
    bound(at.rig)
    with at.client() as client, pytest.raises(TurnedAway, match="PolicyDeny"):
        release_output.seal(client, b.WEIGHTS, b"x", lambda: at.rig.now)
    [entry] = entries(at.rig)
    assert "release.recipients" in str(entry.fields["reasons"])


# What the broker denies


def revoke(rig: b.Rig) -> None:
    """The build is revoked after its attestation."""
    rig.store.revoke(Revocation(What.REFERENCE, "worker 1.4", "it leaks gradients", rig.now, "lab-b"))


def nobody_signed(rig: b.Rig) -> None:
    """No owner has signed the policy."""
    assert rig.policy is not None
    rig.policy = msgspec.structs.replace(rig.policy, owners=())


DENIED: dict[str, tuple[str, Callable[[b.Rig], object]]] = {
    "no recipient": ("release.recipients", bound),
    "a recipient without a key": ("release.recipients", lambda r: bound(r, "lab-x")),
    "a revoked build": ("release.revoked", revoke),
    "an owner who has not signed": ("release.owners", nobody_signed),
    "another build": ("release.demands", lambda r: bound(r, "lab-a", owners={"lab": Demand(references=("w 2",))})),
}


@pytest.mark.parametrize("asked", ["recipients", "output"])
@pytest.mark.parametrize(("condition", "harm"), DENIED.values(), ids=DENIED)
def test_one_thing_amiss_denies(rig: b.Rig, condition: str, harm: Callable[[b.Rig], object], asked: str) -> None:
    """Whatever would deny the resource denies what is made of it, alone, and by its condition in the log."""
    cookie, _ = b.attested(rig)
    harm(rig)
    work = {
        "recipients": lambda: recipients(rig.broker, b.WEIGHTS, cookie),
        "output": lambda: output(rig.broker, b.WEIGHTS, body(rig), cookie),
    }[asked]
    told = refused(work)
    assert (told.status, told.kind) == (401, "PolicyDeny")
    entry = entries(rig)[-1]
    assert entry.kind is EntryKind.DENIAL
    assert {str(r).partition(":")[0] for r in entry.fields["reasons"]} == {condition}  # type: ignore[union-attr] # texts


@pytest.mark.parametrize(
    "octets",
    [b"", b"[]", b'{"output":"x"}', b'{"output":"sha256:00","policy":"sha256:00"}', b'{"output":1,"policy":2}'],
)
def test_what_is_no_digest_is_refused(rig: b.Rig, octets: bytes) -> None:
    """What does not name an output and its policy is no message."""
    cookie, _ = b.attested(rig)
    assert refused(lambda: output(rig.broker, b.WEIGHTS, octets, cookie)).status == 400


def test_an_output_of_another_policy_is_not_handed_out(rig: b.Rig) -> None:
    """What was sealed to recipients of before is not handed out once others are named; and the log says so."""
    cookie, _ = b.attested(rig)
    assert rig.policy is not None
    before = rig.policy.digest
    bound(rig, "lab-b")
    assert refused(lambda: output(rig.broker, b.WEIGHTS, body(rig, policy=before), cookie)).status == 401
    assert "sealed by the policy" in str(entries(rig)[-1].fields["reasons"])


def test_a_resource_that_is_not_there_has_no_outputs(rig: b.Rig) -> None:
    """A rule alone is not enough: the owners that were bound into the resource must be asked."""
    cookie, _ = b.attested(rig)
    assert refused(lambda: recipients(rig.broker, "models/weights/none", cookie)).status == 401
    assert "no such resource" in str(entries(rig)[-1].fields["reasons"])


def test_without_a_session_nobody_is_told(rig: b.Rig) -> None:
    """Recipients are told to attested workloads alone."""
    for cookie in ("", "AAAA"):
        assert refused(lambda c=cookie: recipients(rig.broker, b.WEIGHTS, c)).kind == "TokenNotFound"  # type: ignore[misc] # of the loop
    assert entries(rig) == []


def test_an_output_that_cannot_be_logged_is_not_handed_out(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the log takes nothing, the workload gets no envelope."""
    real = at.rig.log.decide

    def full(decision: Decision) -> Receipt:
        if decision.verb == "output":
            raise LogUnavailable("log", "full", "room")
        return real(decision)

    fills = type("Fills", (), {"decide": staticmethod(full)})()
    broker = at.rig.but(log=fills)
    monkeypatch.setattr("served_broker.broker_output.output", lambda _, *more: output(broker, *more))
    with at.client() as client, pytest.raises(Exception, match="503"):
        release_output.seal(client, b.WEIGHTS, b"x", lambda: at.rig.now)


def test_the_word_for_an_output_opens_no_resource(rig: b.Rig) -> None:
    """What proves that an output is handed out, or who may get it, opens nothing."""
    held: list[Receipt] = []

    class Keeps:
        def decide(self, decision: Decision) -> Receipt:
            held.append(rig.log.decide(decision))
            return held[-1]

    cookie, _ = b.attested(rig)
    broker = rig.but(log=Keeps())
    recipients(broker, b.WEIGHTS, cookie)
    output(broker, b.WEIGHTS, body(rig), cookie)
    wrapped = rig.store.resource(b.WEIGHTS)
    assert wrapped is not None
    assert len(held) == 2
    for receipt in held:
        with pytest.raises(Denied):
            rig.keys.unwrap(receipt, wrapped, rig.now)


def test_the_record_of_an_output_is_that_of_no_release(rig: b.Rig) -> None:
    """The same terms for another purpose, or for another output, are another decision."""
    cookie, _ = b.attested(rig)
    ident = json.loads(output(rig.broker, b.WEIGHTS, body(rig), cookie))["decision"]
    terms = msgspec.json.decode(rig.store.decision(ident), type=Terms)
    for fields in ({"purpose": "", "request": ""}, {"request": "sha256:" + "66" * 32}, {"purpose": "certificate"}):
        other = decide(msgspec.structs.replace(terms, ask=msgspec.structs.replace(terms.ask, **fields)))
        assert other != decide(terms)


# What a workload does not believe


def test_a_statement_is_no_token(rig: b.Rig) -> None:
    """What the broker signs about recipients lets nobody in."""
    cookie, _ = b.attested(rig)
    said = json.loads(recipients(rig.broker, b.WEIGHTS, cookie))["statement"]
    assert refused(lambda: resource(rig.broker, b.WEIGHTS, token=said)).kind == "TokenNotFound"


def test_a_token_is_no_statement(at: At) -> None:
    """Nor does a token say who may get outputs."""
    with at.client() as client:
        token = client.attest().standing.token
        at.spoil("llm-1", lambda _: (200, json.dumps({"statement": token}).encode(), {}))
        with pytest.raises(Malformed, match="eat"):
            release_output.recipients(client, b.WEIGHTS, lambda: at.rig.now)


def restated(answer: Answer, at: At, by: ec.EllipticCurvePrivateKey | None, **claims: object) -> Answer:
    """A statement that says something else, signed by the broker's key or by another."""
    held = json.loads(jose.read(json.loads(answer[1])["statement"].encode()).payload) | claims
    header = {"typ": outputs.STATEMENT, "kid": at.rig.tokens.key_id}
    signed = jws.sign(json.dumps(held).encode(), header, by) if by else at.rig.tokens.statement(held, header["typ"])
    return 200, json.dumps({"statement": signed}).encode(), {}


EVE = ec.derive_private_key(43, ec.SECP256R1())
LIES: dict[str, Callable[[Answer, At], Answer]] = {
    "another's signature": lambda x, at: restated(x, at, EVE),
    "another's recipients": lambda x, at: restated(
        x, at, EVE, recipients=[{"name": "eve", "key": public_members(EVE.public_key())}]
    ),
    "for another key": lambda x, at: restated(x, at, None, key="ab" * 32),
    "of another resource": lambda x, at: restated(x, at, None, resource="models/weights/other"),
    "of another time": lambda x, at: restated(x, at, None, exp=1),
    "of the future": lambda x, at: restated(x, at, None, iat=1 << 40, exp=1 << 41),
    "no recipients": lambda x, at: restated(x, at, None, recipients=[]),
    "nothing": lambda *_: (200, b"{}", {}),
    "no token": lambda *_: (200, b'{"statement":"a.b"}', {}),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_statement_that_does_not_do_seals_nothing(at: At, lie: Callable[[Answer, At], Answer]) -> None:
    """Whoever stands between and says that outputs go elsewhere is not believed, and no output is logged."""
    at.spoil("llm-1", lambda answer: lie(answer, at))
    with at.client() as client, pytest.raises((BadInput, Denied)):
        release_output.seal(client, b.WEIGHTS, b"the mean", lambda: at.rig.now)
    assert [e for e in entries(at.rig) if e.fields["verb"] == "output"] == []


# The envelope


def said(*receivers: Receiver) -> outputs.Statement:
    """A statement."""
    return outputs.Statement("a/b/c", SEALED, receivers, "ab" * 32, "id", 0, 1)


def fresh(n: int) -> tuple[jwe.Fresh, ...]:
    """For so many keys of the curve P-256, used here alone."""
    return tuple(jwe.Fresh(bytes(32), bytes(12), ec.derive_private_key(7 + i, ec.SECP256R1())) for i in range(n))


def test_nothing_is_sealed_to_nobody() -> None:
    """Closed where nobody is named, whoever asks."""
    with pytest.raises(Denied):
        outputs.sealed(said(), b"x", ())


def test_what_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it is in memory, so that there is an end."""
    monkeypatch.setattr(outputs, "MOST", 4)
    with pytest.raises(TooLarge):
        outputs.sealed(said(TO[0]), b"12345", fresh(1))


def test_an_entry_that_was_added_or_taken_away_is_noticed() -> None:
    """The recipients of the envelope are those under its tag, no fewer and no more."""
    other = Receiver("lab-c", public_members(EVE.public_key()))
    message = json.loads(outputs.sealed(said(TO[0], other), b"x", fresh(2)))
    more = json.loads(json.dumps(message))
    more["recipients"].append(
        {**message["recipients"][1], "header": {**message["recipients"][1]["header"], "kid": "00"}}
    )
    fewer = {**message, "recipients": message["recipients"][:1]}
    for changed in (more, fewer):
        with pytest.raises(BadSignature, match="recipients"):
            outputs.opened(json.dumps(changed).encode(), OWNER_A)


def test_another_message_of_the_same_form_is_no_output() -> None:
    """What was encrypted for something else is not taken for an output."""
    to = recipient(TO[0].key)
    header = {"typ": "mail", "resource": "a/b/c", "policy": SEALED, "recipients": [to.thumbprint]}
    with pytest.raises(Malformed, match="mail"):
        outputs.opened(jwe.encrypt_for((to,), b"x", fresh(1), header), OWNER_A)


# The commands of an owner


def run(*words: str) -> tuple[int, str]:
    """Exit code and output of a command."""
    done = CliRunner().invoke(group, ["release", *words])
    return done.exit_code, done.output


@pytest.fixture
def sealed(at: At, tmp_path: Path) -> Path:
    """An output that was handed out, in a file, with the key of an owner beside it."""
    (tmp_path / "owner.pem").write_bytes(a.private(OWNER_A))
    with at.client() as client:
        (tmp_path / "mean.jwe").write_bytes(release_output.seal(client, b.WEIGHTS, b"the mean", lambda: at.rig.now))
    at.rig.log.publish()
    return tmp_path / "mean.jwe"


def test_an_owner_opens_what_the_log_has(sealed: Path, tmp_path: Path) -> None:
    """The command opens it, says of which resource and policy it is, and where the log has it."""
    at = ("--key", str(tmp_path / "owner.pem"), "--log", str(tmp_path / "log"))
    code, told = run("open-output", str(sealed), *at, "-o", str(tmp_path / "mean"), "--allow-disk")
    assert code == 0, told
    assert (tmp_path / "mean").read_bytes() == b"the mean"
    assert b.WEIGHTS in told
    assert "entry 1" in told


def test_what_the_log_does_not_have_is_not_opened(sealed: Path, at: At, tmp_path: Path) -> None:
    """Anybody can seal something to a public key: with --log it stays closed; without, somebody is told."""
    assert at.rig.policy is not None
    forged = outputs.sealed(msgspec.structs.replace(said(TO[0]), policy=at.rig.policy.digest), b"a lie", fresh(1))
    sealed.write_bytes(forged)
    key = ("--key", str(tmp_path / "owner.pem"))
    out = tmp_path / "mean"
    code, told = run("open-output", str(sealed), *key, "--log", str(tmp_path / "log"), "-o", str(out), "--allow-disk")
    assert (code, out.exists()) == (2, False)
    assert "does not have" in told
    code, told = run("open-output", str(sealed), *key)
    assert code == 0
    assert "nobody says who made it" in told


@pytest.mark.parametrize(
    "key",
    [OWNER_B, c.KEY, rsa.generate_private_key(65537, 2048), mlkem.MLKEM768PrivateKey.generate()],
    ids=["another owner", "the workload", "RSA", "ML-KEM"],
)
def test_whoever_is_no_recipient_opens_nothing(at: At, key: jwe.PrivateKey) -> None:
    """Another key finds no entry for it."""
    bound(at.rig, "lab-a")
    with at.client() as client:
        made = release_output.seal(client, b.WEIGHTS, b"x", lambda: at.rig.now)
    with pytest.raises(BadSignature):
        outputs.opened(made, key)


def test_a_disk_is_refused(sealed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an owner opens is not written to a disk by mistake."""
    monkeypatch.setattr(seal_memory, "in_memory", lambda _: False)
    code, told = run("open-output", str(sealed), "--key", str(tmp_path / "owner.pem"), "-o", str(tmp_path / "mean"))
    assert code == 2
    assert "--allow-disk" in told
    assert not (tmp_path / "mean").exists()


def test_a_key_makes_a_recipient(tmp_path: Path) -> None:
    """The command makes a key for its owner alone, and prints what a policy has of it, the same the second time."""
    path = tmp_path / "lab-a.pem"
    code, told = run("recipient", "lab-a", "--key", str(path))
    assert (code, path.stat().st_mode & 0o777) == (0, 0o600)
    assert "PRIVATE" not in told
    assert run("recipient", "lab-a", "--key", str(path)) == (0, told)
    held = jwe.public_members(load_pem_private_key(path.read_bytes(), None))  # type: ignore[arg-type] # of a kind that we made
    assert tomllib.loads(told)["recipient"] == [{"name": "lab-a", "key": held}]
    assert run("recipient", 'lab"a', "--key", str(path))[0] == 2
