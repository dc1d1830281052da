"""A TD's quote with its event log: as a folder, as one JSON document, and where the policy asks for it."""

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dcap_minting as mint
import msgspec
import pytest
import tpm_minting as tpm
from dcap_minting import Draft

from strongroom.app.evidence import load, recognise
from strongroom.attest.appraise import appraise
from strongroom.attest.policy import Policy, TdxPolicy
from strongroom.attest.tee import tdx
from strongroom.attest.verifier import Inputs
from strongroom.model.attest import (
    Appraisal,
    Endorsements,
    Evidence,
    EvidenceKind,
    EvidencePart,
    ReferenceValues,
    StepResult,
    StepVerdict,
)
from strongroom.model.errors import BadInput

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SCHEMA = "strongroom.tdx-evidence/1"
ASKED = Policy(tdx=TdxPolicy(event_log=True))


def appraised(parts: tuple[EvidencePart, ...], policy: Policy = ASKED) -> Appraisal:
    """The verdict of Intel's verifier, offline and without references."""
    evidence = Evidence(EvidenceKind.TDX, parts)
    return appraise(tdx.VERIFIER, Inputs(evidence, Endorsements(), ReferenceValues(), policy, NOW))


def step(found: Appraisal) -> StepResult:
    """What became of the event log."""
    return next(s for s in found.steps if s.id == "tdx.event_log")


def test_a_log_that_is_asked_for_and_missing_leaves_the_verdict_incomplete() -> None:
    """Without a log nothing fails and nothing opens, where the policy asks for it; else it counts for nothing."""
    verifier, base = mint.verifier(Draft()), mint.inputs(Draft())
    assert appraise(verifier, base).opens
    asked = msgspec.structs.replace(base.policy, tdx=msgspec.structs.replace(base.policy.tdx, event_log=True))
    found = appraise(verifier, replace(base, policy=asked))
    assert (found.complete, found.first_failure, step(found).mandatory) == (False, None, True)
    assert "CCEL" in step(found).advice


@pytest.mark.parametrize("log", [5, "no base64 !", "AAAA"])
def test_a_document_with_another_log_is_refused(log: object) -> None:
    """A log in the document is base64 of octets, or the document is none."""
    data = {"schema": SCHEMA, "quote": mint.quote(Draft()).hex(), "event_log": log}
    with pytest.raises(BadInput):
        tdx.VERIFIER.read(json.dumps(data).encode())


def test_the_log_of_another_agent_is_no_event_log() -> None:
    """What others call `event_log` is a list of events in their own words, and is left aside."""
    data = {"quote": mint.quote(Draft()).hex(), "event_log": [{"imr": 0}]}
    assert [p.name for p in tdx.VERIFIER.read(json.dumps(data).encode())] == ["quote"]


def test_a_folder_with_quote_and_log_is_one_piece_of_evidence(tmp_path: Path, vectors: Path) -> None:
    """The buffer of a production guest, with zeros behind the quote, and its CCEL table replay together."""
    folder = vectors / "attest/dcap"
    (tmp_path / "outblob").write_bytes((folder / "cos-113-tdx.quote").read_bytes())
    (tmp_path / "CCEL").write_bytes((folder / "cos-113-tdx.ccel").read_bytes())
    nonce = (folder / "cos-113-tdx.nonce").read_bytes()
    evidence = load(str(tmp_path), None, nonce, NOW)
    assert evidence.kind is EvidenceKind.TDX
    assert len(evidence.parts[0].data) == 8000
    found = appraised(evidence.parts)
    assert step(found).verdict is StepVerdict.PASS
    assert "RTMR0 to RTMR3" in step(found).wanted
    (tmp_path / "CCEL").write_bytes((vectors / "attest/tpm/CCEL_data_ovmf").read_bytes())
    other = appraised(load(str(tmp_path), None, nonce, NOW).parts)
    assert step(other).verdict is StepVerdict.FAIL


def test_secure_boot_of_a_td_is_read_from_its_log(vectors: Path) -> None:
    """Where the policy asks, Secure Boot is what RTMR0 measured: off in this guest, and not told by another's log."""
    folder = vectors / "attest/dcap"
    (quote,) = tdx.VERIFIER.read((folder / "cos-113-tdx.quote").read_bytes())
    log = EvidencePart("event-log", "", (folder / "cos-113-tdx.ccel").read_bytes())
    other = EvidencePart("event-log", "", (vectors / "attest/tpm/CCEL_data_gcp").read_bytes())
    asked = Policy(tdx=TdxPolicy(secure_boot=True))

    def told(*parts: EvidencePart, policy: Policy = asked) -> StepResult:
        return next(s for s in appraised(parts, policy).steps if s.id == "tdx.secure_boot")

    assert (told(quote, log).verdict, told(quote, log).found) == (StepVerdict.FAIL, "Secure Boot is off")
    assert "does not give RTMR0" in told(quote, other).found
    assert (told(quote).verdict, told(quote).mandatory) == (StepVerdict.NOT_CHECKED, True)
    assert told(quote, log, policy=Policy()).mandatory is False


def test_a_td_that_booted_securely_passes() -> None:
    """A TD whose log gives RTMR0, with Secure Boot on in it, passes; another log for the same register does not."""
    for on, wanted in ((b"\1", StepVerdict.PASS), (b"\0", StepVerdict.FAIL)):
        events = tuple(replace(e, register=1) for e in tpm.secure_boot(on=on))
        log, rtmr0 = _ccel(events)
        found = mint.judge(
            Draft(report={"rtmr0": rtmr0, **{f"rtmr{n}": bytes(48) for n in (1, 2, 3)}}),
            Policy(tdx=TdxPolicy(secure_boot=True, event_log=True, smt=True)),
            parts=(EvidencePart("event-log", "", log),),
        )
        held = {s.id: s.verdict for s in found.steps}
        assert (held["tdx.secure_boot"], held["tdx.event_log"]) == (wanted, StepVerdict.PASS)


def _ccel(events: tuple[tpm.Measured, ...]) -> tuple[bytes, bytes]:
    """A log with a bank of SHA-384, and the register after it."""
    spec = b"Spec ID Event03\0" + bytes(4) + bytes.fromhex("00020002 01000000 0c003000 00")
    out = bytes(4) + (3).to_bytes(4, "little") + bytes(20) + len(spec).to_bytes(4, "little") + spec
    value = bytes(48)
    for e in events:
        digest = hashlib.sha384(e.data).digest()
        value = hashlib.sha384(value + digest).digest()
        head = e.register.to_bytes(4, "little") + e.type.to_bytes(4, "little") + bytes.fromhex("01000000 0c00")
        out += head + digest + len(e.data).to_bytes(4, "little") + e.data
    return out, value


def test_a_document_with_quote_and_log_is_recognised(vectors: Path) -> None:
    """The document is what the folder is, in one file."""
    folder = vectors / "attest/dcap"
    held = {n: base64.b64encode((folder / f"cos-113-tdx.{n}").read_bytes()).decode() for n in ("quote", "ccel")}
    data = json.dumps({"schema": SCHEMA, "quote": held["quote"], "event_log": held["ccel"]}).encode()
    verifier, octets = recognise(data, "evidence")
    assert verifier.kind is EvidenceKind.TDX
    assert step(appraised(verifier.read(octets))).verdict is StepVerdict.PASS
