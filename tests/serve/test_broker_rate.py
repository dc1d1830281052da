"""What an hour allows of a resource is counted together, however many ask at once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from broker_house import WEIGHTS, House, running


def test_the_rate_holds_for_many_at_once(tmp_path: Path) -> None:
    """Sessions that ask together get no more than the rule gives in an hour, and as many as it gives."""
    house = House(tmp_path)
    house.policy(2, uses="100", per_hour="5")
    with running(house) as found:
        clients = [found.client() for _ in range(8)]
        for client in clients:
            client.attest()
        with ThreadPoolExecutor(len(clients)) as threads:
            got = [s for _ in range(3) for s in threads.map(lambda c: c.ask("GET", WEIGHTS).status, clients)]
    assert got.count(200) == 5
    assert set(got) <= {200, 401, 503}
