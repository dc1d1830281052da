"""Bedrock: agents and what they call, knowledge bases, guardrails, models, invocation logging, and AgentCore."""

from strongroom.collect.native import Default, Native, Reader, Row, choice, flag, given
from strongroom.collect.tables._aws import SENSITIVE, aws_key, key_of, service, statements
from strongroom.collect.tables._aws_arns import arn
from strongroom.collect.tables._aws_roles import runs_as
from strongroom.kit.kleene import any_of
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.values import Key, Unknown, Value

_REF = "https://docs.aws.amazon.com/bedrock/latest/userguide/"
_SERVICE = service("bedrock")
_OWNED = Default(Key("provider", "aws owned"), _REF + "data-encryption.html")
_CORE = "https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/data-encryption.html"
_CORE_OWNED = Default(Key("provider", "aws owned"), _CORE)
_FLAG: dict[str, Value] = {"PUBLIC": True, "VPC": False, "SANDBOX": False}


def _attack_filter(r: Reader) -> Value:
    """How strongly a guardrail looks for attacks in prompts: NONE, LOW, MEDIUM or HIGH; NONE when it does not."""
    strength: Value = "NONE"
    policies = r.blocks("content_policy_config")
    if isinstance(policies, Unknown):
        return policies
    for policy in policies:
        for name in ("filters_config", "filters"):
            filters = r.blocks(name, policy)
            if isinstance(filters, Unknown):
                return filters
            for one in filters:
                kind = r.text("type", one)
                if isinstance(kind, Unknown):
                    return kind
                if kind == "PROMPT_ATTACK":
                    strength = "NONE" if r.flag("input_enabled", one) is False else r.text("input_strength", one)
    return strength


def _private_data(r: Reader) -> Value:
    """Whether a guardrail blocks or masks what looks like private data: at least one entity or pattern."""
    policies = r.blocks("sensitive_information_policy_config")
    if isinstance(policies, Unknown):
        return policies
    return any_of(r.given(n, p) for p in policies for n in ("pii_entities_config", "regexes_config"))


def _sinks(r: Reader) -> Value:
    """Whether invocations are written anywhere at all."""
    return any_of(
        r.given(f"logging_config.{sink}") for sink in ("s3_config", "cloudwatch_config", "cloud_watch_config")
    )


def _storage_kind(r: Reader) -> Value:
    return r.text("storage_configuration.type")


def _core_network(r: Reader) -> Value:
    """Whether an AgentCore runtime, browser or interpreter reaches the internet outside the owner's network."""
    mode = r.text("network_configuration.network_mode")
    if mode is None or isinstance(mode, Unknown):
        return mode
    if mode.upper() in _FLAG:
        return _FLAG[mode.upper()]
    return Unknown(GapCode.UNSUPPORTED, f"found network mode {mode[:40]!r}, wanted PUBLIC, SANDBOX or VPC")


def _either_key(*paths: str) -> Row:
    def read(r: Reader) -> Value:
        return next((k for k in (key_of(r, r.at(p)) for p in paths) if k is not None), None)

    return Row("enc.key", read, _OWNED)


def _of(native: str, kind: Kind, *rows: Row, name: str = "name", refs: tuple[tuple[str, str], ...] = ()) -> Native:
    return Native(
        type=native, kind=kind, provider="aws", rows=(_SERVICE, *rows), name_at=(name, "name", "id"), refs=refs
    )


_REACHES = Row("net.direct_internet", _core_network)

TABLE = (
    _of(
        "aws_bedrockagent_agent",
        Kind.AGENT,
        aws_key("enc.key", "customer_encryption_key_arn", _OWNED),
        given("agent.guardrail", "guardrail_configuration.guardrail_identifier"),
        runs_as("agent_resource_role_arn"),
        arn("bedrock", "agent/", "agent_id"),
        SENSITIVE,
        name="agent_name",
        refs=(("role", "agent_resource_role_arn"), ("guardrail", "guardrail_configuration.guardrail_identifier")),
    ),
    _of(
        "aws_bedrockagent_agent_action_group",
        Kind.AGENT,
        name="action_group_name",
        refs=(("agent", "agent_id"), ("function", "action_group_executor.lambda")),
    ),
    _of("aws_bedrockagent_agent_alias", Kind.ENDPOINT, name="agent_alias_name", refs=(("agent", "agent_id"),)),
    _of("aws_bedrockagent_agent_collaborator", Kind.AGENT, name="collaborator_name", refs=(("agent", "agent_id"),)),
    _of(
        "aws_bedrockagent_agent_knowledge_base_association",
        Kind.INDEX,
        refs=(("agent", "agent_id"), ("index", "knowledge_base_id")),
    ),
    _of("aws_bedrockagent_flow", Kind.AGENT, aws_key("enc.key", "customer_encryption_key_arn", _OWNED)),
    _of("aws_bedrockagent_prompt", Kind.DATASET, aws_key("enc.key", "customer_encryption_key_arn", _OWNED)),
    _of(
        "aws_bedrockagent_knowledge_base",
        Kind.INDEX,
        Row("index.storage", _storage_kind),
        runs_as("role_arn"),
        arn("bedrock", "knowledge-base/", "id"),
        refs=(
            ("role", "role_arn"),
            ("store", "storage_configuration.opensearch_serverless_configuration.collection_arn"),
        ),
    ),
    _of(
        "aws_bedrockagent_data_source",
        Kind.DATASET,
        aws_key("enc.key", "server_side_encryption_configuration.kms_key_arn", _OWNED),
        refs=(
            ("index", "knowledge_base_id"),
            ("bucket", "data_source_configuration.s3_configuration.bucket_arn"),
        ),
    ),
    _of(
        "aws_bedrock_guardrail",
        Kind.GUARDRAIL,
        aws_key("enc.key", "kms_key_arn", _OWNED),
        Row("guardrail.prompt_attack", _attack_filter),
        Row("guardrail.private_data", _private_data),
    ),
    _of("aws_bedrock_guardrail_version", Kind.GUARDRAIL, refs=(("guardrail", "guardrail_arn"),)),
    _of(
        "aws_bedrock_custom_model",
        Kind.MODEL,
        aws_key("enc.key", "custom_model_kms_key_id", _OWNED),
        arn("bedrock", "custom-model/", "custom_model_name"),
        given("net.in_vpc", "vpc_config"),
        SENSITIVE,
        name="custom_model_name",
        refs=(("role", "role_arn"),),
    ),
    _of("aws_bedrock_provisioned_model_throughput", Kind.ENDPOINT, name="provisioned_model_name"),
    _of("aws_bedrock_inference_profile", Kind.ENDPOINT),
    _of("aws_bedrock_foundation_model_agreement", Kind.MODEL, name="model_id"),
    _of(
        "aws_bedrock_model_invocation_logging_configuration",
        Kind.TRAIL,
        Row("log.delivered", _sinks),
        flag(
            "log.prompts",
            "logging_config.text_data_delivery_enabled",
            Default(
                True,
                "https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/"
                "bedrock_model_invocation_logging_configuration",
            ),
        ),
        refs=(("bucket", "logging_config.s3_config.bucket_name"),),
    ),
    _of(
        "aws_bedrock_model_invocation_job",
        Kind.JOB,
        aws_key("enc.output_key", "output_data_config.s3_output_data_config.s3_encryption_key_id"),
        given("net.in_vpc", "vpc_config"),
        name="job_name",
        refs=(("role", "role_arn"),),
    ),
    _of(
        "aws_bedrock_evaluation_job",
        Kind.JOB,
        _either_key("customer_encryption_key_id", "customer_encryption_key_arn"),
        name="job_name",
    ),
    _of(
        "aws_bedrockagentcore_agent_runtime",
        Kind.AGENT,
        _REACHES,
        runs_as("role_arn"),
        name="agent_runtime_name",
        refs=(("role", "role_arn"),),
    ),
    _of("aws_bedrockagentcore_agent_runtime_endpoint", Kind.ENDPOINT),
    _of("aws_bedrockagentcore_browser", Kind.AGENT, _REACHES),
    _of("aws_bedrockagentcore_browser_profile", Kind.AGENT),
    _of("aws_bedrockagentcore_code_interpreter", Kind.AGENT, _REACHES),
    _of("aws_bedrockagentcore_harness", Kind.AGENT, name="harness_name"),
    _of(
        "aws_bedrockagentcore_gateway",
        Kind.ENDPOINT,
        choice("auth.anonymous", "authorizer_type", {"CUSTOM_JWT": False, "AWS_IAM": False, "NONE": True}),
        aws_key("enc.key", "kms_key_arn", _CORE_OWNED),
        refs=(("role", "role_arn"),),
    ),
    _of("aws_bedrockagentcore_gateway_target", Kind.ENDPOINT, refs=(("gateway", "gateway_identifier"),)),
    _of("aws_bedrockagentcore_gateway_rule", Kind.ENDPOINT, refs=(("gateway", "gateway_identifier"),)),
    _of("aws_bedrockagentcore_memory", Kind.INDEX, aws_key("enc.key", "encryption_key_arn", _CORE_OWNED)),
    _of("aws_bedrockagentcore_memory_strategy", Kind.INDEX, refs=(("memory", "memory_id"),)),
    _of(
        "aws_bedrockagentcore_token_vault_cmk",
        Kind.SECRET,
        aws_key("enc.key", "kms_configuration.kms_key_arn", _CORE_OWNED),
        name="token_vault_id",
    ),
    _of("aws_bedrockagentcore_api_key_credential_provider", Kind.SECRET),
    _of("aws_bedrockagentcore_oauth2_credential_provider", Kind.SECRET),
    _of("aws_bedrockagentcore_workload_identity", Kind.IDENTITY),
    _of("aws_bedrockagentcore_policy_engine", Kind.GUARDRAIL),
    _of("aws_bedrockagentcore_policy", Kind.GUARDRAIL),
    _of("aws_bedrockagentcore_registry", Kind.REGISTRY),
    _of("aws_bedrockagentcore_evaluator", Kind.JOB),
    _of("aws_bedrockagentcore_online_evaluation_config", Kind.JOB),
    _of(
        "aws_bedrockagentcore_resource_policy",
        Kind.POLICY,
        Row("resource.statements", lambda r: statements(r, "policy")),
    ),
)
