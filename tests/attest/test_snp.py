"""SEV-SNP: minted evidence that passes, and what is refused, each at its step."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from minted_x509 import NOW, Listing
from snp_forgeries import FORGERIES, GAPS, MILAN
from snp_minting import CPUID, TCB, Minted, Vendor, by_cloud, genuine

from strongroom.attest.appraise import appraise
from strongroom.attest.policy import Policy
from strongroom.attest.tee import snp
from strongroom.model.attest import Appraisal, StepVerdict, Tier
from strongroom.model.errors import Malformed

_POLICY = 0x20000 | 1 << 8 | 55


def failed(appraisal: Appraisal) -> list[str]:
    return [s.id for s in appraisal.steps if s.verdict is StepVerdict.FAIL]


def open_steps(appraisal: Appraisal) -> list[str]:
    """The mandatory steps that were not checked for a reason of their own."""
    mine = (s for s in appraisal.steps if s.verdict is StepVerdict.NOT_CHECKED and s.mandatory)
    return [s.id for s in mine if not s.reason.startswith("after ")]


def verdict(appraisal: Appraisal, step: str) -> StepVerdict:
    return next(s.verdict for s in appraisal.steps if s.id == step)


@pytest.mark.parametrize("product", CPUID)
@pytest.mark.parametrize("version", [2, 3, 5])
def test_genuine_evidence_opens(product: str, version: int) -> None:
    """A report of every version and product, by a chip's own key, is affirming and complete."""
    found = genuine(Vendor(product), version=version).appraised()
    assert (failed(found), open_steps(found), found.tier, found.opens) == ([], [], Tier.AFFIRMING, True)
    assert found.claims["hardware"]["product"] == product
    assert set(found.vector.values()) == {2}


@pytest.mark.parametrize("product", CPUID)
def test_evidence_by_a_cloud_opens(product: str) -> None:
    """A report by a cloud's key, which names the cloud and no chip, is affirming and complete."""
    found = by_cloud(Vendor(product)).appraised()
    assert found.opens, (failed(found), open_steps(found))
    assert found.claims["provider"] == "cloud.example"


@pytest.mark.parametrize(("step", "forgery"), FORGERIES.values(), ids=FORGERIES)
def test_a_forgery_fails_at_its_step(step: str, forgery: Callable[[], Minted]) -> None:
    """Each forgery is contraindicated, and the first step that fails is the one that it is about."""
    found = forgery().appraised()
    assert not found.opens
    first = found.first_failure
    assert first is not None
    assert first.id == step
    assert first.found
    assert found.tier in (Tier.CONTRAINDICATED, Tier.WARNING)


@pytest.mark.parametrize(("step", "gap"), GAPS.values(), ids=GAPS)
def test_what_is_missing_is_said(step: str, gap: Callable[[], Minted]) -> None:
    """Missing input fails nothing and opens nothing: the step is not checked and says what it lacks."""
    found = gap().appraised()
    assert (failed(found), found.complete, found.tier) == ([], False, Tier.NONE)
    assert open_steps(found)[0] == step
    assert next(s for s in found.steps if s.id == step).reason


SETTINGS = [
    ({"debug": True}, {"policy": _POLICY | 1 << 19}, "snp.policy.debug", "pass"),
    ({"migrate_ma": True}, {"policy": _POLICY | 1 << 18}, "snp.policy.migrate_ma", "pass"),
    ({"smt": True}, {"policy": _POLICY | 1 << 16}, "snp.policy.smt", "pass"),
    ({"smt": None}, {}, "snp.policy.smt", "pass"),
    ({"max_vmpl": 1}, {"vmpl": 1}, "snp.vmpl", "pass"),
    ({"max_vmpl": 1}, {"vmpl": 2}, "snp.vmpl", "fail"),
    ({"single_socket": True}, {}, "snp.policy.single_socket", "fail"),
    ({"single_socket": True}, {"policy": _POLICY | 1 << 20}, "snp.policy.single_socket", "pass"),
    ({}, {}, "snp.policy.single_socket", "not-checked"),
    ({"min_abi": "1.55"}, {}, "snp.policy.abi", "pass"),
    ({"min_abi": "1.56"}, {}, "snp.policy.abi", "fail"),
    ({"min_abi": "2"}, {}, "snp.policy.abi", "fail"),
    ({"min_abi": "new"}, {}, "snp.policy.abi", "not-checked"),
    ({"min_guest_svn": 7}, {}, "snp.guest_svn", "pass"),
    ({"min_guest_svn": 8}, {}, "snp.guest_svn", "fail"),
    ({"host_data": ("aa" * 32,)}, {"host_data": b"\xaa" * 32}, "snp.host_data", "pass"),
    ({"host_data": ("AA" * 32,)}, {"host_data": b"\xaa" * 32}, "snp.host_data", "pass"),
    ({"host_data": ("aa" * 32,)}, {}, "snp.host_data", "fail"),
    ({"id_keys": ("bb" * 48,)}, {"id_key": b"\xbb" * 48}, "snp.id_key", "pass"),
    ({"id_keys": ("bb" * 48,)}, {}, "snp.id_key", "fail"),
    ({"author_keys": ("cc" * 48,)}, {"author_key": b"\xcc" * 48}, "snp.author_key", "pass"),
    ({"author_keys": ("cc" * 48,)}, {}, "snp.author_key", "fail"),
    ({"platform": ("tsme",)}, {}, "snp.platform_info", "pass"),
    ({"platform": ("tsme", "ecc")}, {}, "snp.platform_info", "fail"),
]


@pytest.mark.parametrize(("demands", "fields", "step", "wanted"), SETTINGS)
def test_the_policy_is_obeyed(demands: dict[str, object], fields: dict[str, object], step: str, wanted: str) -> None:
    """What the policy allows passes, what it demands and is not so fails, and what it does not ask is not checked."""
    found = genuine(**fields).demanding(**demands).appraised()
    assert verdict(found, step) == wanted
    assert found.opens == (wanted == "pass" or demands == {})


@pytest.mark.parametrize("part", ["bootloader", "snp", "microcode"])
@pytest.mark.parametrize("which", ["reported", "committed"])
def test_a_tcb_is_compared_part_by_part(which: str, part: str) -> None:
    """One part below the least one fails, however far the others are above."""
    low = {**dict.fromkeys(TCB, 255), part: {"bootloader": 2, "snp": 7, "microcode": 49}[part]}
    fields = {"reported": dict.fromkeys(TCB, 255), "committed": dict.fromkeys(TCB, 255), which: low}
    found = genuine(current=dict.fromkeys(TCB, 255), **fields).appraised()
    assert failed(found) == ["snp.min_tcb"]
    step = found.first_failure
    assert step is not None
    assert f"{which} {part}" in step.found


def test_a_waived_step_is_named() -> None:
    """A policy can leave a masked chip unchecked with its reason; the appraisal is then complete and says so."""
    masked = genuine(chip_id=bytes(64))
    policy = Policy(snp=masked.policy.snp, unchecked={"snp.hwid": "the host masks it, says Ann"})
    found = masked.but(policy=policy).appraised()
    assert found.opens
    assert [(s.id, s.waived) for s in found.steps if s.waived] == [("snp.hwid", True)]
    assert "says Ann" in next(s.reason for s in found.steps if s.waived)


@pytest.mark.parametrize("step", [s.id for s in snp.STEPS if not s.waivable])
def test_what_must_be_checked_cannot_be_waived(step: str) -> None:
    """A policy that names a mandatory step unchecked is refused."""
    with pytest.raises(Malformed, match="unchecked step"):
        genuine().but(policy=Policy(unchecked={step: "because we can"})).appraised()


def test_the_same_inputs_give_the_same_appraisal() -> None:
    """Two runs over the same inputs are equal in every field."""
    minted = genuine()
    assert minted.appraised() == minted.appraised()


def test_an_appraisal_ends_with_the_first_of_its_inputs() -> None:
    """It holds until the list ends, where that comes before the policy's age."""
    end = NOW + timedelta(hours=3)
    assert genuine().but(crls=(MILAN.crl(Listing(ends=end)),)).appraised().expires_at == end


def test_a_better_certificate_beside_a_worse_one_counts() -> None:
    """Of several leaves the one for this chip and TCB is taken, and a list of the root among others is found."""
    good = genuine()
    others = (MILAN.chain(MILAN.vcek(chip=bytes(64)))[0], MILAN.chain(MILAN.vlek())[0])
    assert good.but(certificates=(*others, b"no certificate", *good.certificates)).appraised().opens


def test_no_claim_of_a_report_without_its_size() -> None:
    """What has another size claims nothing."""
    for octets in (b"", b"\2", genuine().report + b"\0"):
        minted = genuine().but(report=octets)
        found = appraise(minted.verifier(), minted.inputs())
        assert (found.claims, found.subject, failed(found)) == ({}, "", ["snp.len"])
