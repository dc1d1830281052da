"""Admission as a service: modes, the log that comes first, and a cluster that is out of sight."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import clusters as a
import msgspec
import pytest
from clusters import Json, pod

from strongroom.app import admission_open, isolation_report
from strongroom.app.admission import Admission, Sight
from strongroom.app.admission_log import MOST_ROWS, Journal, Row
from strongroom.app.admission_open import Switch, digest_of
from strongroom.app.log import Appended, Log, Place, create
from strongroom.collect.kubernetes.watching import Action, Cache, Change
from strongroom.isolate import review, rollout
from strongroom.model.codes import EntryKind
from strongroom.model.errors import LogUnavailable, Malformed, NotFound
from strongroom.model.isolate import Mode, Reason, Rollout, Rule, Verdict
from strongroom.model.log import LogEntry

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BAD = a.asked(pod("red", limits={"nvidia.com/gpumem": "1"}))
GOOD = a.asked(pod("red", limits={"nvidia.com/gpu": "1"}))


class Writer:
    """A log that keeps entries, or is not there."""

    def __init__(self) -> None:
        self.entries: list[LogEntry] = []
        self.down = False

    def record(self, entry: LogEntry) -> Appended:
        """As a log."""
        if self.down:
            raise LogUnavailable("log", "a full disk", "room")
        self.entries.append(entry)
        return cast("Appended", None)


class Blind(Cache):
    """A cache that has lost its cluster."""

    def __init__(self) -> None:
        self.words: tuple[str, ...] = ()

    def troubles(self, silence: float = 0) -> tuple[str, ...]:  # noqa: ARG002 - as a cache
        """Why."""
        return self.words


def ruled(**what: object) -> Rule:
    """The default rule, enforced so far."""
    return msgspec.structs.replace(a.RULE, rollout=msgspec.convert(what, Rollout))


def admission(rule: Rule, *, reviewed: bool = True) -> tuple[Admission, Writer]:
    """A service over the cluster of these tests."""
    sight, writer = Sight(), Writer()
    sight.state = a.state()
    return Admission(rule, sight, Journal(writer, "tester", digest_of(rule)), lambda: NOW, None, reviewed), writer


def allowed(made: Admission, octets: bytes) -> bool:
    """What the API server is told."""
    return bool(json.loads(made.answer(octets).body)["response"]["allowed"])


@pytest.mark.parametrize(
    ("rollout_", "reviewed", "mode"),
    [
        ({}, True, Mode.OBSERVE),
        ({"default": "warn"}, True, Mode.WARN),
        ({"default": "deny"}, True, Mode.DENY),
        ({"default": "deny"}, False, Mode.WARN),
        ({"default": "observe", "namespaces": {"red": "deny"}}, True, Mode.DENY),
        ({"default": "deny", "namespaces": {"red": "observe"}}, True, Mode.OBSERVE),
        ({"default": "deny", "namespaces": {"open": "observe"}}, True, Mode.DENY),
        ({"default": "observe", "clauses": {"2": "deny"}}, True, Mode.DENY),
        ({"default": "observe", "clauses": {"2": "deny", "2.2": "warn"}}, True, Mode.WARN),
        ({"default": "deny", "clauses": {"4": "observe"}}, True, Mode.DENY),
    ],
)
def test_a_denial_goes_as_far_as_the_rule_says(rollout_: dict[str, object], reviewed: bool, mode: Mode) -> None:
    """By namespace, else by the nearest clause, else by default; and never to deny before somebody has looked."""
    made, _ = admission(ruled(**rollout_), reviewed=reviewed)
    assert made.answer(BAD).mode is mode
    assert allowed(made, BAD) is (mode is not Mode.DENY)
    assert allowed(made, GOOD)


def test_of_several_reasons_the_most_enforced_decides() -> None:
    """One clause that denies is enough, whatever others only observe."""
    verdict = Verdict((Reason("2.2", "a", "b", "c"), Reason("4.1", "a", "b", "c")))
    assert rollout.mode(ruled(clauses={"4": "deny"}), verdict, "x", reviewed=True) is Mode.DENY


def test_a_denial_is_logged_before_it_is_answered_and_holds_without_a_log() -> None:
    """In deny, an entry is there with the answer; where the log is down, the answer is no all the same, and says so."""
    made, writer = admission(ruled(default="deny"))
    assert not allowed(made, BAD)
    entry = writer.entries[0]
    assert entry.kind is EntryKind.DENIAL
    assert entry.fields["tenant"] == "south"
    assert entry.digests["rule"] == digest_of(made.rule)
    writer.down = True
    response = json.loads(made.answer(BAD).body)["response"]
    assert response["allowed"] is False
    assert "full disk" in response["status"]["message"]


def test_what_is_observed_is_rolled_up_and_survives_a_log_that_is_down() -> None:
    """A thousand tries are one line with a count; a log that is down for a while loses none of them."""
    made, writer = admission(ruled(default="observe"))
    for _ in range(1000):
        assert allowed(made, BAD)
    assert not writer.entries
    writer.down = True
    with pytest.raises(LogUnavailable):
        made.journal.flush(NOW)
    made.answer(BAD)
    made.answer(a.asked(pod("kube-system", hostPID=True)))
    writer.down = False
    assert made.journal.flush(NOW) == 2
    assert made.journal.flush(NOW) == 0
    rows = [msgspec.json.decode(r, type=Row) for r in cast("tuple[str, ...]", writer.entries[0].fields["rows"])]
    assert {(r.mode, r.clause, r.count) for r in rows} == {("observe", "2.2", 1001), ("exempt", "5.1", 1)}


def test_names_make_no_end_of_rows() -> None:
    """Pods of ever new names are counted, and do not fill the memory."""
    made, writer = admission(ruled(default="observe"))
    for n in range(MOST_ROWS + 500):
        made.answer(a.asked(pod("red", f"p{n}", {"nvidia.com/gpumem": "1"})))
    assert made.journal.flush(NOW) == MOST_ROWS + 1
    rows = [msgspec.json.decode(r, type=Row) for r in cast("tuple[str, ...]", writer.entries[0].fields["rows"])]
    assert sum(r.count for r in rows) == MOST_ROWS + 500


@pytest.mark.parametrize("mode", list(Mode))
def test_a_dry_run_writes_nothing(mode: Mode) -> None:
    """The same verdict, and no entry and no row."""
    made, writer = admission(ruled(default=mode.value))
    dry = json.loads(BAD)
    dry["request"]["dryRun"] = True
    assert allowed(made, json.dumps(dry).encode()) is allowed(made, BAD)
    writer.entries.clear()
    made.journal.flush(NOW)
    writer.entries.clear()
    made.answer(json.dumps(dry).encode())
    assert made.journal.flush(NOW) == 0
    assert not writer.entries


def test_a_cluster_out_of_sight_denies_what_asks_a_gpu_and_lets_the_rest_go() -> None:
    """While the cache is cold or stale nothing is known, and a GPU needs to be."""
    made, _ = admission(ruled(default="deny"))
    made.cache = blind = Blind()
    assert allowed(made, GOOD)
    blind.words = ("Pod: nothing heard for 400 s",)
    assert not allowed(made, GOOD)
    assert not allowed(made, a.asked(pod("open", hostPID=True)))
    assert allowed(made, a.asked(pod("open", limits={"cpu": "1"})))


def test_a_switch_turns_denials_off_and_on_and_each_turn_is_logged(tmp_path: Path) -> None:
    """A file switches them off, with its words in the log; what cannot be logged is not switched off."""
    made, _ = admission(ruled(default="deny"))
    moment = [NOW]
    log, file = Writer(), tmp_path / "off"
    made.switched_off = Switch(file, cast("Log", log), lambda: moment[0])

    def later() -> bool:
        moment[0] += timedelta(seconds=2)
        return allowed(made, BAD)

    assert not later()
    file.write_text("incident 7")
    log.down = True
    assert not later()
    log.down = False
    assert later()
    file.unlink()
    assert not later()
    assert [(e.fields["denials"], e.fields["reason"]) for e in log.entries] == [("off", "incident 7"), ("on", "")]


def put(kind: str, action: Action, *objects: Json) -> Change:
    """Something that was heard."""
    return Change(kind, action, [msgspec.Raw(json.dumps(o).encode()) for o in objects])


def test_what_is_heard_of_a_cluster_is_what_is_known_of_it() -> None:
    """Lists replace, events put and remove, and after each the judge knows it."""
    sight = Sight()

    def good() -> bool:
        return a.verdict(sight.state, GOOD).allowed

    sight.apply(put("Namespace", Action.LIST, a.namespace("red", "south", "restricted")))
    sight.apply(put("Node", Action.LIST, a.node("n1")))
    assert good()
    sight.apply(put("Node", Action.PUT, a.node("n1", {"nvidia.com/gpu.sharing-strategy": "mps"})))
    assert not good()
    sight.apply(put("Node", Action.LIST, a.node("n1")))
    assert good()
    sight.apply(put("Namespace", Action.REMOVE, a.namespace("red")))
    assert not good()
    sight.apply(put("Namespace", Action.LIST))
    assert not good()
    with pytest.raises(Malformed):
        sight.apply(put("Pod", Action.PUT, {"metadata": {"name": "p"}, "spec": []}))


def test_of_what_others_keep_only_the_names_of_devices_are_kept() -> None:
    """A secret's values do not stay in memory; whether it would show devices does."""
    sight = Sight()
    secret = {"metadata": a.meta("s", "open"), "data": {"password": "aHVudGVyMg==", "NVIDIA_VISIBLE_DEVICES": "YWxs"}}
    sight.apply(put("Secret", Action.PUT, secret))
    assert "hunter" not in repr(sight.state.get("Secret", "open", "s"))
    assert "aHVudGVyMg" not in repr(sight.state.get("Secret", "open", "s"))


@pytest.fixture
def log(tmp_path: Path) -> Callable[[], Log]:
    """A real log in a folder."""
    place = Place(str(tmp_path / "log"))
    create(place)
    return lambda: Log.open(place, offline=True)


def test_a_report_tells_since_when_and_whose_and_counts_once_it_was_looked_at(log: Callable[[], Log]) -> None:
    """What was observed and denied is told by tenant and clause; a rule that names the report may deny from then on."""
    with log() as held:
        with pytest.raises(NotFound):
            isolation_report.report(held.place)
        rule = ruled(default="observe", namespaces={"open": "deny"})
        sight = Sight()
        sight.state = a.state()
        made = Admission(rule, sight, Journal(held, "tester", digest_of(rule)), lambda: NOW, None, reviewed=True)
        for _ in range(3):
            made.answer(BAD)
        made.answer(a.asked(pod("open", "d", hostPID=True)))
        made.journal.flush(NOW)
        held.publish()
        found = isolation_report.report(held.place)
        told = {(x.mode, x.tenant, x.namespace, x.clause, x.count, x.objects, x.users) for x in found.lines}
        assert told == {
            ("observe", "south", "red", "2.2", 3, ("Pod p",), ("alice",)),
            ("deny", "north", "open", "4.1", 1, ("Pod d",), ("alice",)),
        }
        denying = ruled(default="deny", reviewed=[found.digest])
        assert not admission_open.reviewed(denying, held.place)
        isolation_report.review(held, found, NOW)
        held.publish()
        assert admission_open.reviewed(denying, held.place)
        assert not admission_open.reviewed(ruled(default="deny", reviewed=["sha256:" + "0" * 64]), held.place)
        assert not admission_open.reviewed(ruled(default="deny"), held.place)
        assert isolation_report.report(held.place, "deny").lines[0].mode == "deny"


def test_a_review_that_cannot_be_read_is_denied_and_told() -> None:
    """Octets that are no review get an answer with the uid that they have, if they have one."""
    made, writer = admission(ruled(default="deny"))
    response = json.loads(made.answer(b'{"request": {"uid": "u7"}}').body)["response"]
    assert (response["uid"], response["allowed"]) == ("u7", False)
    assert writer.entries[0].kind is EntryKind.DENIAL
    assert review.uid_of(b"") == ""
