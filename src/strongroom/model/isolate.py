"""The nouns of isolation: rungs, modes, the one rule, why something is denied, and what a target is."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import msgspec

SCHEMA = "strongroom.isolation/1"
TENANT, SENSITIVITY = "tenant", "sensitivity"  # names below the rule's prefix
SCRUB = "scrub"  # the taint of a node whose GPUs hold what the last tenant left; its value is `pending` or `failed`


class Rung(StrEnum):
    """How far a workload stands apart from its neighbours, strictest first.

    A whole GPU of a confidential machine, a whole GPU, a MIG instance, a client of MPS, a share of time or memory.
    """

    CC_WHOLE = "cc-whole"
    WHOLE = "whole"
    MIG = "mig"
    MPS = "mps"
    SHARED = "shared"
    UNKNOWN = "unknown"  # below all: nobody knows what it would be

    @property
    def depth(self) -> int:
        """0 is the strictest."""
        return _DEPTH[self]


_DEPTH = {rung: n for n, rung in enumerate(Rung)}


def worst(rungs: "list[Rung]") -> Rung:
    """The rung that stands apart the least. Whole GPUs of a confidential machine where there is none."""
    return max(rungs, key=lambda r: r.depth, default=Rung.CC_WHOLE)


class Mode(StrEnum):
    """What becomes of a denial: it is only kept, the caller is warned, or it holds."""

    OBSERVE = "observe"
    WARN = "warn"
    DENY = "deny"


class Require(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a label demands: the least rung, who may hold other slices of the same GPU, which node labels a CC node has."""

    least: Rung
    mig_with: str = ""
    cc: dict[str, str] = {}


class Sources(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where tenant and label come from; `never` names what has no force, and `missing` what happens without a label."""

    kubernetes: dict[str, str | tuple[str, ...]]
    slurm: dict[str, str | tuple[str, ...]]
    never: tuple[str, ...] = ()
    missing: str = "deny-gpu"


class Meet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may be beside whom: on one GPU by MIG, in one NVLink island, on a node of a tenant, at one claim."""

    mig: str = "equal-label-if-sensitive"
    nvlink_island: str = "one-tenant-if-sensitive"
    tenant_taint: str = "isolation.example.org/tenant"
    shared_claim: dict[str, str] = {}


class Rollout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far the rule is enforced: `observe` until told otherwise, by clause (`4.2`, or `4` for all of it) and namespace.

    What is said of the namespace counts, else of the nearest clause, else the default. `reviewed` are digests of reports of what would
    have been denied: without one of them, `deny` is `warn`.
    """

    default: Mode = Mode.OBSERVE
    clauses: dict[str, Mode] = {}
    namespaces: dict[str, Mode] = {}
    reviewed: tuple[str, ...] = ()


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rule of isolation, as its file says it. `prefix` is the domain of annotations, node labels and taints that only
    admins write.
    """

    rule: str
    labels: tuple[str, ...]
    sources: Sources
    rungs: tuple[Rung, ...]
    require: dict[str, Require]
    meet: Meet
    unrequested_devices: str
    exempt_namespaces: tuple[str, ...]
    admins: dict[str, tuple[str, ...]]
    unknown: str = "deny-sensitive"
    malformed: str = "deny"
    prefix: str = "isolation.example.org"
    rollout: Rollout = Rollout()

    def rank(self, label: str) -> int:
        """Where a label stands; 0 is the least sensitive."""
        return self.labels.index(label)

    def sensitive(self, label: str) -> bool:
        """Whether a label demands a rung that isolates: more than MPS does."""
        return label in self.require and self.require[label].least.depth <= Rung.MIG.depth


class Reason(NamedTuple):
    """Why something is denied: the clause of the rule, the road by which it came, what was found, what is wanted."""

    clause: str
    road: str
    found: str
    wanted: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.clause} {self.road}: {self.found}, expected {self.wanted}"


class Verdict(NamedTuple):
    """Allowed where nothing speaks against it. `exempt` says that it was not judged, and why."""

    reasons: tuple[Reason, ...] = ()
    exempt: str = ""

    @property
    def allowed(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons


class Document(NamedTuple):
    """One file that a target consists of."""

    name: str
    text: str


class Rendering(NamedTuple):
    """What a target is rendered from: the rule, and where `serve admission` is asked and how it is known (PEM), if it is."""

    rule: Rule
    url: str = ""
    ca: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """An engine that the rule is rendered for. `kept` says in one line what it holds and what it cannot see."""

    name: str
    title: str
    kept: str
    render: Callable[[Rendering], tuple[Document, ...]]
