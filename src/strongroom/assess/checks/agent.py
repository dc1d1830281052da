"""Bedrock and the ready-made AI services: agents, guardrails, models, indexes, and the log of what was asked."""

from strongroom.assess.checks._keys import customer_key
from strongroom.assess.checks._statements import listed, verdict
from strongroom.kit.iam_reach import allows
from strongroom.kit.kleene import Tri, all_of, any_of
from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds
from strongroom.model.values import Statement, Unknown

AGENT = "aws_bedrockagent_agent"
SEE_AGENT = "aws bedrock-agent get-agent --agent-id <id> --query agent."
SEE_GUARDRAIL = "aws bedrock get-guardrail --guardrail-identifier <id> --query "
ATTACKS = """content_policy_config {
  filters_config {
    type            = "PROMPT_ATTACK"
    input_strength  = "HIGH"
    output_strength = "NONE"
  }
}"""
PRIVATE = """sensitive_information_policy_config {
  pii_entities_config {
    type   = "AWS_SECRET_KEY"
    action = "BLOCK"
  }
}"""


@check(
    id="enc.agent.cmk",
    title="The agent is encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=(Kind.AGENT,),
    needs=(
        "aws.service",
        "enc.key",
    ),
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
    needs=(
        "aws.service",
        "agent.guardrail",
    ),
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
    needs=(
        "aws.service",
        "identity.statements",
    ),
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
    needs=(
        "aws.service",
        "net.direct_internet",
    ),
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
    id="iam.guardrail.prompt-attacks",
    title="The guardrail looks for attacks in prompts with full strength",
    clause="IAM-02.no-escalation",
    kinds=(Kind.GUARDRAIL,),
    needs=(
        "aws.service",
        "guardrail.prompt_attack",
    ),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Add the filter for prompt attacks with high strength.",
        (("aws_bedrock_guardrail", ATTACKS),),
        verify=SEE_GUARDRAIL + "contentPolicy",
    ),
    broken="its filter for prompt attacks is {strength}",
    equivalents=("prowler:bedrock_guardrail_prompt_attack_filter_enabled",),
)
def prompt_attacks(v: View) -> Answer:
    """A guardrail without this filter checks manners and lets instructions to the model pass."""
    strength = v.text("guardrail.prompt_attack").upper()
    return holds() if strength == "HIGH" else broken(strength=(strength or "none").lower())


@check(
    id="art.guardrail.private-data",
    title="The guardrail blocks or masks private data",
    clause="ART-07.no-copy-outside",
    kinds=(Kind.GUARDRAIL,),
    needs=(
        "aws.service",
        "guardrail.private_data",
    ),
    severity=Severity.MEDIUM,
    fix=Fix(
        "List the kinds of private data that must not pass.",
        (("aws_bedrock_guardrail", PRIVATE),),
        verify=SEE_GUARDRAIL + "sensitiveInformationPolicy",
    ),
    broken="it lets private data pass in both directions",
    equivalents=("prowler:bedrock_guardrail_sensitive_information_filter_enabled",),
)
def private_data(v: View) -> bool:
    """What a model was tuned on or handed for context can be talked out of it again; the filter is the last look."""
    return v.flag("guardrail.private_data")


@check(
    id="enc.model.cmk",
    title="The custom model is encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=(Kind.MODEL,),
    needs=(
        "aws.service",
        "enc.key",
    ),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a KMS key of your own.",
        (
            ("aws_bedrock_custom_model", "custom_model_kms_key_id = aws_kms_key.models.arn"),
            ("aws_comprehend_entity_recognizer", "model_kms_key_id = aws_kms_key.models.arn"),
            ("aws_comprehend_document_classifier", "model_kms_key_id = aws_kms_key.models.arn"),
        ),
        verify="aws bedrock get-custom-model --model-identifier <name> --query modelKmsKeyArn",
        effort=Effort.MEDIUM,
    ),
    broken="it is encrypted with {found}",
    equivalents=("checkov:CKV_AWS_267", "prowler:bedrock_custom_model_encrypted_with_cmk"),
)
def model_key(v: View) -> Answer:
    """A tuned model is the training data in another form; only a key of the owner's can be withdrawn from it."""
    return customer_key(v, "enc.key")


@check(
    id="enc.model.volume-cmk",
    title="The volumes that the model is trained on are encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=(Kind.MODEL,),
    needs=(
        "aws.service",
        "enc.volume_key",
    ),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a KMS key of your own for the training volumes.",
        (
            ("aws_comprehend_entity_recognizer", "volume_kms_key_id = aws_kms_key.models.arn"),
            ("aws_comprehend_document_classifier", "volume_kms_key_id = aws_kms_key.models.arn"),
        ),
        verify="aws comprehend describe-entity-recognizer --entity-recognizer-arn <arn>",
    ),
    broken="the training volumes are encrypted with {found}",
    equivalents=("checkov:CKV_AWS_268",),
)
def model_volume(v: View) -> Answer:
    """The training documents lie on these volumes in plain text."""
    return customer_key(v, "enc.volume_key")


@check(
    id="enc.index.cmk",
    title="The index is encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=(Kind.INDEX,),
    needs=(
        "aws.service",
        "enc.key",
    ),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a KMS key of your own.",
        (
            ("aws_kendra_index", "server_side_encryption_configuration {\n  kms_key_id = aws_kms_key.index.arn\n}"),
            (
                "aws_sagemaker_feature_group",
                (
                    "online_store_config {\n  enable_online_store = true\n  security_config {\n"
                    "    kms_key_id = aws_kms_key.index.arn\n  }\n}"
                ),
            ),
            ("aws_bedrockagentcore_memory", "encryption_key_arn = aws_kms_key.index.arn"),
        ),
        verify="aws kendra describe-index --id <id> --query ServerSideEncryptionConfiguration",
        effort=Effort.MEDIUM,
    ),
    broken="it is encrypted with {found}",
    equivalents=("checkov:CKV_AWS_262",),
)
def index_key(v: View) -> Answer:
    """An index for retrieval is a copy of the documents, with their permissions left behind."""
    return customer_key(v, "enc.key")


@check(
    id="enc.knowledge.cmk",
    title="What the model is given for context is encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=(Kind.DATASET,),
    needs=(
        "aws.service",
        "enc.key",
    ),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a KMS key of your own.",
        (
            (
                "aws_bedrockagent_data_source",
                "server_side_encryption_configuration {\n  kms_key_arn = aws_kms_key.knowledge.arn\n}",
            ),
            ("aws_bedrockagent_prompt", "customer_encryption_key_arn = aws_kms_key.knowledge.arn"),
        ),
        verify="aws bedrock-agent get-data-source --knowledge-base-id <id> --data-source-id <id>",
    ),
    broken="it is encrypted with {found}",
    equivalents=("prowler:bedrock_knowledge_base_encrypted_with_cmk", "prowler:bedrock_prompt_encrypted_with_cmk"),
)
def knowledge_key(v: View) -> Answer:
    """While it is taken in, the knowledge of a business lies in a store of the provider's."""
    return customer_key(v, "enc.key")


@check(
    id="log.bedrock.invocations",
    title="Model invocations are logged with what was asked and answered",
    clause="LOG-01.sources-on",
    kinds=(Kind.TRAIL,),
    needs=("log.delivered", "log.prompts"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Deliver the log, texts included, to a bucket that few may read.",
        (
            (
                "aws_bedrock_model_invocation_logging_configuration",
                (
                    "logging_config {\n  text_data_delivery_enabled = true\n  s3_config {\n"
                    "    bucket_name = aws_s3_bucket.invocations.id\n  }\n}"
                ),
            ),
        ),
        verify="aws bedrock get-model-invocation-logging-configuration",
    ),
    broken="{what}",
    equivalents=(
        "prowler:bedrock_model_invocation_logging_enabled",
        "prowler:bedrock_model_invocation_logging_text_data_enabled",
    ),
)
def invocations(v: View) -> Answer:
    """Without the texts nobody can say afterwards what a stolen key was used for or what left through an answer."""
    if not v.flag("log.delivered"):
        return broken(what="the log is written nowhere")
    return holds() if v.flag("log.prompts") else broken(what="the texts are left out of the log")


@check(
    id="iam.gateway.authenticated",
    title="The gateway to the agent's tools asks who calls",
    clause="IAM-03.no-anonymous",
    kinds=(Kind.ENDPOINT,),
    needs=(
        "aws.service",
        "auth.anonymous",
    ),
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


CHECKS = (
    agent_key,
    agent_guardrail,
    agent_role,
    agent_network,
    prompt_attacks,
    private_data,
    model_key,
    model_volume,
    index_key,
    knowledge_key,
    invocations,
    gateway,
)
