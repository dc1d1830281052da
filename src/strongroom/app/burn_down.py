"""The runs before this one, for the burn-down in its report."""

from collections.abc import Iterable
from pathlib import Path

from strongroom.app.rules import SCHEME as RULES
from strongroom.app.state import state_path
from strongroom.model.control import Assessment
from strongroom.model.snapshot import Kept
from strongroom.store import burn_down
from strongroom.store.snapshots import Store


def earlier(found: Assessment, state: str) -> tuple[Kept, ...]:
    """The kept runs of the same sources before this one, oldest first. Looking makes no database. Raises StateError."""
    where = state_path(state or None)
    if "://" not in where and not Path(where).is_file():
        return ()
    own = _own(s.spec for s in found.sources)
    with Store(where) as store, store.transaction() as db:
        runs = burn_down.kept(db, lambda sources: _own(sources) == own, found.seen_at)
    return tuple(r for r in runs if r.snapshot != found.snapshot)


def _own(specs: Iterable[str]) -> list[str]:
    """What tells sources apart: with another rule of the user's own they are still the same."""
    return sorted(s for s in specs if not s.startswith(f"{RULES}:"))
