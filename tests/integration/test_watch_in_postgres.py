"""The memory of the watch in a real PostgreSQL server: what holds of a file holds of it."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import test_standing_store as contract
from sqlalchemy import create_engine

from integration.test_postgres import url  # noqa: F401 - a fixture
from strongroom.store.standing import WatchStore
from strongroom.store.standing_schema import WATCH

pytestmark = pytest.mark.integration


@pytest.fixture
def empty(url: str) -> Iterator[str]:  # noqa: F811 - the fixture
    """A database without tables."""
    engine = create_engine(url)
    WATCH.drop_all(engine)
    yield url
    WATCH.drop_all(engine)
    engine.dispose()


@pytest.mark.parametrize(
    "holds",
    [
        contract.test_a_name_and_a_tpm_belong_to_one_host,
        contract.test_a_row_is_written_only_as_it_was_read,
        contract.test_several_rows_and_their_entries_are_written_together,
        contract.test_due_are_those_whose_lease_is_over,
        contract.test_a_challenge_is_answered_once,
        contract.test_settling_takes_the_challenge_and_writes_the_host_or_neither,
        contract.test_threads_that_race_settle_once,
        contract.test_an_enrolment_waits_once_and_not_for_ever,
        contract.test_another_key_takes_over_a_name,
        contract.test_a_host_that_is_forgotten_leaves_nothing_but_its_entries,
        contract.test_what_waits_for_the_log_is_handed_to_one_at_a_time,
        contract.test_a_roll_is_called_by_one,
    ],
)
def test_what_holds_of_a_file_holds_of_a_server(empty: str, holds: Callable[[WatchStore], None]) -> None:
    """Each promise of the store, kept by PostgreSQL."""
    with WatchStore(empty) as store:
        holds(store)


def test_each_challenge_is_taken_once_from_several_stores(empty: str) -> None:
    """Of four stores that are opened at once, and make the tables together, one takes each challenge."""
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: WatchStore(empty), range(4)))
        for n in range(40):
            stores[0].ask(contract.question(n, contract.host()))
        barrier = threading.Barrier(4)

        def work(store: WatchStore) -> int:
            barrier.wait()
            return sum(store.take(contract.question(n, contract.host())) for n in range(40))

        assert sum(pool.map(work, stores)) == 40
    for store in stores:
        store.close()
