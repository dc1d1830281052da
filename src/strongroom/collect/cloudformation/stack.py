"""A template as a stack: its resources with resolved properties, those of its nested stacks among them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from strongroom.collect.cloudformation import serverless
from strongroom.collect.cloudformation.intrinsics import Resolver
from strongroom.collect.cloudformation.parameters import parameters
from strongroom.collect.cloudformation.repeating import PREFIX, Repeats, RepeatsError
from strongroom.collect.cloudformation.scope import NO_VALUE, NoValue, Open, Scope
from strongroom.collect.cloudformation.template import Span, Template, sections
from strongroom.collect.resource import TEMPLATE
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

# Macros of AWS's own that leave the properties of resources as they are written.
_HARMLESS = ("AWS::LanguageExtensions", "AWS::CodeDeployBlueGreen", "AWS::SecretsManager-")
_NESTED = {"AWS::CloudFormation::Stack": "TemplateURL", "AWS::Serverless::Application": "Location"}
MAX_NESTED = 8  # stacks within stacks
MAX_STACKS = 500  # nested stacks of one template, all together
MAX_RESOURCES = 200_000  # resources of nested stacks, all together
_SHOWN = 5

# The property that names a resource of the type, which is also what Ref comes to (Template Reference, "Return values").
_NAMES: Mapping[str, str] = {
    "AWS::Budgets::Budget": "BudgetName",
    "AWS::CloudTrail::Trail": "TrailName",
    "AWS::ECR::Repository": "RepositoryName",
    "AWS::EKS::Cluster": "Name",
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
    "AWS::KMS::Alias": "AliasName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
}

Miss = Callable[[str, GapCode, str, Span], None]


@dataclass(frozen=True, slots=True)
class Declared:
    """One resource that a template makes. `maybe` says why it is not known whether it makes it."""

    address: str
    type: str
    properties: Mapping[str, object]
    file: str
    span: Span
    maybe: Unknown | None = None
    depends: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Nested:
    """The template of a nested stack, found beside the one that names it."""

    template: Template
    file: str


Find = Callable[[object, str, str, Span], Nested | None]
"""How a nested template is found: by its place as it is written, from a file, for an address; None leaves a gap."""


@dataclass(slots=True)
class Budget:
    """What nested stacks may still add up to."""

    stacks: int = MAX_STACKS
    resources: int = MAX_RESOURCES


@dataclass(slots=True)
class Stack:
    """One template, used once. `front` is what its addresses begin with."""

    template: Template
    file: str
    miss: Miss
    find: Find
    passed: Mapping[str, object] = field(default_factory=dict)
    front: str = ""
    chain: tuple[str, ...] = ()
    within: Unknown | None = None  # why it is not known whether the whole stack is made
    repeats: Repeats = field(default_factory=Repeats)
    budget: Budget = field(default_factory=Budget)
    raw: dict[str, Mapping[str, object]] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)
    made: dict[str, "list[Declared]"] = field(default_factory=dict)  # nested stack -> its resources
    outputs_of: dict[str, Mapping[str, object]] = field(default_factory=dict)
    opening: set[str] = field(default_factory=set)
    loose: Unknown | None = None  # a macro that may add to every resource
    _resolver: Resolver | None = None

    @property
    def resolver(self) -> Resolver:
        """What resolves the template's values; made when it is first asked for."""
        return self._resolver or self._prepared()

    def _prepared(self) -> Resolver:
        body = self.template.body
        scope = Scope(parameters(body.get("Parameters"), self.passed), _mapping(body.get("Mappings")), {}, {})
        scope.front, scope.nested = self.front, self._outputs_of
        resolver = self._resolver = Resolver(scope, self.repeats)
        for name in sections(body):
            if name != "Fn::Transform":
                self._gap(
                    name, GapCode.MALFORMED, f"no template has a section {name[:60]!r}; what it holds was not read"
                )
        self._macros(body)
        scope.conditions = self._entries("Conditions", resolver)
        found = self._entries("Resources", resolver)
        for name, raw in found.items():
            span = self._span(name)
            if not isinstance(raw, dict) or not isinstance(raw.get("Type"), str):
                lacks = "it has no Type" if isinstance(raw, dict) else "it is no mapping"
                self._gap(name, GapCode.MALFORMED, f"{lacks}, so it was not read", span)
                continue
            for own, entry in serverless.expanded(name, raw):
                self.raw[own], self.spans[own] = entry, span
        scope.types = {n: str(r["Type"]) for n, r in self.raw.items()}
        for name, raw in self.raw.items():
            given = _mapping(raw.get("Properties")).get(_NAMES.get(str(raw["Type"]), ""))
            said = resolver.value(given) if given is not None else None
            if isinstance(said, str) and not TEMPLATE.search(said):
                scope.names[name] = said
        return resolver

    def _macros(self, body: Mapping[str, object]) -> None:
        raw = body.get("Transform")
        for one in raw if isinstance(raw, list) else [raw]:
            name = one.get("Name") if isinstance(one, dict) else one
            if name is None or str(name).startswith(_HARMLESS) or str(name) == serverless.TRANSFORM:
                continue
            self.loose = Unknown(GapCode.NOT_FETCHED, f"the macro {str(name)[:60]} may set it")
            self._gap("Transform", GapCode.NOT_FETCHED, f"the macro {str(name)[:60]} may change every resource")
        for place, where in (("the template", body), ("Resources", _mapping(body.get("Resources")))):
            if "Fn::Transform" in where:
                self._gap(place, GapCode.NOT_FETCHED, "a macro adds to it, and was not run")

    def _entries(self, section: str, resolver: Resolver) -> dict[str, object]:
        """The entries of a section, repeated ones written out; what cannot be written out is a gap."""
        raw = self.template.body.get(section)
        if not isinstance(raw, dict):
            if raw is not None:
                self._gap(section, GapCode.MALFORMED, f"{section} is no mapping, so it was not read")
            return {}
        found: dict[str, object] = {}
        for name, value in raw.items():
            if name == "Fn::Transform":
                continue
            if not name.startswith(PREFIX):
                found[name] = value
                continue
            try:
                made = self.repeats.expanded({name: value}, resolver.value)
            except RepeatsError as e:
                self._gap(name, e.code, f"{e.detail}; what it would make was not judged", self._span(name))
                continue
            self.spans |= dict.fromkeys(made, self._span(name))
            found |= made
        return found

    def _span(self, name: str) -> Span:
        return self.template.spans.get(name) or self.spans.get(name, (0, 0))

    def _gap(self, scope: str, code: GapCode, detail: str, span: Span = (0, 0)) -> None:
        self.miss(f"{self.file}: {self.front}{scope}", code, detail, span)

    # What the stack makes

    def resources(self) -> Iterator[Declared]:
        """Every resource that the stack makes, or may make."""
        resolver = self.resolver
        for name, raw in self.raw.items():
            maybe = self._maybe(name, raw)
            if maybe is False:
                continue
            declared = self._declared(name, raw, maybe if isinstance(maybe, Unknown) else self.within)
            yield declared
            if declared.type in _NESTED:
                self._outputs_of(name)
                yield from self.made.get(name, ())
        scope = resolver.scope
        for names, what in ((scope.missing, "is not in the template"), (scope.circular, "leads back to itself")):
            if names:
                shown = ", ".join(sorted(names)[:_SHOWN]) + (" and more" if len(names) > _SHOWN else "")
                self._gap("Ref" if names is scope.missing else "Conditions", GapCode.MALFORMED, f"{shown} {what}")

    def _maybe(self, name: str, raw: Mapping[str, object]) -> bool | Unknown:
        """Whether the resource is made: True and False as its condition says, Unknown when that is not known."""
        if "Condition" not in raw:
            return True
        answer = self.resolver.condition(raw["Condition"])
        if not isinstance(answer, Unknown):
            return answer
        why = Unknown(GapCode.UNDECIDED, f"it is made only if {self.front}{raw['Condition']} holds: {answer.detail}")
        self._gap(name, GapCode.UNDECIDED, f"whether it is made is not known: {answer.detail}", self._span(name))
        return why

    def _declared(self, name: str, raw: Mapping[str, object], maybe: Unknown | None) -> Declared:
        scope = self.resolver.scope
        scope.used = set()
        properties = self.resolver.value(raw.get("Properties") or {})
        if not isinstance(properties, dict):
            why = properties if isinstance(properties, Unknown) else _no_properties()
            self._gap(name, why.code, f"its properties: {why.detail}", self._span(name))
            properties = Open({}, why)
        if self.loose is not None and not isinstance(properties, Open):
            properties = Open(properties, self.loose)
        waits = raw.get("DependsOn")
        named = waits if isinstance(waits, list) else [waits]
        scope.used |= {self.front + n for n in named if isinstance(n, str)}
        return Declared(
            address=self.front + name,
            type=str(raw["Type"]),
            properties=properties,
            file=self.file,
            span=self._span(name),
            maybe=maybe,
            depends=tuple(sorted(scope.used)),
        )

    # Nested stacks

    def _outputs_of(self, name: str) -> Mapping[str, object] | Unknown | None:
        """What a nested stack puts out; None when the resource is no nested stack."""
        raw = self.raw.get(name)
        if raw is None or str(raw["Type"]) not in _NESTED:
            return None
        if name in self.opening:
            return Unknown(GapCode.MALFORMED, f"the stack {name} leads back to itself")
        outer = self.resolver.scope
        if name in self.made:
            return self._known_outputs(name)
        self.made[name] = []
        self.opening.add(name)
        used = outer.used
        inner = self._opened(name, raw)
        outer.used = used
        if inner is not None:
            self.made[name] = list(inner.resources())
            self.budget.resources -= len(self.made[name])
            self.outputs_of[name] = inner.outputs()
        self.opening.discard(name)
        return self._known_outputs(name)

    def _known_outputs(self, name: str) -> Mapping[str, object] | Unknown:
        if name in self.outputs_of:
            return self.outputs_of[name]
        return Unknown(GapCode.NOT_FETCHED, f"the template of the stack {name} was not read")

    def _opened(self, name: str, raw: Mapping[str, object]) -> "Stack | None":
        properties = _mapping(raw.get("Properties"))
        span = self._span(name)
        place = self.resolver.value(properties.get(_NESTED[str(raw["Type"])]))
        if len(self.chain) >= MAX_NESTED:
            self._gap(name, GapCode.TOO_LARGE, f"stacks are nested deeper than {MAX_NESTED}; it was not read", span)
            return None
        if self.budget.stacks <= 0 or self.budget.resources <= 0:
            self._gap(name, GapCode.TOO_LARGE, "there are too many nested stacks, or resources in them", span)
            return None
        self.budget.stacks -= 1
        found = self.find(place, self.file, self.front + name, span)
        if found is None:
            return None
        if found.file in (*self.chain, self.file):
            self._gap(name, GapCode.MALFORMED, f"its template is {found.file} again, in which it stands", span)
            return None
        passed = self.resolver.value(properties.get("Parameters") or {})
        maybe = self._maybe_quiet(raw)
        return Stack(
            template=found.template,
            file=found.file,
            miss=self.miss,
            find=self.find,
            passed=_passed(passed),
            front=f"{self.front}{name}.",
            chain=(*self.chain, self.file),
            within=maybe or self.within,
            repeats=self.repeats,
            budget=self.budget,
        )

    def _maybe_quiet(self, raw: Mapping[str, object]) -> Unknown | None:
        answer = self.resolver.condition(raw["Condition"]) if "Condition" in raw else True
        return answer if isinstance(answer, Unknown) else None

    def outputs(self) -> Mapping[str, object]:
        """What the stack puts out, by name."""
        found: dict[str, object] = {}
        for name, raw in self._entries("Outputs", self.resolver).items():
            value = self.resolver.value(_mapping(raw).get("Value"))
            found[name] = NO_VALUE if value is None else value
        return found


def _no_properties() -> Unknown:
    return Unknown(GapCode.MALFORMED, "they are no mapping")


def _passed(found: object) -> Mapping[str, object]:
    """Parameters as they are handed to a nested stack."""
    if not isinstance(found, dict):
        return {}
    return {k: v for k, v in found.items() if not isinstance(v, NoValue)}


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
