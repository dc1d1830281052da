"""Bedrock, its agents, and AgentCore. The names of these services begin in lower case."""

from strongroom.collect.aws.asking import Call, Detail, Known, Listing, Properties, Seen
from strongroom.collect.aws.calls._forms import moved, plain

_AGENT, _CORE = "bedrock-agent", "bedrock-agentcore-control"


def _got(
    service: str, plural: str, noun: str, native: str, *, takes: str, ident: str, key: str = "", inside: str = "",
    name: str = "{name}", arn: str = "", arguments: dict[str, object] | None = None, of: str = "",
    more: dict[str, object] | None = None,
) -> Listing:  # fmt: skip
    """A type that `ListNouns` names and `GetNoun` tells, by an id."""
    asked: dict[str, object] = {key or ident: f"{{{ident}}}", **(more or {})}
    return Listing(
        type=native,
        of=of,
        call=Call(service=service, operation=f"List{plural}", takes=takes, arguments=arguments or {}),
        details=(Detail(service=service, operation=f"Get{noun}", takes=inside, arguments=asked),),
        name=name,
        ident=f"{{{ident}}}",
        arn=arn,
    )


def _guardrail(seen: Seen, known: Known) -> Properties:
    """A guardrail's policies, which are told with other names than they are given with."""
    made = moved(content_policy_config="contentPolicy")(seen, known) or {}
    private = seen.answer.get("sensitiveInformationPolicy")
    if isinstance(private, dict):
        made["SensitiveInformationPolicyConfig"] = {
            "PiiEntitiesConfig": private.get("piiEntities"), "RegexesConfig": private.get("regexes"),
        }  # fmt: skip
    return made


def _custom(seen: Seen, known: Known) -> Properties:
    del known
    job = seen.answer.get("job")
    network = job.get("vpcConfig") if isinstance(job, dict) else job
    return {
        "custom_model_name": seen.name, "custom_model_kms_key_id": seen.answer.get("modelKmsKeyArn"), "vpc_config": network,
        "role_arn": job.get("roleArn") if isinstance(job, dict) else job,
    }  # fmt: skip


def _logging(seen: Seen, known: Known) -> Properties:
    del known
    return {"logging_config": seen.answer.get("loggingConfig") or {}}


LISTINGS = (
    Listing(
        type="AWS::Bedrock::Guardrail",
        call=Call(service="bedrock", operation="ListGuardrails", takes="guardrails"),
        details=(
            Detail(service="bedrock", operation="GetGuardrail", arguments={"guardrailIdentifier": "{id}"}),
        ),
        name="{name}", ident="{id}", arn="{arn}", make=_guardrail,
    ),
    Listing(
        type="aws_bedrock_custom_model",
        call=Call(service="bedrock", operation="ListCustomModels", takes="modelSummaries"),
        details=(
            Detail(service="bedrock", operation="GetCustomModel", arguments={"modelIdentifier": "{modelArn}"}),
            Detail(
                service="bedrock", operation="GetModelCustomizationJob", puts="job",
                arguments={"jobIdentifier": "{jobArn}"}, when=lambda seen: bool(seen.answer.get("jobArn")),
            ),
        ),
        name="{modelName}", arn="{modelArn}", make=_custom,
    ),
    Listing(
        type="aws_bedrock_model_invocation_logging_configuration",
        call=Call(service="bedrock", operation="GetModelInvocationLoggingConfiguration"),
        name="model-invocation-logging", single=True, make=_logging,
    ),
    plain("bedrock", "ListProvisionedModelThroughputs", "aws_bedrock_provisioned_model_throughput",
          takes="provisionedModelSummaries", name="{provisionedModelName}", arn="{provisionedModelArn}"),
    plain("bedrock", "ListInferenceProfiles", "AWS::Bedrock::ApplicationInferenceProfile",
          takes="inferenceProfileSummaries", name="{inferenceProfileName}", arn="{inferenceProfileArn}",
          typeEquals="APPLICATION"),
    plain("bedrock", "ListModelInvocationJobs", "aws_bedrock_model_invocation_job", takes="invocationJobSummaries",
          name="{jobName}", arn="{jobArn}", submitTimeAfter="{since}"),
    Listing(
        type="aws_bedrock_evaluation_job",
        call=Call(service="bedrock", operation="ListEvaluationJobs", takes="jobSummaries",
                  arguments={"creationTimeAfter": "{since}"}),
        details=(Detail(service="bedrock", operation="GetEvaluationJob", arguments={"jobIdentifier": "{jobArn}"}),),
        name="{jobName}", arn="{jobArn}",
    ),
    _got(_AGENT, "Agents", "Agent", "AWS::Bedrock::Agent", takes="agentSummaries", ident="agentId", inside="agent",
         name="{agentName}", arn="{agentArn}"),
    _got(_AGENT, "KnowledgeBases", "KnowledgeBase", "AWS::Bedrock::KnowledgeBase", takes="knowledgeBaseSummaries",
         ident="knowledgeBaseId", inside="knowledgeBase", arn="{knowledgeBaseArn}"),
    _got(_AGENT, "DataSources", "DataSource", "AWS::Bedrock::DataSource", takes="dataSourceSummaries",
         ident="dataSourceId", inside="dataSource", of="AWS::Bedrock::KnowledgeBase",
         arguments={"knowledgeBaseId": "{knowledgeBaseId}"}, more={"knowledgeBaseId": "{owner.knowledgeBaseId}"}),
    _got(_AGENT, "Prompts", "Prompt", "AWS::Bedrock::Prompt", takes="promptSummaries", ident="id",
         key="promptIdentifier", arn="{arn}"),
    _got(_AGENT, "Flows", "Flow", "AWS::Bedrock::Flow", takes="flowSummaries", ident="id", key="flowIdentifier",
         arn="{arn}"),
    _got(_CORE, "AgentRuntimes", "AgentRuntime", "AWS::BedrockAgentCore::Runtime", takes="agentRuntimes",
         ident="agentRuntimeId", name="{agentRuntimeName}", arn="{agentRuntimeArn}"),
    _got(_CORE, "Browsers", "Browser", "AWS::BedrockAgentCore::BrowserCustom", takes="browserSummaries",
         ident="browserId", arn="{browserArn}", arguments={"type": "CUSTOM"}),
    _got(_CORE, "CodeInterpreters", "CodeInterpreter", "AWS::BedrockAgentCore::CodeInterpreterCustom",
         takes="codeInterpreterSummaries", ident="codeInterpreterId", arn="{codeInterpreterArn}",
         arguments={"type": "CUSTOM"}),
    _got(_CORE, "Gateways", "Gateway", "AWS::BedrockAgentCore::Gateway", takes="items", ident="gatewayId",
         key="gatewayIdentifier", arn="{gatewayArn}"),
    Listing(
        type="AWS::BedrockAgentCore::Memory",
        call=Call(service=_CORE, operation="ListMemories", takes="memories"),
        details=(
            Detail(service=_CORE, operation="GetMemory", takes="memory", arguments={"memoryId": "{id}"}),
        ),
        name="{id}", arn="{arn}",
    ),
    plain(_CORE, "ListWorkloadIdentities", "AWS::BedrockAgentCore::WorkloadIdentity", takes="workloadIdentities",
          name="{name}", arn="{workloadIdentityArn}"),
    plain(_CORE, "ListApiKeyCredentialProviders", "aws_bedrockagentcore_api_key_credential_provider",
          takes="credentialProviders", name="{name}", arn="{credentialProviderArn}"),
)  # fmt: skip
