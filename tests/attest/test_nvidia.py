"""GPU evidence: every recorded file by its own row, forgeries by the step that refuses them, claims by NVIDIA's names."""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import minted_x509 as x
import nvidia_forgeries as forgeries
import pytest
from nvidia_minting import Gpu, Minted, device, measured, of_driver, of_vbios, responder

from strongroom.app.evidence import recognise
from strongroom.attest.appraise import appraise
from strongroom.attest.policy import NvidiaPolicy, Policy
from strongroom.attest.tee import nvidia
from strongroom.attest.verifier import Inputs
from strongroom.kit import endorsement_text
from strongroom.model.attest import Appraisal, Endorsements, Evidence, ReferenceValues, StepVerdict, Tier

ASKED = bytes.fromhex("931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb")
OF_535 = bytes.fromhex("27a328247bf7935c993341cf587be6f05986ccce4fe7ba2c54100bd616a58f66")
OF_MULTI = bytes.fromhex("e97b23a1718095a0e9e35edca810768c70a6a5a389b705e753b197912bc11576")
OF_CHUTES = bytes.fromhex("c7fe347ecca03db12e156e048bbe809024928ef0707a319796956fe7415148e4")
RIMS = ("NV_GPU_DRIVER_GH100_550.90.07.rim.xml", "NV_GPU_VBIOS_1010_0200_882_96009F0001.rim.xml")
DEVICE = tuple(f"ocsp_test_gpu_certificate_l{n}.b64" for n in (2, 3, 4))
VALUES = ("rim_l2", "driver_rim_l3", "driver_rim_l4", "vbios_l4")
HOPPER = ("hopper_550.90.07.chain.pem", *RIMS, *DEVICE, *(f"ocsp_test_gpu_{n}.b64" for n in VALUES))
IN_AUGUST, IN_OCTOBER = datetime(2025, 8, 21, 12, tzinfo=UTC), datetime(2025, 10, 24, 12, tzinfo=UTC)
LONG = datetime(2026, 6, 29, 2, 7, 25, tzinfo=UTC)
ABSENT = ("driver_rim", "driver_rim_chain", "driver_rim_time", "driver_rim_match")
NO_VBIOS = tuple(name.replace("driver", "vbios") for name in ABSENT)

# file, what is given beside it, when, challenge, the steps that fail, the steps that were not checked
Row = tuple[str, tuple[str, ...], datetime, bytes, tuple[str, ...], tuple[str, ...]]
TABLE: Mapping[str, Row] = {
    "hopper, its device's answers current": ("nvidia/hopper_550.90.07.report.hex", HOPPER, IN_AUGUST, ASKED, ("rim_ocsp",), ()),
    "hopper, its manifests' answers current": ("nvidia/hopper_550.90.07.report.hex", HOPPER, IN_OCTOBER, ASKED, ("ocsp",), ()),
    "hopper, when the VBIOS's signer has ended": (
        "nvidia/hopper_550.90.07.report.hex", HOPPER[:3], datetime(2026, 3, 1, tzinfo=UTC), ASKED,
        ("vbios_rim_time",), ("ocsp", "rim_ocsp"),
    ),
    "hopper, when both signers have ended": (
        "nvidia/hopper_550.90.07.report.hex", HOPPER[:3], LONG, ASKED,
        ("driver_rim_time", "vbios_rim_time"), ("ocsp", "rim_ocsp"),
    ),
    "hopper, with the manifest of another driver": (
        "nvidia/hopper_550.90.07.report.hex", (HOPPER[0], "NV_GPU_DRIVER_GH100_550.144.03.rim.xml", RIMS[1]), IN_AUGUST, ASKED,
        ("driver_rim_match", "measurement"), ("ocsp", "rim_ocsp"),
    ),
    "blackwell": (
        "nvidia/blackwell_575.32.report.b64", ("blackwell_575.32.chain",), IN_AUGUST, ASKED,
        (), ("ocsp", "mode", *ABSENT, *NO_VBIOS, "rim_ocsp", "rim_conflict", "measurement"),
    ),
    "hopper of an older driver, with an edited manifest": (
        "nvidia/hopper_535.86.09.report", ("hopper_535.chain", "NV_GPU_DRIVER_GH100_535.86.09_mismatch.rim.xml"), IN_AUGUST, OF_535,
        ("driver_rim", "measurement"), ("fwid", "ocsp", "mode", *NO_VBIOS, "rim_ocsp", "rim_conflict"),
    ),
    "hopper with a bad signature": (
        "nvidia/hopper_badsig.report", ("hopper_535.chain",), IN_AUGUST, ASKED,
        ("signature", "fwid", "mode"), ("ocsp", *ABSENT, *NO_VBIOS, "rim_ocsp", "rim_conflict", "measurement"),
    ),
    "four GPUs": (
        "nvidia/evidence_hopper_multi4.json", (), IN_AUGUST, OF_MULTI,
        ("mode",), ("ocsp", *ABSENT, *NO_VBIOS, "rim_ocsp", "rim_conflict", "measurement"),
    ),
    "eight GPUs that answer a foreign challenge": (
        "composite/chutes-20260629/gpu_evidence.json", (), LONG, OF_CHUTES,
        ("nonce", "mode"), ("ocsp", *ABSENT, *NO_VBIOS, "rim_ocsp", "rim_conflict", "measurement"),
    ),
}  # fmt: skip


def judged(vectors: Path, row: Row) -> Appraisal:
    """The verdict on a recorded file."""
    name, given, at, asked, _, _ = row
    verifier, octets = recognise((vectors / "attest" / name).read_bytes(), name)
    evidence = Evidence(verifier.kind, verifier.read(octets), asked)
    held = Endorsements()
    for file in given:
        held = held + endorsement_text.read((vectors / "attest/nvidia" / file).read_bytes(), file)
    return appraise(verifier, Inputs(evidence, held, ReferenceValues(), Policy(), at))


def named(found: Appraisal, verdict: StepVerdict) -> set[str]:
    """The steps with a verdict, without their prefix."""
    return {s.id.removeprefix("nvidia.") for s in found.steps if s.verdict is verdict}


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_recorded_evidence_gets_its_verdict(vectors: Path, row: Row) -> None:
    """Recorded evidence fails at exactly the steps that it should, and lacks exactly what was not given."""
    found = judged(vectors, row)
    assert named(found, StepVerdict.FAIL) == set(row[4])
    assert named(found, StepVerdict.NOT_CHECKED) == {*row[5], "dev_tools"}
    assert not found.opens


def test_the_claims_are_those_that_nvidias_service_gave(vectors: Path) -> None:
    """A recorded report gets the claims of NVIDIA's own service, but for those of its token and the later answers."""
    expected = json.loads((vectors / "attest/nvidia/claims_v3_expected.json").read_text())["GPU-0"]
    gpus = judged(vectors, TABLE["hopper, its device's answers current"]).claims["gpus"]
    assert isinstance(gpus, list)
    found = gpus[0]["nvidia"]
    of_token = {"iss", "exp", "iat", "jti", "nbf", "x-nvidia-attestation-warning"}
    later = {"x-nvidia-gpu-driver-rim-cert-chain", "x-nvidia-gpu-vbios-rim-cert-chain"}
    assert {k: found[k] for k in expected.keys() - of_token - later} == {
        k: expected[k] for k in expected.keys() - of_token - later
    }
    assert found.keys() == expected.keys() - of_token


def test_several_gpus_are_appraised_each(vectors: Path) -> None:
    """A list of GPUs has one verdict of all and one of each, and every GPU has a name of its own."""
    found = judged(vectors, TABLE["four GPUs"])
    assert len(found.parts) == 4
    assert len({p.subject for p in found.parts}) == 4
    assert all(p.tier is Tier.CONTRAINDICATED for p in found.parts)


def test_genuine_evidence_opens() -> None:
    """A GPU with its chain, its manifests and every answer is affirmed."""
    found = appraise(forgeries.GOOD.verifier(), forgeries.GOOD.inputs())
    assert found.opens, [s for s in found.steps if s.verdict is not StepVerdict.PASS]


_ALL = {**forgeries.FORGERIES, **forgeries.GAPS}


@pytest.mark.parametrize(("step", "make"), _ALL.values(), ids=_ALL)
def test_forged_or_wanting_evidence_is_refused_by_its_step(step: str, make: Callable[[], Minted]) -> None:
    """What differs in one thing does not open, and the first step that says so is the one that should."""
    case = make()
    found = appraise(case.verifier(), case.inputs())
    assert not found.opens
    assert next(s.id for s in found.steps if s.verdict is not StepVerdict.PASS and not s.waived) == step


_FINE: Mapping[str, Callable[[], Minted]] = {
    "one zero behind": lambda: forgeries.GOOD.gpu(behind=b"\0"),
    "a chip on hold that the policy takes": lambda: forgeries.said(
        *device().subjects[1:3], status=forgeries.revoked(x.NOW - x.DAY, 6)
    ).but(policy=NvidiaPolicy(certificate_hold=True)),
    "an answer by a named responder": lambda: forgeries.said(*device().subjects[1:3], responder=responder()),
    "links in the clear that the policy takes": lambda: forgeries.GOOD.gpu(fields={36: b"\2\0"}).but(
        policy=NvidiaPolicy(modes=("ppcie",))
    ),
    "another of the values": lambda: forgeries.GOOD.gpu(measurements={21: bytes(48)}),
    "an index that no manifest has active": lambda: forgeries.GOOD.gpu(measurements={50: measured(1)}),
    "a decoder that is off": lambda: forgeries.GOOD.gpu(fields={11: b"\x55"}, measurements={35: bytes(48)}),
    "older drivers' way to state the mode": lambda: forgeries.GOOD.gpu(fields={36: b"", 21: b"\x55"}),
    "a forged manifest before the genuine one": lambda: forgeries.GOOD.but(
        manifests=(of_driver().but(edit=forgeries.edited).text(),)
    ),
    "two GPUs": lambda: forgeries.GOOD.but(gpus=(Gpu(), Gpu(tree=device(1))), policy=NvidiaPolicy(gpus=2)),
}


@pytest.mark.parametrize("make", _FINE.values(), ids=_FINE)
def test_what_may_vary_may_vary(make: Callable[[], Minted]) -> None:
    """Evidence that differs only in what the formats and the policy allow opens."""
    case = make()
    found = appraise(case.verifier(), case.inputs())
    assert found.opens, [s for s in found.steps if s.verdict is not StepVerdict.PASS]


def test_a_responder_of_another_use_is_refused() -> None:
    """An answer by a certificate that is not for signing answers counts for nothing."""
    case = forgeries.said(*device().subjects[1:3], responder=responder("1.3.6.1.5.5.7.3.1"))
    found = appraise(case.verifier(), case.inputs()).first_failure
    assert found is not None
    assert found.id == "nvidia.ocsp"
    assert "signing OCSP responses" in found.found


def test_the_failing_index_is_named() -> None:
    """A measurement that differs is named by its manifest and its index."""
    case = forgeries.GOOD.gpu(measurements={22: bytes(48), 12: bytes(48)})
    found = appraise(case.verifier(), case.inputs()).first_failure
    assert found is not None
    assert found.found == "2 differ: driver index 22, VBIOS index 12"


def test_one_gpu_of_several_is_named() -> None:
    """A failure of one GPU among several fails all of them, and names the one."""
    case = forgeries.GOOD.but(gpus=(Gpu(), Gpu(tree=device(1), fields={36: b"\2\0"})))
    found = appraise(case.verifier(), case.inputs())
    assert found.first_failure is not None
    assert found.first_failure.found == "GPU-1: ppcie"
    assert [p.opens for p in found.parts] == [True, False]


def test_the_list_of_nvidias_sdk_is_read() -> None:
    """The evidence list is recognised, and reads as report, chain and architecture of each GPU."""
    gpu = Gpu()
    chain = base64.b64encode(b"".join(map(x.pem, gpu.tree.certificates))).decode()
    item = {"arch": "HOPPER", "nonce": "", "evidence": base64.b64encode(gpu.report()).decode(), "certificate": chain}
    text = json.dumps([item]).encode()
    assert nvidia.VERIFIER.recognises(text) > 90
    assert nvidia.VERIFIER.read(text) == forgeries.GOOD.parts()


def test_every_field_is_shown() -> None:
    """Looking inside shows nonce, measurements, opaque fields and signature."""
    case = forgeries.GOOD
    names = {f.name for f in case.verifier().fields(case.inputs().evidence)}
    assert {"gpu0.nonce", "gpu0.measurement.63", "gpu0.driver_version", "gpu0.fwid", "gpu0.signature"} <= names


def test_manifests_and_answers_are_read_from_files() -> None:
    """A manifest in XML and an answer in DER or base64 are endorsements like any other."""
    answer = next(e for e in forgeries.GOOD.endorsements().items if e.kind == "ocsp")
    read = endorsement_text.read
    assert read(of_vbios().text()).items[0].kind == "rim"
    assert read(answer.data).items[0] == answer
    assert read(base64.b64encode(answer.data)).items[0] == answer


def test_a_manifest_whose_authority_has_no_key_is_refused() -> None:
    """A certificate whose key cannot be read fails its step, and nothing else goes wrong."""
    good = of_driver()
    bad = good.tree.certificates[1].replace(x.spki(good.tree.subjects[1].key)[:2], b"\x30\xe2", 1)
    text = good.text().replace(base64.b64encode(good.tree.certificates[1]), base64.b64encode(bad))
    case = forgeries.GOOD.but(driver=None, manifests=(text,))
    assert not appraise(case.verifier(), case.inputs()).opens
