"""SageMaker, Bedrock with AgentCore, and the ready-made AI services."""

from collections.abc import Iterator

from strongroom.collect.cloudformation.shape import Part, Shape, Values, items
from strongroom.collect.resource import Link
from strongroom.model.values import Unknown


def _scripts(values: Values) -> None:
    """A start script stands in a list of one mapping."""
    for name in ("on_start", "on_create"):
        found = values.get(name)
        if isinstance(found, list):
            contents = [s.get("content") if isinstance(s, dict) else s for s in found]
            doubt = next((c for c in contents if isinstance(c, Unknown)), None)
            values[name] = doubt or (contents[0] if len(contents) == 1 else "\n".join(map(str, contents)))


def _package_group(values: Values, owner: Link) -> Iterator[Part]:
    policy = values.get("model_package_group_policy")
    if policy is not None:
        made: Values = {"model_package_group_name": owner, "resource_policy": policy}
        yield Part("aws_sagemaker_model_package_group_policy", "ModelPackageGroupPolicy", made)


def _machines(values: Values) -> None:
    """Several instance groups or variants: any of them may have the accelerators, so all are kept."""
    variants = [v for v in items(values.get("production_variants")) if isinstance(v, dict)]
    kinds = [v["instance_type"] for v in variants if v.get("instance_type") is not None]
    if len(variants) > 1 and kinds:
        values["production_variants"] = [{**variants[0], "instance_type": kinds}]


def _job(kind: str) -> Shape:
    """A monitoring job. Its output and its definition are called after its kind."""
    low = {"DataQuality": "data_quality", "ModelBias": "model_bias", "ModelQuality": "model_quality"}
    named = low.get(kind, "model_explainability")
    return Shape(
        type=f"AWS::SageMaker::{kind}JobDefinition",
        native="aws_sagemaker_data_quality_job_definition",
        moves=(
            ("job_definition_name", "name"),
            (f"{named}_job_output_config.kms_key_id", "data_quality_job_output_config.kms_key_id"),
        ),
    )


def _plain(service: str, prefix: str, names: dict[str, str], *moves: tuple[str, str]) -> Iterator[Shape]:
    """Types of which nothing but the names differs."""
    for name, native in names.items():
        yield Shape(type=f"AWS::{service}::{name}", native=prefix + native, moves=moves)


_SAGEMAKER = {
    "App": "app",
    "AppImageConfig": "app_image_config",
    "CodeRepository": "code_repository",
    "DeviceFleet": "device_fleet",
    "Domain": "domain",
    "FeatureGroup": "feature_group",
    "Image": "image",
    "ImageVersion": "image_version",
    "MlflowTrackingServer": "mlflow_tracking_server",
    "ModelCard": "model_card",
    "MonitoringSchedule": "monitoring_schedule",
    "Pipeline": "pipeline",
    "Project": "project",
    "Space": "space",
    "StudioLifecycleConfig": "studio_lifecycle_config",
    "UserProfile": "user_profile",
    "Workteam": "workteam",
}
_BEDROCK = {
    "Agent": "agent",
    "AgentAlias": "agent_alias",
    "DataSource": "data_source",
    "Flow": "flow",
    "KnowledgeBase": "knowledge_base",
    "Prompt": "prompt",
}
_CORE = {
    "BrowserCustom": "browser",
    "CodeInterpreterCustom": "code_interpreter",
    "Gateway": "gateway",
    "GatewayTarget": "gateway_target",
    "Memory": "memory",
    "Runtime": "agent_runtime",
    "RuntimeEndpoint": "agent_runtime_endpoint",
    "WorkloadIdentity": "workload_identity",
}
_KENDRA = {"Index": "index", "DataSource": "data_source", "Faq": "faq"}
_REKOGNITION = {"Project": "project", "Collection": "collection", "StreamProcessor": "stream_processor"}

SHAPES = (
    Shape(
        type="AWS::SageMaker::NotebookInstance",
        native="aws_sagemaker_notebook_instance",
        moves=(("notebook_instance_name", "name"), ("security_group_ids", "security_groups")),
    ),
    Shape(
        type="AWS::SageMaker::NotebookInstanceLifecycleConfig",
        native="aws_sagemaker_notebook_instance_lifecycle_configuration",
        moves=(("notebook_instance_lifecycle_config_name", "name"),),
        make=_scripts,
    ),
    Shape(type="AWS::SageMaker::Model", native="aws_sagemaker_model", moves=(("model_name", "name"),)),
    Shape(
        type="AWS::SageMaker::EndpointConfig",
        native="aws_sagemaker_endpoint_configuration",
        moves=(("endpoint_config_name", "name"), ("kms_key_id", "kms_key_arn")),
        make=_machines,
    ),
    Shape(type="AWS::SageMaker::Endpoint", native="aws_sagemaker_endpoint", moves=(("endpoint_name", "name"),)),
    *(_job(k) for k in ("DataQuality", "ModelBias", "ModelQuality", "ModelExplainability")),
    Shape(
        type="AWS::SageMaker::ProcessingJob",
        native="aws_sagemaker_data_quality_job_definition",
        moves=(
            ("processing_job_name", "name"),
            ("processing_resources", "job_resources"),
            ("processing_output_config.kms_key_id", "data_quality_job_output_config.kms_key_id"),
        ),
    ),
    Shape(
        type="AWS::SageMaker::ModelPackageGroup",
        native="aws_sagemaker_model_package_group",
        parts=_package_group,
    ),
    *_plain("SageMaker", "aws_sagemaker_", _SAGEMAKER),
    *_plain("Bedrock", "aws_bedrockagent_", _BEDROCK),
    Shape(type="AWS::Bedrock::Guardrail", native="aws_bedrock_guardrail"),
    Shape(
        type="AWS::Bedrock::GuardrailVersion",
        native="aws_bedrock_guardrail_version",
        moves=(("guardrail_identifier", "guardrail_arn"),),
    ),
    Shape(
        type="AWS::Bedrock::ApplicationInferenceProfile",
        native="aws_bedrock_inference_profile",
        moves=(("inference_profile_name", "name"),),
    ),
    *_plain("BedrockAgentCore", "aws_bedrockagentcore_", _CORE),
    *_plain("Kendra", "aws_kendra_", _KENDRA),
    Shape(
        type="AWS::Comprehend::DocumentClassifier",
        native="aws_comprehend_document_classifier",
        moves=(("document_classifier_name", "name"),),
    ),
    Shape(type="AWS::QBusiness::Application", native="aws_qbusiness_application"),
    Shape(type="AWS::Lex::Bot", native="aws_lexv2models_bot"),
    *_plain("Rekognition", "aws_rekognition_", _REKOGNITION, ("project_name", "name")),
)
