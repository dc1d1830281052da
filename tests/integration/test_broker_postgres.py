"""Two brokers over one PostgreSQL: what is begun at one goes on at the other, and what is counted is counted once."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import broker_rig as b
import pytest
from broker_house import ATTEST, RESOURCE, WEIGHTS, Client, Got, House, Running, running

from integration.test_log_in_postgres import Server, server, url
from strongroom.app import log_entries
from strongroom.app.config import load
from strongroom.app.log import create
from strongroom.app.log_default import place_of
from strongroom.kit import jose
from strongroom.model.codes import EntryKind

pytestmark = pytest.mark.integration
__all__ = ["server", "url"]
THREADS = 6  # of each broker


def other(house: House, folder: Path) -> House:
    """A second machine: the same keys, configuration and policy in a folder of its own, and nothing else in common."""
    shutil.copytree(house.folder, folder)
    made = object.__new__(House)
    made.__dict__ |= house.__dict__ | {
        "folder": folder,
        "config": folder / "strongroom.toml",
        "ca": folder / "broker-ca.pem",
    }
    made.config.write_text(house.config.read_text().replace(str(house.folder), str(folder)))
    at = house.config.stat().st_mtime
    os.utime(made.config, (at, at))  # from which their clocks count
    return made


class Pair:
    """Two brokers, and the folders that they are in."""

    def __init__(self, tmp_path: Path, url: str, **rule: str) -> None:
        (tmp_path / "one").mkdir()
        made = tmp_path / "one"
        log = f'[log]\npath = "{url}"\nkey = ["{made}/log.key"]\n'
        self.first = House(made, state=url, more=f'token_key = "{made}/token.key"\n', before=log)
        create(place_of(load(str(self.first.config))), "log.example/pair")
        self.policy = rule
        if rule:
            self.first.policy(2, **rule)
        self.folder = tmp_path

    def up(self, held: ExitStack, *words: str) -> tuple[Running, Running]:
        """Both of them, the second killed or stopped by the test as it likes."""
        one = held.enter_context(running(self.first, *words))
        self.second = other(self.first, self.folder / "two")  # with the key that the first has made
        return one, held.enter_context(running(self.second, *words, stops=False))

    def kinds(self) -> list[EntryKind]:
        """What their one log has, once both have published."""
        place = place_of(load(str(self.first.config)))
        return [got.entry.kind for got in log_entries.entries(place) if got.entry is not None]


@pytest.fixture
def held() -> Iterator[ExitStack]:
    """What ends with the test."""
    with ExitStack() as stack:
        yield stack


def at_once(clients: list[Client], path: str = WEIGHTS) -> list[Got]:
    """The answers to the same question, asked together."""
    with ThreadPoolExecutor(len(clients)) as threads:
        return list(threads.map(lambda c: c.ask("GET", path), clients))


def with_cookie(found: Running, cookie: str) -> Client:
    """Somebody who has a session, at this broker."""
    client = found.client()
    client.cookie = cookie
    return client


def test_a_session_is_of_both(tmp_path: Path, url: str, held: ExitStack) -> None:
    """Begun at one, attested at the other, released at the first; a token of one is good at the other."""
    one, two = Pair(tmp_path, url).up(held)
    client = one.client()
    body = b.answer(client.open())
    token = json.loads(with_cookie(two, client.cookie).ask("POST", ATTEST, body).body)["token"]
    assert b.opened(client.ask("GET", WEIGHTS).body) == b.SECRET
    bearing = {"Authorization": f"Bearer {token}"}
    assert b.opened(two.client().ask("GET", WEIGHTS, headers=bearing).body) == b.SECRET
    assert client.ask("POST", ATTEST, body).status == 401  # the challenge was answered, wherever
    keys = [jose.keys(found.client().ask("GET", "/.well-known/jwks.json").body)[0].key for found in (one, two)]
    assert keys[0] == keys[1]


def test_no_use_is_given_twice(tmp_path: Path, url: str, held: ExitStack) -> None:
    """Asked at both together, an attestation gets as many releases as its rule has uses, and never one more."""
    pair = Pair(tmp_path, url, uses="5")
    one, two = pair.up(held)
    client = one.client()
    client.attest()
    together = [with_cookie(found, client.cookie) for found in (one, two) for _ in range(THREADS)]
    got = [g.status for _ in range(3) for g in at_once(together)]
    assert got.count(200) == 5
    assert set(got) <= {200, 401, 503}


def test_the_rate_of_a_resource_is_of_both(tmp_path: Path, url: str, held: ExitStack) -> None:
    """Sessions of both brokers share what an hour allows: once it is used up at one, the other gives nothing."""
    pair = Pair(tmp_path, url, uses="100", per_hour="7")
    one, two = pair.up(held)
    clients = [found.client() for found in (one, two) for _ in range(2)]
    for client in clients:
        client.attest()
    got = [client.ask("GET", WEIGHTS).status for _ in range(4) for client in clients]
    assert got == [200] * 7 + [401] * 9


def test_one_is_killed_and_the_other_works(tmp_path: Path, url: str, held: ExitStack) -> None:
    """In the middle of attestations one broker dies: the other serves its sessions, and each release is one entry."""
    pair = Pair(tmp_path, url)
    one, two = pair.up(held, "slow=1", "figures=127.0.0.1:0")
    client, monitor = two.client(), Client(two.at["figures"], pair.second.ca)
    client.attest()
    with ThreadPoolExecutor(3) as threads:
        dying = [threads.submit(_asked, two.client()) for _ in range(3)]
        while monitor.ask("GET", "/metrics").body.find(b"strongroom_broker_waiting 0") >= 0:
            time.sleep(0.01)
        two.process.kill()
        two.process.wait()
        assert {d.result() for d in dying} <= {0, 200}
    moved = with_cookie(one, client.cookie)
    assert b.opened(moved.ask("GET", WEIGHTS).body) == b.SECRET
    assert b.opened(with_cookie(one, fresh(one)).ask("GET", f"{RESOURCE}{b.WEIGHTS}").body) == b.SECRET
    assert one.client().ask("GET", "/readyz").status == 200
    while pair.kinds().count(EntryKind.RELEASE) < 2:
        time.sleep(0.05)
    assert pair.kinds().count(EntryKind.RELEASE) == 2


def fresh(found: Running) -> str:
    """The cookie of a sound handshake."""
    client = found.client()
    client.attest()
    return client.cookie


def _asked(client: Client) -> int:
    """The status of an attestation; 0 where the broker was gone before."""
    try:
        return client.ask("POST", ATTEST, b.answer(client.open())).status
    except OSError:
        return 0


def test_a_database_that_dies_denies_and_comes_back(tmp_path: Path, url: str, server: Server, held: ExitStack) -> None:
    """Without PostgreSQL there is neither state nor log: both refuse all work, and go on by themselves when it is back."""
    one, two = Pair(tmp_path, url).up(held)
    client = one.client()
    client.attest()
    server.kill()
    assert [c.ask("GET", WEIGHTS).status for c in (client, with_cookie(two, client.cookie))] == [503, 503]
    assert one.client().ask("GET", "/readyz").status == 503
    server.start()
    for found in (one, two):
        ends = time.monotonic() + 60
        while found.client().ask("GET", "/readyz").status == 503 and time.monotonic() < ends:
            time.sleep(0.2)
        # The last attestations may be gone with the server's memory, and then a workload attests again; no decision is.
        assert b.opened(with_cookie(found, fresh(found)).ask("GET", WEIGHTS).body) == b.SECRET, found.said()


def test_the_rate_holds_for_many_at_once(tmp_path: Path, url: str, held: ExitStack) -> None:
    """Sessions that ask together at both brokers get no more than an hour allows."""
    pair = Pair(tmp_path, url, uses="100", per_hour="7")
    one, two = pair.up(held)
    clients = [found.client() for found in (one, two) for _ in range(THREADS)]
    for client in clients:
        client.attest()
    got = [g.status for _ in range(3) for g in at_once(clients)]
    assert got.count(200) <= 7
