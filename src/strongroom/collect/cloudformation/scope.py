"""What the names in one template stand for: parameters, pseudo parameters, mappings, conditions and resources."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from strongroom.collect.resource import Link, Sensitive
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

MAX_TEXT = 1 << 20  # characters of one value: functions within functions double a text at every level


class NoValue:
    """What `AWS::NoValue` and an empty branch of `Fn::If` come to: the property is not there at all."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "AWS::NoValue"


NO_VALUE = NoValue()

# Pseudo parameters with a value that no verdict hangs on: a template for the China regions asks for the same controls.
PSEUDO: Mapping[str, object] = {
    "AWS::NoValue": NO_VALUE,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}
_LATER = frozenset({"AWS::AccountId", "AWS::NotificationARNs", "AWS::Region", "AWS::StackId", "AWS::StackName"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter as it is declared or passed. `choices` are its AllowedValues, when nobody chose one yet."""

    value: object
    choices: tuple[str, ...] = ()


class Open(dict[str, object]):
    """A mapping of which not everything is known: what is not in it is not absent but unknown, for a reason."""

    def __init__(self, known: Mapping[str, object], why: Unknown) -> None:
        super().__init__(known)
        self.why = why

    def get(self, name: str, default: object = None) -> object:
        """The value under a name; what is not there is unknown."""
        del default
        return super().get(name, self.why)

    def pop(self, name: str, default: object = None) -> object:
        """The value under a name, which is then as unknown as what never stood there."""
        del default
        return super().pop(name, self.why)


@dataclass(slots=True)
class Scope:
    """One template as it is used in one place. `front` is what its resources' addresses begin with."""

    parameters: Mapping[str, Parameter]
    mappings: Mapping[str, object]
    conditions: Mapping[str, object]
    types: Mapping[str, str]  # logical id -> type
    names: dict[str, str] = field(default_factory=dict)  # logical id -> the name it is given, where that is known
    nested: Callable[[str], "Mapping[str, object] | Unknown | None"] = field(default=lambda _: None)
    front: str = ""
    decided: dict[str, bool | Unknown] = field(default_factory=dict)
    deciding: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)  # names that nothing in the template declares
    circular: set[str] = field(default_factory=set)  # conditions that lead back to themselves
    used: set[str] = field(default_factory=set)  # addresses that the present resource refers to

    def reference(self, name: object) -> object:
        """What `Ref` comes to."""
        if not isinstance(name, str):
            return Unknown(GapCode.MALFORMED, "Ref names nothing")
        if name in PSEUDO:
            return PSEUDO[name]
        if name in _LATER:
            return Unknown(GapCode.UNDECIDED, f"{name} is known when the stack is made")
        if name in self.parameters:
            return self.parameters[name].value
        if name in self.types:
            self.used.add(self.front + name)
            return Link(self.front + name)
        self.missing.add(name)
        return Unknown(GapCode.MALFORMED, f"{name} is neither a parameter nor a resource of the template")

    def attribute(self, name: object, attribute: object) -> object:
        """What `Fn::GetAtt` comes to."""
        if not isinstance(name, str) or not isinstance(attribute, str) or not attribute:
            return Unknown(GapCode.UNDECIDED, "Fn::GetAtt names no attribute that is known")
        if name not in self.types:
            self.missing.add(name)
            return Unknown(GapCode.MALFORMED, f"{name} is no resource of the template")
        if attribute.startswith("Outputs.") and (put_out := self.nested(name)) is not None:
            return _output(name, put_out, attribute.removeprefix("Outputs."))
        self.used.add(self.front + name)
        return Link(self.front + name, snake(attribute))

    def text(self, value: object) -> str | Sensitive | None:
        """A value as it stands within a text; what is not known stands there as `${…}`. None when it is no text."""
        if isinstance(value, Sensitive):
            inner = self.text(value.value)
            return Sensitive(inner) if isinstance(inner, str) else inner
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str | int | float):
            return str(value)
        if isinstance(value, Unknown):
            return unknown_text(value)
        if isinstance(value, Link):
            own = value.address.removeprefix(self.front)
            name = self.names.get(own)
            if name is not None and not value.attribute:
                return name
            if name is not None and value.attribute == "arn" and self.types.get(own) == "AWS::S3::Bucket":
                return f"arn:aws:s3:::{name}"
            return f"${{{value.address}}}"
        return None


def _output(name: str, put_out: Mapping[str, object] | Unknown, output: str) -> object:
    """What a nested stack puts out under a name."""
    if isinstance(put_out, Unknown):
        return put_out
    found = put_out.get(output, NO_VALUE)
    if isinstance(found, NoValue):
        return Unknown(GapCode.MALFORMED, f"the stack {name} has no output {output[:60]}")
    return found


def unknown_text(value: Unknown) -> str:
    """An unknown value within a text; a pseudo parameter keeps the name that AWS gives it."""
    first = value.detail.partition(" ")[0]
    if first in _LATER:
        return f"${{{first}}}"
    return f"${{{value.detail.replace('}', ')').replace('{', '(')}}}"


_BREAKS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_IRREGULAR = {"DefaultSecurityGroup": "default_security_group_id"}


def snake(name: str) -> str:
    """A property's name as the tables have it: `KMSMasterKeyID` is `kms_master_key_id`."""
    return _IRREGULAR.get(name) or _BREAKS.sub("_", name).lower()


def either(one: object, other: object, why: Unknown) -> object:
    """What two values have in common: where they say the same, it does not matter which of them counts."""
    if type(one) is type(other) and one == other:
        return one
    if isinstance(one, Open) or isinstance(other, Open):
        return why
    if isinstance(one, dict) and isinstance(other, dict):
        names = dict.fromkeys((*one, *other))
        return {n: either(one.get(n, NO_VALUE), other.get(n, NO_VALUE), why) for n in names}
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [either(a, b, why) for a, b in zip(one, other, strict=True)]
    return why
