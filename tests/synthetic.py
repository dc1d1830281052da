"""Assets made up from the vocabulary of facts: one value of every type, good, bad, unknown and of the wrong type."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset, Estate, Fact, Gap, SourceRead
from strongroom.model.facts import FACTS
from strongroom.model.kinds import Kind
from strongroom.model.ports import Check
from strongroom.model.values import Condition, Key, NetRule, Statement, Unknown, Value, Where

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
NOT_KNOWN = Unknown(GapCode.UNDECIDED, "var.missing has no value")
HALF_RULE = NetRule("ingress", "allow", "tcp", 22, 22, (NOT_KNOWN, "10.0.0.0/8"))
WIDE_RULE = NetRule("ingress", "allow", "all", 0, 65535, ("0.0.0.0/0", "::/0"))
TIGHT_RULE = NetRule("egress", "allow", "tcp", 443, 443, ("10.1.0.0/16",), ("sg-1",), 100)
WIDE = Statement("allow", principals=("*",), actions=("*",), resources=("*",), sid="all")
TIGHT = Statement(
    "allow",
    principals=("AWS:arn:aws:iam::111122223333:role/train",),
    actions=("kms:decrypt",),
    resources=("arn:aws:kms:eu-west-1:111122223333:key/k",),
    conditions=(Condition("StringEquals", "kms:recipientattestation:imagesha384", ("00" * 48,)),),
)

SAMPLES: dict[str, tuple[Value, ...]] = {
    "bool": (True, False),
    "number": (400.0, 0.0),
    "text": ("1.2", ""),
    "texts": (("audit", "10.0.0.0/8"), (), ("0.0.0.0/0", "x"), (NOT_KNOWN, "audit")),
    "key": (Key("cmk", "aws_kms_key.k"), Key("provider"), Key("none")),
    "rules": ((TIGHT_RULE,), (WIDE_RULE,), (HALF_RULE,), ()),
    "statements": ((TIGHT,), (WIDE,), (WIDE, TIGHT), ()),
    "any": ("text", 3, True, ("a",), Key("none")),
}
"""Values of every type word, as different as they come."""

STRANGE: tuple[Value, ...] = (None, True, 7, "${aws_x.y.id}", ("a", 1), (NOT_KNOWN,), Key("none"), TIGHT_RULE, WIDE)
"""Values that a fact should not hold and one day will."""


def fits(word: str, value: Value) -> bool:
    """Whether a value is of a type word of the vocabulary. An absence and an unknown are of every type."""
    if value is None or isinstance(value, Unknown) or word == "any":
        return True
    simple = {"bool": bool, "text": str, "key": Key}
    if word in simple:
        return isinstance(value, simple[word])
    if word == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    inner: Mapping[str, type] = {"texts": str, "rules": NetRule, "statements": Statement}
    return isinstance(value, tuple) and all(isinstance(v, inner[word] | Unknown) for v in value)


def asset(kind: Kind, values: Mapping[str, Value], name: str = "a", native: str = "synthetic_thing") -> Asset:
    """An asset of a kind with these facts."""
    where = Where("main.tf", 3, 9)
    facts = {n: Fact(n, v, where, "tf:.", "", n.startswith("secrets")) for n, v in values.items()}
    return Asset(id=f"terraform:{name}", kind=kind, native_type=native, address=name, facts=facts, where=where)


def every_fact(pick: int) -> dict[str, Value]:
    """A value for every name of the vocabulary: the `pick`-th sample of its type, in turn."""
    return {name: SAMPLES[word][pick % len(SAMPLES[word])] for name, (word, _) in FACTS.items()}


def known(check: Check, kind: Kind) -> Iterator[Asset]:
    """Assets whose facts are known: everything that the vocabulary has, and no more than the check needs."""
    for pick in range(5):
        values = every_fact(pick)
        yield asset(kind, values, f"all-{pick}")
        yield asset(kind, {need: values.get(need) for need in check.needs}, f"needs-{pick}")


def unknown(check: Check, kind: Kind) -> Iterator[Asset]:
    """Assets of which nothing is known but that they are there."""
    yield asset(kind, dict.fromkeys(FACTS, NOT_KNOWN), "all-unknown")
    yield asset(kind, dict.fromkeys(check.needs, NOT_KNOWN), "needs-unknown")


def strange(check: Check, kind: Kind) -> Iterator[Asset]:
    """Assets whose facts hold values of other types."""
    for n, value in enumerate(STRANGE):
        yield asset(kind, dict.fromkeys(FACTS, value), f"strange-{n}")
        yield asset(kind, every_fact(0) | dict.fromkeys(check.needs, value), f"strange-needs-{n}")


def estate() -> Estate:
    """Assets of every kind, of which everything or nothing is known; a source read whole and one that was not."""
    values = [*(every_fact(pick) for pick in range(3)), dict.fromkeys(FACTS, NOT_KNOWN)]
    assets = tuple(asset(kind, v, f"{kind}-{n}") for kind in Kind for n, v in enumerate(values))
    sources = (
        SourceRead("tf:.", "tf", "Terraform configuration in .", 3, 1200, tuple(Kind)),
        SourceRead("host:", "host", "this host", 1, 10, (Kind.HOST,)),
    )
    gaps = (
        Gap("modules/x", "tf:.", GapCode.NOT_FETCHED, "module x is not in the folder", Where("main.tf", 1, 1)),
        Gap("/proc/cmdline", "host:", GapCode.DENIED, "permission denied: run as root", None, (Kind.HOST,)),
    )
    return Estate(assets, gaps, sources, NOW)
