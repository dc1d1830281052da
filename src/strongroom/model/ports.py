"""The shapes that parts must have, so that judges, hands and `app` fit together without knowing each other.

A part is one file in its room that ends in one constant of the type given here; see ARCHITECTURE.md.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from strongroom.model.codes import FindingCode, Severity, Status, Verb
from strongroom.model.control import Assessment, Clause, Fix, Mappings
from strongroom.model.estate import Asset, Estate, Fact
from strongroom.model.kinds import Kind
from strongroom.model.reach import Drawn, Reached, Scene
from strongroom.model.values import Key, NetRule, Statement, Unknown, Value
from strongroom.model.who_can import Deed, Held


class Progress(Protocol):
    """What a long-running hand tells about its way; a door may draw it."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """`done` of `total` of `what`; a total of 0 means that the end is not known."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What a source may ask beyond files: nothing at all (`offline`), or a cluster by its kubeconfig or from a pod in it.

    `pod` is the address and port of the API that Kubernetes gives a pod; empty where this runs in none.
    """

    offline: bool = False
    kubeconfig: str = ""
    pod: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what one source may cost; exceeding one is a gap or an error, never a hang."""

    wall_seconds: float = 60.0
    memory_mib: int = 2048
    files: int = 20_000
    bytes: int = 512 * 1024 * 1024
    outside: Outside = field(default_factory=Outside)


@dataclass(frozen=True, slots=True)
class Peek:
    """The first look at a bare path, from which a collector says whether it is its own."""

    path: Path
    is_dir: bool
    head: bytes  # the first 64 KiB of a file, empty for a folder
    names: tuple[str, ...]  # the names in a folder, sorted, at most 1,000


@dataclass(frozen=True, slots=True)
class Request:
    """One source to read: the target behind the scheme, and the circumstances."""

    spec: str  # as the user gave it, for messages
    target: str  # what stands behind the scheme
    now: datetime
    limits: Limits = field(default_factory=Limits)
    label: str = ""  # set when several sources of one scheme are read together: keeps their ids apart
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Collector:
    """A source of facts. `recognises` answers 0 (not mine) to 100 (certainly mine)."""

    scheme: str
    title: str
    reads: str  # one line for help: what is read, what it needs
    kinds: tuple[Kind, ...]
    recognises: Callable[[Peek], int]
    collect: Callable[[Request], Estate]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a check says of one asset. `arguments` fill the check's prose."""

    status: Status
    code: FindingCode
    arguments: tuple[tuple[str, str], ...] = ()


class View(Protocol):
    """An asset as a check sees it. Every read is recorded as evidence; reading an unknown fact ends the check.

    A typed read of a fact that holds another type counts as unknown: a judge never guesses.
    """

    now: datetime

    @property
    def asset(self) -> Asset:
        """The asset itself, for its address, kind and labels."""

    def has(self, name: str) -> bool:
        """Whether the asset carries the fact at all."""

    def raw(self, name: str) -> Value:
        """The value as it is, `Unknown` included, for judgements that stay decidable without it."""

    def flag(self, name: str) -> bool:
        """A fact that is true or false."""

    def number(self, name: str) -> float:
        """A fact that is a number."""

    def text(self, name: str) -> str:
        """A fact that is text; empty where it is a known absence."""

    def texts(self, name: str) -> tuple[str, ...]:
        """A fact that is a list of texts, all of them known."""

    def key(self, name: str) -> Key:
        """A fact that says how something is encrypted."""

    def rules(self, name: str) -> tuple[NetRule, ...]:
        """A fact that is a list of firewall rules."""

    def statements(self, name: str) -> tuple[Statement, ...]:
        """A fact that is a list of IAM statements."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question with a yes or no for one asset, proving one clause of one control.

    It applies to an asset of one of `kinds` that carries every fact of `needs`. `title` is what holds when it passes;
    `broken` is the sentence for a failure, with `{name}` for the answer's arguments.
    """

    id: str
    title: str
    clause: str
    kinds: tuple[Kind, ...]
    needs: tuple[str, ...]
    severity: Severity
    fix: Fix
    broken: str
    why: str
    equivalents: tuple[str, ...]
    judge: Callable[[View], Answer | bool]

    @property
    def control(self) -> str:
        """The id of the control whose clause it proves."""
        return self.clause.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A row of the catalogue. Its documentation is its file: `why`, `fix` and `limits` are what `explain` prints."""

    id: str
    title: str
    verb: Verb
    domain: str
    area: str
    phase: int  # 30, 60 or 90
    phase_basis: str  # "stated" in the guide or "inferred"
    priority: str  # foundation, hygiene, crown-jewel, attested
    scope: str  # cloud, onprem, both
    guide: str
    what: str
    why: str
    fix: str
    limits: str
    clauses: tuple[Clause, ...]
    evidence: str
    automation: str
    maps: Mappings


@dataclass(frozen=True, slots=True)
class Derive:
    """Facts computed from other facts, once, before any check runs. Returns facts per asset id to add."""

    name: str
    adds: tuple[str, ...]
    derive: Callable[[Estate], Iterable[tuple[str, Fact]]]


@dataclass(frozen=True, slots=True)
class Reach:
    """What reaches what, for the assets of one provider.

    `reach` takes in a scene once and answers for each asset of `kinds`. `draw` gives the connectivity of a whole source,
    and `address` the address of the asset that the provider's own name for it means (empty for none), where a provider
    has such things. `knows` says of an asset of these kinds whether the question arises for it at all. `by_assets`: the
    assets of a scene are enough, and its objects are not asked.
    """

    provider: str
    kinds: tuple[Kind, ...]
    reach: Callable[[Scene], Callable[[Asset], Reached]]
    draw: Callable[[Scene], Drawn] | None = None
    address: Callable[[Scene, str], str] = lambda _scene, _name: ""
    knows: Callable[[Asset], bool] = lambda _asset: True
    by_assets: bool = False


@dataclass(frozen=True, slots=True)
class Who:
    """Who can do what to the assets of one provider, whose native types begin with one of `natives`.

    `who_can` gives the verdict of every principal; None where the question does not arise for an asset of its kind.
    `deeds` are those that arise for an asset.
    """

    provider: str
    natives: tuple[str, ...]
    who_can: Callable[[Estate, Asset, Deed], Sequence[Held] | None]
    deeds: Callable[[Estate, Asset], Sequence[Deed]]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every control and check of this build, by id."""

    controls: Mapping[str, Control]
    checks: Mapping[str, Check]


@dataclass(frozen=True, slots=True)
class Report:
    """A format that an assessment can be written in. `render` yields pieces of text, so that large ones stream."""

    name: str
    title: str
    suffix: str
    render: Callable[[Assessment, Catalogue], Iterable[str]]


def holds(**arguments: str) -> Answer:
    """The check's sentence is true of the asset."""
    return Answer(Status.PASS, FindingCode.HOLDS, tuple(arguments.items()))


def broken(**arguments: str) -> Answer:
    """The check's sentence is false of the asset; the arguments fill `Check.broken`."""
    return Answer(Status.FAIL, FindingCode.BROKEN, tuple(arguments.items()))


def not_applicable(because: str) -> Answer:
    """The question does not arise for this asset, for the reason given."""
    return Answer(Status.NOT_APPLICABLE, FindingCode.NOT_APPLICABLE, (("because", because),))


def unknown(*reasons: Unknown) -> Answer:
    """The question cannot be decided; each reason names what is missing."""
    text = "; ".join(dict.fromkeys(r.detail for r in reasons))
    return Answer(Status.UNKNOWN, FindingCode.FACT_UNKNOWN, (("because", text),))


def check(
    *,
    id: str,  # noqa: A002 - the field's own name
    title: str,
    clause: str,
    kinds: Sequence[Kind],
    needs: Sequence[str],
    severity: Severity,
    fix: Fix,
    broken: str,
    equivalents: Sequence[str] = (),
) -> Callable[[Callable[[View], Answer | bool]], Check]:
    """Make a check of a function on a view; its docstring is the reason why the check exists."""

    def make(judge: Callable[[View], Answer | bool]) -> Check:
        return Check(
            id=id,
            title=title,
            clause=clause,
            kinds=tuple(kinds),
            needs=tuple(needs),
            severity=severity,
            fix=fix,
            broken=broken,
            why=" ".join((judge.__doc__ or "").split()),
            equivalents=tuple(equivalents),
            judge=judge,
        )

    return make
