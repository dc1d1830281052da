"""What the trials of release policies print: who would have been allowed, who denied by what, and what a change does."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from strongroom.app.release_apply import Applied, Ready
from strongroom.app.release_trial import Difference, Tried, described
from strongroom.cli.lines import line
from strongroom.cli.release_views import formatted, item

_MOST = 20  # lines of one sort; the JSON has them all


def tried_lines(found: Sequence[Tried], count: int, form: str) -> Iterator[str]:
    """What came of each resource."""
    if form == "json":
        yield formatted({"schema": "strongroom.release-trial/1", "cases": count, "tried": [_told(t) for t in found]})
        return
    yield line("appraisals", f"{count}, each at the moment at which it was made")
    unbound = {t.case.where for t in found if not t.case.bound}
    if unbound:
        yield line("keys", f"{len(unbound)} vouch for no key: what they run is judged, not whom it would be sent to")
    for resource in dict.fromkeys(t.resource for t in found):
        yield "\n" + item(resource, 0)
        mine = [t for t in found if t.resource == resource]
        yield from _some("allowed", [t for t in mine if t.allowed])
        yield from _some("denied", [t for t in mine if not t.allowed])
    for name, times in Counter(c for t in found for c in t.conditions).most_common():
        yield line("denies", f"{name}, {times} times")


def _some(label: str, found: Sequence[Tried]) -> Iterator[str]:
    yield item(f"{label}: {len(found)}")
    for t in found[:_MOST]:
        needs = f", once {t.approvals} have approved" if t.allowed and t.approvals else ""
        yield item(f"{described(t.case)}{needs}", 4)
        if not t.allowed:
            for reason in t.reasons:
                yield item(reason, 6)
    if len(found) > _MOST:
        yield item(f"and {len(found) - _MOST} more; --format json has them all", 4)


def _told(t: Tried) -> dict[str, object]:
    return {
        "resource": t.resource,
        "record": t.case.where,
        "workload": described(t.case),
        "outcome": "allow" if t.allowed else "deny",
        "conditions": t.conditions,
        "reasons": () if t.allowed else t.reasons,
        "approvals_supposed": t.approvals,
        "key_supposed": not t.case.bound,
    }


def difference_lines(d: Difference, form: str = "table") -> Iterator[str]:
    """Who gains and who loses."""
    if form == "json":
        yield formatted(
            {
                "schema": "strongroom.release-difference/1",
                "cases": d.cases,
                "same": d.same,
                "rules": d.rules,
                "gains": [_told(t) for t in d.gains],
                "loses": [_told(t) for t in d.loses],
            }
        )
        return
    yield from _listed("changes", d.rules or ("nothing in the rules",))
    yield line("tried on", f"{d.cases} appraisals: {len(d.gains)} gain, {len(d.loses)} lose, {d.same} as before")
    yield from _who("gains", d.gains)
    yield from _who("loses", d.loses)


def _listed(label: str, texts: Iterable[str]) -> Iterator[str]:
    for n, text in enumerate(texts):
        yield line("" if n else label, text)


def _who(label: str, found: Sequence[Tried]) -> Iterator[str]:
    for t in found[:_MOST]:
        why = f": {'; '.join(t.reasons)}" if not t.allowed else ""
        yield line(label, f"{t.resource}: {described(t.case)}{why}")
    if len(found) > _MOST:
        yield line("", f"and {len(found) - _MOST} more")


def ready_lines(it: Ready) -> Iterator[str]:
    """What putting it into force would change."""
    was = f"version {it.before.version}" if it.before else it.trouble
    yield line("policy", f"{it.policy.name} version {it.policy.version}; before: {was}")
    yield line("signed by", ", ".join(it.signers))
    for name in it.closed:
        yield line("closed", f"what {name} owns: too few of his keys have signed")
    yield from difference_lines(it.difference)


def applied_lines(done: Applied) -> Iterator[str]:
    """Where it is in force."""
    yield line("in force", str(done.ready.target))
    yield line("log", f"entry {done.entry}")
