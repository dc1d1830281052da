"""A verdict on evidence touches nothing: no file, socket, process or clock is reached for while it is made."""

import sys

import nitro_forgeries
import pytest
import snp_forgeries
from skipping import Case

import test_pure
from strongroom.attest.appraise import appraise
from test_pure import watching


@pytest.fixture(scope="module", autouse=True)
def _watched() -> None:
    """The hook of the test of judges, once more for this module."""
    sys.addaudithook(test_pure._hook)


CASES = {"snp": snp_forgeries.genuine(), "cloud": snp_forgeries.by_cloud(), "nitro": nitro_forgeries.GOOD}
FORGED = [*snp_forgeries.FORGERIES.items(), *nitro_forgeries.FORGERIES.items()]


@pytest.mark.parametrize("name", CASES)
def test_a_verdict_touches_nothing(name: str) -> None:
    """Reading, judging and listing genuine evidence leave no trace outside."""
    case: Case = CASES[name]
    verifier, inputs = case.verifier(), case.inputs()
    with watching() as seen:
        for part in inputs.evidence.parts:
            verifier.read(part.data)
        found = appraise(verifier, inputs)
        assert list(verifier.fields(inputs.evidence))
        verifier.wants(inputs.evidence)
    assert (seen, found.opens) == ([], True)


@pytest.mark.parametrize(("name", "made"), FORGED, ids=[name for name, _ in FORGED])
def test_a_refusal_touches_nothing(name: str, made: tuple[str, object]) -> None:
    """Refusing forged evidence leaves no trace outside either."""
    make = made[1]
    assert callable(make), name
    case: Case = make()
    verifier, inputs = case.verifier(), case.inputs()
    with watching() as seen:
        appraise(verifier, inputs)
    assert seen == []
