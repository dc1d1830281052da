"""How people sign in to a tenant of Entra ID: which factors they registered, and whether sign-in asks for one.

Sources, all of Microsoft Graph v1.0: reports/authenticationMethods/userRegistrationDetails (userRegistrationDetails),
identity/conditionalAccess/policies (conditionalAccessPolicy), policies/identitySecurityDefaultsEnforcementPolicy, and
users?$select=accountEnabled,signInActivity. A file may hold one answer, or a list of several.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from strongroom.collect.shaping import within
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Value

Row = Mapping[str, object]
_PHISHING_RESISTANT = {
    "fido2": "fido2",
    "passkeydevicebound": "passkey",
    "passkeydeviceboundauthenticator": "passkey",
    "passkeydeviceboundwindowshello": "passkey",
    "windowshelloforbusiness": "passkey",
    "x509certificatemultifactor": "smart-card",
    "x509certificatesinglefactor": "smart-card",
}
_NO_FACTOR = frozenset({"email", "securityquestion", "none"})  # these reset a password, and sign nobody in
_ASKS = frozenset({"mfa"})


@dataclass(slots=True)
class Tenant:
    """What a file tells of a tenant: people by id, and the rules of signing in, where it has them."""

    registered: dict[str, Row] = field(default_factory=dict)
    users: dict[str, Row] = field(default_factory=dict)
    policies: list[Row] | None = None
    defaults: bool | None = None
    more: list[str] = field(default_factory=list)  # answers of which pages are missing


def tenant(documents: Iterable[object]) -> Tenant:
    """The tenant of several answers."""
    found = Tenant()
    for one in documents:
        for page in one if isinstance(one, list) else [one]:
            if isinstance(page, Mapping):
                _page(page, found)
    return found


def _page(page: Row, found: Tenant) -> None:
    about = str(page.get("@odata.context", ""))
    rows = page.get("value")
    if not isinstance(rows, list):
        if "identitySecurityDefaultsEnforcementPolicy" in about or page.get("displayName") == "Security Defaults":
            found.defaults = page.get("isEnabled") is True
        elif "id" in page:
            _row(page, found)
        return
    if page.get("@odata.nextLink"):
        found.more.append(about.rpartition("#")[2] or "an answer")
    if "conditionalAccess/policies" in about:
        found.policies = found.policies or []
    for row in rows:
        if isinstance(row, Mapping):
            _row(row, found)


def _row(row: Row, found: Tenant) -> None:
    ident = row.get("id")
    if not isinstance(ident, str):
        return
    if "methodsRegistered" in row or "isMfaRegistered" in row:
        found.registered[ident.lower()] = row
    elif "grantControls" in row and "conditions" in row:
        found.policies = [*(found.policies or []), row]
    elif "userPrincipalName" in row:
        found.users[ident.lower()] = row


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signs in, and how."""

    id: str
    name: str
    facts: Mapping[str, Value]


def people(found: Tenant) -> Iterator[Person]:
    """Everybody of whom a registration or a user was told."""
    for ident in sorted({*found.registered, *found.users}):
        registered, user = found.registered.get(ident), found.users.get(ident)
        name = next((n for r in (registered, user) if r and isinstance(n := r.get("userPrincipalName"), str)), ident)
        yield Person(ident, name, _facts(ident, registered, user, found))


def _facts(ident: str, registered: Row | None, user: Row | None, found: Tenant) -> dict[str, Value]:
    factors = _factors(registered)
    facts: dict[str, Value] = {
        "auth.password": _password(registered, user),
        "auth.mfa": _asked(ident, registered, factors, found),
        "login.keys": 0.0,
        "login.last_used": _last(user),
    }
    if isinstance(factors, tuple) and factors:
        weak = next((f for f in factors if f.lower() not in _PHISHING_RESISTANT), None)
        facts["auth.mfa_kind"] = weak or _PHISHING_RESISTANT[factors[0].lower()]
    return facts


def _password(registered: Row | None, user: Row | None) -> Value:
    if user is not None and user.get("accountEnabled") is False:
        return False
    kind = next((k for r in (registered, user) if r and isinstance(k := r.get("userType"), str)), "member")
    if kind.lower() == "guest":
        return Unknown(GapCode.OUTSIDE, "a guest signs in where he is at home")
    return True


def _factors(registered: Row | None) -> tuple[str, ...] | Unknown:
    """The methods that somebody may answer a second question with."""
    if registered is None:
        return Unknown(GapCode.NOT_FETCHED, "which factors are registered is not in the file (userRegistrationDetails)")
    listed = registered.get("methodsRegistered")
    if not isinstance(listed, list):
        return Unknown(GapCode.ABSENT, "which factors are registered is not told")
    return tuple(m for m in listed if isinstance(m, str) and m.lower() not in _NO_FACTOR)


def _asked(ident: str, registered: Row | None, factors: tuple[str, ...] | Unknown, found: Tenant) -> Value:
    """Whether signing in asks for a factor that is there. Who has none registered gives none, whatever the rules are."""
    if isinstance(factors, Unknown):
        return factors
    said = registered.get("isMfaRegistered") if registered is not None else None
    if said is False or not factors:
        return False
    if found.defaults is True:  # administrators always, others when Entra finds it necessary
        return True if registered is not None and registered.get("isAdmin") is True else _SOMETIMES
    if found.policies is None:
        return Unknown(
            GapCode.NOT_FETCHED, "a factor is registered; whether sign-in asks for it is in conditionalAccess/policies"
        )
    answers = [_covers(p, ident) for p in found.policies]
    return True if True in answers else next((a for a in answers if isinstance(a, Unknown)), False)


_SOMETIMES = Unknown(
    GapCode.UNDECIDED, "security defaults ask others than administrators only when a sign-in looks risky"
)


def _covers(policy: Row, ident: str) -> bool | Unknown:
    """Whether one policy asks somebody for a factor wherever he signs in."""
    if str(policy.get("state")).lower() != "enabled":
        return False
    asked = within(policy, "grantControls.builtInControls")
    strength = within(policy, "grantControls.authenticationStrength")
    words = {str(c).lower() for c in asked} if isinstance(asked, list) else set()
    either = str(within(policy, "grantControls.operator") or "OR").upper() == "OR" and len(words) > 1
    if (not words & _ASKS and strength is None) or (either and strength is None):
        return False
    users = within(policy, "conditions.users")
    if ident in _words(within(users, "excludeUsers")):
        return False
    if "all" not in _words(within(users, "includeUsers")) and ident not in _words(within(users, "includeUsers")):
        groups = [within(users, n) for n in ("includeGroups", "includeRoles", "includeGuestsOrExternalUsers")]
        return _BY_GROUP if any(groups) else False
    if any(within(users, n) for n in ("excludeGroups", "excludeRoles", "excludeGuestsOrExternalUsers")):
        return _BY_GROUP
    return _everywhere(policy)


_BY_GROUP = Unknown(GapCode.NOT_FETCHED, "a policy asks by group or role, and who is in which is not in the file")
_NARROWS = (
    "clientAppTypes",
    "locations",
    "platforms",
    "devices",
    "signInRiskLevels",
    "userRiskLevels",
    "clientApplications",
)


def _everywhere(policy: Row) -> bool:
    """Whether it holds for every application, and from everywhere."""
    conditions = within(policy, "conditions")
    apps = within(conditions, "applications")
    if "all" not in _words(within(apps, "includeApplications")) or _words(within(apps, "excludeApplications")):
        return False
    narrowing = (within(conditions, n) for n in _NARROWS)
    return not any(n for n in narrowing if n and _words(n) != {"all"})


def _words(found: object) -> set[str]:
    return {str(f).lower() for f in found} if isinstance(found, list) else set()


def _last(user: Row | None) -> Value:
    """When somebody last signed in; empty where it was never, unknown where it is not told."""
    activity = within(user, "signInActivity")
    if not isinstance(activity, Mapping):
        return Unknown(GapCode.NOT_FETCHED, "when it was last used is not in the file (users?$select=signInActivity)")
    times = [
        t for n in ("lastSignInDateTime", "lastNonInteractiveSignInDateTime") if isinstance(t := activity.get(n), str)
    ]
    return max(times, default="")
