"""Whether the conditions of a statement hold for a request of which only some context is known.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators" (a key that a request lacks makes a positive
operator false and a negated one true; `…IfExists` true; `ForAllValues:` true, `ForAnyValue:` false) and "AWS global
condition context keys".
"""

import ipaddress
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from strongroom.assess.identity.globs import glob, overlap, spell
from strongroom.assess.identity.levels import NO, PERHAPS, YES, negate
from strongroom.model.values import Condition

Known = Mapping[str, tuple[str, ...] | None]


class Form(str):
    """A value of which only the form is known: `s3.*.amazonaws.com` is the service in some region."""

    __slots__ = ()


# A call that a principal makes himself, to the service itself. "AWS global condition context keys": SourceArn and its
# kin are there only when a service calls for another resource; CalledVia and kms:ViaService when one calls on behalf of him.
DIRECT: Known = {
    "aws:sourcearn": (),
    "aws:sourceaccount": (),
    "aws:sourceowner": (),
    "aws:sourceorgid": (),
    "aws:sourceorgpaths": (),
    "aws:principalisawsservice": ("false",),
    "aws:principalservicename": (),
    "aws:principalservicenameslist": (),
    "aws:viaawsservice": ("false",),
    "aws:calledvia": (),
    "aws:calledviafirst": (),
    "aws:calledvialast": (),
    "kms:viaservice": (),
    "kms:grantisforawsresource": ("false",),
    # Nobody is kept from speaking TLS, or from signing as AWS's own tools do.
    "aws:securetransport": ("true",),
    "s3:tlsversion": ("1.3",),
    "s3:signatureversion": ("AWS4-HMAC-SHA256",),
}
_TOKENS = ("saml:", "cognito-identity.amazonaws.com:", "accounts.google.com:", "graph.facebook.com:", "www.amazon.com:")


class Context:
    """What is known of a request, the nearest layer first; what no layer knows depends on the request."""

    __slots__ = ("layers",)

    def __init__(self, *layers: Known) -> None:
        self.layers = (*layers, DIRECT)

    def __call__(self, key: str) -> tuple[str, ...] | None:
        """The values under a key: none where the request lacks it, None where it depends on the request."""
        for layer in self.layers:
            if key in layer:
                return layer[key]
        if key.startswith(_TOKENS) or key.endswith((":aud", ":sub")):  # what tokens of others say: he has none
            return ()
        if key.startswith("aws:principaltag/") and any("aws:principaltag/" in layer for layer in self.layers):
            return ()  # his tags are known, and this is none of them
        return None


def hold(conditions: tuple[Condition, ...], context: Context) -> int:
    """Whether all the conditions of a statement hold."""
    level = YES
    for c in conditions:
        level = min(level, holds(c, context))
        if level == NO:
            return NO
    return level


def holds(c: Condition, context: Context) -> int:
    """Whether one condition holds."""
    word = c.operator.lower()
    every, some = word.startswith("forallvalues:"), word.startswith("foranyvalue:")
    word = word.partition(":")[2] if every or some else word
    found = context(c.key)
    if word == "null":
        return PERHAPS if found is None else YES if ("true" in _low(c.values)) is not bool(found) else NO
    optional = word.endswith("ifexists")
    word = word.removesuffix("ifexists")
    test = _TESTS.get(word)
    if test is None:
        return PERHAPS
    compare, negated = test
    if found is None:
        return PERHAPS
    if not found:
        return YES if optional or every or (negated and not some) else NO
    each = [max((_one(compare, f, v, context) for v in c.values), default=NO) for f in found]
    if negated:
        each = [negate(e) for e in each]
    return min(each) if every or (negated and not some) else max(each)


def _low(values: tuple[str, ...]) -> frozenset[str]:
    return frozenset(v.lower() for v in values)


Compare = Callable[[str, str], bool]


def _one(compare: Compare | None, found: str, wanted: str, context: Context) -> int:
    spelt = spell(wanted, context)
    if spelt is None:
        return NO
    pattern = glob(spelt)
    if isinstance(found, Form):
        return YES if overlap(found, spelt) else NO
    if compare is None:  # a pattern: StringLike, ArnLike and ArnEquals
        return pattern.meets(found, context)
    if pattern.doubtful:
        return PERHAPS
    try:
        return YES if compare(found, spelt) else NO
    except ValueError:
        return PERHAPS  # not of the type that the operator is for: which way AWS reads it is a guess


def _moment(text: str) -> datetime:
    """ISO 8601, or seconds since 1970."""
    if text.lstrip("-").isdigit():
        try:
            return datetime.fromtimestamp(int(text), UTC)
        except (OverflowError, OSError):
            raise ValueError(text) from None
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _within(found: str, block: str) -> bool:
    return ipaddress.ip_address(found) in ipaddress.ip_network(block, strict=False)


_TESTS: dict[str, tuple[Compare | None, bool]] = {
    "stringequals": (lambda a, b: a == b, False),
    "stringnotequals": (lambda a, b: a == b, True),
    "stringequalsignorecase": (lambda a, b: a.lower() == b.lower(), False),
    "stringnotequalsignorecase": (lambda a, b: a.lower() == b.lower(), True),
    "stringlike": (None, False),
    "stringnotlike": (None, True),
    "arnequals": (None, False),
    "arnlike": (None, False),
    "arnnotequals": (None, True),
    "arnnotlike": (None, True),
    "bool": (lambda a, b: a.lower() == b.lower(), False),
    "binaryequals": (lambda a, b: a == b, False),
    "numericequals": (lambda a, b: float(a) == float(b), False),
    "numericnotequals": (lambda a, b: float(a) == float(b), True),
    "numericlessthan": (lambda a, b: float(a) < float(b), False),
    "numericlessthanequals": (lambda a, b: float(a) <= float(b), False),
    "numericgreaterthan": (lambda a, b: float(a) > float(b), False),
    "numericgreaterthanequals": (lambda a, b: float(a) >= float(b), False),
    "dateequals": (lambda a, b: _moment(a) == _moment(b), False),
    "datenotequals": (lambda a, b: _moment(a) == _moment(b), True),
    "datelessthan": (lambda a, b: _moment(a) < _moment(b), False),
    "datelessthanequals": (lambda a, b: _moment(a) <= _moment(b), False),
    "dategreaterthan": (lambda a, b: _moment(a) > _moment(b), False),
    "dategreaterthanequals": (lambda a, b: _moment(a) >= _moment(b), False),
    "ipaddress": (_within, False),
    "notipaddress": (_within, True),
}


def doubts(conditions: tuple[Condition, ...], context: Context) -> tuple[str, ...]:
    """The conditions that only the request decides, in words."""
    return tuple(said(c) for c in conditions if holds(c, context) == PERHAPS)


def said(c: Condition) -> str:
    """A condition in words: `aws:sourcevpce StringEquals vpce-1`."""
    shown = ", ".join(v[:60] for v in c.values[:4]) + (", …" if len(c.values) > 4 else "")
    return f"{c.key} {c.operator} {shown}"
