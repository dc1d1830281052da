"""How people sign in to an organisation of Google: second factors, and when an account was last used.

Source: Admin SDK Directory API, `users.list` (isEnrolledIn2Sv, isEnforcedIn2Sv, isAdmin, suspended, lastLoginTime).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Value

Row = Mapping[str, object]
_NEVER = "1970-01-01"  # lastLoginTime of an account that was never used


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signs in, and how."""

    id: str
    name: str
    facts: Mapping[str, Value]


def rows(documents: Iterable[object], more: list[str]) -> Iterator[Row]:
    """Every user of several answers; an answer with a token for more is told in `more`."""
    for one in documents:
        for page in one if isinstance(one, list) else [one]:
            if not isinstance(page, Mapping):
                continue
            users = page.get("users")
            if isinstance(users, list):
                yield from (u for u in users if isinstance(u, Mapping))
                if page.get("nextPageToken"):
                    more.append(f"after {len(users)} users")
            elif "primaryEmail" in page:
                yield page


def person(row: Row) -> Person | None:
    """One user; None for a row that names nobody."""
    name = row.get("primaryEmail")
    if not isinstance(name, str) or "@" not in name:
        return None
    gone = row.get("suspended") is True or row.get("archived") is True
    enrolled = row.get("isEnrolledIn2Sv")
    facts: dict[str, Value] = {
        "auth.password": not gone,
        "auth.mfa": enrolled if isinstance(enrolled, bool) else Unknown(GapCode.ABSENT, "isEnrolledIn2Sv is not told"),
        "login.keys": 0.0,
        "login.last_used": _last(row),
    }
    if enrolled is True:
        facts["auth.mfa_kind"] = Unknown(GapCode.UNSUPPORTED, "the directory does not say which factor it is")
    return Person(str(row.get("id") or name), name, facts)


def _last(row: Row) -> Value:
    """When it was last used, or made where it never was."""
    said, made = row.get("lastLoginTime"), row.get("creationTime")
    if not isinstance(said, str):
        return Unknown(GapCode.ABSENT, "lastLoginTime is not told")
    return (made if isinstance(made, str) else "") if said.startswith(_NEVER) else said
