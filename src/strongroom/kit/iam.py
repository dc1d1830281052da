"""AWS IAM policy documents in normal form, and what their wildcards match.

Source: IAM User Guide, "Grammar of the IAM JSON policy language" and "IAM JSON policy elements". What a statement
adds up to (anybody, everything, a way to more rights) is in `iam_reach`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from strongroom.model.codes import GapCode
from strongroom.model.values import Condition, Statement, Unknown

NOT_KNOWN = "${a value that is not known}"
"""An element of a list that came out as null: its expression has no value."""

_LAST_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(\s*[\]}])')


def _texts(value: object) -> tuple[str, ...]:
    """A string or a list of strings; the grammar allows both everywhere."""
    if value is None:
        return ()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(NOT_KNOWN if v is None else _text(v) for v in value)
    return (_text(value),)


def _text(value: object) -> str:
    """A scalar as IAM compares it: a condition may say `false` without quotes."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _principals(value: object) -> tuple[str, ...]:
    """`"*"` and `{"AWS": …}` in one form. `{"AWS": "*"}` means anybody, exactly as `"*"` does."""
    if isinstance(value, Mapping):
        out = []
        for kind, names in value.items():
            out += ["*" if kind == "AWS" and name == "*" else f"{kind}:{name}" for name in _texts(names)]
        return tuple(out)
    return tuple("*" if v == "*" else f"AWS:{v}" for v in _texts(value))


def _conditions(value: object) -> tuple[Condition, ...]:
    out = []
    if isinstance(value, Mapping):
        for operator, tests in value.items():
            if isinstance(tests, Mapping):
                out += [Condition(str(operator), str(k).lower(), _texts(v)) for k, v in tests.items()]
    return tuple(out)


def statement(raw: Mapping[str, object]) -> Statement:
    """One statement of the JSON grammar; keys are matched without regard to case, as AWS does."""
    low = {str(k).lower(): v for k, v in raw.items()}
    return Statement(
        effect=str(low.get("effect", "")).lower(),
        principals=_principals(low.get("principal")),
        not_principals=_principals(low.get("notprincipal")),
        actions=tuple(a.lower() for a in _texts(low.get("action"))),
        not_actions=tuple(a.lower() for a in _texts(low.get("notaction"))),
        resources=_texts(low.get("resource")),
        not_resources=_texts(low.get("notresource")),
        conditions=_conditions(low.get("condition")),
        sid=str(low.get("sid", "")),
    )


def parse(document: object) -> tuple[Statement, ...] | Unknown:
    """The statements of a policy given as JSON text or as its object; Unknown if it cannot be read as one.

    A comma before a closing bracket is read past: AWS refuses such a document, and what it would grant once somebody
    takes the comma out is what matters.
    """
    if isinstance(document, str):
        text = document
        if not text.strip():
            return ()
        try:
            document = json.loads(_LAST_COMMA.sub(lambda m: m[1] or m[2], text))
        except (ValueError, RecursionError):
            if "${" in text:
                return Unknown(GapCode.UNDECIDED, "the policy is put together from values that are not known")
            return Unknown(GapCode.MALFORMED, "the policy is not JSON")
    if not isinstance(document, Mapping):
        return Unknown(GapCode.MALFORMED, "the policy is not a JSON object")
    low = {str(k).lower(): v for k, v in document.items()}
    statements = low.get("statement")
    if statements is None:
        return Unknown(GapCode.UNDECIDED, "the policy's statements depend on values that are not known")
    if isinstance(statements, Mapping):
        statements = [statements]
    if not isinstance(statements, Sequence) or isinstance(statements, str):
        return Unknown(GapCode.MALFORMED, "the policy's Statement is neither an object nor a list")
    if not all(isinstance(s, Mapping) and None not in s.values() for s in statements):
        return Unknown(GapCode.UNDECIDED, "a statement of the policy depends on values that are not known")
    return tuple(statement(s) for s in statements)


@lru_cache(maxsize=4096)
def _pattern(glob: str) -> re.Pattern[str]:
    pieces = re.split(r"([*?])", glob)
    body = "".join(".*" if p == "*" else "." if p == "?" else re.escape(p) for p in pieces)
    return re.compile(body, re.IGNORECASE | re.DOTALL)


def matches(glob: str, name: str) -> bool:
    """Whether an IAM wildcard (`*`, `?`) covers a concrete name; case does not count."""
    return _pattern(glob).fullmatch(name) is not None


def allows_action(s: Statement, action: str) -> bool:
    """Whether a statement's Action or NotAction covers the action."""
    if s.not_actions:
        return not any(matches(a, action) for a in s.not_actions)
    return any(matches(a, action) for a in s.actions)


def everything(resources: Sequence[str]) -> bool:
    """Whether the resource list covers any resource at all: `*`, or an ARN of nothing but wildcards."""
    return any(re.fullmatch(r"\*+|arn:[^:]*:\*(:\*)*", r) is not None for r in resources)
