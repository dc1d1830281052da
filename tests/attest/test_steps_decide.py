"""No step is decoration: each mandatory one alone keeps some forged or wanting evidence out."""

from collections.abc import Callable, Mapping

import nitro_forgeries
import nvidia_forgeries
import nvswitch_forgeries
import pytest
import snp_forgeries
import tpm_forgeries
from skipping import Case, decides, without

from strongroom.attest.appraise import appraise
from strongroom.attest.steps import Step
from strongroom.attest.tee import nitro, nvidia, nvswitch, snp, tpm

Table = Mapping[str, tuple[str, Callable[[], Case]]]
TABLES: list[tuple[tuple[Step, ...], Table]] = [
    (snp.STEPS, {**snp_forgeries.FORGERIES, **snp_forgeries.GAPS}),
    (nitro.STEPS, {**nitro_forgeries.FORGERIES, **nitro_forgeries.GAPS}),
    (nvidia.STEPS, {**nvidia_forgeries.FORGERIES, **nvidia_forgeries.GAPS}),
    (nvswitch.STEPS, {**nvswitch_forgeries.FORGERIES, **nvswitch_forgeries.GAPS}),
    (tpm.STEPS, {**tpm_forgeries.FORGERIES, **tpm_forgeries.GAPS}),
]
MANDATORY = [(s.id, table) for steps, table in TABLES for s in steps if s.mandatory]


@pytest.mark.parametrize(("name", "table"), MANDATORY, ids=[name for name, _ in MANDATORY])
def test_a_step_decides(name: str, table: Table) -> None:
    """Evidence that one mandatory step refuses is taken as soon as that step is taken out."""
    assert decides(name, (make() for step, make in table.values() if step == name))


@pytest.mark.parametrize(
    "good", [snp_forgeries.genuine(), nitro_forgeries.GOOD, tpm_forgeries.GOOD], ids=["snp", "nitro", "tpm"]
)
def test_taking_a_step_out_changes_no_genuine_verdict(good: Case) -> None:
    """Genuine evidence opens with every step in place and with any one of them taken out."""
    verifier = good.verifier()
    assert appraise(verifier, good.inputs()).opens
    assert all(appraise(without(verifier, s.id), good.inputs()).opens for s in verifier.steps)
