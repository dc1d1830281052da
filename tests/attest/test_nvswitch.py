"""Evidence of switches: forgeries by the step that refuses them, what it says of its GPUs, claims by NVIDIA's names."""

import base64
import json
from collections.abc import Callable
from typing import cast

import minted_x509 as x
import nvidia_minting as gpu
import nvswitch_forgeries as forgeries
import pytest
from nvswitch_minting import OWN, PEERS, Minted, one, stated

from strongroom.app.evidence import recognise
from strongroom.attest import compose
from strongroom.attest.appraise import appraise
from strongroom.attest.policy import NvidiaPolicy
from strongroom.attest.steps import Outcome
from strongroom.attest.tee import nvidia
from strongroom.model.attest import EvidenceKind, StepVerdict


def only(case: gpu.Minted, claim: str) -> dict[str, object]:
    """The one item of a claim."""
    (item,) = cast("list[dict[str, object]]", appraise(case.verifier(), case.inputs()).claims[claim])
    return item


_ALL = {**forgeries.FORGERIES, **forgeries.GAPS}


def test_a_genuine_switch_opens() -> None:
    """A switch with its chain, its manifest and every answer is affirmed, though it does not state its firmware."""
    found = appraise(forgeries.GOOD.verifier(), forgeries.GOOD.inputs())
    assert found.opens, [s for s in found.steps if s.verdict is not StepVerdict.PASS]
    assert found.subject == "nvswitch:8000"


@pytest.mark.parametrize(("step", "make"), _ALL.values(), ids=_ALL)
def test_forged_or_wanting_evidence_is_refused_by_its_step(step: str, make: Callable[[], Minted]) -> None:
    """What differs in one thing does not open, and the first mandatory step that says so is the one that should."""
    case = make()
    found = appraise(case.verifier(), case.inputs())
    assert not found.opens
    bad = (
        s for s in found.steps if s.verdict is StepVerdict.FAIL or (s.mandatory and s.verdict is not StepVerdict.PASS)
    )
    assert next(bad).id == step


def test_several_switches_answer_as_one_and_each_by_itself() -> None:
    """Four switches open together, are as many as the policy wants, and have a verdict each."""
    held = tuple(one(n, fields=stated(own=bytes([n]) * 8 or OWN)) for n in range(1, 5))
    case = forgeries.GOOD.but(gpus=held, policy=NvidiaPolicy(switches=4))
    found = appraise(case.verifier(), case.inputs())
    assert found.opens, [s for s in found.steps if s.verdict is not StepVerdict.PASS]
    assert [p.subject for p in found.parts] == [f"nvswitch:{8000 + n}" for n in range(1, 5)]


def test_a_switch_says_which_gpus_it_is_linked_to() -> None:
    """Its own number and those of its GPUs are claims, in hex, without links that are off."""
    case = forgeries.GOOD.gpu(fields=stated(peers=(*PEERS[:3], bytes(8))))
    device = only(case, "nvidia.devices")
    assert device["kind"] == "switch"
    assert device["architecture"] == "ls10"
    assert device["pdi"] == OWN.hex()
    assert device["peers"] == sorted(p.hex() for p in PEERS[:3])


def test_firmware_that_names_no_gpu_is_taken_and_says_none() -> None:
    """A switch that states no links is genuine all the same; what it is linked to is then nobody's claim."""
    case = forgeries.GOOD.gpu(fields={**stated(), 26: b""})
    assert appraise(case.verifier(), case.inputs()).opens
    assert only(case, "nvidia.devices")["peers"] == []


def test_a_gpu_names_its_switches_as_they_name_themselves() -> None:
    """A GPU has the numbers with their octets reversed, once for each link, and zeros where a link is off."""
    case = gpu.Minted().gpu(fields={22: OWN[::-1] * 2 + bytes(8) + b"\1\2\3\4\5\6\7\x08"})
    device = only(case, "nvidia.devices")
    assert device["kind"] == "gpu"
    assert device["peers"] == ["0807060504030201", OWN.hex()]


def test_a_switch_is_no_gpu() -> None:
    """Sound evidence of a switch, judged as a GPU's, is refused."""
    case, trusted = forgeries.GOOD, gpu.Minted().verifier()
    found = appraise(trusted, case.inputs())
    assert not found.opens
    assert found.first_failure is not None
    assert found.first_failure.id == "nvidia.report"


def test_the_claims_have_nvidias_names() -> None:
    """The claims of a switch are those of NVIDIA's version 3, but for those of a token."""
    found = cast("dict[str, object]", only(forgeries.GOOD, "switches")["nvidia"])
    assert found["measres"] == "success"
    prefix = "x-nvidia-switch-"
    assert {k.removeprefix(prefix) for k in found if k.startswith(prefix)} == {
        "arch-check", "bios-version", "pdi", "gpu-pdis", "attestation-report-parsed",
        "attestation-report-nonce-match", "attestation-report-signature-verified", "attestation-report-cert-chain",
        "attestation-report-cert-chain-fwid-match", "bios-rim-fetched", "bios-rim-schema-validated",
        "bios-rim-measurements-available", "bios-rim-signature-verified", "bios-rim-version-match", "bios-rim-cert-chain",
    }  # fmt: skip
    assert found[f"{prefix}attestation-report-cert-chain-fwid-match"] is True
    assert found[f"{prefix}pdi"] == OWN.hex().upper()


@pytest.mark.parametrize("listed", [True, False])
def test_evidence_says_by_itself_whether_it_is_of_switches(listed: bool) -> None:
    """A list by its architecture, and a bare report by its own number, are taken for a switch's; a GPU's are not."""

    def octets(held: gpu.Gpu, architecture: str) -> bytes:
        if not listed:
            return held.report()
        chain = base64.b64encode(b"".join(map(x.pem, held.tree.certificates))).decode()
        item = {"evidence": base64.b64encode(held.report()).decode(), "certificate": chain, "arch": architecture}
        return json.dumps([item]).encode()

    assert recognise(octets(one(), "LS10"), "x")[0].kind is EvidenceKind.NVSWITCH
    assert recognise(octets(gpu.Gpu(), "HOPPER"), "x")[0].kind is nvidia.VERIFIER.kind


def topology(count: int, peers: tuple[bytes, ...], second: tuple[bytes, ...], seen: tuple[bytes, ...]) -> Outcome:
    """The step over a node of GPUs that see some switches, and two switches that name some GPUs."""
    gpus = tuple(gpu.Gpu(tree=gpu.device(n), fields={22: b"".join(s[::-1] for s in seen)}) for n in range(count))
    switches = tuple(one(n, fields=stated(own, held)) for n, own, held in ((0, OWN, peers), (1, OWN[::-1], second)))
    cases = {"gpus": gpu.Minted(gpus=gpus), "switches": forgeries.GOOD.but(gpus=switches)}
    judged = {name: appraise(case.verifier(), case.inputs()) for name, case in cases.items()}
    step = next(s for s in compose.STEPS if s.id == "composite.topology")
    return step.judge(compose.Whole(forgeries.GOOD.inputs(), (), judged))


BOTH, FOUR = (OWN, OWN[::-1]), PEERS[:4]


def test_gpus_and_switches_that_name_each_other_are_linked() -> None:
    """Every GPU sees both switches, and both switches name the same GPUs, as many as there are."""
    assert topology(4, FOUR, FOUR, BOTH).verdict is StepVerdict.PASS


@pytest.mark.parametrize(
    ("count", "peers", "second", "seen"),
    [
        (4, FOUR, FOUR, (OWN,)),
        (4, FOUR, FOUR, (*BOTH, bytes(range(1, 9)))),
        (4, FOUR, PEERS[1:5], BOTH),
        (4, FOUR, PEERS[:3], BOTH),
        (3, FOUR, FOUR, BOTH),
        (4, (), (), BOTH),
        (4, FOUR, FOUR, ()),
    ],
    ids=["a switch unseen", "a third switch", "another GPU", "a GPU fewer", "a GPU silent", "none named", "no links"],
)
def test_links_to_what_did_not_answer_are_refused(
    count: int, peers: tuple[bytes, ...], second: tuple[bytes, ...], seen: tuple[bytes, ...]
) -> None:
    """A GPU or a switch that is linked to others than those of the node, or to fewer, fails the node."""
    assert topology(count, peers, second, seen).verdict is StepVerdict.FAIL
