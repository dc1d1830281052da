"""SageMaker: notebooks, Studio, models, endpoints and jobs."""

from strongroom.collect.aws.asking import Call, Detail, Listing
from strongroom.collect.aws.calls._forms import described, moved, plain

_ARN = "arn:{partition}:sagemaker:{region}:{account}:"
_SINCE: dict[str, object] = {"CreationTimeAfter": "{since}"}
"""Jobs are kept for ever, each a call: those of the last 90 days tell how jobs are run now."""


def _sagemaker(noun: str, *, plural: str = "", native: str = "", **more: object) -> Listing:
    return described("sagemaker", noun, native or f"AWS::SageMaker::{noun}", plural=plural, **more)  # type: ignore[arg-type]


def _jobs(noun: str, native: str, plural: str = "") -> Listing:
    return _sagemaker(noun, native=native, plural=plural, arguments=_SINCE)


def _listed(noun: str, takes: str, *, name: str, ident: str = "", **arguments: object) -> Listing:
    return plain("sagemaker", f"List{noun}", f"AWS::SageMaker::{noun.removesuffix('s')}", takes=takes, name=name,
                 arn=ident, **arguments)  # fmt: skip


def _definition(kind: str) -> Listing:
    """A monitoring job: the list names it otherwise than the question does."""
    noun = f"{kind}JobDefinition"
    return Listing(
        type=f"AWS::SageMaker::{noun}",
        call=Call(service="sagemaker", operation=f"List{noun}s", takes="JobDefinitionSummaries"),
        details=(
            Detail(
                service="sagemaker", operation=f"Describe{noun}",
                arguments={"JobDefinitionName": "{MonitoringJobDefinitionName}"},
            ),
        ),
        name="{MonitoringJobDefinitionName}",
        arn="{MonitoringJobDefinitionArn}",
    )  # fmt: skip


def _named(noun: str) -> str:
    return f"{{{noun}Name}}"


LISTINGS = (
    _sagemaker("NotebookInstance", make=moved(LifecycleConfigName="NotebookInstanceLifecycleConfigName")),
    _sagemaker("NotebookInstanceLifecycleConfig"),
    Listing(
        type="AWS::SageMaker::Domain",
        call=Call(service="sagemaker", operation="ListDomains", takes="Domains"),
        details=(Detail(service="sagemaker", operation="DescribeDomain", arguments={"DomainId": "{DomainId}"}),),
        name="{DomainName}", ident="{DomainId}", arn="{DomainArn}",
    ),
    Listing(
        type="AWS::SageMaker::UserProfile",
        call=Call(service="sagemaker", operation="ListUserProfiles", takes="UserProfiles"),
        details=(
            Detail(
                service="sagemaker", operation="DescribeUserProfile",
                arguments={"DomainId": "{DomainId}", "UserProfileName": "{UserProfileName}"},
            ),
        ),
        name="{UserProfileName}", arn=_ARN + "user-profile/{DomainId}/{UserProfileName}",
    ),
    _listed("Apps", "Apps", name="{AppName}",
            ident=_ARN + "app/{DomainId}/{UserProfileName}{SpaceName}/{AppType}/{AppName}"),
    _listed("Spaces", "Spaces", name="{SpaceName}", ident=_ARN + "space/{DomainId}/{SpaceName}"),
    _sagemaker("Model"),
    _sagemaker("EndpointConfig"),
    _sagemaker("Endpoint"),
    _jobs("TrainingJob", "aws_sagemaker_training_job"),
    _jobs("ProcessingJob", "AWS::SageMaker::ProcessingJob"),
    _jobs("HyperParameterTuningJob", "aws_sagemaker_hyper_parameter_tuning_job"),
    _jobs("LabelingJob", "aws_sagemaker_labeling_job"),
    *(_definition(k) for k in ("DataQuality", "ModelBias", "ModelQuality", "ModelExplainability")),
    Listing(
        type="AWS::SageMaker::ModelPackageGroup",
        call=Call(service="sagemaker", operation="ListModelPackageGroups", takes="ModelPackageGroupSummaryList"),
        details=(
            Detail(
                service="sagemaker", operation="GetModelPackageGroupPolicy", takes="ResourcePolicy",
                puts="ModelPackageGroupPolicy", arguments={"ModelPackageGroupName": "{ModelPackageGroupName}"},
                unset=("ValidationException:policy", "ValidationException:Cannot find", "ResourceNotFound"),
            ),
        ),
        name="{ModelPackageGroupName}", arn="{ModelPackageGroupArn}",
    ),
    _sagemaker("FeatureGroup"),
    _sagemaker("MonitoringSchedule"),
    _sagemaker("ModelCard"),
    Listing(
        type="AWS::SageMaker::StudioLifecycleConfig",
        call=Call(service="sagemaker", operation="ListStudioLifecycleConfigs", takes="StudioLifecycleConfigs"),
        details=(
            Detail(
                service="sagemaker", operation="DescribeStudioLifecycleConfig",
                arguments={"StudioLifecycleConfigName": "{StudioLifecycleConfigName}"},
            ),
        ),
        name="{StudioLifecycleConfigName}", arn="{StudioLifecycleConfigArn}",
    ),
    _listed("Pipelines", "PipelineSummaries", name=_named("Pipeline"), ident="{PipelineArn}"),
    _listed("Projects", "ProjectSummaryList", name=_named("Project"), ident="{ProjectArn}"),
    Listing(
        type="AWS::SageMaker::MlflowTrackingServer",
        call=Call(service="sagemaker", operation="ListMlflowTrackingServers", takes="TrackingServerSummaries"),
        details=(
            Detail(
                service="sagemaker", operation="DescribeMlflowTrackingServer",
                arguments={"TrackingServerName": "{TrackingServerName}"},
            ),
        ),
        name="{TrackingServerName}", arn="{TrackingServerArn}",
    ),
    _listed("Images", "Images", name=_named("Image"), ident="{ImageArn}"),
    _listed("CodeRepositories", "CodeRepositorySummaryList", name="{CodeRepositoryName}", ident="{CodeRepositoryArn}"),
    plain("sagemaker", "ListHubs", "aws_sagemaker_hub", takes="HubSummaries", name="{HubName}", arn="{HubArn}"),
    plain("sagemaker", "ListAlgorithms", "aws_sagemaker_algorithm", takes="AlgorithmSummaryList",
          name="{AlgorithmName}", arn="{AlgorithmArn}"),
    _listed("Workteams", "Workteams", name="{WorkteamName}", ident="{WorkteamArn}"),
    plain("sagemaker", "ListFlowDefinitions", "aws_sagemaker_flow_definition", takes="FlowDefinitionSummaries",
          name="{FlowDefinitionName}", arn="{FlowDefinitionArn}"),
)  # fmt: skip
