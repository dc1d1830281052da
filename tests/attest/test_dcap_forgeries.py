"""Quotes minted under a root of the tests' own: sound ones open, and every forgery is refused by the step it is for."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import dcap_minting as mint
import dcap_sound as sound
import pytest
from dcap_minting import NOW, Draft, demanding, judge
from dcap_sound import DOMAIN, MODULES

from strongroom.attest.appraise import appraise
from strongroom.attest.policy import Policy
from strongroom.attest.steps import Step, passed
from strongroom.attest.tee import sgx, tdx
from strongroom.model.attest import Appraisal, EvidencePart, StepVerdict

KINDS = {"tdx": Draft(), "sgx": Draft(kind="sgx", version=3)}
STEPS: dict[str, tuple[Step[object], ...]] = {"tdx": tdx.STEPS, "sgx": sgx.STEPS}  # type: ignore[dict-item]
OLD = (4, *Draft().components[1:])
ANCIENT = (1, *Draft().components[1:])


def attributes(*bits: int) -> dict[str, bytes]:
    """A TD with only these attributes."""
    return {"td_attributes": sum(1 << b for b in bits).to_bytes(8, "little")}


def flags(value: int) -> dict[str, bytes]:
    """An enclave with these attributes."""
    return {"attributes": value.to_bytes(8, "little") + bytes(8)}


def module(**changes: object) -> dict[str, object]:
    """The module of `tdxModule`, changed."""
    return {"tdxModule": {"mrsigner": "00" * 48, "attributes": "00" * 8, "attributesMask": "FF" * 8, **changes}}


def log(register: int) -> EvidencePart:
    """An event log of one event, extended into a register."""
    spec = b"Spec ID Event03\0" + bytes(4) + bytes([0, 2, 0, 2]) + b"\1\0\0\0" + b"\x0c\0\x30\0" + b"\0"
    head = bytes(4) + (3).to_bytes(4, "little") + bytes(20) + len(spec).to_bytes(4, "little") + spec
    event = register.to_bytes(4, "little") + (8).to_bytes(4, "little") + b"\1\0\0\0\x0c\0" + b"\x11" * 48 + bytes(4)
    return EvidencePart("event-log", "application/vnd.tcg.ccel", head + event)


LEVELS = (sound.level("UpToDate", "2025-03-01"),)
# By step: what is changed, and the policy that asks. Where two kinds differ, the name of the kind stands in the key.
ONLY: dict[str, tuple[dict[str, object], Policy | None]] = {
    "len": ({"tail": b"\0\0x"}, None),
    "version": ({"version": 6}, None),
    "att_key_type": ({"att_key_type": 3}, None),
    "tdx.tee_type": ({"tee_type": 0}, None),
    "sgx.tee_type": ({"tee_type": 0x81}, None),
    "qe_vendor": ({"vendor": bytes(16)}, None),
    "tdx.body": ({"version": 5, "body_type": 2, "body_size": 585}, None),
    "sgx.body": ({"version": 5, "body_type": 1, "body_size": 383}, None),
    "cert_data": ({"cert_type": 7}, None),
    "pck_chain": ({"signers": {"pck": "other"}}, None),
    "root_pin": ({"signers": {"authority": "rogue", "root_crl": "rogue"}, "rogue": True}, None),
    "cert_time": ({"ends": {"pck": NOW - timedelta(days=1)}}, None),
    "root_crl": ({"revoked": ("authority",)}, None),
    "pck_crl": ({"revoked": ("pck",)}, None),
    "pck_ext": ({"cpu_svn": bytes(16)}, None),
    "qe_report_sig": ({"signers": {"qe": "other"}}, None),
    "qe_binding": ({"signers": {"quote": "other", "key": "other"}}, None),
    "qe_identity": ({"qe": {"mrsigner": bytes(32)}}, None),
    "quote_sig": ({"signers": {"quote": "other"}}, None),
    "tcbinfo": ({"edit": {"tcb": (b"2025-03-01", b"2025-03-02")}}, None),
    "tcb_level": ({"components": OLD, "levels": LEVELS}, None),
    "tcb_revoked": ({"components": ANCIENT}, demanding(tcb_status=("Revoked",), advisories=("*",))),
    "tcb_status": ({"components": OLD}, None),
    "tcb_evaluation": ({}, demanding(min_evaluation=18)),
    "collateral_age": ({}, demanding(max_collateral_days=3)),
    "smt": ({"smt": True}, None),
    "tdx.tdx_module": ({"tcb": module(mrsigner="01" * 48)}, None),
    "tdx.td_attributes.debug": ({"report": attributes(0, 28)}, None),
    "tdx.td_attributes.sept_ve_disable": ({"report": attributes(30)}, None),
    "tdx.td_attributes.migratable": ({"report": attributes(28, 29)}, None),
    "tdx.td_attributes.reserved": ({"report": attributes(28, 10)}, None),
    "tdx.seam_attributes": ({"report": {"seam_attributes": b"\1" * 8}, "tcb": module(attributes="01" * 8)}, None),
    "tdx.mrsignerseam": ({"report": {"mrsignerseam": b"\1" * 48}, "tcb": module(mrsigner="01" * 48)}, None),
    "tdx.xfam": ({"report": {"xfam": (1 << 30 | 3).to_bytes(8, "little")}}, None),
    "tdx.service_td": ({"version": 5, "body_type": 3, "report": {"mrservicetd": b"\1" * 48}}, None),
    "report_data": ({"report": {"report_data": b"\7" * 64}}, None),
    "tdx.measurement": ({"report": {"rtmr2": b"\7" * 48}}, None),
    "sgx.measurement": ({"report": {"mrenclave": b"\7" * 32}}, None),
    "tdx.event_log": ({}, None),
    "tdx.secure_boot": ({}, demanding(secure_boot=True)),
    "tdx.mrconfigid": ({}, demanding(mr_config_id=("11" * 48,))),
    "tdx.mrowner": ({}, demanding(mr_owner=("11" * 48,))),
    "tdx.mrownerconfig": ({}, demanding(mr_owner_config=("11" * 48,))),
    "sgx.attributes.debug": ({"report": flags(7)}, None),
    "sgx.attributes.init": ({"report": flags(4)}, None),
    "sgx.attributes.provision_key": ({"report": flags(0x15)}, None),
    "sgx.reserved_zero": ({"report": {"reserved4": b"\1" * 42}}, None),
    "sgx.isv_svn": ({}, demanding(min_isv_svn=7)),
    "sgx.isv_prod_id": ({}, demanding(isv_prod_id=2)),
}


def _cases() -> Iterator[tuple[str, str]]:
    for kind, steps in STEPS.items():
        yield from ((kind, s.id) for s in steps)


def _only(kind: str, step: str) -> tuple[Draft, Policy | None, tuple[EvidencePart, ...]]:
    key = step if step in ONLY else step.partition(".")[2]
    changes, policy = ONLY[key]
    return replace(KINDS[kind], **changes), policy, (log(1),) if step == "tdx.event_log" else ()  # type: ignore[arg-type]


def _first(verdict: Appraisal) -> str:
    """The first step that keeps a verdict from opening: a failure, or what had to be checked and was not."""
    shut = (
        s for s in verdict.steps if s.verdict is StepVerdict.FAIL or (s.mandatory and s.verdict != StepVerdict.PASS)
    )
    return next(shut).id


@pytest.mark.parametrize("name", mint.SOUND)
def test_a_sound_quote_opens(name: str) -> None:
    """Every version and body of either kind is affirmed, with no step left over."""
    verdict = judge(mint.SOUND[name])
    assert verdict.opens, [s for s in verdict.steps if s.verdict is not StepVerdict.PASS]


@pytest.mark.parametrize(("kind", "step"), list(_cases()))
def test_each_step_refuses_what_no_other_does(kind: str, step: str) -> None:
    """For every step there is a forgery that opens as soon as this one step is skipped, and not before."""
    draft, policy, parts = _only(kind, step)
    given = mint.inputs(draft, policy, parts=parts)
    whole = mint.verifier(draft)
    verdict = appraise(whole, given)
    assert not verdict.opens
    assert _first(verdict) == step
    steps = tuple(replace(s, judge=lambda _: passed()) if s.id == step else s for s in whole.steps)
    assert appraise(replace(whole, steps=steps), given).opens


def test_what_a_failure_must_never_be_waived() -> None:
    """Only revocation, multithreading, the TCB's status and the measurement may be named unchecked by a policy."""
    for kind, steps in STEPS.items():
        may = {s.id.removeprefix(f"{kind}.") for s in steps if s.waivable}
        assert may == {"root_crl", "pck_crl", "tcb_status", "smt", "measurement"}


@pytest.mark.parametrize(
    ("step", "changes"),
    [
        ("qe_identity", {"qe": {"isv_prod_id": b"\3\0"}}),
        ("qe_identity", {"qe": {"misc_select": b"\1\0\0\0"}}),
        ("qe_identity", {"qe": {"attributes": flags(0x17)["attributes"]}}),
        ("qe_identity", {"qe": {"isv_svn": b"\0\0"}}),
        ("qe_identity", {"identity": {"id": "QVE"}}),
        ("qe_identity", {"identity": {"version": 1}}),
        ("qe_identity", {"identity": {"nextUpdate": "2026-01-14T00:00:00Z"}}),
        ("qe_identity", {"identity": {"issueDate": "2026-01-16T00:00:00Z"}}),
        ("qe_identity", {"identity": {"issueDate": "yesterday"}}),
        ("qe_identity", {"identity": {"attributesMask": "00"}}),
        ("qe_identity", {"edit": {"qe": (b"DCDC", b"DDDD")}}),
        ("qe_identity", {"signers": {"qe_statement": "other"}}),
        ("qe_identity", {"chain_of": {"qe": ("authority", "root")}}),
        ("tcbinfo", {"tcb": {"nextUpdate": "2026-01-14T00:00:00Z"}}),
        ("tcbinfo", {"tcb": {"issueDate": "2026-01-16T00:00:00Z"}}),
        ("tcbinfo", {"tcb": {"fmspc": "00906EA10000"}}),
        ("tcbinfo", {"tcb": {"pceId": "0001"}}),
        ("tcbinfo", {"tcb": {"version": 2}}),
        ("tcbinfo", {"tcb": {"tcbType": 1}}),
        ("tcbinfo", {"tcb": {"id": "SGX"}}),
        ("tcbinfo", {"tcb": {"tcbLevels": [{"tcb": {}}]}}),
        ("tcbinfo", {"edit": {"tcb": (b'"version":3', b'"version":3,"version":3')}}),
        ("tcbinfo", {"edit": {"tcb": (b'"version":3', b'"version": 3')}}),
        ("tcbinfo", {"signers": {"tcb": "pck"}}),
        ("tcbinfo", {"chain_of": {"tcb": ("authority", "root")}}),
        ("tcbinfo", {"chain_of": {"tcb": ("pck", "authority")}}),
        ("qe_identity", {"ends": {"signer": NOW - timedelta(days=1)}}),
        ("root_crl", {"revoked": ("signer",)}),
        ("root_crl", {"ends": {"root_crl": NOW - timedelta(days=1)}}),
        ("root_crl", {"signers": {"root_crl": "other"}}),
        ("pck_crl", {"ends": {"pck_crl": NOW - timedelta(days=1)}}),
        ("pck_crl", {"signers": {"pck_crl": "other"}}),
        ("pck_chain", {"signers": {"authority": "other"}}),
        ("pck_chain", {"names": {"pck": "Intel SGX TCB Signing"}}),
        ("pck_chain", {"names": {"authority": "Some Authority"}}),
        ("pck_ext", {"components": (5,) * 15}),
        ("pck_ext", {"fmspc": b"\1\2\3"}),
        ("pck_ext", {"extension": lambda made: made[:4] + made[4:28] + made[4:]}),
        ("len", {"auth_lie": 4}),
        ("len", {"auth_lie": -4}),
        ("len", {"outer_lie": 4}),
        ("cert_data", {"outer_type": 5}),
        ("tdx_module", {"report": {"tee_tcb_svn": bytes([3, 2, 5]) + bytes(13)}}),
        ("tdx_module", {"report": {"tee_tcb_svn": bytes([1, 1, 5]) + bytes(13)}}),
        ("tdx_module", {"tcb": {"tdxModule": None}}),
        ("tdx_module", {"tcb": module(attributes="01" * 8)}),
        ("body", {"version": 5, "body_type": 4, "body_size": 584}),
        ("body", {"version": 5, "body_type": 1, "body_size": 384}),
        ("td_attributes.debug", {"report": attributes(1, 28)}),
        ("xfam", {"report": {"xfam": bytes(8)}}),
    ],
)
def test_a_forgery_is_refused_by_name(step: str, changes: dict[str, object]) -> None:
    """What is wrong with a quote or its collateral is told as the step that found it, and the quote stays shut."""
    verdict = judge(replace(Draft(), **changes))  # type: ignore[arg-type]
    assert verdict.first_failure is not None
    assert verdict.first_failure.id == f"tdx.{step}"
    assert not verdict.opens


def test_a_policy_can_allow_debug_but_no_other_untrusted_attribute() -> None:
    """Allowing debug allows bit 0; the other bits that leave a TD untrusted stay refused."""
    policy = demanding(debug=True)
    assert judge(replace(Draft(), report=attributes(0, 28)), policy).opens
    assert not judge(replace(Draft(), report=attributes(1, 28)), policy).opens
    assert judge(replace(KINDS["sgx"], report=flags(7)), policy).opens


def test_what_the_policy_names_is_taken() -> None:
    """Migration, a missing SEPT_VE_DISABLE, more features, a service TD and the provisioning key are taken when named."""
    assert judge(replace(Draft(), report=attributes(28, 29)), demanding(migratable=True)).opens
    assert judge(replace(Draft(), report=attributes()), demanding(sept_ve_disable=False)).opens
    wide = (1 << 30 | 3).to_bytes(8, "little")
    assert judge(replace(Draft(), report={"xfam": wide}), demanding(xfam=wide.hex())).opens
    service = replace(Draft(version=5, body_type=3), report={"mrservicetd": b"\1" * 48})
    assert judge(service, demanding(service_td=("01" * 48,))).opens
    assert judge(replace(KINDS["sgx"], report=flags(0x15)), demanding(provision_key=True)).opens
    assert judge(replace(Draft(), smt=True), demanding(smt=True)).opens
    assert not judge(replace(Draft(), smt=True), demanding(smt=False)).opens


@pytest.mark.parametrize("name", ["mrconfigid", "mrowner", "mrownerconfig"])
def test_an_owner_is_known_by_the_values_that_the_policy_names(name: str) -> None:
    """MRCONFIGID, MROWNER and MROWNERCONFIG open where the policy names them."""
    field = {"mrconfigid": "mr_config_id", "mrowner": "mr_owner", "mrownerconfig": "mr_owner_config"}[name]
    draft = replace(Draft(), report={name: b"\x2a" * 48})
    assert judge(draft, demanding(**{field: ("2A" * 48,)})).opens


def test_a_status_needs_its_advisories_named_as_well() -> None:
    """A status that the policy takes opens only when its advisories are named, or all are."""
    draft = replace(Draft(), levels=[sound.level("SWHardeningNeeded", "2025-03-01", advisories=("INTEL-SA-00615",))])
    status = ("UpToDate", "SWHardeningNeeded")
    assert not judge(draft, demanding(tcb_status=status)).opens
    assert judge(draft, demanding(tcb_status=status, advisories=("INTEL-SA-00615",))).opens
    assert judge(draft, demanding(tcb_status=status, advisories=("*",))).opens
    assert not judge(draft, demanding(tcb_status=status, advisories=("INTEL-SA-00001",))).opens


def test_grace_runs_from_the_day_of_the_newer_level() -> None:
    """An old platform is taken until the days of grace after the newer level's date are over, and no day longer."""
    draft = replace(Draft(), components=OLD)
    days = (NOW - NOW.replace(year=2025, month=3, day=1, hour=0)).days
    assert judge(draft, demanding(grace_days=days + 1)).opens
    assert not judge(draft, demanding(grace_days=days - 1)).opens


def test_a_failure_of_the_tcb_says_how_far_behind_and_in_what() -> None:
    """The step names both dates, the distance, the advisories, and the components that are short."""
    verdict = judge(replace(Draft(), components=OLD))
    found = next(s for s in verdict.steps if s.id == "tdx.tcb_status")
    for word in ("OutOfDate", "2023-08-01", "2025-03-01", "578 days", "INTEL-SA-00960"):
        assert word in found.found
    assert "SGX component 1 (Early Microcode Update) 4 < 5" in found.advice
    tcb = verdict.claims["tcb"]
    assert isinstance(tcb, dict)
    assert tcb["status"] == "OutOfDate"
    assert tcb["advisories"] == ["INTEL-SA-00960"]


def test_a_platform_below_every_level_has_no_status() -> None:
    """No level means that the platform is refused, and that no status is claimed for it."""
    verdict = judge(replace(Draft(), components=OLD, levels=LEVELS))
    assert verdict.first_failure is not None
    assert verdict.first_failure.id == "tdx.tcb_level"
    tcb = verdict.claims["tcb"]
    assert isinstance(tcb, dict)
    assert "status" not in tcb


@pytest.mark.parametrize("missing", ["tcb", "qe", "root_crl", "pck_crl", "root"])
def test_what_is_missing_is_not_checked_and_opens_nothing(missing: str) -> None:
    """Collateral that is not at hand leaves its step unchecked and the verdict incomplete, never failed, never open."""
    verdict = judge(replace(Draft(), without=(missing,)))
    assert verdict.first_failure is None
    assert not verdict.complete
    assert not verdict.opens


def test_levels_are_compared_from_the_highest_whatever_order_they_stand_in() -> None:
    """A list of levels that is written backwards gives the same level."""
    draft = replace(Draft(), levels=tuple(reversed(sound.LEVELS)))
    assert judge(draft).opens


def test_a_module_of_version_one_is_judged_by_its_identity_not_by_the_first_components() -> None:
    """The first two octets of TEE_TCB_SVN are the module's, once its version is 1."""
    report = {"tee_tcb_svn": bytes([3, 1, 5]) + bytes(13)}
    high = [sound.level("UpToDate", "2025-03-01", tee=9)]
    assert judge(replace(Draft(), report=report, levels=high)).opens
    old = replace(Draft(), report={"tee_tcb_svn": bytes([2, 1, 5]) + bytes(13)}, modules=MODULES)
    assert judge(old).first_failure.id == "tdx.tcb_status"  # type: ignore[union-attr]


def test_a_log_that_gives_the_registers_counts_for_the_quote() -> None:
    """A replay that ends in the registers of the quote passes."""
    registers = {f"rtmr{n}": bytes(48) for n in range(4)}
    registers["rtmr0"] = hashlib.sha384(bytes(48) + b"\x11" * 48).digest()
    draft = replace(Draft(), report=registers)
    found = judge(draft, parts=(log(1),))
    assert next(s.verdict for s in found.steps if s.id == "tdx.event_log") is StepVerdict.PASS


def test_the_root_of_the_tests_is_not_trusted_by_the_product() -> None:
    """The verifier of the product refuses the minted root, for the quote and for both statements."""
    given = mint.inputs(Draft())
    verdict = appraise(tdx.VERIFIER, given)
    failed = {s.id for s in verdict.steps if s.verdict is StepVerdict.FAIL}
    assert failed == {"tdx.root_pin", "tdx.qe_identity", "tdx.tcbinfo"}


def test_reference_values_of_another_build_are_unknown() -> None:
    """The registers that differ are named."""
    verdict = judge(replace(Draft(), report={"rtmr1": b"\7" * 48}))
    assert verdict.first_failure is not None
    assert "rtmr1" in verdict.first_failure.found
    assert DOMAIN["rtmr1"].hex() not in verdict.first_failure.found
