"""What a broker says of itself when something it needs is gone, and that it releases nothing then."""

from collections.abc import Callable, Iterator
from pathlib import Path

import broker_counter as k
import pytest
from broker_house import House
from served_broker import certified

from strongroom.app.broker_channel import JSON, Channel
from strongroom.app.broker_health import troubles
from strongroom.app.log import Log
from strongroom.model.errors import KeyUnavailable, LogUnavailable, StateError, StrongroomError
from strongroom.serve.broker_desk import Desk
from strongroom.store.broker import BrokerStore


@pytest.fixture
def at(tmp_path: Path) -> Iterator[k.Counter]:
    """A broker that is ready."""
    certified(tmp_path, "eve")
    with k.counter(House(tmp_path, admins=k.PEOPLE)) as found:
        yield found


def raising(error: StrongroomError) -> Callable[..., object]:
    """Something that fails whenever it is asked."""

    def fails(*_: object, **__: object) -> object:
        raise error

    return fails


def no_log(_: k.Counter, patch: pytest.MonkeyPatch) -> None:
    """The disk of the log is full."""
    patch.setattr(Log, "append", raising(LogUnavailable("log", "no space left", "room")))
    patch.setattr(Log, "published", raising(LogUnavailable("log", "no space left", "room")))


def no_database(_: k.Counter, patch: pytest.MonkeyPatch) -> None:
    """The database does not answer."""
    gone = raising(StateError("broker database", "no connection", "one"))
    for name in ("_db", "_hot"):
        patch.setattr(BrokerStore, name, gone)


def no_back_end(at: k.Counter, patch: pytest.MonkeyPatch) -> None:
    """The back end does not answer."""
    for name in ("check", "unwrap"):
        patch.setattr(at.found.broker.setup.keys["file"], name, raising(KeyUnavailable("file", "gone", "keys")))


def no_policy(at: k.Counter, _: pytest.MonkeyPatch) -> None:
    """The release policy is gone."""
    (at.house.folder / "policy.toml").unlink()


def unsigned(at: k.Counter, _: pytest.MonkeyPatch) -> None:
    """Somebody has written into the release policy."""
    path = at.house.folder / "policy.toml"
    path.write_text(path.read_text().replace("uses = 100", "uses = 99"))


HARMS = {
    "log": (no_log, 503),
    "database": (no_database, 503),
    "key back end": (no_back_end, 503),
    "no release policy": (no_policy, 401),
    "no release policy that its signers have signed": (unsigned, 401),
}


@pytest.mark.parametrize("word", HARMS)
def test_it_is_not_ready_and_releases_nothing(at: k.Counter, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks whether it is ready learns that it is not, its operator why; a session of before gets nothing."""
    at.attested()
    assert at.public.get("/readyz").status_code == 200
    harm, status = HARMS[word]
    harm(at, monkeypatch)
    assert any(t.startswith(word) for t in troubles(at.found.broker))
    assert at.weights() == status
    desk = Desk(at.found.broker)
    with k.TestClient(k.broker_http.routes(desk)) as fresh:
        got = fresh.get("/readyz")
    desk.close()
    assert (got.status_code, got.headers["retry-after"]) == (503, "5")
    assert set(got.json()) == {"type", "detail"}
    assert got.json()["detail"] == "nothing can be released now"


def test_it_recovers_by_itself(at: k.Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once what was gone is back, the same session gets its key, without a restart."""
    at.attested()
    with monkeypatch.context() as patch:
        no_database(at, patch)
        assert at.weights() == 503
    with monkeypatch.context() as patch:
        no_back_end(at, patch)
        assert at.weights() == 503
    text = (at.house.folder / "policy.toml").read_text()
    no_policy(at, monkeypatch)
    assert at.weights() == 401
    (at.house.folder / "policy.toml").write_text(text)
    assert at.weights() == 200


def test_the_operator_is_told_once(at: k.Counter, capfd: pytest.CaptureFixture[str]) -> None:
    """A trouble that lasts is one line, not one for each probe; nobody fills his channel by asking."""
    at.desk.channel = Channel(JSON)
    no_policy(at, pytest.MonkeyPatch())
    capfd.readouterr()
    for _ in range(5):
        assert at.public.get("/readyz").status_code == 503
    assert capfd.readouterr().err.count("no release policy") == 1


def test_administration_says_all(at: k.Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who operates reads what is wrong, with what is in force and what is open."""
    at.as_person("oli")
    said = at.admin.get(f"{k.V0}health/full").json()
    assert (said["ready"], said["policy"], said["backends"]) == (True, "weights 1", ["file"])
    no_back_end(at, monkeypatch)
    at.desk.health._until = 0.0  # the time has passed for which it is told again
    said = at.admin.get(f"{k.V0}health/full").json()
    assert said["ready"] is False
    assert any("key back end file" in t for t in said["troubles"])
