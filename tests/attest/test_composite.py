"""A whole node: bound to one challenge and one key, or refused."""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import composite_forgeries as forgeries
import composite_minting as c
import msgspec
import pytest
from skipping import without

from strongroom.app.appraisal import appraise as judged
from strongroom.app.evidence import verifiers, wants
from strongroom.attest import members
from strongroom.attest.appraise import appraise
from strongroom.attest.compose import STEPS, Whole, compose
from strongroom.attest.policy import CompositePolicy, Policy
from strongroom.attest.steps import run
from strongroom.attest.tee import composite
from strongroom.kit import init_data
from strongroom.model.attest import Appraisal, Endorsements, Evidence, EvidenceKind, ReferenceValues, StepVerdict, Tier
from strongroom.model.errors import Malformed

TABLE = {**forgeries.FORGERIES, **forgeries.GAPS}


def _step(a: Appraisal, name: str) -> StepVerdict:
    return next(s.verdict for s in a.steps if s.id == name)


def test_a_node_opens_and_vouches_for_the_key() -> None:
    """A guest and its GPUs that answer one request open, for the key of that request, each part named."""
    a = c.Node().appraised()
    assert a.opens
    assert bytes.fromhex(a.bound_key) == c.spki()
    assert [p.name for p in a.parts] == ["cpu0", "gpus"]
    assert all(p.opens for p in a.parts)
    assert a.subject == a.parts[0].subject
    assert a.expires_at == min(p.expires_at for p in a.parts)


@pytest.mark.parametrize("node", [c.Node(count=0), c.Node(root="tpm"), c.Node(count=1)], ids=["guest", "tpm", "one"])
def test_other_nodes_open(node: c.Node) -> None:
    """A guest alone, a machine with a TPM and GPUs, and a guest with one GPU open too."""
    assert node.appraised().opens


def test_a_node_by_the_protocol_opens() -> None:
    """Devices that answer first, and whose evidence the root signs with the runtime data, are members of the node."""
    a = c.Node().devices_first().appraised()
    assert a.opens
    assert [p.name for p in a.parts] == ["nvidia", "cpu0"]
    pair = json.dumps({"nvidia": ["gpu", json.loads(c.listed(c.Node().gpus().gpus))]}).encode()
    assert c.Node(additional=pair).appraised().opens
    assert c.Node(count=0, additional=b"").appraised().opens


@pytest.mark.parametrize(("step", "make"), TABLE.values(), ids=TABLE)
def test_a_forgery_is_refused_by_its_step(step: str, make: Callable[[], c.Node]) -> None:
    """Each forged node is kept out, and the step that it is kept out by is named."""
    a = make().appraised()
    assert not a.opens
    assert _step(a, step) is not StepVerdict.PASS
    if a.first_failure is not None:
        assert a.bound_key == ""


@pytest.mark.parametrize("name", [s.id for s in STEPS if s.mandatory])
def test_a_step_of_composition_decides(name: str) -> None:
    """A forged node that one mandatory step refuses is taken as soon as that step is taken out."""
    cases = [make() for step, make in TABLE.values() if step == name]
    assert any(not n.appraised().opens and n.appraised(without(n.verifier(), name)).opens for n in cases)


def test_the_enclaves_own_key_may_be_the_one() -> None:
    """An enclave that vouches for the requester's key is part of a node that opens."""
    assert forgeries.with_enclave(c.spki()).appraised().opens


def test_alone_the_envelope_opens_nothing() -> None:
    """An envelope that is judged without the verifiers of its members is refused."""
    assert not appraise(composite.VERIFIER, c.Node().inputs()).opens


def test_every_kind_has_a_step_that_it_answers_by() -> None:
    """Each kind of evidence names the step in which its challenge is compared, and that step must be checked."""
    held = {k.value: v for k, v in verifiers().items() if k is not EvidenceKind.COMPOSITE}
    assert set(held) <= set(members.ANSWERS)
    for kind, verifier in held.items():
        step = next(s for s in verifier.steps if s.id == members.ANSWERS[kind])
        assert step.mandatory
        assert not step.waivable


def test_init_data_is_held_against_what_the_hardware_signed() -> None:
    """A guest whose HOST_DATA is the hash of the init-data that is shown opens."""
    text = b'algorithm = "sha384"\nversion = "0.1.0"\n[data]\n"aa.toml" = "x"\n'
    node = c.Node(count=0, init=text, host_data=hashlib.sha384(text).digest()[:32])
    assert node.appraised().opens
    assert init_data.read(text).fitted(48) == hashlib.sha384(text).digest()


@pytest.mark.parametrize(
    "text", [b"\xff", b"a = ", b'algorithm = "md5"\n[data]\n', b'algorithm = "sha256"\n', b"x" * (2 << 20)]
)
def test_init_data_that_is_none_is_refused(text: bytes) -> None:
    """Text that is no TOML, or names no known algorithm, is Malformed."""
    with pytest.raises(Malformed):
        init_data.read(text)


def _changed(**fields: object) -> bytes:
    return json.dumps(json.loads(c.Node().document()) | fields).encode()


@pytest.mark.parametrize(
    "octets",
    [
        b"{",
        b"[]",
        _changed(schema="strongroom.composite-evidence/2"),
        _changed(members=[]),
        _changed(members=[{"name": "cpu0", "kind": "none", "evidence": ""}]),
        _changed(members=[{"name": "cpu0", "kind": "composite", "evidence": ""}]),
        _changed(members=[{"name": "CPU", "kind": "snp", "evidence": ""}]),
        _changed(members=[{"name": "a", "kind": "snp", "evidence": ""}, {"name": "a", "kind": "snp", "evidence": ""}]),
        _changed(runtime_data="*"),
        _changed(strange=1),
    ],
)
def test_an_envelope_that_is_none_is_refused(octets: bytes) -> None:
    """Envelopes of another schema, with members of no kind, without names of their own, or nested, are Malformed."""
    with pytest.raises(Malformed):
        composite.read(octets)


def test_a_member_that_cannot_be_read_is_named() -> None:
    """A member whose octets are no evidence of its kind refuses the node, by its name."""
    a = c.Node(count=0, more=(("tpm0", "tpm", b"{"),)).appraised()
    failure = a.first_failure
    assert failure is not None
    assert failure.id == "composite.members"
    assert "tpm0" in failure.found


def _device(name: str, kind: str, own: str, peers: list[str], mode: str = "ppcie") -> dict[str, object]:
    return {"name": name, "kind": kind, "ueid": own, "pdi": own, "peers": peers, "mode": mode}


GPUS = [_device("GPU-0", "gpu", "a", ["s", "t"]), _device("GPU-1", "gpu", "b", ["s", "t"])]
SWITCHES = [_device("SWITCH-0", "switch", "s", ["a", "b"]), _device("SWITCH-1", "switch", "t", ["a", "b"])]


@pytest.mark.parametrize(
    ("gpus", "switches", "verdict"),
    [
        (GPUS, SWITCHES, StepVerdict.PASS),
        (GPUS, SWITCHES[:1], StepVerdict.FAIL),
        (GPUS, [], StepVerdict.FAIL),
        (GPUS[:1], SWITCHES, StepVerdict.FAIL),
        ([GPUS[0], _device("GPU-1", "gpu", "b", ["s"])], SWITCHES, StepVerdict.FAIL),
        ([_device("GPU-0", "gpu", "a", [], "spt")], [], StepVerdict.NOT_CHECKED),
        ([GPUS[0], _device("GPU-1", "gpu", "c", ["s", "t"])], SWITCHES, StepVerdict.FAIL),
    ],
)
def test_links_are_seen_from_both_ends(gpus: list[object], switches: list[object], verdict: StepVerdict) -> None:
    """GPUs and switches that name each other, all and no others, are one machine; anything else is not."""
    base = c.Node(count=0).appraised()
    inner = replace_claims(base, {"nvidia.devices": [*gpus, *switches]})
    whole = Whole(c.Node().inputs(), (), {"gpus": inner})
    results = run([s for s in STEPS if s.id == "composite.topology"], whole, {})
    assert results[0].verdict is verdict


def replace_claims(a: Appraisal, claims: dict[str, object]) -> Appraisal:
    """The appraisal with other claims."""
    return msgspec.structs.replace(a, claims=claims)


def test_the_recorded_node_with_foreign_nonces_is_refused(vectors: Path) -> None:
    """Eight GPUs of a live capture, genuine and answering somebody else's nonce, are refused where the node is bound."""
    folder = vectors / "attest/composite/chutes-20260629"
    runtime = c.runtime()
    held = [("cpu0", "tdx", "quote0.bin"), ("gpus", "nvidia", "gpu_evidence.json")]
    made = {
        "schema": composite.SCHEMA,
        "runtime_data": base64.b64encode(runtime).decode(),
        "members": [
            {"name": n, "kind": k, "evidence": base64.b64encode((folder / f).read_bytes()).decode()} for n, k, f in held
        ],
    }
    at = datetime(2026, 6, 29, 2, 7, 25, tzinfo=UTC)
    evidence = Evidence(EvidenceKind.COMPOSITE, composite.read(json.dumps(made).encode()), c.NONCE, at)
    assert wants(evidence)
    a = judged(evidence, Endorsements(), ReferenceValues(), Policy(composite=CompositePolicy(gpus=8)), at)
    assert a.tier is Tier.CONTRAINDICATED
    found = next(s for s in a.steps if s.id == "composite.devices_bound")
    assert found.verdict is StepVerdict.FAIL
    assert "8 of 8 GPUs" in found.found
    assert _step(a, "composite.count") is StepVerdict.PASS
    assert _step(a, "composite.root_bound") is StepVerdict.FAIL


def test_replaced_evidence_of_one_member_is_refused() -> None:
    """A node whose guest is another's, with GPUs of its own, does not open."""
    mine, theirs = c.Node(), c.Node(runtime=c.runtime(key=c.OTHER))
    inputs = mine.inputs()
    parts = tuple(
        next(q for q in theirs.inputs().evidence.parts if q.name == p.name) if "snp" in p.name else p
        for p in inputs.evidence.parts
    )
    swapped = replace(inputs, evidence=Evidence(EvidenceKind.COMPOSITE, parts, c.NONCE))
    assert not compose(mine.verifier(), mine.verifiers(), swapped).opens
