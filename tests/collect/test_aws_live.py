"""A running account: what is asked of it, what it comes to, and what a call that fails leaves unknown."""

from collections.abc import Iterator

import botocore.session
import pytest
from botocore.model import Shape
from tests.collect.aws_account import AI, NETWORK, WATCH, Answers, error, estate, one, walked

from strongroom.assess.reach.aws import REACH
from strongroom.collect.aws import session, telling
from strongroom.collect.aws.asking import ACROSS, FIRST, Call, Listing, Seen, actions, listings
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadUsage
from strongroom.model.estate import Asset, Estate
from strongroom.model.kinds import Kind
from strongroom.model.reach import Scene
from strongroom.model.values import Key, Unknown

EVERY = [*{(c.service, c.operation): c for x in listings() for c in x.calls}.values(), *FIRST, *ACROSS]
BOTH: Answers = {**NETWORK, **AI, **WATCH}


@pytest.fixture(scope="module")
def models() -> botocore.session.Session:
    """What boto3 knows of every service."""
    return botocore.session.get_session()


@pytest.mark.parametrize("call", EVERY, ids=lambda c: f"{c.service}:{c.operation}")
def test_every_call_is_one_of_boto3s(call: Call, models: botocore.session.Session) -> None:
    """A call, its arguments and what is taken of its answer exist in the service's own description."""
    operation = models.get_service_model(call.service).operation_model(call.operation)
    given = operation.input_shape.members if operation.input_shape else {}
    assert set(call.arguments) <= set(given)
    if call not in ACROSS:
        assert set(operation.input_shape.required_members if operation.input_shape else ()) <= set(call.arguments)
    assert _shape(operation.output_shape, call.takes) is not None


def _shape(shape: Shape, path: str) -> Shape | None:
    for step in path.split(".") if path else ():
        inner = _inside(shape)
        if inner.type_name != "structure" or step not in inner.members:
            return None
        shape = inner.members[step]
    return shape


def _inside(shape: Shape) -> Shape:
    while shape.type_name == "list":
        shape = shape.member
    return shape


@pytest.mark.parametrize("listing", [x for x in listings() if not x.single], ids=lambda x: x.type)
def test_every_name_is_one_of_the_answers(listing: Listing, models: botocore.session.Session) -> None:
    """What a listing calls its resources by stands in what its calls answer, or is told by the account."""
    named: set[str] = {"region", "account", "partition", "ident", listing.word}
    for call in listing.calls:
        shape = models.get_service_model(call.service).operation_model(call.operation).output_shape
        found = _inside(_shape(shape, call.takes) or shape)
        named |= set(found.members) if found.type_name == "structure" else set()
    used = {f for template in (listing.name, listing.ident, listing.arn) for f in _fields(template)}
    assert {f for f in used if not f.startswith("owner.")} <= named


def _fields(template: str) -> Iterator[str]:
    for piece in template.split("{")[1:]:
        yield piece.partition("}")[0]


def test_no_call_reads_what_is_kept_secret() -> None:
    """No permission of the reader gives out a secret's value, a parameter's, an object, or data under a key."""
    barred = (
        "getsecretvalue",
        "batchgetsecretvalue",
        "ssm:getparameter",
        "s3:getobject",
        "kms:decrypt",
        "getfederation",
    )
    assert not [a for a in actions(organisation=True) if a.lower() in barred or a.lower().endswith(barred)]
    assert "s3:GetObject" not in actions()
    assert all(a.partition(":")[2].startswith(("Get", "List", "Describe", "View", "Generate")) for a in actions())


def test_the_policy_has_what_is_asked_and_nothing_else() -> None:
    """Each call that is made is allowed by the printed policy, and each permission of it is one that a call needs."""
    _, canned = walked(BOTH)
    needed = {f"{c.service}:{c.operation}": c.needs for c in EVERY}
    made = {needed[name] for name, _ in canned.asked}
    assert made <= set(actions())
    assert set(actions(organisation=True)) == {c.needs for c in EVERY}


def test_a_network_comes_to_the_facts_of_the_tables() -> None:
    """Groups, volumes, metadata and public addresses of a machine are read as they run."""
    found = estate(BOTH)
    machine = one(found, "AWS::EC2::Instance")
    assert machine.address == "arn:aws:ec2:eu-west-1:123456789012:instance/i-1"
    assert (machine.account, machine.region) == ("123456789012", "eu-west-1")
    assert [machine.value(n) for n in ("net.public_ip", "imds.v2", "enc.at_rest")] == [True, True, True]
    group = next(a for a in found.assets if a.name == "web")
    assert [r.from_port for r in group.value("sg.ingress")] == [22]  # type: ignore[union-attr]
    assert one(found, "AWS::EC2::VPC").value("net.default_group_closed") is True
    assert one(found, "AWS::EC2::VPC").value("log.flows") is False
    assert not found.gaps


def test_services_of_ai_come_to_the_facts_of_the_tables() -> None:
    """A notebook, a bucket, a cluster and its nodes are judged by the same facts as those of a plan."""
    found = estate(BOTH)
    notebook = one(found, "AWS::SageMaker::NotebookInstance")
    assert [notebook.value(n) for n in ("net.direct_internet", "root", "imds.v2")] == [True, False, False]
    key = notebook.value("enc.key")
    assert isinstance(key, Key)
    assert key.tech == "cmk"
    bucket = one(found, "AWS::S3::Bucket")
    assert [bucket.value(n) for n in ("access.restrict", "s3.versioned", "s3.access_log")] == [True, True, False]
    assert bucket.value("s3.key") == Key(
        "cmk", "arn:aws:kms:eu-west-1:999999999999:key/0a1b2c3d-0000-4000-8000-000000000009"
    )
    cluster = one(found, "AWS::EKS::Cluster")
    assert cluster.value("log.types") == ("audit", "api")
    nodes = one(found, "AWS::EKS::Nodegroup")
    assert nodes.value("gpu.taints") == ("nvidia.com/gpu=present:NoSchedule",)


def test_what_watches_and_serves_comes_to_the_facts_of_the_tables() -> None:
    """Trails at home, detectors, alarms, rules, budgets, guardrails, functions and balancers are read as they run."""
    found = estate(BOTH)
    trail = one(found, "AWS::CloudTrail::Trail")
    assert [trail.value(n) for n in ("log.enabled", "log.all_regions", "trail.object_reads")] == [True, True, True]
    assert "S3_DATA_EVENTS" not in one(found, "AWS::GuardDuty::Detector").value("guardduty.features")  # type: ignore[operator]
    assert one(found, "aws_config_configuration_recorder").value("record.started") is True
    assert one(found, "AWS::Logs::MetricFilter").value("filter.alarmed") is True
    assert one(found, "AWS::Events::Rule").value("event.targeted") is True
    assert one(found, "AWS::Budgets::Budget").value("budget.notified") is True
    guardrail = one(found, "AWS::Bedrock::Guardrail")
    assert [guardrail.value(n) for n in ("guardrail.prompt_attack", "guardrail.private_data")] == ["HIGH", True]
    assert one(found, "aws_bedrock_model_invocation_logging_configuration").value("log.delivered") is True
    function = one(found, "AWS::Lambda::Function")
    assert [s.principals for s in function.value("resource.statements")] == [("*",)]  # type: ignore[union-attr]
    assert function.value("net.in_vpc") is False
    group = one(found, "AWS::ElasticLoadBalancingV2::TargetGroup")
    assert group.value("lb.plain_targets") is False
    assert one(found, "AWS::ElasticLoadBalancingV2::Listener").value("tls.min") == "1.2"


def _reached(of: Estate) -> object:
    machine = one(of, "AWS::EC2::Instance")
    return REACH.reach(Scene(of))(machine).ingress


def test_a_running_machine_is_reached_by_its_routes() -> None:
    """What leads to a machine is computed from what runs: its main table's gateway lets the internet in."""
    assert _reached(estate(BOTH)) is True


def test_a_black_hole_leads_nowhere() -> None:
    """A route whose target is gone lets nobody in."""
    answers = {**BOTH, "ec2:DescribeRouteTables": _black_hole(NETWORK["ec2:DescribeRouteTables"])}
    assert _reached(estate(answers)) is False


def _black_hole(told: object) -> object:
    assert isinstance(told, dict)
    table = told["RouteTables"][0]
    routes = [{**r, "State": "blackhole"} if r["GatewayId"] != "local" else r for r in table["Routes"]]
    return {"RouteTables": [{**table, "Routes": routes}]}


LISTS = sorted({f"{x.call.service}:{x.call.operation}" for x in listings()})
DETAILS = sorted({f"{d.service}:{d.operation}" for x in listings() for d in x.details})


@pytest.mark.parametrize("refused", LISTS)
def test_a_refused_list_is_a_gap_that_names_its_permission(refused: str) -> None:
    """A list that is denied hides its kinds and no others, and takes nothing else away."""
    told, _ = walked({**BOTH, refused: error("AccessDenied", 403)})
    gaps = list(telling.gaps(told, "aws:"))
    asked = {f"{x.call.service}:{x.call.operation}": x for x in listings() if not x.of or _owned(x)}
    if refused not in asked:
        assert not gaps  # nothing is there that it would be asked of
        return
    assert {g.code for g in gaps} == {GapCode.DENIED}
    assert all(asked[refused].call.needs in g.detail for g in gaps)
    assert all(g.hides for g in gaps)


def _owned(listing: Listing) -> bool:
    """Whether the account of the tests has what a listing is asked of."""
    return listing.of in {
        "AWS::EKS::Cluster", "AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::ElasticLoadBalancingV2::Listener",
        "AWS::Lambda::Function",
    }  # fmt: skip


@pytest.mark.parametrize("refused", [*LISTS, *DETAILS])
@pytest.mark.parametrize(
    "how", [error("AccessDenied", 403), error("Throttling", 400), error("500", 500)], ids=["denied", "busy", "fault"]
)
def test_no_call_that_fails_makes_anything_look_better(refused: str, how: Exception) -> None:
    """Where a call fails, each fact is as it was, unknown, or gone with its asset; none changes to another value."""
    whole = {a.address: a for a in estate(BOTH).assets}
    for asset in estate({**BOTH, refused: how}).assets:
        before = whole.get(asset.address)
        if before is None:
            assert _all_unknown(asset), asset.address
            continue
        for name, fact in asset.facts.items():
            now, then = fact.value, before.value(name)
            if name.startswith("link."):
                continue  # what is not seen is named by its id, and whoever follows it finds nobody
            assert now == then or _doubtful(now), f"{refused}: {asset.address} {name} was {then}, is {now}"


def _doubtful(value: object) -> bool:
    if isinstance(value, tuple):
        return any(isinstance(v, Unknown) for v in value)
    return isinstance(value, Unknown)


def _all_unknown(asset: Asset) -> bool:
    known = [f.value for f in asset.facts.values() if f.value is not None and not _doubtful(f.value)]
    return not known or asset.name in ("", "None")


def test_a_refused_detail_is_unknown_with_its_permission() -> None:
    """What a resource does not tell is unknown in it, with the permission that is missing."""
    bucket = one(estate({**BOTH, "s3:GetBucketVersioning": error("AccessDenied", 403)}), "AWS::S3::Bucket")
    found = bucket.value("s3.versioned")
    assert isinstance(found, Unknown)
    assert found.code is GapCode.DENIED
    assert "s3:GetBucketVersioning" in found.detail
    assert bucket.value("access.restrict") is True


def test_satellites_that_cannot_be_listed_leave_their_owner_open() -> None:
    """A network whose flow logs cannot be listed is not called one without."""
    network = one(estate({**BOTH, "ec2:DescribeFlowLogs": error("UnauthorizedOperation", 403)}), "AWS::EC2::VPC")
    assert isinstance(network.value("log.flows"), Unknown)


def test_keys_that_cannot_be_listed_are_nobodys() -> None:
    """A key is the customer's only where somebody says so; another account's key always is."""
    found = estate({**BOTH, "kms:ListKeys": error("AccessDeniedException", 400)})
    assert isinstance(one(found, "AWS::SageMaker::NotebookInstance").value("enc.key"), Unknown)
    assert isinstance(one(found, "AWS::S3::Bucket").value("s3.key"), Key)


def test_what_is_not_set_is_no_failure() -> None:
    """An error that only says that nothing is set is an answer."""
    answers = {**BOTH, "s3:GetPublicAccessBlock": error("NoSuchPublicAccessBlockConfiguration", 404)}
    found = estate(answers)
    assert one(found, "AWS::S3::Bucket").value("access.restrict") is False
    assert not found.gaps


def test_half_a_list_keeps_what_came_and_says_so() -> None:
    """Where a later page fails, the first pages count, and the rest is a gap."""
    pages = [{"Vpcs": [{"VpcId": "vpc-9", "CidrBlock": "10.9.0.0/16"}]}, error("InternalError", 500)]
    found = estate({**BOTH, "ec2:DescribeVpcs": pages})
    assert one(found, "AWS::EC2::VPC").name == "vpc-9"
    assert [g.hides for g in found.gaps] == [(Kind.NETWORK, Kind.OTHER)]


def test_a_service_that_a_region_has_not_is_no_gap() -> None:
    """No way to a service that the catalogue has elsewhere only is no gap; to one that should be there it is."""
    none = {
        **BOTH,
        "fsx:DescribeFileSystems": botocore.session.botocore.exceptions.EndpointConnectionError(endpoint_url="x"),
    }
    assert not estate(none, nowhere=("fsx",)).gaps
    assert [g.scope for g in estate(none).gaps] == ["AWS::FSx::FileSystem in eu-west-1"]


def test_what_there_was_no_time_for_is_told() -> None:
    """With no time at all every list is a gap of its own, and nothing hangs."""
    told, canned = walked(BOTH, seconds=0.0)
    assert not canned.asked
    assert not told.seen
    assert {x.failure.code for x in told.lost} == {GapCode.TIMEOUT}
    assert len(told.lost) == len([x for x in listings() if not x.of])


def test_what_nobody_foresaw_is_raised_where_it_is_waited_for() -> None:
    """A fault of the reader's own ends the reading; it is no silent half."""
    with pytest.raises(ZeroDivisionError):
        walked({**BOTH, "ec2:DescribeVpcs": ZeroDivisionError("x")})


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ("", session.Asked()),
        ("prod", session.Asked("prod")),
        ("@eu-west-1,us-gov-west-1", session.Asked("", "", ("eu-west-1", "us-gov-west-1"))),
        ("prod+reader@cn-north-1", session.Asked("prod", "reader", ("cn-north-1",))),
        ("+reader", session.Asked("", "reader")),
    ],
)
def test_a_target_names_profile_role_and_regions(target: str, wanted: session.Asked) -> None:
    """The parts of a target are told apart by their signs."""
    assert session.parsed(f"aws:{target}", target) == wanted


@pytest.mark.parametrize(
    "target", ["@", "@,", "@nowhere", "prod@eu-west-1@us-east-1", "./folder", "a\\b", "prod@EU-WEST-1"]
)
def test_a_target_that_is_none_is_refused(target: str) -> None:
    """A path or a region that cannot be one is refused before anything is asked."""
    with pytest.raises(BadUsage):
        session.parsed(f"aws:{target}", target)


def test_a_template_takes_its_values_from_what_was_seen() -> None:
    """A field alone keeps its value's form; within a text it is text; an owner's stand behind its name."""
    owner = Seen("A", "r", "1", "aws", {"name": "o"}, ident="x")
    seen = Seen("B", "r", "1", "aws-cn", {"Id": [1], "In": {"Deep": "d"}}, owner=owner)
    assert seen.fill("{Id}") == [1]
    assert seen.fill("arn:{partition}:{region}:{account}:{In.Deep}") == "arn:aws-cn:r:1:d"
    assert seen.fill(["{owner.name}", "{None}"]) == ["o", None]
