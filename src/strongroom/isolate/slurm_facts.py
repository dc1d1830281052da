"""What is known of a Slurm cluster: labels of accounts and QOS, defaults of users, partitions, reservations.

Slurm keeps no such labels itself: whoever administers it writes them down, and nobody else.
"""

import msgspec

from strongroom.model.errors import Malformed

SUBJECT = "facts of the cluster"
_MOST = 1 << 31
_EVERY = "ALL"


class Partition(msgspec.Struct, frozen=True):
    """One partition. No `allow_accounts` is every account; `island` are the GPUs of one NVLink island."""

    gpus_per_node: int = 0
    gpu_is: str = "whole"
    cc: bool = False
    allow_accounts: tuple[str, ...] = ()
    oversubscribe: str = "NO"
    preempt: str = "OFF"
    island: int = 0
    constrain_devices: bool = False
    tenant: str = ""
    default: bool = False

    @property
    def exclusive(self) -> bool:
        """Whether its nodes are given out whole."""
        return self.oversubscribe.upper().startswith("EXCLUSIVE")

    @property
    def shares(self) -> bool:
        """Whether jobs of it are run on one another's devices, asked or not."""
        return self.oversubscribe.upper().startswith("FORCE") or "SUSPEND" in self.preempt.upper()


class User(msgspec.Struct, frozen=True):
    """What a user gets who names no account or QOS; `accounts` are all that he may name, where that is known."""

    account: str = ""
    qos: str = ""
    accounts: tuple[str, ...] = ()


class Facts(msgspec.Struct, frozen=True):
    """All of it. Labels are as they were written; whether they are ones of the rule is the judge's to say."""

    accounts: dict[str, str] = {}
    qos: dict[str, str] = {}
    users: dict[str, User] = {}
    partitions: dict[str, Partition] = {}
    reservations: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}  # accounts, users


def read(table: object) -> Facts:
    """The facts of a table that was JSON. Raises Malformed."""
    held = _object(table, SUBJECT)
    accounts = {k: _label(v, f"account {k}") for k, v in _object(held.get("accounts", {}), "accounts").items()}
    qos = {k: _label(v, f"QOS {k}") for k, v in _object(held.get("qos", {}), "qos").items()}
    return Facts(
        {k: v for k, v in accounts.items() if v is not None},
        {k: v for k, v in qos.items() if v is not None},
        {k: _user(v, k) for k, v in _object(held.get("users", {}), "users").items()},
        {k: _partition(v, k) for k, v in _object(held.get("partitions", {}), "partitions").items()},
        {k: _reservation(v, k) for k, v in _object(held.get("reservations", {}), "reservations").items()},
    )


def _object(value: object, what: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise Malformed(SUBJECT, f"{what} that are no object", "an object", "strongroom isolate slurm --help")
    return value


def _text(value: object, what: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(SUBJECT, f"{what}: {str(value)[:40]}", "a text")
    return value.strip()


def _label(value: object, what: str) -> str | None:
    if isinstance(value, dict):
        value = value.get("label", value.get("sensitivity"))
    return _text(value, what) or None


def _names(value: object, what: str) -> tuple[str, ...]:
    """A list of names, or a text with commas."""
    if isinstance(value, list):
        return tuple(_text(v, what) for v in value)
    return tuple(n for n in (p.strip() for p in _text(value, what).split(",")) if n)


def _number(value: object, what: str) -> int:
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        value = int(value)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _MOST:
        raise Malformed(SUBJECT, f"{what}: {str(value)[:40]}", "a whole number")
    return value


def _flag(value: object, what: str) -> bool:
    if value is None:
        return False
    if isinstance(value, str) and value.strip().lower() in {"yes", "no", "true", "false"}:
        return value.strip().lower() in {"yes", "true"}
    if not isinstance(value, bool):
        raise Malformed(SUBJECT, f"{what}: {str(value)[:40]}", "true or false")
    return value


def _user(value: object, name: str) -> User:
    held = _object(value, f"user {name}")
    account = held.get("account", held.get("default_account"))
    accounts = _names(held.get("accounts"), f"accounts of {name}")
    return User(_text(account, name), _text(held.get("qos", held.get("default_qos")), name), accounts)


def _partition(value: object, name: str) -> Partition:
    held = _object(value, f"partition {name}")
    allowed = _names(held.get("allow_accounts"), f"allow_accounts of {name}")
    return Partition(
        _number(held.get("gpus_per_node"), f"gpus_per_node of {name}"),
        _text(held.get("gpu_is"), name).lower() or "whole",
        _flag(held.get("cc"), f"cc of {name}"),
        () if any(a.upper() == _EVERY for a in allowed) else allowed,
        _text(held.get("oversubscribe"), name) or "NO",
        _text(held.get("preempt", held.get("preempt_mode")), name) or "OFF",
        _number(held.get("island"), f"island of {name}"),
        _flag(held.get("constrain_devices"), f"constrain_devices of {name}"),
        _text(held.get("tenant"), name),
        _flag(held.get("default"), f"default of {name}"),
    )


def _reservation(value: object, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if not isinstance(value, dict):
        return _names(value, name), ()
    accounts = value.get("accounts", value.get("account", value.get("tenant")))
    return _names(accounts, name), _names(value.get("users", value.get("user")), name)
