"""The drill on a recorded verdict: with any fault in what it rests on, nothing opens; and a policy that lets one by is told."""

import msgspec
import nitro_minting
import pytest
import snp_minting

from strongroom.app import appraisal
from strongroom.app.appraisal_drill import still_opens
from strongroom.app.appraisal_record import SCHEMA, Record
from strongroom.attest.policy import Policy
from strongroom.attest.verifier import Inputs


def record(inputs: Inputs) -> Record:
    """What would have been kept of the inputs."""
    judged = appraisal.appraise(inputs.evidence, inputs.endorsements, inputs.references, inputs.policy, inputs.now)
    return Record(SCHEMA, inputs.evidence, inputs.endorsements, inputs.references, inputs.policy, inputs.now, judged)


@pytest.mark.parametrize("minted", [snp_minting.genuine(), nitro_minting.Minted()], ids=["snp", "nitro"])
def test_no_fault_opens(minted: snp_minting.Minted | nitro_minting.Minted, monkeypatch: pytest.MonkeyPatch) -> None:
    """A verdict that opens opens no more with anything stale, gone, changed or unasked."""
    monkeypatch.setattr(appraisal, "verifier_of", lambda _: minted.verifier())
    kept = record(minted.inputs())
    assert kept.appraisal.opens
    assert still_opens(kept) == ()


def test_a_policy_that_lets_a_fault_by_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the policy leaves the measurement unchecked, evidence opens without any reference value, and the drill says so."""
    minted = snp_minting.genuine()
    monkeypatch.setattr(appraisal, "verifier_of", lambda _: minted.verifier())
    inputs = minted.inputs()
    loose = Policy(name="loose", snp=inputs.policy.snp, unchecked={"snp.measurement": "nobody has measured it yet"})
    kept = record(Inputs(inputs.evidence, inputs.endorsements, inputs.references, loose, inputs.now))
    assert kept.appraisal.opens
    assert still_opens(kept) == ("no reference values",)


def test_what_cannot_be_judged_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy that cannot be used is no way around: nothing opens under it."""
    minted = snp_minting.genuine()
    monkeypatch.setattr(appraisal, "verifier_of", lambda _: minted.verifier())
    kept = record(minted.inputs())
    broken = msgspec.structs.replace(kept, policy=Policy(unchecked={"snp.chain": "we know them well"}))
    assert still_opens(broken) == ()
