"""What AWS exports of identities: account authorisation details and credential reports."""

import base64
import json
import random
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from aws_report import HEAD, REPORT, ROWS, row

from strongroom.app.sources import find, gather
from strongroom.collect.sources import aws_iam, aws_users
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadInput, Malformed, TooLarge
from strongroom.model.estate import Asset, Estate
from strongroom.model.ports import Collector, Limits, Request
from strongroom.model.values import Unknown

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ACCOUNT = "arn:aws:iam::111122223333"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
Json = dict[str, object]


def document(*statements: Json) -> Json:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: str, resource: str = "*", **more: object) -> Json:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def details(**lists: list[Json]) -> Json:
    whole: Json = {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [], "Policies": []}
    return {**whole, **lists}


def role(name: str, **more: object) -> Json:
    trust = document(
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )
    return {"RoleName": name, "Arn": f"{ACCOUNT}:role/{name}", "Path": "/", "AssumeRolePolicyDocument": trust, **more}


def policy(arn: str, body: object) -> Json:
    old = {"VersionId": "v1", "IsDefaultVersion": False, "Document": document(allow("*"))}
    held = {"VersionId": "v2", "IsDefaultVersion": True, "Document": body}
    return {"PolicyName": arn.rpartition("/")[2], "Arn": arn, "Path": "/", "PolicyVersionList": [old, held]}


def read(path: Path, text: object, collector: Collector = aws_iam.COLLECTOR, limits: Limits | None = None) -> Estate:
    raw = text if isinstance(text, bytes) else text.encode() if isinstance(text, str) else json.dumps(text).encode()
    path.write_bytes(raw)
    return collector.collect(Request(f"{collector.scheme}:{path}", str(path), NOW, limits or Limits()))


def by_name(found: Estate) -> dict[str, Asset]:
    return {a.address.removeprefix(ACCOUNT + ":"): a for a in found.assets}


MINE = f"{ACCOUNT}:policy/mine"
WHOLE = details(
    UserDetailList=[
        {
            "UserName": "eve",
            "Arn": f"{ACCOUNT}:user/eve",
            "Path": "/",
            "GroupList": ["admins"],
            "UserPolicyList": [
                {"PolicyName": "p", "PolicyDocument": quote(json.dumps(document(allow("s3:*", Sid="url"))))}
            ],
            "AttachedManagedPolicies": [{"PolicyName": "mine", "PolicyArn": MINE}],
        }
    ],
    GroupDetailList=[
        {
            "GroupName": "admins",
            "Arn": f"{ACCOUNT}:group/admins",
            "AttachedManagedPolicies": [{"PolicyName": "AdministratorAccess", "PolicyArn": ADMIN}],
        }
    ],
    RoleDetailList=[
        role(
            "trainer",
            RolePolicyList=[{"PolicyName": "in", "PolicyDocument": document(allow("kms:Decrypt", Sid="in"))}],
            AttachedManagedPolicies=[{"PolicyName": "mine", "PolicyArn": MINE}],
            PermissionsBoundary={"PermissionsBoundaryArn": MINE},
            Tags=[{"Key": "tier", "Value": "0"}],
        ),
        role("bare"),
    ],
    Policies=[policy(MINE, document(allow("s3:GetObject", Sid="mine"))), policy(ADMIN, document(allow("*")))],
)


def test_identities_carry_their_policies(tmp_path: Path) -> None:
    """Users, groups, roles and the owner's policies are assets; documents are read as objects and in URL encoding."""
    found = by_name(read(tmp_path / "iam.json", WHOLE))
    assert {"user/eve", "group/admins", "role/trainer", "role/bare", "policy/mine"} <= set(found)
    assert not any("AdministratorAccess" in a for a in found)  # it is AWS's
    trainer = found["role/trainer"]
    assert (trainer.native_type, trainer.account, trainer.name) == ("AWS::IAM::Role", "111122223333", "trainer")
    assert trainer.id == f"aws:{ACCOUNT}:role/trainer"
    assert trainer.labels == (("tier", "0"),)
    assert [s.sid for s in trainer.value("policy.statements")] == ["in"]  # type: ignore[union-attr]
    assert trainer.value("policy.attached") == (MINE,)
    assert trainer.value("policy.boundary") is True
    assert found["group/admins"].value("policy.attached") == (ADMIN,)
    assert [s.sid for s in found["user/eve"].value("policy.statements")] == ["url"]  # type: ignore[union-attr]
    assert [s.sid for s in found["policy/mine"].value("policy.statements")] == ["mine"]  # type: ignore[union-attr]


def test_what_is_missing_from_an_export_is_a_gap(tmp_path: Path) -> None:
    """A list that was filtered out, another page, and an entry without ARN are named."""
    cut = {k: v for k, v in WHOLE.items() if k != "Policies"} | {"IsTruncated": True, "Marker": "x"}
    cut["RoleDetailList"] = [*WHOLE["RoleDetailList"], {"RoleName": "x"}]  # type: ignore[misc]
    found = read(tmp_path / "iam.json", cut)
    assert [(g.code, g.scope.rpartition(": ")[2]) for g in found.gaps] == [
        (GapCode.MALFORMED, "RoleDetailList[2]"),
        (GapCode.ABSENT, "Policies"),
        (GapCode.ABSENT, "Marker"),
    ]


def test_a_policy_without_its_version_in_force_is_unknown(tmp_path: Path) -> None:
    """An old version says nothing of what counts."""
    one = policy(MINE, None)
    found = by_name(read(tmp_path / "iam.json", details(Policies=[one])))
    assert isinstance(found["policy/mine"].value("policy.statements"), Unknown)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"", Malformed),
        (b"[]", Malformed),
        (b'{"a": 1}', Malformed),
        (b'{"RoleDetailList": [], "RoleDetailList": []}', Malformed),
        (b'{"RoleDetailList": [', Malformed),
        (b'{"RoleDetailList": "\xff"}', Malformed),
        (b'{"RoleDetailList": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", TooLarge),
    ],
)
def test_what_is_no_export_is_refused(text: bytes, error: type[Exception], tmp_path: Path) -> None:
    """Half an export, a key twice, and other JSON raise an error of the house."""
    with pytest.raises(error):
        read(tmp_path / "iam.json", text)
    with pytest.raises(BadInput):
        read(tmp_path / "large.json", WHOLE, limits=Limits(bytes=100))


def test_exports_with_anything_in_them_are_read(tmp_path: Path) -> None:
    """Whatever stands where a list, a document or a name should stand, nothing dies of it."""
    chance = random.Random(7)
    odd: list[object] = [None, 0, "", "x", [], [[]], {}, {"a": [1]}, "%7Bbroken", True]

    def exchanged(value: object) -> object:
        if chance.random() < 0.08:
            return chance.choice(odd)
        if isinstance(value, dict):
            return {k: exchanged(v) for k, v in value.items()}
        return [exchanged(v) for v in value] if isinstance(value, list) else value

    read_whole = 0
    for _ in range(300):
        try:
            read_whole += bool(read(tmp_path / "iam.json", exchanged(WHOLE)).assets)
        except BadInput:
            continue
    assert read_whole > 100


# Credential reports


def test_a_report_is_read_in_the_wrapping_of_the_command_line(tmp_path: Path) -> None:
    """The JSON of get-credential-report says the same as its CSV, and both are recognised."""
    content = base64.b64encode(REPORT.encode()).decode()
    wrapped = {"Content": content, "ReportFormat": "text/csv", "GeneratedTime": "2026-11-23T00:00:00+00:00"}
    plain = read(tmp_path / "r.csv", REPORT, aws_users.COLLECTOR)
    other = read(tmp_path / "r.json", wrapped, aws_users.COLLECTOR)
    assert [a.facts.keys() for a in plain.assets] == [a.facts.keys() for a in other.assets]
    assert len(plain.assets) == len(ROWS)
    for name in ("r.csv", "r.json"):
        assert find(str(tmp_path / name)).collector is aws_users.COLLECTOR
    (tmp_path / "iam.json").write_text(json.dumps(WHOLE))
    assert find(str(tmp_path / "iam.json")).collector is aws_iam.COLLECTOR


def test_both_exports_speak_of_one_user(tmp_path: Path) -> None:
    """A user of the report and of the details is one asset with what both know."""
    (tmp_path / "iam.json").write_text(json.dumps(WHOLE))
    (tmp_path / "r.csv").write_text("\n".join((HEAD, row("eve", "true"))))
    found = gather([f"aws-users:{tmp_path}/r.csv", f"aws-iam:{tmp_path}/iam.json"], NOW)
    (eve,) = [a for a in found.assets if a.address.endswith("user/eve")]
    assert {"auth.mfa", "policy.attached"} <= set(eve.facts)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("user,arn\n", "no column password_enabled"),
        ("", "no column user"),
        (b"\xff\xfe", "no UTF-8"),
        ('{"Content": "***"}', "no Content"),
        ('{"Content": ' + "[" * 100_000, "no Content"),
        (HEAD + ",arn\n", "a column stands twice"),
        (HEAD + '\n"x', "no CSV"),
    ],
)
def test_what_is_no_report_is_refused(text: str | bytes, said: str, tmp_path: Path) -> None:
    """Other tables, broken CSV and broken wrapping raise an error that says why."""
    with pytest.raises(Malformed, match=said):
        read(tmp_path / "r.csv", text, aws_users.COLLECTOR)


def test_a_row_that_cannot_be_used_is_a_gap_with_its_line(tmp_path: Path) -> None:
    """A short row, a row without ARN and a user twice are named; the others are judged."""
    text = "\n".join((HEAD, "a,b", row("x"), row("x"), row("y").replace(ACCOUNT, "none")))
    found = read(tmp_path / "r.csv", text, aws_users.COLLECTOR)
    assert [a.name for a in found.assets] == ["x"]
    assert [(g.code, g.where.line_start if g.where else 0) for g in found.gaps] == [
        (GapCode.MALFORMED, 2),
        (GapCode.DUPLICATE_KEY, 4),
        (GapCode.MALFORMED, 5),
    ]
