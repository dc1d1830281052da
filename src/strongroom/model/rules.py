"""Rules of the user's own: what a rules file says, and what is asked of and answered by whoever evaluates it."""

import msgspec

from strongroom.model.codes import GapCode, Severity, Status
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.values import Value, Where

SCHEMA = "strongroom.rules/1"
"""The version of the rules file."""


class Expression(msgspec.Struct, frozen=True):
    """A CEL expression. `text` is as its author wrote it; `program` reads variables where that reads facts.

    `facts` are (variable, fact) for `facts["NAME"]`, `carried` the same for `"NAME" in facts`. `where` is the line of its
    first character.
    """

    text: str
    program: str
    where: Where
    facts: tuple[tuple[str, str], ...] = ()
    carried: tuple[tuple[str, str], ...] = ()
    names: tuple[str, ...] = ()  # the names that macros bind inside of it


class RuleTest(msgspec.Struct, frozen=True):
    """An example that stands in the rules file: an asset, and the status that the rule must give it."""

    name: str
    kind: Kind
    facts: tuple[tuple[str, Value], ...]
    expect: Status
    where: Where
    asset: tuple[tuple[str, str], ...] = ()  # address, name, native_type, provider, account, region
    labels: tuple[tuple[str, str], ...] = ()


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: for an asset of its kinds of which `when` is true, `require` must be true.

    `because` is the sentence for a failure, with `{name}` for each of `shown`: (name, fact), or (name, "") for the asset.
    """

    id: str
    title: str
    kinds: tuple[Kind, ...]
    require: Expression
    when: Expression | None
    severity: Severity
    clause: str  # empty when it proves none
    because: str
    shown: tuple[tuple[str, str], ...]
    why: str
    fix: Fix
    equivalents: tuple[str, ...]
    tests: tuple[RuleTest, ...]
    where: Where

    @property
    def reads(self) -> tuple[str, ...]:
        """The facts that its expressions and its sentence name, each once."""
        both = (*(self.when.facts if self.when else ()), *self.require.facts, *self.shown)
        return tuple(dict.fromkeys(fact for _, fact in both if fact))


class RulesFile(msgspec.Struct, frozen=True):
    """The rules of one file, with its digest (`sha256:…`) and size."""

    path: str
    rules: tuple[Rule, ...]
    digest: str
    size: int


class Subject(msgspec.Struct, frozen=True):
    """An asset as rules see it: what it is, the values that are known, and the names of all facts that it carries."""

    kind: Kind
    asset: dict[str, object]
    values: dict[str, object]
    carried: tuple[str, ...]


class Asked(msgspec.Struct, frozen=True):
    """One rule as the evaluator takes it."""

    kinds: tuple[Kind, ...]
    require: Expression
    when: Expression | None = None


class Doubt(msgspec.Struct, frozen=True):
    """Why an expression has no answer: `part` is `when` or `require`.

    `cause` is `fact` (the value of `fact` is not known) or what went wrong: `type`, `key`, `arithmetic`, `not-bool`,
    `value`.
    """

    part: str
    cause: str
    fact: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """An expression that does not compile: the 1-based line and column in its text, and what is wrong there."""

    part: str
    line: int
    column: int
    detail: str


Said = bool | None | Doubt
"""The answer of a rule for one subject: it holds, it does not, it does not apply (None), or it cannot be told."""


class Stopped(msgspec.Struct, frozen=True):
    """An evaluation that was ended from outside, and why."""

    code: GapCode
    detail: str


class Answered(msgspec.Struct, frozen=True):
    """What came of one rule: answers by the subject's number, or why there are none."""

    said: dict[int, Said] = {}
    refused: Refusal | None = None
    stopped: Stopped | None = None
