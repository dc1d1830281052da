"""A tenant of Azure as it runs: Resource Graph's tables, what it has no rows of, and whether all of it may be seen.

Resource Graph leaves out what the asker may not read, without a word. So Azure is asked what that is: a type without the right
to read it, in a subscription, is a gap like a list that was refused.
"""

import contextlib
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

from strongroom.collect.azure import calls
from strongroom.collect.azure.assets import Lost, natives, shapes, types
from strongroom.collect.azure.calls import Below
from strongroom.collect.azure.shape import Seen
from strongroom.collect.cloud_asking import AT_ONCE, Asker, Failure, Json, Listed, Step, Told, next_link
from strongroom.collect.terraform.assets import tables
from strongroom.collect.wire import Deadline
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadUsage, Unreadable
from strongroom.model.estate import Gap
from strongroom.model.kinds import Kind
from strongroom.model.ports import Progress
from strongroom.model.values import Unknown, Where

_TARGET = re.compile(
    r"(?:(?P<subscriptions>[0-9A-Fa-f-]{36}(?:,[0-9A-Fa-f-]{36})*)|mg/(?P<group>[\w.()-]{1,90}))?(?:@(?P<host>[\w.:\[\]-]{1,253}))?"
)
_WANTED = "azure:[SUBSCRIPTION[,…]|mg/GROUP][@HOST]"
_EXPORTS = "strongroom assess --help (azure-graph: and azure-users: read files)"
_TOP = 1000  # rows of a page, the most that Resource Graph gives
_SUBSCRIPTION = "microsoft.resources/subscriptions"
# Without these rights nothing is missing: what they would show, the tables know otherwise or do not judge.
_NO_ROWS = frozenset({calls.SETTINGS})


class Scope(NamedTuple):
    """What of a tenant is read: subscriptions, a management group, or all that may be; and where Resource Manager is."""

    subscriptions: tuple[str, ...] = ()
    group: str = ""
    host: str = ""


def parsed(spec: str, target: str) -> Scope:
    """The parts of a target. Raises BadUsage."""
    found = _TARGET.fullmatch(target)
    if found is None:
        raise BadUsage(spec, repr(target[:80]), _WANTED, _EXPORTS)
    named = tuple(dict.fromkeys((found["subscriptions"] or "").lower().split(","))) if found["subscriptions"] else ()
    return Scope(named, found["group"] or "", found["host"] or "")


@dataclass(slots=True)
class Reading:
    """What a tenant told. `asked` are the types that were asked for beside those that Resource Graph has rows of."""

    rows: list[dict[str, object]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    asked: frozenset[str] = frozenset()
    lists: int = 0
    size: int = 0

    def digest(self) -> str:
        """The digest over all rows."""
        made = sorted(json.dumps(r, sort_keys=True, default=str) for r in self.rows)
        return hashlib.sha256("\n".join(made).encode()).hexdigest()


def read(asker: Asker, scope: Scope, spec: str, deadline: Deadline, progress: Progress | None = None) -> Reading:
    """All of a scope. Raises Unreadable where nothing at all may be seen."""
    reading = _Reader(asker, spec, progress)
    # The deadline ends before the pool waits for its threads: whoever gives up in the middle waits for no answer.
    with ThreadPoolExecutor(AT_ONCE) as pool, contextlib.closing(deadline):
        reading.graph(pool, scope)
        reading.rights(pool, scope)
        reading.below(pool)
    return reading.made


class _Reader:
    """One reading on its way."""

    def __init__(self, asker: Asker, spec: str, progress: Progress | None) -> None:
        self.made = Reading(asked=frozenset(b.type for b in calls.lists()))
        self._asker, self._spec, self._progress = asker, spec, progress

    def graph(self, pool: ThreadPoolExecutor, scope: Scope) -> None:
        """Every table of Resource Graph."""
        asked = {name: pool.submit(_table, self._asker, query, scope) for name, query in calls.QUERIES.items()}
        failures = []
        for name, one in asked.items():
            told = one.result()
            self._count(told)
            self.made.rows += map(dict, told.found)
            if told.failure is not None:
                failures.append(told.failure)
                self._gap(f"table {name}", told.failure, ())
                self._lose("", "", told.failure)
        if not self.made.rows:
            found = failures[0].detail if failures else "no resource and no subscription"
            hint = "az account list; strongroom init azure --for SCOPE prints the role that it takes"
            raise Unreadable(self._spec, found, "a subscription that may be read", hint)

    def rights(self, pool: ThreadPoolExecutor, scope: Scope) -> None:
        """What may not be read, in each subscription: Resource Graph would leave it out and not say so."""
        seen = [Seen(r) for r in self.made.rows]
        named = {s.subscription for s in seen if s.subscription} | set(scope.subscriptions)
        asked = {one: pool.submit(_rights, self._asker, one) for one in sorted(named)}
        for one, answer in asked.items():
            told = answer.result()
            self._count(told)
            if told.failure is not None:
                why = told.failure._replace(detail=f"what may be read is not told: {told.failure.detail}")
                self._gap(f"subscription {one}", why, ())
                self._lose("", "", why)
                continue
            barred = [t for t in types() if t not in _NO_ROWS and not _allowed(told.found, f"{t}/read")]
            if barred:
                shown = ", ".join(barred[:3]) + (f" and {len(barred) - 3} more" if len(barred) > 3 else "")
                hint = "strongroom init azure prints the role"
                why = Failure(GapCode.DENIED, f"no right to read {shown}; {hint}")
                self._gap(f"subscription {one}", why, _hidden(barred))
                for kind in barred:
                    self._lose(kind, "", why)

    def below(self, pool: ThreadPoolExecutor) -> None:
        """Every list that Resource Graph has no rows of, of each resource that may have one."""
        by_type = defaultdict(list)
        for row in self.made.rows:
            seen = Seen(row)
            by_type[seen.type].append(seen.id)
        asked = [
            (below, owner, pool.submit(_list, self._asker, below, owner))
            for below in calls.lists()
            for owner in by_type[below.of]
        ]
        failed: dict[tuple[str, GapCode, str], list[tuple[str, Failure]]] = defaultdict(list)
        for n, (below, owner, answer) in enumerate(asked):
            if self._progress is not None:
                self._progress("lists", n, len(asked))
            told = answer.result()
            self._count(told)
            self.made.rows += map(dict, told.found)
            if told.failure is not None:
                why = _named(below, told.failure)
                failed[below.type, why.code, why.error].append((owner, why))
                self._lose(below.type, owner, why)
        for (kind, _, _), those in failed.items():
            owner, why = those[0]
            more = f", and {len(those) - 1} more" if len(those) > 1 else ""
            self._gap(f"{kind} of {owner.rpartition('/')[2]}{more}", why, _hidden((kind,)))

    def _count(self, told: Told) -> None:
        self.made.lists += 1
        self.made.size += told.size

    def _gap(self, scope: str, why: Failure, hides: tuple[Kind, ...]) -> None:
        self.made.gaps.append(Gap(scope, self._spec, why.code, why.detail, Where(self._spec, path=scope), hides))

    def _lose(self, kind: str, owner: str, why: Failure) -> None:
        self.made.lost.append(Lost(kind, owner, Unknown(why.code, why.detail)))


def _named(below: Below, why: Failure) -> Failure:
    """A failure that says what of, and which right is missing where that is why."""
    if why.code is GapCode.DENIED:
        return why._replace(detail=f"no right to {below.type}/read: {why.detail}")
    return why._replace(detail=f"{below.type}: {why.detail}")


def _hidden(kinds: Iterable[str]) -> tuple[Kind, ...]:
    known = tables()
    named = {n for kind in kinds for n in (natives(shapes()[kind]) if kind in shapes() else ())}
    return tuple(sorted({known[n].kind for n in named if n in known} | {Kind.OTHER}))


def _table(asker: Asker, query: str, scope: Scope) -> Told:
    """A table of Resource Graph, in an order: without one, pages may repeat rows and leave others out."""
    options: dict[str, object] = {"resultFormat": "objectArray", "$top": _TOP}
    body: dict[str, object] = {"query": f"{query} | order by id asc", "options": options}
    if scope.subscriptions:
        body["subscriptions"] = [*scope.subscriptions]
    if scope.group:
        body["managementGroups"] = [scope.group]
    most = 0

    def more(page: Json, step: Step) -> Step | Failure | None:
        nonlocal most
        total = page.get("totalRecords")
        most = max(most, total if isinstance(total, int) else 0)
        token = page.get("$skipToken")
        if isinstance(token, str) and token:
            return step._replace(body={**body, "options": {**options, "$skipToken": token}})
        if str(page.get("resultTruncated")).lower() == "true":
            return Failure(GapCode.LOST, "Resource Graph cut the answer off")
        return None

    told = asker.pages(Step(calls.GRAPH, {"api-version": calls.GRAPH_VERSION}, body), Listed("data"), more)
    if told.failure is None and len(told.found) < most:
        return told._replace(failure=Failure(GapCode.LOST, f"Resource Graph gave {len(told.found)} of {most} rows"))
    return told


def _rights(asker: Asker, subscription: str) -> Told:
    path = f"/subscriptions/{subscription}/{calls.PERMISSIONS}"
    return asker.pages(Step(path, {"api-version": calls.PERMISSIONS_VERSION}), Listed("value"), next_link(asker.to))


def _allowed(held: Iterable[Json], action: str) -> bool:
    """Whether one of the sets of permissions has an action: among what it allows, and not among its exceptions."""
    return any(_matched(one.get("actions"), action) and not _matched(one.get("notActions"), action) for one in held)


def _matched(patterns: object, action: str) -> bool:
    """Whether a pattern has an action (role definitions: `*` stands for any characters, and case does not count)."""
    listed = patterns if isinstance(patterns, list) else []
    made = (re.escape(str(p).lower()).replace(r"\*", ".*") for p in listed)
    return any(re.fullmatch(p, action.lower()) for p in made)


def _list(asker: Asker, below: Below, owner: str) -> Told:
    """A list of one resource; rows that it tells too little of are asked alone, and unknown where that fails."""
    query = {"api-version": below.version}
    told = asker.pages(Step(f"{owner}/{below.path}", query), Listed("value"), next_link(asker.to))
    if told.failure is not None and told.failure.error in below.none:
        return Told((), None, told.size)
    rows = [dict(_told(asker, below, row, query)) for row in told.found]
    return Told(tuple(_typed(rows, below, owner)), told.failure, told.size)


def _told(asker: Asker, below: Below, row: Json, query: Mapping[str, str]) -> Json:
    ident = row.get("id")
    if below.each is None or not below.each(row) or not isinstance(ident, str):
        return row
    alone = asker.one(ident, query)
    if alone.failure is not None:
        return {**row, "properties": Unknown(alone.failure.code, alone.failure.detail)}
    found = alone.found[0]
    if str(found.get("id")).lower() != ident.lower() or not isinstance(found.get("properties"), Mapping):
        return {**row, "properties": Unknown(GapCode.MALFORMED, "the answer is about something else")}
    return found


def _typed(rows: Iterable[dict[str, object]], below: Below, owner: str) -> Iterator[dict[str, object]]:
    """Rows with the columns of Resource Graph's; what an API leaves out there is of no type of its own."""
    for row in rows:
        name = row.get("name")
        if not isinstance(row.get("id"), str):
            row["id"] = f"{owner}/{below.path}/{name}"
        yield {"tags": None, "identity": None, "kind": None, "sku": None, **row, "type": below.type}
