"""What the name of an Azure machine size says, and what a key release policy says in normal form."""

import base64
import json

import pytest

from strongroom.collect.tables._azure_release import NOT_KNOWN, alternatives
from strongroom.collect.tables._azure_sizes import Accelerators, accelerators, confidential
from strongroom.model.values import Unknown


@pytest.mark.parametrize(
    ("size", "model", "count"),
    [
        ("Standard_NC6_Promo", "NVIDIA K80", 1),
        ("Standard_NC24rs_v3", "NVIDIA V100", 4),
        ("Standard_NC64as_T4_v3", "NVIDIA T4", 4),
        ("Standard_NC16as_T4_v3", "NVIDIA T4", 1),
        ("Standard_NC96ads_A100_v4", "NVIDIA A100", 4),
        ("standard_nc80adis_h100_v5", "NVIDIA H100", 2),
        ("Standard_NCC40ads_H100_v5", "NVIDIA H100", 1),
        ("Standard_ND40rs_v2", "NVIDIA V100", 8),
        ("Standard_ND96asr_v4", "NVIDIA A100", 8),
        ("Standard_ND96amsr_A100_v4", "NVIDIA A100", 8),
        ("Standard_ND96isr_H100_v5", "NVIDIA H100", 8),
        ("Standard_ND96isr_H200_v5", "NVIDIA H200", 8),
        ("Standard_ND96isr_MI300X_v5", "AMD MI300X", 8),
        ("Standard_ND128isr_NDR_GB200_v6", "NVIDIA GB200", 4),
        ("Standard_NV36ads_A10_v5", "NVIDIA A10", 1),
        ("Standard_NV72ads_A10_v5", "NVIDIA A10", 2),
        ("Standard_NV18ads_A10_v5", "NVIDIA A10", 0.5),
        ("Standard_NV4as_v4", "AMD MI25", 0.125),
        ("Standard_NC999ads_B300_v9", "", None),
    ],
)
def test_a_size_says_its_accelerators(size: str, model: str, count: float | None) -> None:
    """Model and number follow from series and vCPUs; a share of a card is less than one, a new series is not guessed."""
    assert accelerators(size) == Accelerators(model, count)


@pytest.mark.parametrize("size", ["Standard_D4s_v5", "Standard_DC4as_v5", "Standard_NP10s", "Standard_F2", ""])
def test_a_size_without_accelerators_has_none(size: str) -> None:
    """General, confidential and FPGA sizes have no GPU."""
    assert accelerators(size) is None


@pytest.mark.parametrize(
    ("size", "tech"),
    [
        ("Standard_DC4as_v5", "sev-snp"),
        ("Standard_DC8ads_cc_v5", "sev-snp"),
        ("Standard_EC96iads_v5", "sev-snp"),
        ("Standard_DC16as_v6", "sev-snp"),
        ("Standard_NCC40ads_H100_v5", "sev-snp"),
        ("Standard_DC4es_v6", "tdx"),
        ("Standard_EC8eds_v5", "tdx"),
        ("Standard_DC2s_v3", "sgx"),
        ("Standard_D4as_v5", ""),
        ("Standard_NC40ads_H100_v5", ""),
    ],
)
def test_a_size_says_its_confidential_computing(size: str, tech: str) -> None:
    """The letter C and the vendor's letter make a size confidential, and nothing else does."""
    assert confidential(size) == tech


POLICY = {"version": "1.0.0", "anyOf": [{"authority": "https://a", "allOf": [{"claim": "c", "equals": True}]}]}


@pytest.mark.parametrize(
    "given",
    [POLICY, json.dumps(POLICY), base64.urlsafe_b64encode(json.dumps(POLICY).encode()).decode().rstrip("=")],
    ids=["object", "json", "base64url"],
)
def test_a_release_policy_reads_the_same_in_every_form(given: object) -> None:
    """An object, its JSON and its base64url are one policy."""
    assert alternatives(given) == ("authority equals https://a & c equals true",)


def test_a_value_that_is_left_open_is_still_asked_for() -> None:
    """A claim whose value comes from elsewhere stands in the alternative, without its value."""
    open_ = {"anyOf": [{"authority": "https://a", "allOf": [{"claim": "c", "equals": None}]}]}
    assert alternatives(open_) == (f"authority equals https://a & c equals {NOT_KNOWN}",)


@pytest.mark.parametrize(
    "given",
    ["no policy", "{", '{"anyOf": null}', 7, {"anyOf": 7}, "${azurerm_x.y}"],
)
def test_what_is_no_policy_is_not_known(given: object) -> None:
    """Text that cannot be read as a policy is unknown, and never an empty policy."""
    assert isinstance(alternatives(given), Unknown)


@pytest.mark.parametrize(
    "inner",
    [None, {"authority": "https://a", "allOf": None}, {"allOf": [{"anyOf": []}]}, {"allOf": [None]}],
)
def test_an_alternative_that_cannot_be_read_is_not_known(inner: object) -> None:
    """One bad alternative is unknown by itself; the others stay readable."""
    found = alternatives({"anyOf": [POLICY["anyOf"][0], inner]})
    assert isinstance(found, tuple)
    assert found[0] == "authority equals https://a & c equals true"
    assert isinstance(found[1], Unknown)
