"""SageMaker beside its notebooks: jobs, models, endpoint configurations, and Studio."""

from strongroom.assess.checks._keys import customer_key
from strongroom.kit.kleene import any_of
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

JOB = "aws_sagemaker_training_job"
MONITOR = "aws_sagemaker_data_quality_job_definition"
DOMAIN = "aws_sagemaker_domain"
SEE_JOB = "aws sagemaker describe-training-job --training-job-name <name> --query "
SEE_DOMAIN = "aws sagemaker describe-domain --domain-id <id> --query "
VPC = """vpc_config {
  subnets            = [aws_subnet.private.id]
  security_group_ids = [aws_security_group.training.id]
}"""

BEDROCK_VPC = """vpc_config {
  subnet_ids         = [aws_subnet.private.id]
  security_group_ids = [aws_security_group.training.id]
}"""


def _volume_key(v: View, fact: str) -> Answer:
    """As customer_key, but SageMaker refuses a key for machines with disks of their own.

    Source: SageMaker API Reference, CreateEndpointConfig, `KmsKeyId`, and ResourceConfig, `VolumeKmsKeyId`.
    """
    if v.has("disk.of_machine") and v.raw("disk.of_machine") is True and v.key(fact).tech != "cmk":
        return not_applicable("its machines encrypt their own disks in hardware, and SageMaker takes no key for them")
    return customer_key(v, fact)


@check(
    id="net.model.isolated",
    title="The model's containers have no network",
    clause="NET-04.default-deny-egress",
    kinds=(Kind.MODEL,),
    needs=("aws.service", "net.isolated"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch network isolation on; SageMaker still brings the model and the requests in.",
        (("aws_sagemaker_model", "enable_network_isolation = true"),),
        verify="aws sagemaker describe-model --model-name <name> --query EnableNetworkIsolation",
        effort=Effort.MEDIUM,
    ),
    broken="its containers can open connections",
    equivalents=("checkov:CKV_AWS_370", "prowler:sagemaker_models_network_isolation_enabled"),
)
def model_isolated(v: View) -> bool:
    """A model is code of somebody's: a container that can open connections can send out each request, and the weights."""
    return v.flag("net.isolated")


def placed(v: View) -> Answer:
    """Whether a workload is in the owner's network, or has no network at all."""
    names = [n for n in ("net.in_vpc", "net.isolated") if v.has(n)]
    raw = [v.raw(n) for n in names]
    found = any_of(r for r in raw if isinstance(r, bool | Unknown))
    if isinstance(found, Unknown):
        return unknown(found)
    return holds() if found else broken()


@check(
    id="net.model.in-vpc",
    title="The model runs in the owner's network, or with none",
    clause="NET-02.in-private-network",
    kinds=(Kind.MODEL,),
    needs=("aws.service", "net.in_vpc"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Place the model in private subnets of your own, or switch its network off.",
        (("aws_sagemaker_model", VPC), ("aws_bedrock_custom_model", BEDROCK_VPC)),
        verify="aws sagemaker describe-model --model-name <name> --query VpcConfig",
        effort=Effort.MEDIUM,
    ),
    broken="it runs in a network of the provider's, with a way to the internet",
    equivalents=("prowler:sagemaker_models_vpc_settings_configured",),
)
def model_in_vpc(v: View) -> Answer:
    """Without a network of the owner's, nothing of the owner's decides or sees where the model's containers connect to."""
    return placed(v)


@check(
    id="enc.job.output-cmk",
    title="What the job writes is encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=(Kind.JOB,),
    needs=("aws.service", "enc.output_key"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a KMS key of your own for the job's output.",
        (
            (JOB, "output_data_config {\n  kms_key_id = aws_kms_key.artifacts.arn\n}"),
            (MONITOR, "data_quality_job_output_config {\n  kms_key_id = aws_kms_key.artifacts.arn\n}"),
            ("aws_sagemaker_flow_definition", "output_config {\n  kms_key_id = aws_kms_key.artifacts.arn\n}"),
        ),
        verify=SEE_JOB + "OutputDataConfig.KmsKeyId",
    ),
    broken="its output is encrypted with {found}",
    equivalents=(
        "checkov:CKV_AWS_367",
        "checkov:CKV_AWS_372",
    ),
)
def job_output(v: View) -> Answer:
    """A job's output is the artifact: weights, checkpoints, statistics of the data, answers of reviewers."""
    return customer_key(v, "enc.output_key")


@check(
    id="enc.job.volume-cmk",
    title="The job's volumes are encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=(Kind.JOB,),
    needs=("aws.service", "enc.volume_key"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a KMS key of your own for the volumes of the job's machines.",
        (
            (JOB, "resource_config {\n  volume_kms_key_id = aws_kms_key.artifacts.arn\n}"),
            (
                MONITOR,
                "job_resources {\n  cluster_config {\n    volume_kms_key_id = aws_kms_key.artifacts.arn\n  }\n}",
            ),
        ),
        verify=SEE_JOB + "ResourceConfig.VolumeKmsKeyId",
    ),
    broken="its volumes are encrypted with {found}",
    equivalents=("checkov:CKV_AWS_368",),
)
def job_volume(v: View) -> Answer:
    """Training data and checkpoints lie on the job's volumes for as long as it runs, and on warm pools after it."""
    return _volume_key(v, "enc.volume_key")


@check(
    id="enc.job.between-containers",
    title="Traffic between the job's containers is encrypted",
    clause="ART-02.node-traffic-encrypted",
    kinds=(Kind.JOB,),
    needs=("aws.service", "enc.in_transit"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch the encryption of inter-container traffic on. It costs time in distributed training: measure it.",
        (
            (JOB, "enable_inter_container_traffic_encryption = true"),
            (MONITOR, "network_config {\n  enable_inter_container_traffic_encryption = true\n}"),
        ),
        verify=SEE_JOB + "EnableInterContainerTrafficEncryption",
    ),
    broken="its containers talk in plain text",
    equivalents=("checkov:CKV_AWS_369", "prowler:sagemaker_training_jobs_intercontainer_encryption_enabled"),
)
def job_traffic(v: View) -> bool:
    """Gradients carry what they were computed from, and between machines they cross a network that is shared."""
    return v.flag("enc.in_transit")


@check(
    id="net.job.in-vpc",
    title="The job runs in the owner's network, or with none",
    clause="NET-02.in-private-network",
    kinds=(Kind.JOB,),
    needs=("aws.service", "net.in_vpc"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Place the job in private subnets of your own.",
        ((JOB, VPC), (MONITOR, "network_config {\n  " + VPC.replace("\n", "\n  ") + "\n}")),
        verify=SEE_JOB + "VpcConfig",
        effort=Effort.MEDIUM,
    ),
    broken="it runs in a network of the provider's, with a way to the internet",
    equivalents=("prowler:sagemaker_training_jobs_vpc_settings_configured",),
)
def job_in_vpc(v: View) -> Answer:
    """A job outside the owner's network reaches any address in the world with the training data in its hands."""
    return placed(v)


@check(
    id="net.job.isolated",
    title="The job's containers have no network",
    clause="NET-04.default-deny-egress",
    kinds=(Kind.JOB,),
    needs=("aws.service", "net.isolated"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch network isolation on where the job needs nothing but its channels.",
        (
            (JOB, "enable_network_isolation = true"),
            (MONITOR, "network_config {\n  enable_network_isolation = true\n}"),
        ),
        verify=SEE_JOB + "EnableNetworkIsolation",
        effort=Effort.MEDIUM,
    ),
    broken="its containers can open connections",
    equivalents=("prowler:sagemaker_training_jobs_network_isolation_enabled",),
)
def job_isolated(v: View) -> bool:
    """Training code pulls in hundreds of packages; without a network none of them can send the data anywhere."""
    return v.flag("net.isolated")


@check(
    id="enc.endpoint-config.cmk",
    title="The endpoint's volumes are encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=(Kind.ENDPOINT_CONFIG,),
    needs=("aws.service", "enc.key"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a KMS key of your own in the endpoint configuration.",
        (("aws_sagemaker_endpoint_configuration", "kms_key_arn = aws_kms_key.artifacts.arn"),),
        verify="aws sagemaker describe-endpoint-config --endpoint-config-name <name> --query KmsKeyId",
        effort=Effort.MEDIUM,
    ),
    broken="its volumes are encrypted with {found}",
    equivalents=(
        "checkov:CKV_AWS_98",
        "guard:SAGEMAKER_ENDPOINT_CONFIGURATION_KMS_KEY_CONFIGURED",
        "prowler:sagemaker_endpoint_config_kms_encryption_enabled",
    ),
)
def endpoint_key(v: View) -> Answer:
    """The weights lie in plain text on the endpoint's volumes for as long as it serves."""
    return _volume_key(v, "enc.key")


@check(
    id="enc.endpoint-config.capture-cmk",
    title="Captured requests and answers are encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=(Kind.ENDPOINT_CONFIG,),
    needs=("aws.service", "enc.capture_key"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a KMS key of your own for data capture.",
        (
            (
                "aws_sagemaker_endpoint_configuration",
                "data_capture_config {\n  kms_key_id = aws_kms_key.prompts.arn\n}",
            ),
        ),
        verify="aws sagemaker describe-endpoint-config --endpoint-config-name <name> --query DataCaptureConfig.KmsKeyId",
    ),
    broken="what it captures is encrypted with {found}",
)
def capture_key(v: View) -> Answer:
    """Captured requests are a log of everything that users gave to the model."""
    return customer_key(v, "enc.capture_key")


@check(
    id="net.workspace.vpc-only",
    title="Studio reaches the internet through the owner's network only",
    clause="NET-02.no-direct-internet",
    kinds=(Kind.WORKSPACE,),
    needs=("aws.service", "net.direct_internet"),
    severity=Severity.HIGH,
    fix=Fix(
        "Send the traffic of Studio's apps through your network, and give it endpoints for what it needs.",
        ((DOMAIN, 'app_network_access_type = "VpcOnly"'),),
        verify=SEE_DOMAIN + "AppNetworkAccessType",
        effort=Effort.MEDIUM,
    ),
    broken="its apps reach the internet through a network of the provider's",
)
def vpc_only(v: View) -> bool:
    """In the default mode every notebook of Studio has a way out that no security group, flow log or firewall sees."""
    return not v.flag("net.direct_internet")


@check(
    id="enc.workspace.studio-cmk",
    title="Studio's home directories are encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=(Kind.WORKSPACE,),
    needs=("enc.key", "studio.auth"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a KMS key of your own. The domain has to be made anew.",
        ((DOMAIN, "kms_key_id = aws_kms_key.studio.arn"),),
        verify=SEE_DOMAIN + "KmsKeyId",
        effort=Effort.LARGE,
    ),
    broken="its home directories are encrypted with {found}",
    equivalents=("checkov:CKV_AWS_187",),
)
def studio_key(v: View) -> Answer:
    """The home directories of Studio hold notebooks, data sets and checkpoints of the whole team."""
    return customer_key(v, "enc.key")


@check(
    id="iam.workspace.studio-sso",
    title="People sign in to Studio through the central identity",
    clause="IAM-03.central-identity",
    kinds=(Kind.WORKSPACE,),
    needs=("studio.auth",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Use IAM Identity Center. The domain has to be made anew.",
        ((DOMAIN, 'auth_mode = "SSO"'),),
        verify=SEE_DOMAIN + "AuthMode",
        effort=Effort.LARGE,
    ),
    broken="people sign in with {mode}",
    equivalents=("prowler:sagemaker_domain_sso_configured",),
)
def studio_sso(v: View) -> Answer:
    """With IAM as the way in, whoever may create a presigned address opens any user's notebooks, without a second
    factor and under that user's name.
    """
    mode = v.text("studio.auth")
    return holds() if mode == "SSO" else broken(mode=mode or "nothing that is named")


CHECKS = (
    model_isolated,
    model_in_vpc,
    job_output,
    job_volume,
    job_traffic,
    job_in_vpc,
    job_isolated,
    endpoint_key,
    capture_key,
    vpc_only,
    studio_key,
    studio_sso,
)
