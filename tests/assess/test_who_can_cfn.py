"""Who can do what in CloudFormation: the same answers as in Terraform, from the same rules."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.app.asking_who import ask
from strongroom.collect.cloudformation.shape import Shape
from strongroom.kit.aws_types import canonical
from strongroom.kit.rooms import room
from strongroom.model.who_can import Deed, May

NOW = datetime(2026, 6, 1, tzinfo=UTC)
A, D, C = May.ALLOW, May.DENY, May.CONDITIONAL


def trust(*principals: object) -> dict[str, object]:
    """A document that lets principals take a role."""
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": p, "Action": "sts:AssumeRole"} for p in principals],
    }


def allow(*actions: str, on: object = "*", **more: object) -> dict[str, object]:
    """A policy of one statement."""
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": on, **more}],
    }


EC2 = {"Service": "ec2.amazonaws.com"}
OBJECTS = {"Fn::Sub": "${Weights.Arn}/*"}
RESOURCES: dict[str, dict[str, object]] = {
    "Weights": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "weights", "BucketEncryption": {
        "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Fn::GetAtt": ["Key", "Arn"]}}}]}}},
    "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}, "Action": "kms:*", "Resource": "*"}]}}},
    "Both": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust(EC2), "Policies": [
        {"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": OBJECTS},
            {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": {"Fn::GetAtt": ["Key", "Arn"]}}]}}]}},
    "Half": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust(EC2), "Policies": [
        {"PolicyName": "p", "PolicyDocument": allow("s3:GetObject", on=OBJECTS)}]}},
    "Named": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust(EC2), "ManagedPolicyArns": [{"Ref": "Managed"}]}},
    "Managed": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": allow("s3:GetObject", "kms:Decrypt")}},
    "Beside": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust(EC2)}},
    "Policy": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyName": "q", "Roles": [{"Ref": "Beside"}], "PolicyDocument": allow("s3:*", "kms:*")}},
    "Taker": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust(EC2), "Policies": [
        {"PolicyName": "p", "PolicyDocument": allow("sts:AssumeRole", on={"Fn::GetAtt": ["Taken", "Arn"]})}]}},
    "Taken": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust({"AWS": {"Fn::GetAtt": ["Taker", "Arn"]}}), "Policies": [
        {"PolicyName": "p", "PolicyDocument": allow("s3:GetObject", "kms:Decrypt")}]}},
    "Person": {"Type": "AWS::IAM::User", "Properties": {"Policies": [{"PolicyName": "p", "PolicyDocument": allow(
        "s3:GetObject", "kms:Decrypt", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})}]}},
    "Nobody": {"Type": "AWS::IAM::User", "Properties": {}},
}  # fmt: skip


@pytest.fixture
def template(tmp_path: Path) -> str:
    """A template with all of it."""
    (tmp_path / "t.json").write_text(json.dumps({"Resources": RESOURCES}))
    return f"cfn:{tmp_path / 't.json'}"


def test_who_reads_the_weights(template: str) -> None:
    """Reading needs the object and the key; inline, managed and separate policies count; a role that may be taken counts too."""
    found = {h.principal: h for h in ask([template], Deed.READ, "Weights", NOW).held}
    verdicts = {name: h.verdict for name, h in found.items()}
    wanted = {"Both": A, "Half": D, "Named": A, "Beside": A, "Taker": A, "Taken": A, "Person": C, "Nobody": D}
    assert {n: verdicts[n] for n in wanted} == wanted
    assert len(found["Taker"].path) == 2


def test_who_decrypts(template: str) -> None:
    """The key's policy leaves it to IAM."""
    found = {h.principal: h.verdict for h in ask([template], Deed.DECRYPT, "Key", NOW).held}
    assert (found["Both"], found["Half"], found["Nobody"]) == (A, D, D)


def test_every_type_of_a_template_has_the_name_of_its_table() -> None:
    """The judges' names of types are those by which templates are read."""
    shapes = [s for part in room("strongroom.collect.cloudformation.shapes", "SHAPES", tuple).values() for s in part]
    told = {s.type: s.native for s in shapes if isinstance(s, Shape) and isinstance(s.native, str)}
    assert {t: canonical(t) for t in told} == told
