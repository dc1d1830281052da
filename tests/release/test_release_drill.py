"""The drill: it passes where the broker fails closed, and fails where it does not."""

from collections.abc import Iterator
from pathlib import Path

import broker_rig as b
import kinds_rig as k
import msgspec
import pytest
from served_broker import serving

from strongroom.app import broker, broker_release
from strongroom.app.broker import Broker
from strongroom.app.broker_release import resource
from strongroom.app.broker_words import Refused
from strongroom.app.log_entries import entries
from strongroom.app.release_admin import Desk
from strongroom.app.release_client import Client, To
from strongroom.app.release_drill import Asked, Drill, drill
from strongroom.model.errors import LogUnavailable, NotFound
from strongroom.model.log import LogEntry
from strongroom.model.trust import Decision, Receipt


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[b.Rig]:
    """A broker that has released once."""
    made = b.Rig(tmp_path)
    cookie, _ = b.attested(made)
    assert b.opened(resource(made.broker, b.WEIGHTS, cookie)) == b.SECRET
    yield made
    made.log.close()
    made.store.close()


def ran(rig: b.Rig, *, dry: bool = False) -> Drill:
    """A drill at the rig's desk."""
    rig.log.publish()
    desk = Desk(rig.store, {}, rig.log, rig.policy, "tester", rig.now)
    return drill(desk, Asked(rig.place, dry, rig.judge))


class _Open:
    """A gate that opens to everything."""

    def __init__(self, receipt: object) -> None:
        self._receipt = receipt

    def opened(self, *_: object) -> object:
        """Whatever was asked."""
        return self._receipt.decision  # type: ignore[attr-defined] # a receipt


def logged(rig: b.Rig) -> list[LogEntry]:
    """The drills in the log."""
    rig.log.publish()
    return [g.entry for g in entries(rig.place, ["drill"]) if g.entry is not None]


def test_a_broker_that_fails_closed_passes(rig: b.Rig) -> None:
    """Every fault is denied, and as the log must have it; the outcome is an entry that names each."""
    before = rig.keys.opened
    found = ran(rig)
    assert [(c.fault, c.failed) for c in found.failed] == []
    assert found.control == ""
    assert found.passed
    assert sum(not c.skipped for c in found.cells) >= 24
    assert rig.keys.opened == before, "a drill opens nothing of the live broker"
    (entry,) = logged(rig)
    assert entry.fields["passed"] is True
    assert len(entry.fields["cells"]) == len(found.cells)  # type: ignore[arg-type] # texts
    assert set(entry.digests) == {"code", "policy", "appraisal-record"}
    assert rig.policy is not None
    assert entry.digests["policy"] == rig.policy.digest


def test_a_dry_one_logs_nothing(rig: b.Rig) -> None:
    """It can be tried."""
    assert ran(rig, dry=True).entry is None
    assert logged(rig) == []


@pytest.mark.parametrize(
    ("broken", "faults"),
    [
        (
            "revocations",
            {"a measurement that was revoked since", "a chip that was revoked since", "a key that was revoked since"},
        ),
        ("unlogged", {"a log that is full"}),
        ("patience", {"a key back end that takes a minute", "a verifier that takes a minute"}),
        ("endorsements", {"no endorsements"}),
    ],
)
def test_a_broker_that_does_not_fails(
    rig: b.Rig, broken: str, faults: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is blind to revocations, goes on without its log, waits for ever, or believes anything: the cell is named."""
    decide = broker_release.decide
    match broken:
        case "revocations":
            monkeypatch.setattr(
                broker_release, "decide", lambda terms: decide(msgspec.structs.replace(terms, revocations=()))
            )
        case "unlogged":
            was, sealed = broker_release.logged, broker_release.sealed

            def careless(broker: Broker, decision: Decision) -> Receipt:
                try:
                    return was(broker, decision)
                except Refused:
                    return Receipt(decision, 0, (), b"")  # type: ignore[call-arg] # no receipt at all

            def open_to_all(broker: Broker, *given: object) -> bytes:
                for keys in broker.setup.keys.values():
                    keys.gate = _Open(given[0])  # type: ignore[attr-defined] # the drill's own back end
                return sealed(broker, *given)  # type: ignore[arg-type] # handed on

            monkeypatch.setattr(broker_release, "logged", careless)
            monkeypatch.setattr(broker_release, "sealed", open_to_all)
        case "patience":
            monkeypatch.setattr(broker_release, "in_time", lambda *_: None)
            monkeypatch.setattr(broker, "in_time", lambda *_: None)
        case _:
            sound = rig.judge
            verdicts: list[object] = []

            def believing(*given: object) -> object:
                found = sound(*given)  # type: ignore[arg-type] # handed on
                if found.opens or not verdicts:
                    verdicts.append(found)
                return verdicts[0]

            monkeypatch.setattr(rig, "judge", believing)
    found = ran(rig)
    assert not found.passed
    assert faults & {c.fault for c in found.failed}
    assert logged(rig)[0].fields["passed"] is False


def test_without_a_release_there_is_nothing_to_repeat(tmp_path: Path) -> None:
    """It says what to do, and does not pass."""
    rig = b.Rig(tmp_path)
    with pytest.raises(NotFound, match="none to an attested workload") as told:
        ran(rig)
    assert "release get" in told.value.hint
    rig.policy = None
    with pytest.raises(NotFound, match="none that counts"):
        ran(rig)
    rig.log.close()
    rig.store.close()


def test_where_the_policy_refuses_without_a_fault_nothing_is_shown(rig: b.Rig) -> None:
    """A policy that denies everything would pass every cell: the control tells."""
    assert rig.policy is not None
    rule = rig.rule(owners={"lab": msgspec.structs.replace(rig.rule().owners["lab"], references=("other 1",))})
    rig.policy = msgspec.structs.replace(rig.policy, rules=(rule,))
    found = ran(rig)
    assert "refused without a fault" in found.control
    assert not found.passed


def test_an_outcome_that_cannot_be_logged_is_an_error(rig: b.Rig) -> None:
    """What is not in the log has not happened."""

    class Full:
        """A log that takes nothing."""

        def record(self, *_: object) -> object:
            """Take nothing."""
            raise LogUnavailable("log", "no space left on device", "a log")

    rig.log.publish()
    desk = Desk(rig.store, {}, Full(), rig.policy, "tester", rig.now)  # type: ignore[arg-type] # as much of it as is asked
    with pytest.raises(LogUnavailable):
        drill(desk, Asked(rig.place, judge=rig.judge))


@pytest.mark.parametrize("kind", sorted(k.KINDS))
def test_every_kind_of_root_can_be_drilled(kind: str, tmp_path: Path) -> None:
    """The message is put together again as it came, whatever the evidence is of."""
    made = k.KINDS[kind]()
    rig = k.KindRig(tmp_path, now=made.now, kind=made)
    with (
        serving(rig.broker, tmp_path) as served,
        Client(To(served.url, str(served.ca), timeout=5.0), made, lambda: rig.now) as client,
    ):
        client.get(b.WEIGHTS).wipe()
    found = ran(rig)
    assert (found.control, found.failed) == ("", ())
    rig.log.close()
    rig.store.close()
