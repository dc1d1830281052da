"""What a fact can hold. `Unknown` is a value of its own and always carries the reason."""

import msgspec

from strongroom.model.codes import GapCode


class Unknown(msgspec.Struct, frozen=True, tag="unknown"):
    """A value that could not be had. `detail` names the permission, file, variable or line that is missing."""

    code: GapCode
    detail: str


class Where(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where something stands: a file with 1-based inclusive lines, or a path inside a document.

    `called_from` names the module call (`main.tf:12`) when the lines belong to a module's own file.
    """

    file: str
    line_start: int = 0
    line_end: int = 0
    path: str = ""
    called_from: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line_start}" if self.line_start else self.file


class Key(msgspec.Struct, frozen=True, tag="key"):
    """How something is encrypted: `tech` is `none`, `provider` (the provider's own key) or `cmk` (the customer's).

    `name` is the key's address, ARN or id; empty when there is none.
    """

    tech: str
    name: str = ""


class NetRule(msgspec.Struct, frozen=True, tag="net-rule"):
    """One rule of a firewall. Ports are inclusive; `protocol` is `tcp`, `udp`, `icmp`, `all` or a number.

    `peers` are CIDR blocks or `Unknown`; a rule whose peer is another group or a prefix list has it in `groups`.
    """

    direction: str  # "ingress" or "egress"
    action: str  # "allow" or "deny"
    protocol: str
    from_port: int
    to_port: int
    peers: tuple[str | Unknown, ...]
    groups: tuple[str, ...] = ()
    priority: int = 0


class Condition(msgspec.Struct, frozen=True, tag="condition"):
    """One test of an IAM statement: operator, context key (lower case), values."""

    operator: str
    key: str
    values: tuple[str, ...]


class Statement(msgspec.Struct, frozen=True, tag="statement"):
    """One IAM statement in normal form. Principals are `*`, or `TYPE:value` such as `AWS:arn:…`, `Service:…`.

    Actions are in lower case. A string that holds `${address}` names a resource whose ARN is not known yet.
    """

    effect: str  # "allow" or "deny"
    principals: tuple[str, ...] = ()
    not_principals: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    sid: str = ""


Plain = bool | int | float | str | None
Single = Plain | Unknown | Key | NetRule | Statement
# Lists do not nest: a type that names itself cannot be read back from JSON with its type checked.
Value = Single | tuple[Single, ...]
"""A fact's value. `None` is a known absence: the thing is not set and there is no default."""
