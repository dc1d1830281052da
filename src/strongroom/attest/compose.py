"""Compose: the verdict on a whole node. Its root of trust and its devices, bound to one challenge and one public key.

Each member is appraised by the verifier of its kind, with the hash of the runtime data as its challenge; the steps here
judge what no member can say of itself: that all of them answered this request, for this key, in this machine. A GPU of
another machine has a genuine report too, and a node without any GPU could hand in one that it borrowed.

Sources: Key Broker Service attestation protocol (runtime-data, composite evidence); RFC 9334 section 3.3 (composite
device); RFC 8785.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import msgspec

from strongroom.attest import appraise as single
from strongroom.attest.members import (
    ANSWERS,
    DEVICES,
    INIT,
    MOST,
    NAME,
    RUNTIME,
    Asked,
    Member,
    Verifiers,
    asked,
    members,
)
from strongroom.attest.steps import NOT_ASKED, Outcome, Step, failed, passed, run, unchecked
from strongroom.attest.verifier import Asker, Conclusion, Inputs, Verifier
from strongroom.kit import init_data, runtime_data
from strongroom.kit.runtime_data import RuntimeData
from strongroom.model.attest import Appraisal, Aspect, Evidence, Json, StepVerdict
from strongroom.model.errors import BadInput, Malformed

KBS, RATS = "KBS attestation protocol", "RFC 9334"
_ELSEWHERE = "it is linked to other devices than those of this evidence"
_AGAIN = "collect it again, all of it with the nonce of one request"


@dataclass(frozen=True, slots=True)
class Device:
    """One GPU or switch, as the verdict on it says. `peers` are the numbers by which it names what it is linked to."""

    member: str
    name: str
    ueid: str
    kind: str
    mode: str
    own: str
    peers: frozenset[str]


@dataclass(slots=True)
class Whole:
    """What the steps share: the members, and the verdict on each."""

    inputs: Inputs
    members: tuple[Member, ...] = ()
    judged: Mapping[str, Appraisal] = field(default_factory=dict)
    _read: RuntimeData | BadInput | None = None

    def runtime(self) -> RuntimeData:
        """The runtime data. Raises Malformed, the same each time."""
        if self._read is None:
            self._read = self._runtime()
        if isinstance(self._read, BadInput):
            raise self._read
        return self._read

    def _runtime(self) -> RuntimeData | BadInput:
        part = self.inputs.evidence.part(RUNTIME)
        if part is None:
            return Malformed("node", "no runtime data", "the octets that its evidence is bound to", _AGAIN)
        try:
            return runtime_data.read(part.data)
        except BadInput as e:
            return e

    def devices(self) -> tuple[Device, ...]:
        """Every device of every member."""
        return tuple(d for name, a in self.judged.items() for d in _devices(name, a))


def _devices(member: str, a: Appraisal) -> Iterator[Device]:
    listed = a.claims.get("nvidia.devices")
    for item in listed if isinstance(listed, list) else ():
        held = cast("dict[str, object]", item) if isinstance(item, dict) else {}
        text = {n: str(held.get(n, "")) for n in ("name", "ueid", "kind", "mode", "pdi")}
        peers = held.get("peers")
        named = frozenset(str(p) for p in peers) if isinstance(peers, list) else frozenset[str]()
        yield Device(member, text["name"], text["ueid"], text["kind"], text["mode"], text["pdi"], named)


# Steps


def _members(w: Whole) -> Outcome:
    """Each member can be read, has a name of its own, and one of them is a root of trust that the policy takes."""
    roots = w.inputs.policy.composite.roots
    wanted = f"members with names of their own, one of them {', '.join(roots) or 'nothing: the policy takes none'}"
    names = [m.name for m in w.members]
    for m in w.members:
        if m.trouble is not None:
            return failed(f"{m.name}: {m.trouble.found}", m.trouble.wanted, m.trouble.hint)
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice or not all(NAME.fullmatch(n) for n in names) or len(names) > MOST:
        return failed(f"{len(names)} members: {', '.join(twice or names)}", wanted)
    if not any(m.kind in roots for m in w.members):
        return failed(
            f"{', '.join(names) or 'nothing'}", wanted, "devices alone say nothing about the machine around them"
        )
    return passed(", ".join(f"{m.name} {m.kind}" for m in w.members), wanted)


def _runtime(w: Whole) -> Outcome:
    """What everything is bound to can be read in one way only."""
    runtime_data.check_canonical(w.runtime().octets)
    return passed("canonical JSON with a nonce and a public key")


def _challenge(w: Whole) -> Outcome:
    """The nonce in it is the verifier's, to the octet."""
    asked = w.inputs.evidence.challenge
    held = w.runtime().nonce
    if asked is None:
        return unchecked("no challenge was given: this evidence may be old", "the verifier's nonce", "--nonce HEX")
    if held != asked:
        return failed(held.hex(), asked.hex(), "it answers another challenge: a replay")
    return passed(f"{asked.hex()[:32]}{'…' if len(asked) > 16 else ''}", "the challenge")


def _key(w: Whole) -> Outcome:
    """The public key in it is the only one that any member vouches for."""
    key = w.runtime().key
    for name, a in w.judged.items():
        if a.bound_key and bytes.fromhex(a.bound_key) != key.spki:
            return failed(f"{name} vouches for another key", f"the key {key.thumbprint[:16]}…")
    return passed(f"{key.algorithm} {key.thumbprint[:16]}…", "one key")


def _bound(devices: bool) -> Callable[[Whole], Outcome]:
    """A step over the roots of trust, or over the devices: each of them signed the hash of the runtime data."""

    def step(w: Whole) -> Outcome:
        mine = [m for m in w.members if (m.kind in DEVICES) is devices]
        wanted = f"{w.inputs.policy.composite.hash} of the runtime data{', its first 32 octets' if devices else ''}"
        if not mine:
            return passed("no device") if devices else failed("no root of trust", wanted)
        doubts = []
        for m in mine:
            answered = _answered(w.judged.get(m.name), m.kind)
            if answered is None:
                doubts.append(m.name)
            elif answered.verdict is not StepVerdict.PASS:
                return failed(f"{m.name}: {answered.found or answered.verdict.value}", wanted, _AGAIN)
        if doubts:
            return unchecked(f"what {', '.join(doubts)} answered could not be read", wanted)
        return passed(", ".join(m.name for m in mine), wanted)

    return step


class _Answered(msgspec.Struct, frozen=True):
    verdict: StepVerdict
    found: str


def _answered(a: Appraisal | None, kind: str) -> _Answered | None:
    """What the member's own step about its challenge came to; None where there is no such step, or it said nothing."""
    found = next((s for s in a.steps if s.id == ANSWERS.get(kind)), None) if a else None
    if found is None or found.verdict is StepVerdict.NOT_CHECKED:
        return None
    return _Answered(found.verdict, found.found)


def _affirmed(w: Whole) -> Outcome:
    """Every member's own appraisal is affirming and complete; what it answers is judged by the steps above."""
    wanted = "every member affirming and complete"
    doubts = []
    for name, a in w.judged.items():
        mine = [s for s in a.steps if s.id != ANSWERS.get(a.kind.value)]
        bad = next((s for s in mine if s.verdict is StepVerdict.FAIL), None)
        if bad is not None:
            return failed(f"{name}: {bad.id}: {bad.found}", bad.wanted or wanted, bad.advice)
        doubts += [f"{name} ({s.id})" for s in mine if s.mandatory and s.verdict is StepVerdict.NOT_CHECKED]
    if doubts or not w.judged:
        return unchecked(f"not complete: {', '.join(doubts) or 'nothing was appraised'}", wanted)
    return passed(", ".join(w.judged), wanted)


def _unique(w: Whole) -> Outcome:
    """No device, chip or TPM stands in the evidence twice."""
    seen: dict[str, str] = {}
    for identity, where in _identities(w):
        if identity in seen:
            return failed(
                f"{identity} as {seen[identity]} and as {where}", "every device once", "one answers for others"
            )
        seen[identity] = where
    return passed(f"{len(seen)} identities", "every device once")


def _identities(w: Whole) -> Iterator[tuple[str, str]]:
    for d in w.devices():
        yield f"{d.kind} {d.ueid}", f"{d.member}/{d.name}"
    for name, a in w.judged.items():
        if a.kind.value not in DEVICES and a.subject:
            yield a.subject, name


def _counted(w: Whole) -> Outcome:
    """As many GPUs and switches answered as the policy says the node has."""
    told, held = w.inputs.policy.composite, w.devices()
    have = {kind: sum(d.kind == kind for d in held) for kind in ("gpu", "switch")}
    wanted = f"{told.gpus} GPUs, {told.switches} switches"
    found = f"{have['gpu']} GPUs, {have['switch']} switches"
    if (have["gpu"], have["switch"]) != (told.gpus, told.switches):
        return failed(
            found, wanted, "say in [composite] what the node has; a device that does not answer is not trusted"
        )
    silent = [m.name for m in w.members if m.kind in DEVICES and not any(d.member == m.name for d in held)]
    return failed(f"{', '.join(silent)}: no device that can be named", wanted) if silent else passed(found, wanted)


def _topology(w: Whole) -> Outcome:
    """GPUs and switches name each other: none is linked to one that did not answer, and none stands apart."""
    held = w.devices()
    gpus = [d for d in held if d.kind == "gpu"]
    switches = [d for d in held if d.kind == "switch"]
    wanted = "every link between two devices that answered, seen from both ends"
    if not switches:
        clear = [d.name for d in gpus if d.mode == "ppcie"]
        if clear:
            return failed(f"{', '.join(clear)} in the mode ppcie, and no switch", wanted, "add the switches' evidence")
        return NOT_ASKED
    known, named = {d.own for d in switches}, {d.own for d in gpus} - {""}
    # A GPU's report has the numbers of its switches, and not its own: those that all switches name are then taken for it.
    there = frozenset(named) or switches[0].peers
    if len(there) != len(gpus):
        return failed(f"{len(gpus)} GPUs, and switches that name {len(there)}", wanted, _ELSEWHERE)
    for mine, those in ((gpus, known), (switches, there)):
        for d in mine:
            if d.peers != those:
                strange, missing = len(d.peers - those), len(those - d.peers)
                found = f"{d.member}/{d.name}: {strange} links to what did not answer, {missing} missing"
                return failed(found, wanted, _ELSEWHERE)
    return passed(f"{len(gpus)} GPUs, {len(switches)} switches", wanted)


def _init(w: Whole) -> Outcome:
    """What the workload was given at its start is what the hardware signed about it: HOST_DATA, or MRCONFIGID."""
    part = w.inputs.evidence.part(INIT)
    if part is None:
        return NOT_ASKED
    given = init_data.read(part.data)
    for name, a in w.judged.items():
        for field_ in ("host_data", "mr_config_id"):
            held = a.claims.get(field_)
            if isinstance(held, str) and held:
                wanted = given.fitted(len(held) // 2).hex()
                if held == wanted:
                    return passed(f"{name}: {field_} {held[:32]}…", wanted)
                return failed(f"{name}: {field_} {held}", wanted, "it was started with other init-data")
    return failed("no member that signs init-data", "HOST_DATA of SEV-SNP, or MRCONFIGID of a TD")


_A = Aspect
_RUNTIME = ("composite.runtime_data",)
STEPS: tuple[Step[Whole], ...] = (
    Step("composite.members", "every member can be read, one is a root of trust", f"{RATS} 3.3", _members, _A.IDENTITY, 97),
    Step("composite.runtime_data", "what all is bound to reads in one way", f"{KBS}, RFC 8785", _runtime, _A.SOURCED, 99),
    Step("composite.challenge", "its nonce is the verifier's", KBS, _challenge, _A.SOURCED, 96, _RUNTIME),
    Step("composite.key", "one public key is vouched for", KBS, _key, _A.IDENTITY, 97, _RUNTIME),
    Step("composite.root_bound", "the root of trust signed the runtime data", KBS, _bound(devices=False), _A.IDENTITY, 97),
    Step("composite.devices_bound", "every device signed the runtime data", KBS, _bound(devices=True), _A.IDENTITY, 97),
    Step("composite.unique", "every device is another one", f"{RATS} 3.3", _unique, _A.IDENTITY, 97),
    Step("composite.count", "all devices of the node answered", f"{RATS} 3.3", _counted, _A.IDENTITY, 96),
    Step("composite.topology", "the devices are linked to each other", "NVIDIA attestation SDK, PPCIe", _topology, _A.CONFIGURATION, 96, mandatory=False),
    Step("composite.init_data", "it was started with the init-data that is shown", f"{KBS}, init-data", _init, _A.CONFIGURATION, 96, mandatory=False),
    Step("composite.parts", "every member is affirmed by itself", f"{RATS} 3.3", _affirmed, _A.EXECUTABLES, 96),
)  # fmt: skip


def begin(inputs: Inputs) -> Whole:
    """The state without a verdict on any member: by itself it opens nothing."""
    return Whole(inputs)


def conclude(w: Whole) -> Conclusion:
    """What is said beside the steps: what every member says, by its name."""
    spki = b""
    key: dict[str, Json] = {}
    try:
        runtime = w.runtime()
        spki = runtime.key.spki
        key = {"key": {"algorithm": runtime.key.algorithm, "thumbprint": runtime.key.thumbprint}}
    except BadInput:
        pass
    said: dict[str, Json] = {name: cast("Json", dict(a.claims)) for name, a in w.judged.items()}
    devices: list[Json] = [{"member": d.member, "name": d.name, "kind": d.kind, "ueid": d.ueid} for d in w.devices()]
    claims: dict[str, Json] = {"members": said, "devices": devices, **key} if said else {}
    root = next((a.subject for n, a in w.judged.items() if a.kind.value not in DEVICES and a.subject), "")
    return Conclusion(root, claims, tuple(a.expires_at for a in w.judged.values()), spki)


def compose(
    whole: Verifier[Whole], verifiers: Verifiers, inputs: Inputs, code: str = "", ask: Asker | None = None
) -> Appraisal:
    """The verdict on a whole node; as `appraise`, whose errors it has. `verifiers` are those of the members' kinds."""
    held = members(verifiers, inputs.evidence, _asked(inputs))
    judged = {m.name: _appraised(verifiers, m.name, m.evidence, inputs, code) for m in held[:MOST] if m.evidence}
    case = Whole(inputs, held, judged)
    steps = run(whole.steps, case, single.waived(whole.steps, inputs))
    return single.concluded(whole, inputs, single.Judged(steps, conclude(case), tuple(judged.values())), code, ask)


def _asked(inputs: Inputs) -> Asked | None:
    """What the members must answer. Where that cannot be said, nothing is bound: the steps say so."""
    try:
        return asked(inputs.evidence, inputs.policy.composite.hash)
    except Malformed:
        return None


def _appraised(verifiers: Verifiers, name: str, evidence: Evidence, inputs: Inputs, code: str) -> Appraisal:
    """The verdict on one member. What the policy demands in its own words, it demands of the whole."""
    policy = msgspec.structs.replace(inputs.policy, require=())
    own = replace(inputs, evidence=evidence, policy=policy)
    return msgspec.structs.replace(single.appraise(verifiers[evidence.kind], own, code), name=name)
