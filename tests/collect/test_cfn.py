"""CloudFormation templates as a source: places, links between resources, conditions, nested stacks, secrets."""

import json
from pathlib import Path

import pytest
from cfn_template import by_address, collected, estate
from terraform import NOW

from strongroom.app.assess import assess
from strongroom.app.catalogue import catalogue, report
from strongroom.app.sources import find, gather
from strongroom.collect.cloudformation.assets import shapes
from strongroom.collect.cloudformation.shape import Shape, move, tags, tidy
from strongroom.collect.resource import Link
from strongroom.collect.sources import cfn
from strongroom.collect.terraform.assets import tables
from strongroom.model.codes import GapCode
from strongroom.model.errors import Malformed, TooLarge, Unreadable
from strongroom.model.facts import FACTS
from strongroom.model.ports import Peek
from strongroom.model.values import Key, Unknown

BUCKET = "Resources:\n  B: {Type: AWS::S3::Bucket}\n"

PLACES = """# a comment
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  First:
    Type: AWS::S3::Bucket
    # inside
    Properties:
      BucketName: a

  # strongroom:skip=rec.s3-bucket.versioning:a scratch bucket
  Second:
    Type: AWS::Lambda::Function
    Properties:
      Code:
        ZipFile: |
          def handler():
            pass

  Third: {Type: AWS::S3::Bucket}
Outputs:
  X: {Value: !Ref First}
"""


def test_every_resource_stands_at_its_lines(tmp_path: Path) -> None:
    """Lines run from the logical id to the last line of the resource, in YAML and in JSON."""
    found = by_address(estate(tmp_path, PLACES))
    lines = {a: (w.line_start, w.line_end) for a, one in found.items() if (w := one.where) is not None}
    assert (lines["First"], lines["Second"], lines["Third"]) == ((4, 8), (11, 17), (19, 19))
    text = json.dumps({"Resources": {"A": {"Type": "AWS::KMS::Key"}, "B": {"Type": "AWS::KMS::Key"}}}, indent=1)
    found = by_address(estate(tmp_path, text, "t.json"))
    lines = {a: (w.line_start, w.line_end) for a, one in found.items() if (w := one.where) is not None}
    assert lines == {"A": (3, 5), "B": (6, 8)}


def test_a_comment_asks_for_a_skip_of_the_resource_below(tmp_path: Path) -> None:
    """A skip in a comment belongs to the resource on whose lines it stands or that follows it, and to no other."""
    found = by_address(estate(tmp_path, PLACES))
    assert [s.check for s in found["Second"].skips] == ["rec.s3-bucket.versioning"]
    assert found["First"].skips == found["Third"].skips == ()


def test_assets_are_named_by_logical_id_and_type(tmp_path: Path) -> None:
    """The address is the logical id, the native type CloudFormation's, the id the same in every run."""
    one = by_address(estate(tmp_path, BUCKET))["B"]
    assert (one.id, one.native_type, one.provider) == ("cloudformation:B", "AWS::S3::Bucket", "aws")
    other = by_address(estate(tmp_path, "Resources: {Q: {Type: AWS::SQS::Queue}, C: {Type: Custom::Thing}}"))
    assert {a: (x.native_type, x.kind.value, x.provider) for a, x in other.items()} == {
        "Q": ("AWS::SQS::Queue", "other", "aws"),
        "C": ("Custom::Thing", "other", ""),
    }


GROUPS = """
Resources:
  Silent: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: x}}
  Empty: {Type: AWS::EC2::SecurityGroup, Properties: {SecurityGroupEgress: []}}
  Inline:
    Type: AWS::EC2::SecurityGroup
    Properties:
      SecurityGroupEgress: {IpProtocol: tcp, FromPort: "443", ToPort: 443, CidrIp: 10.0.0.0/8}
  Beside: {Type: AWS::EC2::SecurityGroup, Properties: {VpcId: vpc-1}}
  Rule:
    Type: AWS::EC2::SecurityGroupEgress
    Properties: {GroupId: !GetAtt Beside.GroupId, IpProtocol: "-1", DestinationSecurityGroupId: !Ref Inline}
  In:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: {GroupId: !Ref Silent, IpProtocol: 6, FromPort: 22, ToPort: 22, CidrIpv6: "::/0"}
"""


def test_a_group_without_egress_lets_everything_out(tmp_path: Path) -> None:
    """EC2's default counts where a template says nothing, and is gone once any rule is stated, wherever it stands."""
    found = by_address(estate(tmp_path, GROUPS))
    for name in ("Silent", "Empty"):
        fact = found[name].facts["sg.egress"]
        assert [r.peers for r in fact.value] == [("0.0.0.0/0",), ("::/0",)]  # type: ignore[union-attr]
        assert "aws-resource-ec2-securitygroup" in fact.default_of
        assert found[name].value("sg.egress_stated") is False
    for name in ("Inline", "Beside"):
        assert len(found[name].value("sg.egress")) == 1  # type: ignore[arg-type]
        assert found[name].value("sg.egress_stated") is True
    assert found["Beside"].value("sg.egress")[0].groups == ("Inline",)  # type: ignore[index]
    ingress = found["Silent"].value("sg.ingress")[0]  # type: ignore[index]
    assert (ingress.protocol, ingress.from_port, ingress.peers) == ("tcp", 22, ("::/0",))


STORES = """
Parameters: {Prefix: {Type: String}}
Resources:
  ByRef: {Type: AWS::S3::Bucket}
  ByName: {Type: AWS::S3::Bucket, Properties: {BucketName: named}}
  ByText: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub '${Prefix}-${AWS::AccountId}'}}
  Other: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub '${Prefix}-other'}}
  P1: {Type: AWS::S3::BucketPolicy, Properties: {Bucket: !Ref ByRef, PolicyDocument: &deny {Statement: [{Sid: one, Effect: Deny, Principal: "*", Action: "s3:*", Resource: "*"}]}}}
  P2: {Type: AWS::S3::BucketPolicy, Properties: {Bucket: named, PolicyDocument: *deny}}
  P3: {Type: AWS::S3::BucketPolicy, Properties: {Bucket: !Sub '${Prefix}-${AWS::AccountId}', PolicyDocument: *deny}}
"""


def test_a_policy_finds_its_bucket_by_reference_name_and_text(tmp_path: Path) -> None:
    """A satellite belongs to what it refers to, what has its name, and what is called by the same open text."""
    found = by_address(estate(tmp_path, STORES))
    for name in ("ByRef", "ByName", "ByText"):
        assert [s.sid for s in found[name].value("policy.statements")] == ["one"], name  # type: ignore[union-attr]
    assert found["Other"].value("policy.statements") is None


KEYS = """
Parameters: {Id: {Type: String}}
Resources:
  Key: {Type: AWS::KMS::Key, Properties: {EnableKeyRotation: true}}
  Alias: {Type: AWS::KMS::Alias, Properties: {AliasName: alias/x, TargetKeyId: !Ref Key}}
  Lookup: {Type: Custom::KeyLookup}
  Own: {Type: AWS::EC2::Volume, Properties: {Encrypted: true, KmsKeyId: !GetAtt Key.Arn}}
  ByAlias: {Type: AWS::EC2::Volume, Properties: {Encrypted: true, KmsKeyId: !Ref Alias}}
  Aws: {Type: AWS::EC2::Volume, Properties: {Encrypted: true, KmsKeyId: alias/aws/ebs}}
  Partly: {Type: AWS::EC2::Volume, Properties: {KmsKeyId: !Sub 'arn:aws:kms:${AWS::Region}:${AWS::AccountId}:alias/mine'}}
  Looked: {Type: AWS::EC2::Volume, Properties: {Encrypted: true, KmsKeyId: !GetAtt Lookup.Arn}}
  Open: {Type: AWS::EC2::Volume, Properties: {Encrypted: true, KmsKeyId: !Ref Id}}
  None: {Type: AWS::EC2::Volume}
"""


def test_whose_key_it_is(tmp_path: Path) -> None:
    """A key of the template is the customer's, alias/aws is AWS's, and a key that is looked up or passed is unknown."""
    found = by_address(estate(tmp_path, KEYS))
    assert found["Own"].value("enc.key") == Key("cmk", "Key.arn")
    assert [getattr(found[n].value("enc.key"), "tech", "?") for n in ("ByAlias", "Aws", "Partly", "None")] == [
        "cmk",
        "provider",
        "cmk",
        "none",
    ]
    assert isinstance(found["Looked"].value("enc.key"), Unknown)
    assert isinstance(found["Open"].value("enc.key"), Unknown)
    assert ("key", "cloudformation:Key") in {(r.rel, r.id) for r in found["Own"].refs}


MADE = """
Parameters: {Log: {Type: String}}
Conditions: {Logged: !Equals [!Ref Log, yes-please], Never: !Equals [a, b]}
Resources:
  Net: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Flow: {Type: AWS::EC2::FlowLog, Condition: Logged, Properties: {ResourceId: !Ref Net, ResourceType: VPC}}
  Gone: {Type: AWS::EC2::VPC, Condition: Never}
  Both: {Type: AWS::EC2::VPC, Condition: Logged}
  Beside: {Type: AWS::EC2::FlowLog, Condition: Logged, Properties: {ResourceId: !Ref Both, ResourceType: VPC}}
  Group: {Type: AWS::EC2::SecurityGroup}
  Rule:
    Type: AWS::EC2::SecurityGroupIngress
    Condition: Logged
    Properties: {GroupId: !Ref Group, IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 0.0.0.0/0}
"""


def test_what_may_not_be_made_proves_nothing(tmp_path: Path) -> None:
    """A resource under a false condition is not there; one under an open condition neither proves nor excuses."""
    found = estate(tmp_path, MADE)
    assets = by_address(found)
    assert "Gone" not in assets
    assert isinstance(assets["Net"].value("log.flows"), Unknown)
    assert assets["Both"].value("log.flows") is True  # both are made, or neither is
    (rule,) = assets["Group"].value("sg.ingress")  # type: ignore[misc]
    assert isinstance(rule.peers[0], Unknown)
    assert {g.code for g in found.gaps} == {GapCode.UNDECIDED}
    assert len(found.gaps) == 4


CHILD = """
Parameters: {Key: {Type: String}, Bucket: {Type: String, Default: none}}
Resources:
  Volume: {Type: AWS::EC2::Volume, Properties: {Encrypted: true, KmsKeyId: !Ref Key}}
  Policy: {Type: AWS::S3::BucketPolicy, Properties: {Bucket: !Ref Bucket, PolicyDocument: {Statement: [{Sid: s, Effect: Deny}]}}}
Outputs:
  Id: {Value: !Ref Volume}
  Name: {Value: !Sub 'x-${Key}'}
"""
PARENT = """
Resources:
  Key: {Type: AWS::KMS::Key}
  B: {Type: AWS::S3::Bucket}
  Disks:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: inner/disks.yaml, Parameters: {Key: !GetAtt Key.Arn, Bucket: !Ref B}}
  Later: {Type: AWS::S3::Bucket, Properties: {BucketName: !GetAtt Disks.Outputs.Name}}
"""


def test_a_nested_stack_is_read_with_what_it_is_passed(tmp_path: Path) -> None:
    """A nested template in the tree is followed: its resources stand under the stack, linked across both."""
    estate(tmp_path, CHILD, "inner/disks.yaml")
    estate(tmp_path, PARENT, "main.yaml")
    found = collected(tmp_path)
    assets = by_address(found)
    assert assets["Disks.Volume"].value("enc.key") == Key("cmk", "Key.arn")
    assert [s.sid for s in assets["B"].value("policy.statements")] == ["s"]  # type: ignore[union-attr]
    assert assets["Disks.Volume"].where is not None
    assert assets["Disks.Volume"].where.file.endswith("inner/disks.yaml")
    assert found.gaps == ()
    assert not any(a.id.endswith("disks.yaml//Volume") for a in found.assets)  # it is no stack of its own here
    alone = by_address(collected(tmp_path / "main.yaml"))
    assert set(alone) == set(assets)


def nested(place: str) -> str:
    return f"Resources: {{N: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: {place}}}}}}}"


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("https://example.com/t.yaml", GapCode.NOT_FETCHED),
        ("!Ref Where", GapCode.NOT_FETCHED),
        ("missing.yaml", GapCode.ABSENT),
        ("../outside.yaml", GapCode.OUTSIDE),
        ("/etc/hostname", GapCode.OUTSIDE),
        ("link.yaml", GapCode.LINK),
        ("broken.yaml", GapCode.DUPLICATE_KEY),
        ("main.yaml", GapCode.MALFORMED),
    ],
)
def test_a_nested_template_that_is_not_read_is_a_gap(place: str, code: GapCode, tmp_path: Path) -> None:
    """What lies elsewhere, outside, behind a link, is broken, or nests itself is named and never followed."""
    root = tmp_path / "tree"
    root.mkdir()
    (tmp_path / "outside.yaml").write_text(BUCKET)
    (root / "broken.yaml").write_text("A: 1\nA: 2\n")
    (root / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    found = estate(root, nested(place), "main.yaml")
    assert code in {g.code for g in found.gaps}
    assert set(by_address(found)) <= {"N"}


def test_stacks_that_nest_each_other_end(tmp_path: Path) -> None:
    """Two templates that nest each other are read once each, and the ring is a gap."""
    estate(tmp_path, nested("b.yaml").replace("N:", "A:"), "a.yaml")
    estate(tmp_path, nested("a.yaml").replace("N:", "B:"), "b.yaml")
    found = collected(tmp_path)
    assert {g.code for g in found.gaps} == {GapCode.MALFORMED}
    assert found.assets


SAM = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      Policies:
        - AdministratorAccess
        - Statement: [{Sid: own, Effect: Allow, Action: "s3:*", Resource: "*"}]
        - S3ReadPolicy: {BucketName: x}
  Plain: {Type: AWS::Serverless::Function, Properties: {Role: arn:aws:iam::111122223333:role/x, Policies: [ReadOnlyAccess]}}
"""


def test_the_role_that_sam_makes_is_judged(tmp_path: Path) -> None:
    """A function's Policies become the role that SAM makes; what SAM alone spells out is unknown."""
    found = by_address(estate(tmp_path, SAM))
    role = found["FnRole"]
    assert role.native_type == "AWS::IAM::Role"
    assert role.value("policy.attached") == ("arn:aws:iam::aws:policy/AdministratorAccess",)
    own, sams = role.value("policy.statements")  # type: ignore[misc]
    assert own.sid == "own"
    assert isinstance(sams, Unknown)
    assert "PlainRole" not in found


ROLES = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Statement: [{Effect: Allow, Principal: {Service: sagemaker.amazonaws.com}, Action: "sts:AssumeRole"}]}
      ManagedPolicyArns: [!Sub 'arn:${AWS::Partition}:iam::aws:policy/AmazonS3FullAccess', !Ref Managed]
      Policies: [{PolicyName: p, PolicyDocument: {Statement: [{Sid: inside, Effect: Allow, Action: "kms:*", Resource: "*"}]}}]
  Managed: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: {Statement: [{Sid: managed, Effect: Allow, Action: a, Resource: b}]}}}
  Apart: {Type: AWS::IAM::Policy, Properties: {Roles: [!Ref Role], PolicyDocument: {Statement: [{Sid: apart, Effect: Allow, Action: a, Resource: b}]}}}
  Notebook: {Type: AWS::SageMaker::NotebookInstance, Properties: {RoleArn: !GetAtt Role.Arn, DirectInternetAccess: Disabled}}
  Empty: {Type: AWS::IAM::Policy, Properties: {PolicyDocument: null}}
  User: {Type: AWS::IAM::User, Properties: {ManagedPolicyArns: [arn:aws:iam::aws:policy/AdministratorAccess], Groups: [g]}}
"""


def test_a_role_carries_what_is_attached_to_it(tmp_path: Path) -> None:
    """Inline, managed and separate policies of a role count for what runs as it; a policy without document is unknown."""
    found = by_address(estate(tmp_path, ROLES))
    sids = [s.sid for s in found["Notebook"].value("identity.statements")]  # type: ignore[union-attr]
    assert sorted(sids) == ["AmazonS3FullAccess", "apart", "inside", "managed"]
    assert found["Role"].value("policy.attached") == ("arn:aws:iam::aws:policy/AmazonS3FullAccess", "Managed")
    assert isinstance(found["Empty"].value("policy.statements"), Unknown)
    assert found["User"].value("policy.attached") == ("arn:aws:iam::aws:policy/AdministratorAccess",)


SECRETS = """
Parameters:
  Password: {Type: String, NoEcho: true, Default: correct-horse-battery}
Resources:
  Machine:
    Type: AWS::EC2::Instance
    Properties:
      UserData: !Base64 {'Fn::Sub': 'export DB=${Password}'}
  Fetched:
    Type: AWS::EC2::Instance
    Properties: {UserData: 'export DB={{resolve:secretsmanager:db}}'}
  Plain: {Type: AWS::EC2::Instance, Properties: {UserData: !Base64 'echo hello'}}
  Table: {Type: AWS::SecretsManager::Secret, Properties: {SecretString: "tr0ub4dor&3-and-more"}}
"""


def test_secrets_are_judged_and_never_printed(tmp_path: Path) -> None:
    """A NoEcho parameter and a fetched secret in user data are found, and no report says what they are."""
    path = tmp_path / "secrets.yaml"
    path.write_text(SECRETS)
    found = by_address(collected(path))
    assert found["Machine"].value("secrets.found")
    assert found["Fetched"].value("secrets.found") == ("value of secretsmanager",)
    assert found["Plain"].value("secrets.found") == ()
    done = assess([f"cfn:{path}"], NOW)
    for name in ("jsonl", "json", "html", "csv", "sarif", "md"):
        text = "".join(report(name).render(done, catalogue()))
        assert "correct-horse" not in text
        assert "tr0ub4dor" not in text


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("a: [", Malformed, "t.yaml:2"),
        ("Resources: {A: {Type: X}}\nResources: {}", Malformed, "stands twice"),
        ('{"Resources": {"A": {"Type": "X", "Type": "Y"}}}', Malformed, "stands twice"),
        ("- a\n- b", Malformed, "no mapping of sections"),
        ("AWSTemplateFormatVersion: x", Malformed, "no Resources"),
        ("Resources: []", Malformed, "no Resources"),
        ("Resources: {A: {Type: X}}\n--- \nResources: {}", Malformed, "second document"),
        (b"Resources: {A: {Type: \xff}}", Malformed, "UTF-8"),
        ("", Malformed, "no mapping"),
        ("Resources: {A: *nowhere}", Malformed, "names nothing"),
        ("Resources: " + "{a: " * 200 + "1" + "}" * 200, TooLarge, "deeper than"),
        ('{"Resources": ' + '{"a": ' * 5000 + "1" + "}" * 5000 + "}", TooLarge, "deeper than"),
    ],
)
def test_what_is_no_template_is_refused(text: str | bytes, error: type[Exception], said: str, tmp_path: Path) -> None:
    """A single file that is no whole template raises an error of the house that names file, line and reason."""
    with pytest.raises(error, match=said):
        estate(tmp_path, text, "t.yaml")


def test_a_missing_file_and_a_folder_without_templates_are_refused(tmp_path: Path) -> None:
    """What is not there, or holds no template, is an error and no clean answer."""
    with pytest.raises(Unreadable):
        collected(tmp_path / "none.yaml")
    (tmp_path / "values.yaml").write_text("a: 1")
    with pytest.raises(Unreadable, match="no template"):
        collected(tmp_path)


@pytest.mark.parametrize(
    ("section", "code", "said"),
    [
        ("Resources: {A: {Properties: {}}, B: {Type: AWS::S3::Bucket}}", GapCode.MALFORMED, "no Type"),
        ("Resources: {A: text, B: {Type: AWS::S3::Bucket}}", GapCode.MALFORMED, "no mapping"),
        ("Statement: []\nResources: {B: {Type: AWS::S3::Bucket}}", GapCode.MALFORMED, "no template has a section"),
        ("Transform: Mine\nResources: {B: {Type: AWS::S3::Bucket}}", GapCode.NOT_FETCHED, "the macro Mine"),
        ("Resources: {B: {Type: AWS::S3::Bucket, Properties: [1]}}", GapCode.MALFORMED, "its properties"),
        ("Resources: {B: {Type: AWS::S3::Bucket, Properties: {X: !Ref Y}}}", GapCode.MALFORMED, "Y is not in"),
        ("Conditions: []\nResources: {B: {Type: AWS::S3::Bucket}}", GapCode.MALFORMED, "Conditions is no mapping"),
        (
            "Resources: {B: {Type: AWS::S3::Bucket}, 'Fn::Transform': {Name: AWS::Include}}",
            GapCode.NOT_FETCHED,
            "a macro adds",
        ),
    ],
)
def test_what_is_wrong_in_a_template_is_a_gap(section: str, code: GapCode, said: str, tmp_path: Path) -> None:
    """One broken part is named with its place, and what stands beside it is judged."""
    found = estate(tmp_path, section)
    assert [(g.code, said in g.detail) for g in found.gaps] == [(code, True)]
    assert "B" in by_address(found)


def test_a_folder_reads_what_it_can_and_names_the_rest(tmp_path: Path) -> None:
    """Broken, linked and headless templates of a folder are gaps; other YAML is nobody's business here."""
    estate(tmp_path, BUCKET, "good.yaml")
    (tmp_path / "bad.yaml").write_text(BUCKET + "Resources: {}\n")
    (tmp_path / "headless.json").write_text('{"AWSTemplateFormatVersion": "2010-09-09"}')
    (tmp_path / "values.yaml").write_text("Resources: 3\n")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "good.yaml")
    found = collected(tmp_path)
    assert {a.address for a in found.assets} == {"B", "B.PublicAccessBlockConfiguration"}
    assert {(Path(g.scope).name, g.code) for g in found.gaps} == {
        ("bad.yaml", GapCode.DUPLICATE_KEY),
        ("headless.json", GapCode.MALFORMED),
        ("link.yaml", GapCode.LINK),
    }


def test_several_templates_keep_their_names_apart(tmp_path: Path) -> None:
    """The same logical id in two files is two assets, each with the path of its file."""
    estate(tmp_path, BUCKET, "a/one.yaml")
    estate(tmp_path, BUCKET, "two.yaml")
    ids = {a.id for a in collected(tmp_path).assets if a.address == "B"}
    assert ids == {"cloudformation:a/one.yaml//B", "cloudformation:two.yaml//B"}


def test_bare_paths_are_recognised(tmp_path: Path) -> None:
    """A template and a folder of them need no scheme; manifests and Terraform keep their own."""
    files = {
        "t.yaml": BUCKET,
        "t.json": '{"Resources": {"B": {"Type": "AWS::S3::Bucket"}}}',
        "t.template": 'AWSTemplateFormatVersion: "2010-09-09"\n' + "# x\n" * 9000 + BUCKET,
    }
    inner = tmp_path / "stack"
    inner.mkdir()
    for name, text in files.items():
        (inner / name).write_text(text)
        assert find(str(inner / name)).collector is cfn.COLLECTOR, name
    assert find(str(inner)).collector is cfn.COLLECTOR
    assert find(str(tmp_path)).collector is cfn.COLLECTOR
    (inner / "main.tf").write_text("")
    assert find(str(inner)).collector.scheme == "tf"
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n"
    assert cfn.recognises(Peek(Path("p.yaml"), False, pod.encode(), ())) == 0


def test_findings_come_out_of_the_whole_assessment(tmp_path: Path) -> None:
    """A template given by its bare path is judged, planned and counted like any source."""
    path = tmp_path / "t.yaml"
    path.write_text(BUCKET)
    assert [s.scheme for s in gather([str(path)], NOW).sources] == ["cfn"]
    done = assess([str(path)], NOW)
    assert {f.status.value for f in done.findings if f.check == "net.s3-bucket.access-block"} == {"fail"}


# Shapes

every_shape = pytest.mark.parametrize("shape", shapes().values(), ids=shapes().keys())


@every_shape
def test_a_shape_leads_to_a_table_or_completes_one(shape: Shape) -> None:
    """The native type of a shape has a table, or is read by some table as what completes another block."""
    native = shape.native if isinstance(shape.native, str) else shape.native({})
    completes = {
        "aws_cloudwatch_event_target",
        "aws_config_delivery_channel",
        "aws_ec2_managed_prefix_list",
        "aws_ecr_registry_scanning_configuration",
        "aws_eip",
        "aws_eip_association",
        "aws_eks_addon",
        "aws_flow_log",
        "aws_lb_listener_rule",
        "aws_s3vectors_vector_bucket_policy",
    }
    assert native in tables() or native in completes
    assert all(row.fact in FACTS for row in shape.rows)


@every_shape
def test_a_shape_stands_whatever_its_properties_hold(shape: Shape, tmp_path: Path) -> None:
    """No shape dies of a property of another form than it should have."""
    names = {p.partition(".")[0] for p, _ in shape.moves}
    title = ["".join(w.capitalize() for w in n.split("_")) for n in names]
    every = [*title, *WORDS]
    for leaf in (None, "", "x", 3, True, [], [1], [[]], {}, [{}], [None], {"a": {"b": [1]}}, {"Ref": "Nowhere"}):
        for inner in (leaf, dict.fromkeys(WORDS, leaf), [dict.fromkeys(WORDS, leaf)]):
            text = {"Resources": {"R": {"Type": shape.type, "Properties": dict.fromkeys(every, inner)}}}
            assert "R" in by_address(estate(tmp_path, text))


WORDS = (
    *(
        "AccessControl",
        "AccessPolicies",
        "Actions",
        "BlockDeviceMappings",
        "Budget",
        "BucketEncryption",
        "ComputeResources",
    ),
    *("DataSources", "DefaultActions", "DomainEndpointOptions", "Ebs", "EventPattern", "EventSelectors", "Features"),
    *("LaunchTemplateData", "Listeners", "MetricTransformations", "NetworkInterfaces", "NotificationsWithSubscribers"),
    *(
        "OnStart",
        "OwnershipControls",
        "Policies",
        "PolicyDocument",
        "PortRange",
        "ProductionVariants",
        "Roles",
        "Rules",
    ),
    *("PublicAccessBlockConfiguration", "RecordingGroup", "SecurityGroupEgress", "SecurityGroupIngress", "Subscribers"),
    *("TagSpecifications", "Tags", "Taints", "Targets", "UserData", "VersioningConfiguration", "Scheme", "Type"),
)


def test_moves_go_through_lists_and_keep_what_is_open() -> None:
    """A path that goes through a list is moved in every element; what is unknown stays so at its new place."""
    values = tidy({"Rules": [{"OldName": 1}, {"OldName": 2}], "Other": {"Deep": {"X": 3}}})
    move(values, "rules.old_name", "rules.new_name")
    move(values, "other.deep.x", "flat")
    assert values["rules"] == [{"new_name": 1}, {"new_name": 2}]
    assert values["flat"] == 3
    doubt = Unknown(GapCode.UNDECIDED, "x")
    open_values: dict[str, object] = {"other": doubt}
    move(open_values, "other.deep", "flat")
    assert open_values["flat"] == doubt


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ([{"Key": "a", "Value": "1"}, {"TagKey": "b", "TagValue": Link("x")}], {"a": "1", "b": Link("x")}),
        ({"a": "1"}, {"a": "1"}),
        ([{"Key": "a"}], {"a": None}),
        (["x"], {}),
    ],
)
def test_tags_are_one_mapping(raw: object, wanted: object) -> None:
    """Lists of keys and values, in either spelling, and mappings are read alike."""
    assert tags(raw) == wanted
