"""Whether the measurements for which keys open are those of workloads that were appraised."""

from collections.abc import Iterable

from strongroom.kit.key_policy import measurements
from strongroom.model.estate import Asset, Estate, Fact
from strongroom.model.kinds import Kind
from strongroom.model.ports import Derive
from strongroom.model.values import Statement, Unknown

UNSEEN = "key.measurements_unseen"


def _policy(asset: Asset) -> tuple[Statement | Unknown, ...]:
    held = asset.value("policy.statements")
    each = held if isinstance(held, tuple) else (held,)
    return tuple(s for s in each if isinstance(s, Statement | Unknown))


def derive(estate: Estate) -> Iterable[tuple[str, Fact]]:
    """For each key that names measurements, those that no appraisal has; nothing where no appraisals were given."""
    appraised = [a for a in estate.assets if "attest.measured" in a.facts]
    if not appraised:
        return
    held = [a.value("attest.measured") for a in appraised]
    seen = {text for texts in held if isinstance(texts, tuple) for text in texts}
    for asset in estate.assets:
        if asset.kind is not Kind.KEY:
            continue
        named = measurements(_policy(asset))
        if named:
            unseen = tuple(f"{register}={value}" for register, value in named if f"{register}={value}" not in seen)
            yield asset.id, Fact(UNSEEN, unseen, asset.where, "derived")


DERIVE = Derive("measurements of keys", (UNSEEN,), derive)
