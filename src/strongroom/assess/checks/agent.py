"""Agents of Bedrock: their key, their guardrail, what their role may do, and where they reach."""

from strongroom.assess.checks._keys import customer_key
from strongroom.assess.checks._statements import listed, verdict
from strongroom.kit.iam_reach import allows
from strongroom.kit.kleene import Tri, all_of, any_of
from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, check
from strongroom.model.values import Statement, Unknown

AGENT = "aws_bedrockagent_agent"
SEE_AGENT = "aws bedrock-agent get-agent --agent-id <id> --query agent."


@check(
    id="enc.agent.cmk",
    title="The agent is encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=(Kind.AGENT,),
    needs=("aws.service", "enc.key"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a KMS key of your own.",
        (
            (AGENT, "customer_encryption_key_arn = aws_kms_key.agents.arn"),
            ("aws_bedrockagent_flow", "customer_encryption_key_arn = aws_kms_key.agents.arn"),
            ("aws_qbusiness_application", "encryption_configuration {\n  kms_key_id = aws_kms_key.agents.arn\n}"),
        ),
        verify=SEE_AGENT + "customerEncryptionKeyArn",
    ),
    broken="it is encrypted with {found}",
    equivalents=("checkov:CKV_AWS_373",),
)
def agent_key(v: View) -> Answer:
    """An agent's instructions, memory and action schemas say what the business does and how to talk it into things."""
    return customer_key(v, "enc.key")


@check(
    id="iam.agent.guardrail",
    title="A guardrail stands before the agent",
    clause="IAM-02.no-escalation",
    kinds=(Kind.AGENT,),
    needs=("aws.service", "agent.guardrail"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Attach a guardrail that looks for attacks in prompts and for private data in answers.",
        (
            (
                AGENT,
                (
                    "guardrail_configuration {\n"
                    "  guardrail_identifier = aws_bedrock_guardrail.agents.guardrail_id\n"
                    "  guardrail_version    = aws_bedrock_guardrail_version.agents.version\n"
                    "}"
                ),
            ),
        ),
        verify=SEE_AGENT + "guardrailConfiguration",
        effort=Effort.MEDIUM,
    ),
    broken="it has no guardrail",
    equivalents=("checkov:CKV_AWS_383", "prowler:bedrock_agent_guardrail_enabled"),
)
def agent_guardrail(v: View) -> bool:
    """An agent acts with its role on what it reads: whoever writes a document that it reads borrows that role, and a
    guardrail is what looks at the words before they are obeyed.
    """
    return v.flag("agent.guardrail")


@check(
    id="iam.agent.role-scoped",
    title="The agent's role allows no whole service on everything",
    clause="IAM-02.no-wildcard",
    kinds=(Kind.AGENT, Kind.INDEX),
    needs=("aws.service", "identity.statements"),
    severity=Severity.HIGH,
    fix=Fix(
        "Name the models, functions and buckets that the agent uses.",
        (
            (
                "aws_iam_role_policy",
                (
                    'policy = jsonencode({\n  Version = "2012-10-17"\n  Statement = [{\n    Effect   = "Allow"\n'
                    '    Action   = "bedrock:InvokeModel"\n    Resource = aws_bedrock_custom_model.m.custom_model_arn\n'
                    "  }]\n})"
                ),
            ),
        ),
        verify="aws iam simulate-principal-policy --policy-source-arn <role> --action-names s3:GetObject",
        effort=Effort.MEDIUM,
    ),
    broken="its role has {statement}",
    equivalents=("prowler:bedrock_agent_role_least_privilege",),
)
def agent_role(v: View) -> Answer:
    """What an agent may do is what anybody may do who gets words in front of it."""
    return verdict(listed(v, "identity.statements"), whole_service)


def whole_service(s: Statement) -> Tri:
    """Whether a statement allows all actions of a service, or of all, on every resource."""
    if not allows(s):
        return False
    everywhere = any_of(_star(r) for r in s.resources)
    if s.not_actions:
        return everywhere
    return all_of((everywhere, any_of(_service(a) for a in s.actions)))


def _star(resource: str) -> Tri:
    return Unknown(GapCode.UNDECIDED, "a resource of its role is not known") if "var." in resource else resource == "*"


def _service(action: str) -> Tri:
    if action.startswith("${"):
        return Unknown(GapCode.UNDECIDED, "an action of its role is not known")
    return action == "*" or action.endswith(":*")


@check(
    id="net.agent.no-internet",
    title="The agent's runtime has no internet access outside the owner's network",
    clause="NET-02.no-direct-internet",
    kinds=(Kind.AGENT,),
    needs=("aws.service", "net.direct_internet"),
    severity=Severity.HIGH,
    fix=Fix(
        "Run it in your network.",
        (
            (
                "aws_bedrockagentcore_agent_runtime",
                (
                    'network_configuration {\n  network_mode = "VPC"\n  network_mode_config {\n'
                    "    subnets         = [aws_subnet.private.id]\n"
                    "    security_groups = [aws_security_group.agents.id]\n  }\n}"
                ),
            ),
            ("aws_bedrockagentcore_code_interpreter", 'network_configuration {\n  network_mode = "SANDBOX"\n}'),
        ),
        verify="aws bedrock-agentcore-control get-agent-runtime --agent-runtime-id <id> --query networkConfiguration",
        effort=Effort.MEDIUM,
    ),
    broken="it reaches the internet through a network of the provider's",
)
def agent_network(v: View) -> bool:
    """Code that a model wrote, with a way to any address, is the shortest way out for whatever it was shown."""
    return not v.flag("net.direct_internet")


@check(
    id="iam.gateway.authenticated",
    title="The gateway to the agent's tools asks who calls",
    clause="IAM-03.no-anonymous",
    kinds=(Kind.ENDPOINT,),
    needs=("aws.service", "auth.anonymous"),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Authorise callers by IAM or by tokens of your identity provider.",
        (("aws_bedrockagentcore_gateway", 'authorizer_type = "AWS_IAM"'),),
        verify="aws bedrock-agentcore-control get-gateway --gateway-identifier <id> --query authorizerType",
        effort=Effort.MEDIUM,
    ),
    broken="it serves anybody",
)
def gateway(v: View) -> bool:
    """A gateway lends its role to whoever calls it: without authentication the tools behind it are public."""
    return not v.flag("auth.anonymous")


CHECKS = (agent_key, agent_guardrail, agent_role, agent_network, gateway)
