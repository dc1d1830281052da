"""An asset as a check sees it: typed reads that are recorded as evidence and that stop at what is not known."""

from datetime import datetime
from typing import TypeVar

from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset, Fact
from strongroom.model.values import Key, NetRule, Statement, Unknown, Value

T = TypeVar("T")


class NotKnown(Exception):
    """A check asked for a value that is not known; the judge turns it into the status `unknown`."""

    def __init__(self, reason: Unknown) -> None:
        super().__init__(reason.detail)
        self.reason = reason


class AssetView:
    """The one implementation of `model.ports.View`."""

    __slots__ = ("_asset", "now", "read")

    def __init__(self, asset: Asset, now: datetime) -> None:
        self._asset = asset
        self.now = now
        self.read: dict[str, Fact] = {}

    @property
    def asset(self) -> Asset:
        """The asset itself."""
        return self._asset

    def has(self, name: str) -> bool:
        """Whether the asset carries the fact at all."""
        return name in self._asset.facts

    def raw(self, name: str) -> Value:
        """The value as it is, `Unknown` included."""
        fact = self._asset.facts.get(name)
        if fact is None:
            return Unknown(GapCode.UNSUPPORTED, f"this source does not show {name}")
        self.read[name] = fact
        return fact.value

    def _typed(self, name: str, kind: type[T]) -> T:
        value = self.raw(name)
        if isinstance(value, Unknown):
            raise NotKnown(Unknown(value.code, f"{name}: {value.detail}"))
        if not isinstance(value, kind):
            raise NotKnown(Unknown(GapCode.MALFORMED, f"{name}: found no {kind.__name__}"))
        return value

    def flag(self, name: str) -> bool:
        """A fact that is true or false."""
        return self._typed(name, bool)

    def number(self, name: str) -> float:
        """A fact that is a number."""
        value = self._typed(name, object)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise NotKnown(Unknown(GapCode.MALFORMED, f"{name}: found no number"))
        return float(value)

    def text(self, name: str) -> str:
        """A fact that is text; empty where it is a known absence."""
        return "" if self.raw(name) is None else self._typed(name, str)

    def key(self, name: str) -> Key:
        """A fact that says how something is encrypted."""
        return Key("none") if self.raw(name) is None else self._typed(name, Key)

    def _each(self, name: str, kind: type[T]) -> tuple[T, ...]:
        if self.raw(name) is None:
            return ()
        items = self._typed(name, tuple)
        for item in items:
            if isinstance(item, Unknown):
                raise NotKnown(Unknown(item.code, f"{name}: {item.detail}"))
            if not isinstance(item, kind):
                raise NotKnown(Unknown(GapCode.MALFORMED, f"{name}: found no list of {kind.__name__}"))
        return items

    def texts(self, name: str) -> tuple[str, ...]:
        """A fact that is a list of texts."""
        return self._each(name, str)

    def rules(self, name: str) -> tuple[NetRule, ...]:
        """A fact that is a list of firewall rules; their peers may still be unknown."""
        return self._each(name, NetRule)

    def statements(self, name: str) -> tuple[Statement, ...]:
        """A fact that is a list of IAM statements."""
        return self._each(name, Statement)
