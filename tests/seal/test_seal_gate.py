"""The gate: attest, release, open in one step, and never when something is missing."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import broker_rig as b
import kinds_rig as k
import msgspec
import pytest
import sealing_case as s
from sealing_case import Case, contents
from served_broker import Served, serving

from strongroom.app import seal_create, seal_open, seal_recipient, seal_slots, seal_unlock
from strongroom.app.release_admin import Desk
from strongroom.app.release_client import To
from strongroom.app.release_get import Asking
from strongroom.app.release_words import TurnedAway
from strongroom.app.seal_attachments import Describe
from strongroom.app.seal_gate import Demands
from strongroom.app.seal_signers import SignerWords
from strongroom.app.seal_signers import opened as signer_opened
from strongroom.kit import slots
from strongroom.kit.sealed import Boundary
from strongroom.model.errors import BadInput, BadSignature, BadUsage, Denied, Malformed, StrongroomError
from strongroom.model.release import Revocation, Secret, What

RESOURCE = "models/weights/sealed-7"


@dataclass
class Gated:
    """A model sealed to what a broker attests, the broker, and a guest that it expects."""

    case: Case
    rig: k.KindRig
    served: Served
    kind: k.Kind
    broker: str

    def way(self, **fields: object) -> seal_unlock.Way:
        """By attesting this machine."""
        asking = Asking(To("", str(self.served.ca), timeout=5.0))
        return seal_unlock.Way((), asking, **fields)  # type: ignore[arg-type] # by name

    def create(self, **fields: object) -> None:
        """Seal to the broker, with all that the gate wants."""
        wanted = seal_slots.Wanted(brokers=(self.broker,))
        given = {"wanted": wanted, "describe": self.described()} | fields
        self.case.create(**given)  # type: ignore[arg-type] # by name

    def described(self, **fields: object) -> Describe:
        """A scan and a provenance."""
        given = {"bom": False, "provenance": str(s.provenance(self.case))} | fields
        return Describe(**given)  # type: ignore[arg-type] # by name

    def demands(self) -> Demands:
        """By the signer of the model, who has signed its provenance too."""
        return self.case.demands(provenance_key=str(self.case.folder / "signer.pub"))

    def open(self, name: str = "out", **fields: object) -> Path:
        """Attest, release, open."""
        target = self.case.folder / name
        self.case.open(target, self.way(**fields), self.demands(), attester=self.kind)
        return target


@pytest.fixture
def gated(tmp_path: Path) -> Iterator[Gated]:
    """A broker that gives an identity to a guest that was measured."""
    kind = k.KINDS["snp"]()
    (tmp_path / "broker").mkdir()
    rig = k.KindRig(tmp_path / "broker", now=kind.now, kind=kind)
    (tmp_path / "model-owner").mkdir()
    case = Case(tmp_path / "model-owner", now=kind.now)
    to = case.identity("deposited")
    secret = Path(case.id_of("deposited")).read_bytes()
    rig.store.deposit(rig.keys.wrap(Secret(secret), RESOURCE, 1, (b.OWNER,)), rig.now)
    with serving(rig.broker, tmp_path / "broker") as served:
        asking = Asking(To(served.url, str(served.ca), timeout=5.0))
        made = seal_recipient.made(RESOURCE, to, "weights-v1", None, asking, lambda: kind.now)
        (case.folder / "broker.json").write_bytes(made)
        yield Gated(case, rig, served, kind, str(case.folder / "broker.json"))
    rig.log.close()
    rig.store.close()


def test_what_was_attested_opens_it(gated: Gated) -> None:
    """An expected guest gets the identity of the slot, and the model; the release is in the broker's log."""
    gated.create()
    assert contents(gated.open()) == contents(gated.case.model)
    assert f"/kbs/v0/resource/{RESOURCE}" in gated.served.asked


def test_an_attested_artifact_opens_into_memory(gated: Gated, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is for the attested boundary alone opens for whoever is in it, and to no disk."""
    gated.create(boundary=Boundary.ATTESTED)
    with pytest.raises(BadUsage, match="attested boundary"):
        gated.open("disk")
    monkeypatch.setattr(seal_open.memory, "in_memory", lambda *_: True)
    assert contents(gated.open()) == contents(gated.case.model)


def test_what_was_not_measured_does_not(gated: Gated) -> None:
    """A guest whose measurement the rule does not name is turned away, and nothing is written."""
    gated.create()
    rule = gated.rig.rule(
        owners={"lab": msgspec.structs.replace(gated.rig.rule().owners["lab"], references=("else 1",))}
    )
    assert gated.rig.policy is not None
    gated.rig.policy = msgspec.structs.replace(gated.rig.policy, rules=(rule,))
    with pytest.raises(TurnedAway):
        gated.open()
    assert not (gated.case.folder / "out").exists()


@pytest.mark.parametrize("missing", ["signature", "scan", "provenance"])
def test_whatever_is_missing_refuses(gated: Gated, missing: str) -> None:
    """Without a signature, a scan or a provenance nothing is opened that a broker releases."""
    match missing:
        case "signature":
            gated.create(signer=None)
        case "scan":
            gated.create(describe=gated.described(scan=False))
        case _:
            gated.create(describe=gated.described(provenance=None))
    with pytest.raises((BadSignature, Denied), match=missing.replace("scan", "scan|verdict")):
        gated.open()
    assert not (gated.case.folder / "out").exists()


def test_nobody_attests_for_what_is_not_signed(gated: Gated) -> None:
    """The signature is verified before the broker is asked for anything."""
    gated.create(signer=None)
    gated.served.asked.clear()
    with pytest.raises(BadSignature):
        gated.open()
    assert gated.served.asked == []


def test_a_changed_payload_is_told_before_the_broker_is_asked(gated: Gated) -> None:
    """The digests outside are of every message."""
    gated.create()
    at = gated.case.target / "payload/000002.floe"
    octets = bytearray(at.read_bytes())
    octets[2000] ^= 1
    at.write_bytes(octets)
    gated.served.asked.clear()
    with pytest.raises(BadSignature, match="payload"):
        gated.open()
    assert gated.served.asked == []


def test_whoever_is_not_said_to_be_trusted_is_not(gated: Gated) -> None:
    """Without the words who must have signed, nothing is opened by attestation."""
    gated.create()
    with pytest.raises(BadUsage, match="--public-key"):
        gated.case.open(gated.case.folder / "out", gated.way(), attester=gated.kind)


def test_a_revocation_between_is_heeded(gated: Gated) -> None:
    """A chip that was revoked since gets nothing more."""
    gated.create()
    gated.open("first")

    revoked = Revocation(What.RESOURCE, RESOURCE, "lost", gated.rig.now, "tester")
    gated.rig.store.revoke(revoked)
    with pytest.raises(TurnedAway):
        gated.open("second")


def test_another_brokers_tokens_are_told(gated: Gated) -> None:
    """The slot names the key of the broker that it is for."""
    recipient = msgspec.json.decode(Path(gated.broker).read_bytes())
    recipient["signer"] = "0" * 64
    Path(gated.broker).write_bytes(msgspec.json.encode(recipient))
    gated.create()
    with pytest.raises(BadSignature, match="other keys"):
        gated.open()


def test_a_secret_that_is_no_identity_is_told(gated: Gated) -> None:
    """What was deposited by mistake is named, and nothing of it shown."""
    wrapped = gated.rig.keys.wrap(Secret(b"hunter2-of-somebody"), RESOURCE, 2, (b.OWNER,))
    gated.rig.store.deposit(wrapped, gated.rig.now)
    gated.create()
    with pytest.raises(Malformed, match="no identity") as told:
        gated.open()
    assert "hunter2" not in str(told.value)


def test_the_identity_of_another_does_not_open_the_slot(gated: Gated) -> None:
    """A broker that gives another identity gives nothing."""
    gated.case.identity("wrong")
    secret = Secret(Path(gated.case.id_of("wrong")).read_bytes())
    gated.rig.store.deposit(gated.rig.keys.wrap(secret, RESOURCE, 2, (b.OWNER,)), gated.rig.now)
    gated.create()
    with pytest.raises(StrongroomError):
        gated.open()


def test_a_key_back_ends_slot_is_opened_through_the_broker(gated: Gated) -> None:
    """What a back end has wrapped is deposited with the sealing, and given out to what the policy names."""
    rig, case = gated.rig, gated.case
    rule = rig.rule(resource="sealed/weights-v1/*")
    assert rig.policy is not None
    rig.policy = msgspec.structs.replace(rig.policy, rules=(*rig.policy.rules, rule))
    desk = Desk(rig.store, {"memory": rig.keys}, rig.log, rig.policy, "tester", rig.now)
    wanted = seal_slots.Wanted(backend="memory", owners=(b.OWNER,), policy="weights-v1")
    with case.log() as log, signer_opened(SignerWords(str(case.folder / "signer.pem")), case.now) as signer:
        asked = case.asked(wanted=wanted, describe=gated.described())
        made = seal_create.create(asked, seal_create.Hands(log, signer, desk))
    name = slots.resource_of(made.artifact.id, "weights-v1")
    way = seal_unlock.Way((), Asking(To(gated.served.url, str(gated.served.ca), timeout=5.0)))
    case.open(case.folder / "out", way, gated.demands(), attester=gated.kind)
    assert contents(case.folder / "out") == contents(case.model)
    assert f"/kbs/v0/resource/{name}" in gated.served.asked
    with pytest.raises(BadInput):
        case.open(case.folder / "mine", case.way())
