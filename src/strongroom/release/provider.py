"""What a provider of keys can be told of a rule, and what is wrong with what it was told before.

A provider judges its own evidence by its own conditions. What it cannot say (uses, leases, approvals, several owners'
signatures) holds only where the broker releases; each rendering names what it leaves out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import msgspec

from strongroom.model.attest import EvidenceKind, ReferenceValues
from strongroom.model.errors import BadInput
from strongroom.model.release import Demand, Rule

MOST = 256  # alternatives: a policy of more is not read by anybody

Registers = Mapping[str, tuple[str, ...]]


class Wanted(msgspec.Struct, frozen=True):
    """What must run for a resource to leave: of `alternatives`, each a set of registers with accepted values, one.

    `images` are digests of the images of the references. `left` are the parts of the rule that no provider is told.
    """

    resource: str
    kinds: tuple[EvidenceKind, ...]
    alternatives: tuple[dict[str, tuple[str, ...]], ...]
    images: tuple[str, ...]
    left: tuple[str, ...]


class Rendered(msgspec.Struct, frozen=True):
    """The provider's own text, and what of the rule it does not say."""

    text: str
    left: tuple[str, ...]


class Lint(msgspec.Struct, frozen=True):
    """One thing that is wrong. `id` is frozen for ever; `where` is the place in the file, as far as it has one."""

    id: str
    where: str
    found: str


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider: how its files are recognised, what can be wrong with one, and how a rule reads in its own words.

    `recognises` gives how sure it is, 0 to 100. `options` are what a rendering must be told, with the meaning of each;
    `findings` are the ids that `lint` gives, each with why it matters.
    """

    name: str
    title: str
    options: Mapping[str, str]
    findings: Mapping[str, str]
    recognises: Callable[[str], int]
    render: Callable[[Wanted, Mapping[str, str]], Rendered]
    lint: Callable[[str], Iterable[Lint]]


def wanted(rule: Rule, references: ReferenceValues) -> Wanted:
    """What a rule wants, in registers, by the reference values that it names.

    Raises BadInput: it names none that is there, owners want what excludes each other, or there are too many.
    """
    each = [_alternatives(rule.resource, name, d, references) for name, d in sorted(rule.owners.items())]
    merged = [m for chosen in product(*each) if (m := _merged(chosen)) is not None]
    if not merged:
        raise BadInput(rule.resource, "owners who demand what excludes each other", "one workload that suits them all")
    if len(merged) > MOST:
        raise BadInput(rule.resource, f"{len(merged)} alternatives", f"at most {MOST}")
    named = {n for d in rule.owners.values() for n in d.references}
    images = tuple(dict.fromkeys(r.image for r in references.items if r.image and _name(r.name, r.version) in named))
    return Wanted(rule.resource, _kinds(rule, references), tuple(merged), images, tuple(_left(rule)))


def _name(name: str, version: str) -> str:
    return f"{name} {version}".strip()


def _alternatives(resource: str, owner: str, d: Demand, known: ReferenceValues) -> list[Registers]:
    measured: Registers = {n: tuple(v.lower() for v in values) for n, values in d.measured.items()}
    if not d.references:
        if not measured:
            wanted = "references or measured: what an appraisal policy lets through has no words at a provider"
            raise BadInput(resource, f"only appraisal policies from {owner}", wanted)
        return [measured]
    named = [r for r in known.items if _name(r.name, r.version) in d.references and r.values and _may(d, r.kind)]
    missing = set(d.references) - {_name(r.name, r.version) for r in named}
    if missing:
        found = f"no values for {', '.join(sorted(missing))}"
        raise BadInput(resource, found, "signed reference values that have it", "--references FILE --signer VKEY")
    return [m for r in named if (m := _merged((r.values, measured))) is not None]


def _may(d: Demand, kind: EvidenceKind) -> bool:
    return not d.kinds or kind in d.kinds


def _merged(chosen: Iterable[Registers]) -> dict[str, tuple[str, ...]] | None:
    """The registers of all of them; None where two want different values of one."""
    held: dict[str, tuple[str, ...]] = {}
    for registers in chosen:
        for name, values in registers.items():
            low = tuple(v.lower() for v in values)
            both = tuple(v for v in held[name] if v in low) if name in held else low
            if not both:
                return None
            held[name] = both
    return held


def _kinds(rule: Rule, known: ReferenceValues) -> tuple[EvidenceKind, ...]:
    """The kinds of evidence that every owner takes; those of the references where nobody says."""
    said = [set(d.kinds) for d in rule.owners.values() if d.kinds]
    if said:
        return tuple(sorted(set.intersection(*said)))
    named = {n for d in rule.owners.values() for n in d.references}
    return tuple(sorted({r.kind for r in known.items if _name(r.name, r.version) in named}))


def _left(rule: Rule) -> Iterator[str]:
    yield f"uses = {rule.uses}, lease_minutes = {rule.lease_minutes:g}, per_hour = {rule.per_hour}"
    if rule.approvals:
        yield f"approvals = {rule.approvals}"
    if rule.issue is not None:
        yield f"certificates as {rule.issue.spiffe}: a provider would release the key of the authority itself"
    if rule.recipients:
        yield f"who gets outputs: {', '.join(rule.recipients)}"
    if len(rule.owners) > 1:
        yield "the signatures of several owners: whoever administers the key can change this alone"
    for name, d in sorted(rule.owners.items()):
        if d.policies:
            yield f"the appraisal policies of {name}"
        yield from (f"{name}: {text}" for text in d.require)
    yield "revocations, and the log: a release here is in the provider's log only"
