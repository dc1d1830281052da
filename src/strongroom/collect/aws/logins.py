"""The credential report of IAM: how each user of an account, and its root, signs in.

Source: IAM User Guide, "Generate credential reports for your AWS account". It is CSV; the command line hands it out in
base64 within JSON. `N/A`, `no_information` and `not_supported` stand where there is nothing to say.
"""

import base64
import binascii
import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Value

FIRST = ("user", "arn")
NEEDED = ("user", "arn", "password_enabled", "mfa_active", "access_key_1_active", "access_key_2_active")
ROOT = "<root_account>"
MOST_ROWS = 200_000
_NOTHING = frozenset({"", "n/a", "no_information", "not_supported"})
_KEYS = ("1", "2")


class ReportError(Exception):
    """A text that is no credential report. `line` is 1-based."""

    def __init__(self, code: GapCode, detail: str, line: int = 0) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.line = line


@dataclass(frozen=True, slots=True)
class Login:
    """One row: who it is of, what it says, and its line."""

    arn: str
    name: str
    root: bool
    facts: Mapping[str, Value]
    line: int


def unwrapped(data: bytes) -> bytes:
    """The CSV within the JSON of `aws iam get-credential-report`, or the data as it is. Raises ReportError."""
    if data.lstrip()[:1] != b"{":
        return data
    try:
        body = json.loads(data)
        content = body.get("Content") if isinstance(body, dict) else None
        return base64.b64decode(str(content), validate=True)
    except (ValueError, RecursionError, binascii.Error):
        raise ReportError(GapCode.MALFORMED, "no Content in base64") from None


def logins(data: bytes) -> Iterator[Login | ReportError]:
    """Every row of a report; one that cannot be used is an error in its place. Raises ReportError for what is none."""
    try:
        text = unwrapped(data).decode("utf-8")
    except UnicodeDecodeError:
        raise ReportError(GapCode.NOT_UTF8, "no UTF-8 text") from None
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = [h.strip().lower() for h in next(rows, [])]
        missing = [n for n in NEEDED if n not in head]
        if missing:
            raise ReportError(GapCode.MALFORMED, f"no column {missing[0]}", 1)
        if len(set(head)) != len(head):
            raise ReportError(GapCode.DUPLICATE_KEY, "a column stands twice", 1)
        for n, row in enumerate(rows):
            if n >= MOST_ROWS:
                raise ReportError(GapCode.TOO_LARGE, f"over {MOST_ROWS} rows", rows.line_num)
            if row:
                yield _login(head, row, rows.line_num)
    except csv.Error as e:
        raise ReportError(GapCode.MALFORMED, f"no CSV: {e}", rows.line_num) from None


def _login(head: list[str], row: list[str], line: int) -> Login | ReportError:
    if len(row) != len(head):
        return ReportError(GapCode.MALFORMED, f"{len(row)} fields where the head has {len(head)}", line)
    said = dict(zip(head, (v.strip() for v in row), strict=True))
    if not said["arn"].startswith("arn:") or not said["user"]:
        return ReportError(GapCode.MALFORMED, "the row names no user by ARN", line)
    root = said["user"] == ROOT or said["arn"].endswith(":root")
    return Login(said["arn"], said["user"], root, _facts(said, root), line)


def _facts(said: Mapping[str, str], root: bool) -> dict[str, Value]:
    mfa = _flag(said, "mfa_active")
    keys = [_flag(said, f"access_key_{n}_active") for n in _KEYS]
    facts: dict[str, Value] = {
        # The report says `not_supported` of root: root always has a password.
        "auth.password": True if root else _flag(said, "password_enabled"),
        "auth.mfa": mfa,
        "login.keys": next((k for k in keys if isinstance(k, Unknown)), None) or float(sum(k is True for k in keys)),
        "login.oldest_key": _oldest(said, keys),
        "login.last_used": _last_used(said),
    }
    if mfa is True:
        facts["auth.mfa_kind"] = Unknown(GapCode.UNSUPPORTED, "a credential report does not say which factor it is")
    if root:
        facts["login.root"] = True
    return facts


def _flag(said: Mapping[str, str], name: str) -> bool | Unknown:
    word = said.get(name, "").lower()
    if word in ("true", "false"):
        return word == "true"
    if word in _NOTHING:
        return False
    return Unknown(GapCode.MALFORMED, f"{name}: found {word[:40]!r}, wanted true or false")


def moment(text: str) -> datetime | None:
    """A time of the report; None where there is none."""
    if text.lower() in _NOTHING:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _oldest(said: Mapping[str, str], active: list[bool | Unknown]) -> Value:
    """When the oldest key that works was made; empty when none works."""
    times: list[datetime] = []
    for n, works in zip(_KEYS, active, strict=True):
        if isinstance(works, Unknown):
            return works
        if works:
            made = moment(said.get(f"access_key_{n}_last_rotated", ""))
            if made is None:
                return Unknown(GapCode.ABSENT, f"the report does not say when access key {n} was made")
            times.append(made)
    return min(times).isoformat() if times else ""


def _last_used(said: Mapping[str, str]) -> Value:
    """When a password or key was last used, or the user was made where none was; empty when that is not told."""
    names = ("password_last_used", "access_key_1_last_used_date", "access_key_2_last_used_date", "user_creation_time")
    times = [t for t in (moment(said.get(n, "")) for n in names) if t is not None]
    return max(times).isoformat() if times else ""
