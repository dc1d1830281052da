"""Learn a known boot: from evidence of machines that are as they should be, and that proves what it says."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from strongroom import __version__
from strongroom.app.evidence import load as load_evidence
from strongroom.app.evidence import verifier_of
from strongroom.attest.appraise import appraise
from strongroom.attest.policy import Policy
from strongroom.attest.verifier import Inputs
from strongroom.kit import boot_events, ccel, known_boot
from strongroom.kit.known_boot import Golden, Learned
from strongroom.kit.reference_file import Reference
from strongroom.kit.tpm import NUMBERS
from strongroom.model.attest import Appraisal, Endorsements, Evidence, EvidenceKind, ReferenceValues, StepVerdict
from strongroom.model.errors import BadUsage, Malformed

# Without these a log is anybody's; they must pass. What else fails refuses too, but for what a golden boot cannot answer:
# what it is compared with later, and what the owner has still to bring up to date.
MUST = (
    "tpm.magic",
    "tpm.type",
    "tpm.signature",
    "tpm.pcr_selection",
    "tpm.pcr_digest",
    "tpm.event_log",
    "tpm.secure_boot",
)
_LATER = ("tpm.boot_events", "tpm.measurement", "tpm.dbx", "tpm.ca_expiry")
_OPEN = ("tpm.ak_certified", "tpm.ak_attributes")
_VERIFY = "strongroom attest verify EVIDENCE"
_EVENT_LOG, _MOST_BOOTS = "event-log", 64


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be learned, and from what. `may_vary` are classes beside those that vary by themselves."""

    paths: tuple[str, ...]
    name: str
    version: str
    image: str
    may_vary: tuple[str, ...]
    policy: Policy
    now: datetime


@dataclass(frozen=True, slots=True)
class Taught:
    """What was learned, from how many boots, and what it does not prove."""

    reference: Reference
    learned: Learned
    boots: int
    remarks: tuple[str, ...]


def learn(asked: Asked) -> Taught:
    """The known boot of golden evidence.

    Raises:
        BadUsage: no evidence is named, or a class that there is not.
        Unreadable, TooLarge, NotFound: evidence cannot be read, or is of nothing that boots by a TPM.
        Malformed: evidence does not prove what it says, or a boot of it is no good one.
    """
    if not 0 < len(asked.paths) <= _MOST_BOOTS:
        raise BadUsage("EVIDENCE", f"{len(asked.paths)} boots", f"1 to {_MOST_BOOTS} golden boots")
    may_vary = _may_vary(asked.may_vary)
    boots = [_boot(path, asked) for path in asked.paths]
    learned = known_boot.learn([b.golden for b in boots], NUMBERS[asked.policy.tpm.bank], may_vary)
    inputs = tuple(f"{p.name} {p.digest} {len(p.data)}" for b in boots for p in b.evidence.parts)
    empty = _empty(learned, boots[0].golden, asked.policy)
    remarks = tuple(dict.fromkeys(r for b in boots for r in b.remarks))
    reference = Reference(
        kind=EvidenceKind.TPM,
        name=asked.name,
        values=empty,
        image=asked.image or _digest(learned, empty),
        version=asked.version,
        about=f"the events of {len(boots)} golden boot{'s' if len(boots) > 1 else ''}, {asked.policy.tpm.bank}",
        inputs=tuple(dict.fromkeys(inputs)),
        measured_at=asked.now,
        measured_with=f"strongroom {__version__}",
        golden=True,
        events=learned.events,
        may_vary=learned.may_vary,
    )
    return Taught(reference, learned, len(boots), remarks)


def _may_vary(named: Sequence[str]) -> Mapping[str, str]:
    strange = [n for n in named if n not in boot_events.CLASSES]
    if strange:
        raise BadUsage("--may-vary", ", ".join(strange), f"of {', '.join(boot_events.CLASSES)}")
    return {**boot_events.VARYING, **{n: "the owner lets it vary" for n in named if n not in boot_events.VARYING}}


@dataclass(frozen=True, slots=True)
class _Boot:
    evidence: Evidence
    golden: Golden
    remarks: tuple[str, ...]


def _boot(path: str, asked: Asked) -> _Boot:
    evidence = load_evidence(path, None, None, asked.now)
    if evidence.kind is not EvidenceKind.TPM:
        raise BadUsage(path, f"evidence of {evidence.kind.value}", "a TPM's quote with its event log")
    inputs = Inputs(evidence, Endorsements(), ReferenceValues(), asked.policy, asked.now)
    verifier = verifier_of(evidence.kind)
    said = appraise(verifier, inputs)
    _sound(path, said)
    part = evidence.part(_EVENT_LOG)
    log = ccel.parse(part.data if part else b"")
    measured = said.claims.get("measurements")
    proven = frozenset(known_boot.number(n) for n in measured) if isinstance(measured, dict) else frozenset()
    open_ = [s for s in said.steps if s.id in _OPEN and s.verdict is not StepVerdict.PASS]
    remarks = tuple(f"{Path(path).name}: {s.reason or s.found}" for s in open_)
    golden = Golden(log, boot_events.seen(log, NUMBERS[asked.policy.tpm.bank]), proven)
    return _Boot(evidence, golden, remarks)


def _sound(path: str, said: Appraisal) -> None:
    """Refuse a boot that does not prove what it says. Raises Malformed."""
    steps = {s.id: s for s in said.steps}
    for name, step in steps.items():
        if step.verdict is StepVerdict.FAIL and name not in _LATER:
            raise Malformed(path, f"{name} failed: {step.found}", step.wanted, f"learn nothing from it; {_VERIFY}")
    for name in MUST:
        if steps[name].verdict is not StepVerdict.PASS:
            raise Malformed(path, f"{name} was not checked: {steps[name].reason}", "a golden boot that is proven")


def _empty(learned: Learned, golden: Golden, policy: Policy) -> dict[str, tuple[str, ...]]:
    """The registers into which nothing went: they must stay as the TPM starts them."""
    told = {known_boot.number(e.register) for e in learned.events}
    told |= {n for what in learned.may_vary for n in boot_events.WHERE.get(what, ())}
    bank = NUMBERS[policy.tpm.bank]
    size = ccel.ALGORITHMS[bank][1]
    bare = (n for n in sorted(set(policy.tpm.pcrs) & golden.registers) if n not in told)
    return {f"pcr{n}": (ccel.initial(golden.log, n, size).hex(),) for n in bare}


def _digest(learned: Learned, empty: Mapping[str, tuple[str, ...]]) -> str:
    """What stands for the image where none is named: a digest over what is demanded."""
    listed = [f"{e.register} {e.what} {d.partition(' ')[0]}\n" for e in learned.events for d in e.accept or ("any",)]
    listed += [f"{register} {value}\n" for register, values in empty.items() for value in values]
    return f"sha256:{hashlib.sha256(''.join(listed).encode()).hexdigest()}"
