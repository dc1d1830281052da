"""How people sign in to Entra ID and Google: what is registered, what is asked for, and what a file does not tell."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.app.catalogue import catalogue
from strongroom.app.sources import gather
from strongroom.assess.judge import findings
from strongroom.model.codes import GapCode
from strongroom.model.errors import Malformed, Unreadable
from strongroom.model.estate import Asset, Estate
from strongroom.model.values import Unknown

NOW = datetime(2026, 6, 1, tzinfo=UTC)
Json = dict[str, object]


def read(tmp_path: Path, scheme: str, *documents: object) -> Estate:
    """Several answers in one file, as a source reads them."""
    path = tmp_path / "people.json"
    path.write_text(json.dumps(documents[0] if len(documents) == 1 else list(documents)))
    return gather((f"{scheme}:{path}",), NOW)


def verdict(estate: Estate, check: str) -> dict[str, str]:
    """What one check says of everybody."""
    names = {a.id: a.name for a in estate.assets}
    found = findings(estate.assets, catalogue().checks.values(), NOW)
    return {names[f.asset]: f.status.value for f in found if f.check == check}


def registration(name: str, *methods: str, **more: object) -> Json:
    """A row of userRegistrationDetails."""
    registered = any(m not in ("email", "securityQuestion") for m in methods)
    return {"id": f"id-{name}", "userPrincipalName": name, "userType": "member", "isAdmin": False,
            "isMfaRegistered": registered, "methodsRegistered": list(methods), **more}  # fmt: skip


def registrations(*rows: Json, **more: object) -> Json:
    """An answer with them."""
    return {"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#reports/authenticationMethods/userRegistrationDetails",
            "value": list(rows), **more}  # fmt: skip


def policy(**more: object) -> Json:
    """A policy of Conditional Access that asks everybody everywhere; keys with `__` reach into it."""
    made: Json = {
        "id": "p", "state": "enabled", "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
        "conditions": {"users": {"includeUsers": ["All"]}, "applications": {"includeApplications": ["All"]}, "clientAppTypes": ["all"]},
    }  # fmt: skip
    for path, value in more.items():
        here = made
        *way, last = path.split("__")
        for name in way:
            inner = here.setdefault(name, {})
            assert isinstance(inner, dict)
            here = inner
        here[last] = value
    return made


def policies(*rows: Json) -> Json:
    """The answer with all policies."""
    return {
        "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#identity/conditionalAccess/policies",
        "value": list(rows),
    }


def one(estate: Estate) -> Asset:
    """The only person."""
    (found,) = estate.assets
    return found


ASKED = {
    "a policy for everybody and everything": ([policy()], True),
    "no policy at all": ([], False),
    "one that only reports": ([policy(state="enabledForReportingButNotEnforced")], False),
    "one that blocks instead": ([policy(grantControls__builtInControls=["block"])], False),
    "a compliant device would do, too": ([policy(grantControls__builtInControls=["mfa", "compliantDevice"])], False),
    "both are wanted": (
        [policy(grantControls={"operator": "AND", "builtInControls": ["mfa", "compliantDevice"]})],
        True,
    ),
    "a strength is wanted": ([policy(grantControls={"operator": "OR", "authenticationStrength": {"id": "x"}})], True),
    "one application only": ([policy(conditions__applications__includeApplications=["x"])], False),
    "one application is left out": ([policy(conditions__applications__excludeApplications=["x"])], False),
    "not from trusted places": ([policy(conditions__locations={"excludeLocations": ["AllTrusted"]})], False),
    "only at risk": ([policy(conditions__signInRiskLevels=["high"])], False),
    "this one is left out": ([policy(conditions__users__excludeUsers=["ID-a@x"])], False),
    "a group is left out": ([policy(conditions__users__excludeGroups=["g"])], None),
    "only a role": ([policy(conditions__users={"includeRoles": ["r"]})], None),
    "this one by name": ([policy(conditions__users={"includeUsers": ["id-a@x"]})], True),
    "somebody else": ([policy(conditions__users={"includeUsers": ["id-b@x"]})], False),
    "a narrow one beside a wide one": ([policy(state="disabled"), policy()], True),
}


@pytest.mark.parametrize("case", ASKED)
def test_whether_a_sign_in_asks(case: str, tmp_path: Path) -> None:
    """A registered factor counts where some policy asks this person for it everywhere; by group it is unknown."""
    listed, wanted = ASKED[case]
    found = one(read(tmp_path, "azure-users", registrations(registration("a@x", "fido2")), policies(*listed)))
    said = found.value("auth.mfa")
    assert isinstance(said, Unknown) if wanted is None else said is wanted


def test_a_factor_is_no_question(tmp_path: Path) -> None:
    """Without the policies it is not known whether anybody is asked for what is registered; without a factor it is."""
    estate = read(tmp_path, "azure-users", registrations(registration("a@x", "fido2"), registration("b@x", "email")))
    assert verdict(estate, "iam.user.mfa") == {"a@x": "unknown", "b@x": "fail"}


def test_security_defaults_ask_administrators(tmp_path: Path) -> None:
    """They ask administrators each time, and others when Entra finds it necessary."""
    defaults = {"@odata.context": "…$metadata#policies/identitySecurityDefaultsEnforcementPolicy", "isEnabled": True}
    rows = registrations(registration("a@x", "fido2", isAdmin=True), registration("b@x", "fido2"))
    assert verdict(read(tmp_path, "azure-users", rows, defaults), "iam.user.mfa") == {"a@x": "pass", "b@x": "unknown"}


@pytest.mark.parametrize(
    ("methods", "status"),
    [
        (("fido2",), "pass"),
        (("windowsHelloForBusiness", "email"), "pass"),
        (("fido2", "mobilePhone"), "fail"),
        (("microsoftAuthenticatorPush",), "fail"),
        (("x509CertificateMultiFactor", "passKeyDeviceBound"), "pass"),
    ],
)
def test_one_weak_factor_is_enough_for_a_phishing_page(methods: tuple[str, ...], status: str, tmp_path: Path) -> None:
    """The weakest of the registered factors counts: it is the one that is asked for on a page that is not the right one."""
    estate = read(tmp_path, "azure-users", registrations(registration("a@x", *methods)))
    assert verdict(estate, "iam.user.mfa-kind") == {"a@x": status}


def test_a_guest_signs_in_at_home(tmp_path: Path) -> None:
    """Whether a guest has a password, and what he is asked for at home, the tenant does not know."""
    estate = read(tmp_path, "azure-users", registrations(registration("g@y", userType="guest")))
    assert verdict(estate, "iam.user.mfa") == {"g@y": "unknown"}


def test_users_add_when_they_signed_in(tmp_path: Path) -> None:
    """Users with their sign-ins complete the registrations of the same people; one that is switched off is not asked for."""
    users = {"value": [
        {"id": "ID-a@x", "userPrincipalName": "a@x", "accountEnabled": True, "signInActivity": {"lastSignInDateTime": "2026-01-01T00:00:00Z"}},
        {"id": "id-c@x", "userPrincipalName": "c@x", "accountEnabled": False},
    ]}  # fmt: skip
    estate = read(tmp_path, "azure-users", registrations(registration("a@x", "fido2")), users)
    assert verdict(estate, "iam.user.unused") == {"a@x": "fail", "c@x": "not-applicable"}


def _user(name: str, **more: object) -> Json:
    return {"kind": "admin#directory#user", "id": name, "primaryEmail": name, "isEnrolledIn2Sv": True, "isEnforcedIn2Sv": True,
            "suspended": False, "lastLoginTime": "2026-05-20T00:00:00.000Z", "creationTime": "2020-01-01T00:00:00.000Z", **more}  # fmt: skip


GOOGLE = {
    "enrolled": ({}, "pass", "pass"),
    "not enrolled": ({"isEnrolledIn2Sv": False}, "fail", "pass"),
    "not told": ({"isEnrolledIn2Sv": None}, "unknown", "pass"),
    "suspended": ({"suspended": True, "isEnrolledIn2Sv": False}, "not-applicable", "not-applicable"),
    "long unused": ({"lastLoginTime": "2025-01-01T00:00:00.000Z"}, "pass", "fail"),
    "never used": ({"lastLoginTime": "1970-01-01T00:00:00.000Z"}, "pass", "fail"),
    "use not told": ({"lastLoginTime": None}, "pass", "unknown"),
}


@pytest.mark.parametrize("case", GOOGLE)
def test_how_people_of_google_sign_in(case: str, tmp_path: Path) -> None:
    """Enrolment in 2-Step Verification is the second factor; a suspended account signs in nowhere."""
    more, mfa, unused = GOOGLE[case]
    estate = read(tmp_path, "gcp-users", {"kind": "admin#directory#users", "users": [_user("a@x", **more)]})
    assert (verdict(estate, "iam.user.mfa"), verdict(estate, "iam.user.unused")) == ({"a@x": mfa}, {"a@x": unused})


@pytest.mark.parametrize(
    ("scheme", "page"),
    [
        ("azure-users", registrations(registration("a@x", "fido2"), **{"@odata.nextLink": "https://…"})),
        ("gcp-users", {"users": [_user("a@x")], "nextPageToken": "x"}),
        ("gcp-users", {"users": [_user("a@x"), {"id": "1"}]}),
    ],
)
def test_people_that_are_missing_are_a_gap(scheme: str, page: Json, tmp_path: Path) -> None:
    """Further pages, and rows that name nobody, are told."""
    (gap,) = read(tmp_path, scheme, page).gaps
    assert gap.code is GapCode.LOST


@pytest.mark.parametrize("scheme", ["azure-users", "gcp-users"])
@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"value": []}', '{"users": [1]}', "null", "[" * 100_000, '{"a":1,"a":2}']
)
def test_a_file_about_nobody_is_refused(scheme: str, text: str, tmp_path: Path) -> None:
    """What is no answer says what is wanted, and where it is to be had."""
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises((Malformed, Unreadable)) as caught:
        gather((f"{scheme}:{path}",), NOW)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("scheme", "page"),
    [("azure-users", registrations(registration("a@x", "fido2"))), ("gcp-users", {"users": [_user("a@x")]})],
)
def test_people_are_recognised_by_their_content(scheme: str, page: Json, tmp_path: Path) -> None:
    """The file alone is enough."""
    path = tmp_path / "x.json"
    path.write_text(json.dumps(page))
    assert gather((str(path),), NOW).sources[0].scheme == scheme


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, [1], {"a": [None]}])
@pytest.mark.parametrize(
    "name", ["grantControls", "conditions", "state", "methodsRegistered", "isMfaRegistered", "userType"]
)
def test_odd_values_are_no_fault(name: str, value: object, tmp_path: Path) -> None:
    """Wrong types of values make nobody safer, and are no fault of the reader's."""
    row = registration("a@x", "fido2")
    rule = policy()
    (row if name in row else rule)[name] = value
    found = one(read(tmp_path, "azure-users", registrations(row), policies(rule)))
    if name in rule:
        assert found.value("auth.mfa") is not True
