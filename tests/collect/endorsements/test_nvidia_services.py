"""NVIDIA's services: manifests by their id, and answers about certificates to questions with a nonce of our own."""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import minted_x509 as x
import nvidia_minting as gpu
import nvswitch_minting as switch
import pytest
from test_endorsement_fetching import Desk
from vendor_service import Reply, Service, serving

from strongroom.app.config import AttestSection, Config, StateSection
from strongroom.app.endorsements import Given, Surroundings, gather
from strongroom.app.evidence import wants
from strongroom.attest.appraise import appraise
from strongroom.collect.endorsements.cache import Cache
from strongroom.collect.endorsements.services import MANIFESTS, STATUS, Sources, questions
from strongroom.kit import der, endorsement_text
from strongroom.kit.endorsement_names import described, further, manifest_want, names_of, status_want
from strongroom.kit.x509 import certificate, pem
from strongroom.model.attest import EndorsementKind, Want
from strongroom.model.errors import Malformed

DRIVER, VBIOS = "NV_GPU_DRIVER_GH100_550.90.07", "NV_GPU_VBIOS_1010_0200_882_96009F0001"
FIELDS = {15: b"882\0", 17: b"1010\0", 18: b"0200\0"}
GOOD = gpu.Minted().gpu(fields=FIELDS)
LEAF, ISSUER = map(certificate.parse, gpu.device().certificates[1:3])
TREES = (gpu.device(), gpu.signer())


def manifest(text: bytes, **more: str) -> bytes:
    """What the service of manifests answers."""
    told = {"id": DRIVER, "rim": base64.b64encode(text).decode(), "sha256": hashlib.sha256(text).hexdigest()}
    return json.dumps({**told, **more}).encode()


def nonce_of(body: bytes) -> bytes:
    """The nonce of a request."""
    extensions = der.members(der.sequence(der.sequence(body)[0].whole)[1], 0xA2)
    return der.one(
        der.of(der.members(der.members(extensions[0])[0])[-1], der.OCTET_STRING).value, der.OCTET_STRING
    ).value


def serial_of(body: bytes) -> int:
    """The number of the certificate that a request is about."""
    listed = der.members(der.members(der.sequence(body)[0])[0])
    return der.integer(der.members(der.members(listed[0])[0])[3])


def answered(body: bytes, **more: object) -> Reply:
    """The answer of a responder to a request, with its nonce."""
    pairs = [p for t in TREES for p in zip(t.subjects, t.subjects[1:], strict=False)]
    about, issuer = next(p for p in pairs if p[0].serial == serial_of(body))
    made = gpu.Answer(about, issuer, nonce=nonce_of(body))
    return Reply(replace(made, **more).octets())  # type: ignore[arg-type] # the fields of a dataclass by name


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as found:
        found.on(f"/v1/rim/{DRIVER}", manifest(gpu.of_driver().text()))
        found.on(f"/v1/rim/{VBIOS}", manifest(gpu.of_vbios().text()))
        found.answers = answered
        yield found


def desk(service: Service, cache: Cache | None = None) -> Desk:
    return Desk(Sources(nvidia_rim=service.url, nvidia_ocsp=service.url), cache, now=x.NOW)


def config(service: Service, folder: Path) -> Config:
    attest = AttestSection(nvidia_rim=service.url, nvidia_ocsp=service.url, cache=str(folder / "kept"))
    return Config(state=StateSection(path=str(folder / "state")), attest=attest)


def gathered(service: Service, folder: Path, *, offline: bool = False) -> Given:
    around = Surroundings(lambda: x.NOW, lambda _: None, lambda: 0.0)
    asked = wants(GOOD.inputs().evidence)
    return gather((), asked, x.NOW, config(service, folder), offline=offline, around=around)


def test_evidence_names_what_it_calls_for() -> None:
    """A GPU calls for the manifests of its driver and its VBIOS, and for its authorities' status, the leaf's not."""
    found = wants(GOOD.inputs().evidence)
    assert [dict(w.about)["id"] for w in found if w.what == "rim"] == [DRIVER, VBIOS]
    said = [dict(w.about)["certificate"] for w in found if w.what == "status"]
    assert said == ["GH100 A01 GSP BROM", "Made Up Provisioner", "Made Up GH100 Identity"]


def test_blackwell_and_switches_have_names_of_their_own() -> None:
    """The driver of a Blackwell GPU is of its chip; the VBIOS of a switch is of a board that no report states."""
    tree = gpu.device().but(0, common="GB100 A01 GSP FMC LF")
    blackwell = GOOD.gpu(tree=tree, fields={**FIELDS, 35: b"GB102\0"})
    older = GOOD.gpu(tree=tree, fields=FIELDS)
    ids = [dict(wants(c.inputs().evidence)[0].about)["id"] for c in (blackwell, older, switch.Minted())]
    assert ids == [
        "NV_GPU_CC_DRIVER_GB102_550.90.07",
        "NV_GPU_CC_DRIVER_GB100_550.90.07",
        "NV_SWITCH_BIOS_5612_0002_890_9610550001",
    ]


def test_a_report_does_not_choose_what_we_ask() -> None:
    """A version that is no version names no manifest, and a want that somebody made up has no address."""
    case = GOOD.gpu(fields={**FIELDS, 3: b"../../x\0"})
    assert [dict(w.about)["id"] for w in wants(case.inputs().evidence) if w.what == "rim"] == [VBIOS]
    for ident in ("../x", "NV_GPU_DRIVER_GH100/../x", "NV_GPU_X?y", "", "HTTP"):
        with pytest.raises(Malformed):
            questions(manifest_want(ident, "GH100", "1"), Sources())
    with pytest.raises(Malformed):
        questions(Want("nvidia-ocsp", "status", (("id", "zz"),)), Sources())


def test_the_hosts_are_pinned() -> None:
    """Without a mirror, NVIDIA's own services are asked, over https."""
    (rim,) = questions(manifest_want(DRIVER, "GH100", "550.90.07"), Sources())
    (status,) = questions(status_want(LEAF, ISSUER), Sources())
    assert rim.url == f"{MANIFESTS}/v1/rim/{DRIVER}"
    assert status.url == f"{STATUS}/"
    assert {MANIFESTS[:8], STATUS[:8]} == {"https://"}


def test_a_manifest_is_unwrapped(service: Service) -> None:
    """The service's JSON is opened, and the manifest kept as the octets that were signed."""
    found = desk(service).fetch(manifest_want(DRIVER, "GH100", "550.90.07"))
    assert found.trouble == ""
    (item,) = found.endorsements.items
    assert (item.kind, item.data) == (EndorsementKind.RIM, gpu.of_driver().text())


def test_an_unknown_manifest_is_missing_and_not_tampered(service: Service, tmp_path: Path) -> None:
    """A manifest that NVIDIA does not have is said to be missing, by name, and the verdict calls it unknown."""
    service.on(f"/v1/rim/{VBIOS}", Reply(b"{}", 404))
    given = gathered(service, tmp_path)
    assert [dict(w.about)["id"] for w in given.missing] == [VBIOS]
    assert any("has none (status 404)" in r for r in given.remarks)
    found = appraise(GOOD.verifier(), replace(GOOD.inputs(), endorsements=given.endorsements))
    step = next(s for s in found.steps if s.id == "nvidia.vbios_rim")
    assert step.verdict == "not-checked"
    assert "unknown reference" in step.reason
    assert found.first_failure is None


@pytest.mark.parametrize(
    "body",
    [
        manifest(gpu.of_vbios().text()),
        manifest(gpu.of_driver().but(product="GB100").text()),
        manifest(gpu.of_driver().text(), sha256="00" * 32),
        manifest(gpu.of_driver().text(), rim="*"),
        manifest(x.pem(gpu.device().certificates[0])),
        b'{"rim": 1}',
        b'{"rim": "a", "rim": "b"}',
        b"<html>",
    ],
)
def test_another_answer_is_no_manifest(service: Service, body: bytes) -> None:
    """What is of another version or chip, of another hash, or no manifest at all, is not taken."""
    service.on(f"/v1/rim/{DRIVER}", body)
    found = desk(service).fetch(manifest_want(DRIVER, "GH100", "550.90.07"))
    assert found.endorsements.items == ()
    assert found.trouble


def test_a_status_is_asked_for_with_a_fresh_nonce(service: Service) -> None:
    """The question is a POST of its own media type, about that certificate; each has another nonce."""
    for _ in range(2):
        found = desk(service).fetch(status_want(LEAF, ISSUER))
        assert found.trouble == ""
        assert [e.kind for e in found.endorsements.items] == [EndorsementKind.OCSP]
    assert {h["content-type"] for h in service.headers} == {"application/ocsp-request"}
    assert serial_of(service.bodies[0]) == LEAF.serial
    nonces = {nonce_of(b) for b in service.bodies}
    assert len(nonces) == 2
    assert {len(n) for n in nonces} == {32}


_REFUSED = {
    "another nonce": {"nonce": bytes(32)},
    "no nonce": {"nonce": None},
    "over already": {"ends": x.NOW - timedelta(hours=1)},
    "without an end": {"ends": None},
    "about another certificate": {"about": gpu.device().subjects[2], "issuer": gpu.device().subjects[3]},
}


@pytest.mark.parametrize("more", _REFUSED.values(), ids=_REFUSED)
def test_an_answer_to_another_question_is_none(service: Service, more: dict[str, object]) -> None:
    """An answer that was not made for this question, or says nothing about now, is not taken."""
    service.answers = lambda body: answered(body, **more)
    found = desk(service).fetch(status_want(LEAF, ISSUER))
    assert found.endorsements.items == ()
    assert found.trouble


def test_an_error_of_the_responder_is_no_answer(service: Service) -> None:
    """A response without an answer (tryLater), and no response at all, bring nothing."""
    for body in (bytes.fromhex("30030a0103"), b"", b"<html>"):
        service.answers = lambda _, body=body: Reply(body)
        assert desk(service).fetch(status_want(LEAF, ISSUER)).trouble


def test_what_manifests_call_for_is_asked_for_once_they_are_there(service: Service, tmp_path: Path) -> None:
    """All that a GPU needs is fetched in one go, and its verdict opens on that alone."""
    given = gathered(service, tmp_path)
    assert given.missing == ()
    found = appraise(GOOD.verifier(), replace(GOOD.inputs(), endorsements=given.endorsements))
    assert found.opens, [s for s in found.steps if s.verdict != "pass"]
    assert {serial_of(b) for b in service.bodies} == {
        s.serial for s in (*TREES[0].subjects[1:4], *TREES[1].subjects[:3])
    }


def test_what_was_kept_serves_where_nobody_can_be_asked(service: Service, tmp_path: Path) -> None:
    """After one fetch, the same evidence opens offline, and nothing is asked again while it is fresh."""
    gathered(service, tmp_path)
    before = len(service.asked)
    again = gathered(service, tmp_path)
    offline = gathered(service, tmp_path, offline=True)
    assert len(service.asked) == before
    for given in (again, offline):
        assert given.missing == ()
        assert appraise(GOOD.verifier(), replace(GOOD.inputs(), endorsements=given.endorsements)).opens


def test_nothing_is_asked_offline(service: Service, tmp_path: Path) -> None:
    """Without anything kept, every want is missing by name and no socket was opened."""
    given = gathered(service, tmp_path, offline=True)
    assert len(given.missing) == len(wants(GOOD.inputs().evidence))
    assert service.asked == []


def test_only_wanted_manifests_lead_further() -> None:
    """The certificates of a manifest that nothing calls for are nobody's question."""
    items = GOOD.endorsements().items
    assert further((), items) == ()
    assert further((manifest_want(DRIVER, "GH100", "1.1"),), items) == ()
    found = further((manifest_want(DRIVER, "GH100", "550.90.07"),), items)
    assert len(found) == 3
    assert all(names_of(w) for w in found)


def test_recorded_answers_have_the_names_that_are_asked_for(vectors: Path) -> None:
    """NVIDIA's own answers name certificates as our questions do, so that a file of one meets the want."""
    folder = vectors / "attest/nvidia"
    chain = [certificate.parse(b.data) for b in pem.blocks((folder / "hopper_550.90.07.chain.pem").read_bytes())]
    asked = {names_of(status_want(a, b))[0] for a, b in pairwise(chain[1:])}
    files = [f"ocsp_test_gpu_certificate_l{n}.b64" for n in (2, 3, 4)]
    given = [described(endorsement_text.read((folder / f).read_bytes(), f).items[0]) for f in files]
    assert {d.name for d in given if d} == asked
