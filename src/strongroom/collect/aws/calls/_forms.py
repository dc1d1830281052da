"""Steps that listings share."""

from collections.abc import Callable

from strongroom.collect.aws.asking import Call, Detail, Known, Listing, Properties, Seen
from strongroom.collect.aws.document import mappings

Make = Callable[[Seen, Known], Properties | None]


def moved(**names: str) -> Make:
    """The answer with some names of CloudFormation's instead of the service's (new name = old name)."""

    def make(seen: Seen, known: Known) -> Properties:
        del known
        old = {was: now for now, was in names.items()}
        return {old.get(k, k): v for k, v in seen.answer.items()}

    return make


def kept(*names: str) -> Callable[[Seen], Properties]:
    """Only some values of the answer."""
    return lambda seen: {n: seen.answer.get(n) for n in names if seen.answer.get(n) is not None}


def idents(value: object, name: str) -> list[object]:
    """One value of each mapping of a list."""
    return [m.get(name) for m in mappings(value) if m.get(name) is not None]


def described(
    service: str, noun: str, kind: str, *, plural: str = "", verb: str = "Describe", make: Make | None = None,
    details: tuple[Detail, ...] = (), arn: str = "", arguments: dict[str, object] | None = None,
) -> Listing:  # fmt: skip
    """A type that `ListNouns` names and `DescribeNoun` tells, by `NounName`, as SageMaker has it throughout."""
    many = plural or f"{noun}s"
    return Listing(
        type=kind,
        call=Call(service=service, operation=f"List{many}", takes=_LISTS.get(many, many), arguments=arguments or {}),
        details=(
            Detail(
                service=service, operation=f"{verb}{noun}", arguments={f"{noun}Name": f"{{{noun}Name}}"},
            ),
            *details,
        ),
        name=f"{{{noun}Name}}",
        arn=arn or f"{{{noun}Arn}}",
        make=make,
    )  # fmt: skip


_LISTS = {
    "TrainingJobs": "TrainingJobSummaries", "ProcessingJobs": "ProcessingJobSummaries",
    "HyperParameterTuningJobs": "HyperParameterTuningJobSummaries", "LabelingJobs": "LabelingJobSummaryList",
    "FeatureGroups": "FeatureGroupSummaries", "MonitoringSchedules": "MonitoringScheduleSummaries",
    "ModelPackageGroups": "ModelPackageGroupSummaryList", "ModelCards": "ModelCardSummaries",
    "Pipelines": "PipelineSummaries", "Projects": "ProjectSummaryList", "Algorithms": "AlgorithmSummaryList",
    "MlflowTrackingServers": "TrackingServerSummaries", "CodeRepositories": "CodeRepositorySummaryList",
    "DataQualityJobDefinitions": "JobDefinitionSummaries", "ModelBiasJobDefinitions": "JobDefinitionSummaries",
    "ModelQualityJobDefinitions": "JobDefinitionSummaries",
    "ModelExplainabilityJobDefinitions": "JobDefinitionSummaries",
}  # fmt: skip
"""Where the answer of a list is not called as its operation."""


def plain(
    service: str, operation: str, kind: str, *, takes: str, name: str, arn: str = "", **arguments: object
) -> Listing:
    """A type of which the list tells all that is asked."""
    return Listing(
        type=kind,
        call=Call(service=service, operation=operation, takes=takes, arguments=arguments),
        name=name,
        arn=arn,
    )
