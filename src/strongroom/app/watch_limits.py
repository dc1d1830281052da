"""How often somebody may ask: buckets that fill by the clock, so many that they are bounded themselves."""

from collections.abc import Hashable
from datetime import datetime

_MOST = 200_000  # keys that are remembered; those that are full again are forgotten first


class Buckets:
    """One bucket for each key; each holds half a minute's worth, and one at the least. Not for several threads."""

    def __init__(self, per_minute: float) -> None:
        self._rate = per_minute / 60.0
        self._size = max(1.0, per_minute / 2.0)
        self._held: dict[Hashable, tuple[float, float]] = {}

    def wait(self, key: Hashable, now: datetime) -> float:
        """Take one: 0 where there is one, else the seconds until there is."""
        at = now.timestamp()
        left, since = self._held.get(key, (self._size, at))
        left = min(self._size, left + max(0.0, at - since) * self._rate)
        if left < 1.0:
            self._held[key] = (left, at)
            return (1.0 - left) / self._rate
        if key not in self._held and len(self._held) >= _MOST:
            self._forget(at)
        self._held[key] = (left - 1.0, at)
        return 0.0

    def _forget(self, at: float) -> None:
        """Who has a full bucket is as good as unknown; where nobody has, everybody starts anew."""
        kept = {k: v for k, v in self._held.items() if v[0] + max(0.0, at - v[1]) * self._rate < self._size}
        self._held = kept if len(kept) < _MOST else {}
