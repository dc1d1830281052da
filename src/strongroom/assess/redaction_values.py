"""What a fact holds, without the house's words; see `assess.redaction`."""

import re
from collections.abc import Callable, Iterator

from strongroom.model.values import Condition, Key, NetRule, Single, Statement, Unknown, Value, Where

# Words that mean the same in every house, and whose loss would take the sense of a finding.
COMMON = frozenset(
    {
        *("*", "0.0.0.0/0", "::/0", "::/1", "0.0.0.0/1", "128.0.0.0/1"),
        *("allow", "deny", "ingress", "egress", "tcp", "udp", "icmp", "icmpv6", "all", "-1"),
        *("none", "provider", "cmk", "true", "false"),
    }
)
NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")

Name = Callable[[str, str], str]


class Values:
    """Rewrites values; `name` gives the pseudonym of a text and a word for what it is."""

    def __init__(self, name: Name) -> None:
        self._name = name
        self._places: dict[Where, Where] = {}

    def text(self, text: str, what: str = "text") -> str:
        """A text, unless it is a number or a word that everybody uses."""
        return text if text in COMMON or NUMBER.fullmatch(text) else self._name(text, what)

    def value(self, value: Value) -> Value:
        """A fact's value: truth, numbers and absence stay."""
        return tuple(self._single(v) for v in value) if isinstance(value, tuple) else self._single(value)

    def _single(self, value: Single) -> Single:
        if isinstance(value, str):
            return self.text(value, "value")
        if isinstance(value, Unknown):
            return self._unknown(value)
        if isinstance(value, Key):
            return Key(self.text(value.tech, "key"), self._name(value.name, "key"))
        if isinstance(value, NetRule):
            return self._rule(value)
        if isinstance(value, Statement):
            return self._statement(value)
        return value

    def _unknown(self, value: Unknown) -> Unknown:
        return Unknown(value.code, self._name(value.detail, "text"))

    def _rule(self, r: NetRule) -> NetRule:
        peers = tuple(self._unknown(p) if isinstance(p, Unknown) else self.text(p, "network") for p in r.peers)
        return NetRule(
            self.text(r.direction),
            self.text(r.action),
            self.text(r.protocol, "protocol"),
            r.from_port,
            r.to_port,
            peers,
            tuple(self.text(g, "group") for g in r.groups),
            r.priority,
        )

    def _statement(self, s: Statement) -> Statement:
        return Statement(
            self.text(s.effect),
            self._all(s.principals, "principal"),
            self._all(s.not_principals, "principal"),
            self._all(s.actions, "action"),
            self._all(s.not_actions, "action"),
            self._all(s.resources, "resource"),
            self._all(s.not_resources, "resource"),
            tuple(
                Condition(self.text(c.operator, "operator"), self.text(c.key, "key"), self._all(c.values, "value"))
                for c in s.conditions
            ),
            self._name(s.sid, "statement"),
        )

    def _all(self, texts: tuple[str, ...], what: str) -> tuple[str, ...]:
        return tuple(self.text(t, what) for t in texts)

    def where(self, where: Where | None) -> Where | None:
        """A place: the lines stay, for the house finds them again by the file's pseudonym."""
        if where is None:
            return None
        known = self._places.get(where)
        if known is None:
            known = self._places[where] = Where(
                self._name(where.file, "file"),
                where.line_start,
                where.line_end,
                self._name(where.path, "path"),
                self._name(where.called_from, "call"),
            )
        return known

    def missing(self, value: Value) -> Iterator[str]:
        """The reasons why parts of a value are not known, by their codes, each once."""
        parts = value if isinstance(value, tuple) else (value,)
        flat = [p for v in parts for p in ((v, *v.peers) if isinstance(v, NetRule) else (v,))]
        yield from dict.fromkeys(p.code.value for p in flat if isinstance(p, Unknown))
