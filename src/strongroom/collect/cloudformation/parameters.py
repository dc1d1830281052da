"""The parameters of a template: what is passed, else the default, else unknown.

Source: AWS CloudFormation Template Reference, "Parameters syntax" and "Specify existing resources at runtime".
"""

import re
from collections.abc import Mapping

from strongroom.collect.cloudformation.scope import Parameter
from strongroom.collect.resource import Link, Sensitive
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

_STORED = "AWS::SSM::Parameter::Value<"
_PIECE = re.compile(r"\$\{([^}]*)\}")


def parameters(declared: object, passed: Mapping[str, object]) -> dict[str, Parameter]:
    """Every declared parameter with its value. What is passed and not declared counts for nothing."""
    found: dict[str, Parameter] = {}
    for name, raw in declared.items() if isinstance(declared, dict) else ():
        found[name] = _parameter(name, raw if isinstance(raw, dict) else {}, passed)
    return found


def _parameter(name: str, raw: Mapping[str, object], passed: Mapping[str, object]) -> Parameter:
    kind = str(raw.get("Type", "String"))
    choices = raw.get("AllowedValues")
    allowed = tuple(_text(c) for c in choices) if isinstance(choices, list) else ()
    value = passed[name] if name in passed else raw.get("Default")
    if value is None and len(allowed) == 1:
        value = allowed[0]
    if value is None:
        made: object = Unknown(GapCode.UNDECIDED, f"parameter {name} has no value")
    elif isinstance(value, Unknown | Sensitive):
        made = value
    elif kind.startswith(_STORED):
        # What is passed is the name of an entry in the parameter store; the value is looked up there.
        made = Unknown(GapCode.UNDECIDED, f"parameter {name} is looked up in the parameter store")
    elif kind == "CommaDelimitedList" or kind.startswith("List<"):
        made = _list(value)
    else:
        made = _text(value) if isinstance(value, bool | int | float) else value
    if _flag(raw.get("NoEcho")):
        made = made if isinstance(made, Sensitive) else _hidden(name, made)
    return Parameter(made, allowed)


def _hidden(name: str, value: object) -> object:
    """A parameter that nobody may see. One without a value is a secret all the same, and says so where it is used."""
    return (
        Unknown(GapCode.UNDECIDED, f"the secret parameter {name} has no value")
        if isinstance(value, Unknown)
        else Sensitive(value)
    )


def _list(value: object) -> object:
    if isinstance(value, str):
        return [_element(v.strip()) for v in value.split(",")] if value.strip() else []
    return value if isinstance(value, list) else [value if isinstance(value, Link) else _text(value)]


def _element(text: str) -> object:
    """One piece of a list that was handed on as a text: what is not known in it, or names a resource, is that again."""
    found = _PIECE.fullmatch(text)
    if found is None:
        return text
    return Unknown(GapCode.UNDECIDED, found[1]) if " " in found[1] or "::" in found[1] else Link(found[1])


def _text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _flag(value: object) -> bool:
    return value is True or str(value).lower() == "true"
