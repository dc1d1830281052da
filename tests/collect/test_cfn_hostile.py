"""Hostile and mutilated templates: bounded, loud, and never a traceback."""

import json
import random
from pathlib import Path

import pytest
from cfn_template import collected, estate

from strongroom.collect.cloudformation import template as templates
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadInput, Malformed, TooLarge
from strongroom.model.ports import Limits

SEED = """AWSTemplateFormatVersion: "2010-09-09"
Transform: [AWS::LanguageExtensions]
Parameters:
  Open: {Type: String}
  Names: {Type: CommaDelimitedList, Default: "a,b"}
  Secret: {Type: String, NoEcho: true, Default: hunter2}
Mappings: {Sizes: {a: {b: c}}}
Conditions:
  Sure: !Equals [!Ref Open, x]
  Other: !Not [{Condition: Sure}]
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Condition: Sure
    Properties:
      BucketName: !Sub '${Open}-${AWS::AccountId}'
      BucketEncryption: {ServerSideEncryptionConfiguration: [{ServerSideEncryptionByDefault: {SSEAlgorithm: "aws:kms", KMSMasterKeyID: !GetAtt Key.Arn}}]}
      PublicAccessBlockConfiguration: !If [Other, {BlockPublicAcls: true}, !Ref AWS::NoValue]
      Tags: [{Key: tier, Value: "0"}]
  Key: {Type: AWS::KMS::Key, Properties: {KeyPolicy: {Statement: [{Effect: Allow, Principal: "*", Action: "kms:*", Resource: "*"}]}}}
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: !Select [0, !Cidr [10.0.0.0/16, 2, 8]]}]
  Fn::ForEach::Roles:
    - N
    - !Ref Names
    - Role${N}:
        Type: AWS::IAM::Role
        Properties:
          AssumeRolePolicyDocument: {Statement: [{Effect: Allow, Principal: {AWS: !Join [":", [arn, !Ref AWS::Partition, iam, "", 111122223333, root]]}}]}
          Policies: [{PolicyName: p, PolicyDocument: {Statement: {Effect: Allow, Action: "*", Resource: "*"}}}]
  Machine:
    Type: AWS::EC2::Instance
    Properties: {UserData: !Base64 {"Fn::Sub": "export X=${Secret}"}, BlockDeviceMappings: [{DeviceName: /dev/xvda, Ebs: {Encrypted: true}}]}
  Nested: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: child.yaml, Parameters: {A: !Ref Bucket}}}
  Function: {Type: AWS::Serverless::Function, Properties: {Policies: [ReadOnlyAccess, {Statement: []}, {X: {}}]}}
Outputs: {Name: {Value: !GetAtt Nested.Outputs.X}}
"""
CHILD = "Parameters: {A: {Type: String}}\nResources: {P: {Type: AWS::S3::BucketPolicy, Properties: {Bucket: !Ref A}}}\n"
WORDS = [
    w.encode() for w in ("!Ref ", "!If ", "Fn::Sub", "null", "{", "}", "[", "]", ":", "- ", "&a ", "*a", "<<: *a", "\n")
]
WORDS += [
    w.encode() for w in ("Type: ", "!GetAtt ", "${", "}", "''", '"', "|", "%", "---", "!!int ", "!", "Condition: Sure")
]
WORDS += [b"\x00", b"\xff", b"\t", b"\x85", "\u2028".encode(), b"9" * 30, b"!Sub '${Nested.Outputs.X}'", b"Resources:"]


def mutated(raw: bytes, chance: random.Random) -> bytes:
    """A text with a few pieces cut out, put in, doubled, or moved."""
    for _ in range(chance.randint(1, 4)):
        a, b = sorted(chance.randrange(len(raw) + 1) for _ in range(2))
        b = min(b, a + chance.choice((1, 8, 80)))
        way = chance.randrange(4)
        if way == 0:
            raw = raw[:a] + raw[b:]
        elif way == 1:
            raw = raw[:a] + chance.choice(WORDS) + raw[a:]
        elif way == 2:
            raw = raw[:b] + raw[a:b] + raw[b:]
        else:
            at = chance.randrange(len(raw) + 1)
            raw = raw[:at] + raw[a:b] + raw[at:]
    return raw


def swapped(value: object, others: list[object], chance: random.Random) -> object:
    """A document with some of its values exchanged for others of it."""
    if chance.random() < 0.04:
        return chance.choice(others)
    if isinstance(value, dict):
        return {k: swapped(v, others, chance) for k, v in value.items() if chance.random() > 0.02}
    return [swapped(v, others, chance) for v in value] if isinstance(value, list) else value


def inside(value: object) -> list[object]:
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value, *(x for v in below for x in inside(v))]


@pytest.mark.parametrize("part", range(10))
def test_mutilated_templates_end_in_an_estate_or_an_error(part: int, tmp_path: Path) -> None:
    """Of 2,000 templates with pieces lost, doubled, moved and exchanged, each is read, with gaps, or refused."""
    chance = random.Random(part)
    (tmp_path / "child.yaml").write_text(CHILD)
    path = tmp_path / "template.yaml"
    document = dict(templates.read(SEED.encode(), json_only=False).body)
    others = [*inside(document), None, "", 0, [], {}, True]
    read = 0
    for n in range(200):
        if n % 2:
            path.write_bytes(mutated(SEED.encode(), chance))
        else:
            path.write_text(json.dumps(swapped(document, others, chance)))
        try:
            found = collected(path)
        except BadInput:
            continue
        read += 1
        assert found.assets or found.gaps or b"Resources" in path.read_bytes()
    assert read > 60


def bomb(levels: int = 12) -> str:
    """Aliases of aliases: a few lines that stand for billions of nodes."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "Metadata:\n  " + "\n  ".join(lines) + "\nResources: {A: {Type: AWS::S3::Bucket}}\n"


def test_a_bomb_of_aliases_is_refused(tmp_path: Path) -> None:
    """What aliases repeat is counted, and is too large long before it fills the memory."""
    with pytest.raises(TooLarge, match="aliases repeat"):
        estate(tmp_path, bomb())


def test_an_anchor_that_holds_itself_is_refused(tmp_path: Path) -> None:
    """An alias inside of what it names is an error: such a value has no end."""
    with pytest.raises(Malformed, match="names nothing before it"):
        estate(tmp_path, "Resources: &a {A: {Type: AWS::S3::Bucket, Properties: *a}}")


def test_a_template_over_the_limit_is_refused(tmp_path: Path) -> None:
    """A file larger than what is read of one is not read in part."""
    path = tmp_path / "t.yaml"
    path.write_text("Resources: {A: {Type: AWS::S3::Bucket}}\n" + "#" * 5000)
    with pytest.raises(TooLarge):
        collected(path, Limits(bytes=4000))
    estate(tmp_path / "two", "Resources: {A: {Type: AWS::S3::Bucket}}", "a.yaml")
    (tmp_path / "two/b.yaml").write_text("Resources: {A: {Type: AWS::S3::Bucket}}\n" + "#" * 5000)
    found = collected(tmp_path / "two", Limits(bytes=4000))
    assert [g.code for g in found.gaps] == [GapCode.TOO_LARGE]
    assert found.assets


def test_ten_megabytes_are_read(tmp_path: Path) -> None:
    """A template ten times larger than CloudFormation takes is read like any other."""
    filler = {f"K{n}": {"Type": "AWS::KMS::Alias", "Properties": {"AliasName": "x" * 9000}} for n in range(1200)}
    found = estate(tmp_path, {"Resources": filler}, "t.json")
    assert len(found.assets) == 1200
    assert found.gaps == ()


def test_functions_nested_too_deeply_are_unknown_or_refused(tmp_path: Path) -> None:
    """A hundred functions in one another are refused with their depth, not with a stack of Python's."""
    text = '{"Fn::Join": ["", [' * 400 + '"x"' + "]]}" * 400
    with pytest.raises(TooLarge):
        estate(tmp_path, f'{{"Resources": {{"A": {{"Type": "AWS::S3::Bucket", "Properties": {text}}}}}}}', "t.json")


def test_stacks_cannot_fan_out_without_end(tmp_path: Path) -> None:
    """Templates that each nest the next one many times stop at a depth and at a number, and say so."""
    for level in range(12):
        nested = {
            f"N{n}": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": f"t{level + 1}.json"}}
            for n in range(6)
        }
        (tmp_path / f"t{level}.json").write_text(json.dumps({"Resources": nested}))
    (tmp_path / "t12.json").write_text('{"Resources": {"B": {"Type": "AWS::S3::Bucket"}}}')
    found = collected(tmp_path / "t0.json")
    assert GapCode.TOO_LARGE in {g.code for g in found.gaps}
    assert len(found.assets) < 20_000
