"""AWS networks and the endpoints in them."""

from strongroom.assess.checks._statements import listed
from strongroom.kit.iam import everything
from strongroom.kit.iam_reach import allows, anybody
from strongroom.kit.kleene import Tri, all_of, any_of
from strongroom.model.codes import Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Statement, Unknown


@check(
    id="log.vpc.flow-logs",
    title="The network's flows are logged",
    clause="LOG-01.sources-on",
    kinds=(Kind.NETWORK,),
    needs=("log.flows",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Write flow logs of all traffic to a log group or bucket.",
        (
            (
                "aws_vpc",
                'resource "aws_flow_log" "all" {\n  vpc_id          = aws_vpc.this.id\n  traffic_type    = "ALL"\n  iam_role_arn    = aws_iam_role.flow_log.arn\n  log_destination = aws_cloudwatch_log_group.flow.arn\n}',
            ),
        ),
        "aws ec2 create-flow-logs --resource-type VPC --resource-ids <vpc-id> --traffic-type ALL --log-group-name <group> --deliver-logs-permission-arn <role-arn>",
        "aws ec2 describe-flow-logs --filter Name=resource-id,Values=<vpc-id>",
    ),
    broken="no flow log names this network",
    equivalents=("checkov:CKV2_AWS_11", "trivy:AWS-0178", "prowler:vpc_flow_logs_enabled"),
)
def flow_logs(v: View) -> bool:
    """Flow logs are the only record of where a node that was taken over sent the weights, and how many bytes."""
    return v.flag("log.flows")


@check(
    id="net.vpc.default-group",
    title="The network's default security group is adopted and has no rules",
    clause="SEG-01.default-deny-between",
    kinds=(Kind.NETWORK,),
    needs=("net.default_group_closed",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Adopt the default security group and leave it empty.",
        (("aws_vpc", 'resource "aws_default_security_group" "closed" {\n  vpc_id = aws_vpc.this.id\n}'),),
        "aws ec2 revoke-security-group-ingress --group-id <default-group-id> --security-group-rule-ids <rule-ids>",
        "aws ec2 describe-security-groups --filters Name=group-name,Values=default Name=vpc-id,Values=<vpc-id>",
    ),
    broken="the default security group keeps rules: whatever is started without a group may talk to its peers and out",
    equivalents=("checkov:CKV2_AWS_12", "prowler:ec2_securitygroup_default_restrict_traffic"),
)
def default_group(v: View) -> bool:
    """AWS gives every network a default group that lets its members talk to each other and to the internet, and
    whatever is started without a group gets it.
    """
    return v.flag("net.default_group_closed")


@check(
    id="net.endpoint.policy-limited",
    title="The endpoint's policy limits who reaches what through it",
    clause="NET-03.private-endpoints",
    kinds=(Kind.PRIVATE_ENDPOINT,),
    needs=("policy.statements", "endpoint.service"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Give the endpoint a policy that lets the organisation's principals reach the organisation's resources only.",
        (
            (
                "aws_vpc_endpoint",
                'policy = jsonencode({\n  Version = "2012-10-17"\n  Statement = [{\n    Effect    = "Allow"\n    Principal = "*"\n    Action    = ["s3:GetObject", "s3:PutObject"]\n    Resource  = "${aws_s3_bucket.weights.arn}/*"\n    Condition = { StringEquals = { "aws:PrincipalOrgID" = var.organisation } }\n  }]\n})',
            ),
        ),
        "aws ec2 modify-vpc-endpoint --vpc-endpoint-id <endpoint-id> --policy-document file://policy.json",
        "aws ec2 describe-vpc-endpoints --vpc-endpoint-ids <endpoint-id> --query 'VpcEndpoints[].PolicyDocument'",
    ),
    broken="its policy lets any principal reach any resource: data leaves through it to a foreign account",
)
def policy_limited(v: View) -> Answer:
    """An endpoint with the default policy is a private road out: stolen credentials of another account write the
    weights to its own bucket, and no internet route is needed.
    """
    if v.text("endpoint.type").lower() == "gatewayloadbalancer":
        return not_applicable("an endpoint of a gateway load balancer takes no policy")
    answer = any_of(_unlimited(s) for s in listed(v, "policy.statements"))
    if isinstance(answer, Unknown):
        return unknown(answer)
    return broken() if answer else holds()


def _unlimited(s: Statement | Unknown) -> Tri:
    if isinstance(s, Unknown):
        return s
    return all_of((allows(s), anybody(s), not s.conditions, everything(s.resources)))


CHECKS = (flow_logs, default_group, policy_limited)
