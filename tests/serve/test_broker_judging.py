"""What a broker judges by: endorsements from memory, for as long as they last, and fetched for whoever needs them."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import composite_minting as c
import minted_x509 as x
import pytest

from strongroom.app import broker_judging as judging
from strongroom.app.config import BrokerSection, Config
from strongroom.app.endorsements import Given
from strongroom.model.attest import Endorsements, Want
from strongroom.model.errors import Malformed

NODE = c.Node(count=0)
EVIDENCE = NODE.inputs().evidence
FOUND = NODE.inputs().endorsements
WANTED = Want("amd-kds", "crl", (("product", "Milan"),))


class Sources:
    """Where endorsements come from: what is at hand, what a fetch brings, and how long it takes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at_hand, self.fetched = Given(FOUND), Given(FOUND)
        self.asked: list[bool] = []
        self.go = threading.Event()
        self.go.set()
        monkeypatch.setattr(judging, "gather", self._gather)
        monkeypatch.setattr(judging, "wants", lambda _: (WANTED,))

    def _gather(self, *_: object, offline: bool, **__: object) -> Given:
        self.asked.append(offline)
        if not offline:
            self.go.wait(60)
        return self.at_hand if offline else self.fetched


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> Sources:
    """Everything is at hand."""
    return Sources(monkeypatch)


def judged(*, offline: bool = True, seconds: float = 30.0) -> judging.Judged:
    """What a broker of an empty configuration judges by."""
    return judging.Judged(Config(broker=BrokerSection(fetch_seconds=seconds)), lambda: x.NOW, offline=offline)


def test_what_is_at_hand_is_used_for_an_hour(sources: Sources) -> None:
    """Within it nothing is read again; after it, it is."""
    by = judged()
    for minutes in (0, 1, 59):
        assert by(EVIDENCE, x.NOW + timedelta(minutes=minutes)).endorsements == FOUND
    assert sources.asked == [True]
    by(EVIDENCE, x.NOW + timedelta(minutes=61))
    assert sources.asked == [True, True]


def test_an_endorsement_is_not_used_longer_than_it_lasts(sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends within the hour is looked for again from then on, and the figure says when the first ends."""
    ends = x.NOW + timedelta(minutes=10)
    monkeypatch.setattr(judging, "described", lambda _: Described(ends))
    by = judged()
    by(EVIDENCE, x.NOW)
    by(EVIDENCE, x.NOW + timedelta(minutes=9))
    assert sources.asked == [True]
    assert by.next_end() == ends
    by(EVIDENCE, x.NOW + timedelta(minutes=10))
    assert sources.asked == [True, True]


class Described:
    """What an endorsement says of itself."""

    def __init__(self, ends: object) -> None:
        self.ends = ends


def test_what_is_missing_is_looked_for_again(sources: Sources) -> None:
    """Without an endorsement evidence is judged by what there is, and it is looked for again soon, not in an hour."""
    sources.at_hand = Given(Endorsements(()), missing=(WANTED,))
    by = judged()
    assert by(EVIDENCE, x.NOW).endorsements.items == ()
    by(EVIDENCE, x.NOW + timedelta(seconds=14))
    assert len(sources.asked) == 1
    sources.at_hand = Given(FOUND)
    assert by(EVIDENCE, x.NOW + timedelta(seconds=16)).endorsements == FOUND


def test_what_has_to_be_fetched_is_waited_for(sources: Sources) -> None:
    """A fetch that comes in time is judged by; offline none is begun."""
    sources.at_hand = Given(Endorsements(()), missing=(WANTED,))
    assert judged(offline=False)(EVIDENCE, x.NOW).endorsements == FOUND
    assert sources.asked.count(False) == 1
    sources.asked.clear()
    assert judged()(EVIDENCE, x.NOW).endorsements.items == ()
    assert False not in sources.asked


def test_a_slow_source_keeps_nobody(sources: Sources) -> None:
    """Whoever waited long enough is judged by what is at hand; what comes later is there for whoever asks next."""
    sources.at_hand = Given(Endorsements(()), missing=(WANTED,))
    sources.go.clear()
    by = judged(offline=False, seconds=0.05)
    assert by(EVIDENCE, x.NOW).endorsements.items == ()
    sources.go.set()
    until(lambda: by(EVIDENCE, x.NOW).endorsements == FOUND)
    assert sources.asked.count(False) == 1


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that another thread does."""
    for _ in range(6000):
        if holds():
            return
        threading.Event().wait(0.01)
    pytest.fail("it never came")


def test_a_policy_that_changes_counts_at_once(sources: Sources, tmp_path: Path) -> None:
    """It is read again with the next attestation; one that cannot be read denies, and none of before counts."""
    assert sources.asked == []
    path = tmp_path / "policy.toml"
    head = 'schema = "strongroom.attest-policy/1"\n'
    path.write_text(f'{head}name = "one"\n')
    config = Config()
    config = type(config)(attest=type(config.attest)(policy=str(path)))
    by = judging.Judged(config, lambda: x.NOW, offline=True)
    assert by.in_force()[0].name == "one"
    path.write_text(f'{head}name = "another"\n')
    assert by.in_force()[0].name == "another"
    path.write_text("not a policy")
    with pytest.raises(Malformed):
        by.in_force()
