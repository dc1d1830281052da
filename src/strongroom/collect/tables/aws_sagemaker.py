"""SageMaker: notebooks, Studio, models, endpoints, jobs, feature store, and what surrounds them."""

from strongroom.collect.native import (
    INAPPLICABLE,
    Default,
    Inapplicable,
    Native,
    Read,
    Reader,
    Row,
    choice,
    flag,
    given,
    text,
)
from strongroom.collect.tables._aws import (
    SENSITIVE,
    aws_key,
    key_of,
    satellite_statements,
    service,
    statements,
)
from strongroom.collect.tables._aws_accelerators import accelerators, own_disks
from strongroom.collect.tables._aws_arns import arn
from strongroom.collect.tables._aws_links import placed
from strongroom.collect.tables._aws_roles import runs_as
from strongroom.kit.kleene import any_of
from strongroom.kit.leaks import secrets_in
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.values import Key, Unknown, Value

_REF = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_"
_NOTEBOOK = _REF + "CreateNotebookInstance.html"
_TERRAFORM = "https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/"
_ON_OFF: dict[str, Value] = {"Enabled": True, "Disabled": False}


def _first(*paths: str) -> Read:
    """The key at the first path where there is one; a job's settings sit in other blocks in every version."""

    def read(r: Reader) -> Value:
        return next((k for k in (key_of(r, r.at(p)) for p in paths) if k is not None), None)

    return read


def _any_flag(*paths: str) -> Read:
    def read(r: Reader) -> Value:
        found = [f for f in map(r.flag, paths) if f is not None]
        return any_of(found) if found else None

    return read


def _placed(*paths: str) -> Row:
    """Whether it has a network of the owner's: a VPC configuration whose content may still be open counts as one."""

    def read(r: Reader) -> Value:
        return any_of([r.given(p) for p in paths])

    return Row("net.in_vpc", read)


def _secrets(r: Reader, *paths: str) -> Value:
    """The kinds of secret in start scripts, which are given in base64."""
    found: set[str] = set()
    doubt: Unknown | None = None
    for path in paths:
        said = r.text(path)
        if isinstance(said, Unknown):
            doubt = said
        elif said:
            found |= set(secrets_in(said))
    return doubt if doubt is not None and not found else tuple(sorted(found))


def _scripts(*paths: str) -> Row:
    return Row("secrets.found", lambda r: _secrets(r, *paths))


def _lifecycle(r: Reader) -> Value | Inapplicable:
    """A doubt when the notebook runs start scripts that were not read."""
    raw = r.at("lifecycle_config_name")
    if raw is None or raw == "":
        return INAPPLICABLE
    target = r.follow(raw)
    if target is None:
        named = (
            c
            for c in r.pool.of_type("aws_sagemaker_notebook_instance_lifecycle_configuration")
            if isinstance(raw, str) and c.values.get("name") == raw
        )
        target = next(named, None)
    if target is None:
        return Unknown(GapCode.UNDECIDED, "its lifecycle configuration is not in these files")
    return INAPPLICABLE  # the scripts are judged where they stand


def _feature_key(r: Reader) -> Value:
    """The weaker key of the two stores of a feature group: each holds the same features."""
    keys: list[Value] = []
    for block, path in (
        ("online_store_config", "security_config.kms_key_id"),
        ("offline_store_config", "s3_storage_config.kms_key_id"),
    ):
        stores = r.blocks(block)
        if isinstance(stores, Unknown):
            return stores
        for store in stores:
            off = block == "online_store_config" and r.flag("enable_online_store", store) is False
            if not off:
                keys.append(key_of(r, r.at(f"{block}.{path}")))
    if any(k is None for k in keys) or not keys:
        return None
    return next((k for k in keys if isinstance(k, Key) and k.tech != "cmk"), None) or next(
        (k for k in keys if isinstance(k, Unknown)), keys[0]
    )


def _capture_key(r: Reader) -> Value | Inapplicable:
    """The key of the requests and answers that an endpoint writes to a bucket, when it writes them."""
    blocks = r.blocks("data_capture_config")
    if isinstance(blocks, Unknown):
        return blocks
    if not blocks or r.flag("enable_capture", blocks[0]) is False:
        return INAPPLICABLE
    return key_of(r, r.at("data_capture_config.kms_key_id"))


_SERVICE = service("sagemaker")
_OWNED = Default(Key("provider", "aws owned"), _TERRAFORM + "sagemaker_notebook_instance")
_TRANSIENT = Default(
    Key("provider", "transient"), "https://docs.aws.amazon.com/sagemaker/latest/dg/encryption-at-rest.html"
)
_MACHINES = (
    "job_resources.cluster_config.instance_type",
    "resource_config.instance_type",
    "training_job_definition.resource_config.instance_type",
    "training_job_definition.hyper_parameter_tuning_resource_config.instance_type",
)
_JOB_ROWS = (
    Row(
        "enc.output_key",
        _first(
            "data_quality_job_output_config.kms_key_id",
            "output_data_config.kms_key_id",
            "training_job_definition.output_data_config.kms_key_id",
            "training_job_definitions.output_data_config.kms_key_id",
            "monitoring_schedule_config.monitoring_job_definition.monitoring_output_config.kms_key_id",
            "output_config.kms_key_id",
        ),
    ),
    SENSITIVE,
)
_COMPUTE_ROWS = (
    Row(
        "enc.volume_key",
        _first(
            "job_resources.cluster_config.volume_kms_key_id",
            "resource_config.volume_kms_key_id",
            "training_job_definition.resource_config.volume_kms_key_id",
            "training_job_definition.hyper_parameter_tuning_resource_config.volume_kms_key_id",
            "training_job_definitions.resource_config.volume_kms_key_id",
            "monitoring_schedule_config.monitoring_job_definition.monitoring_resources.cluster_config.volume_kms_key_id",
            "labeling_job_algorithms_config.labeling_job_resource_config.volume_kms_key_id",
        ),
    ),
    Row(
        "enc.in_transit",
        _any_flag(
            "network_config.enable_inter_container_traffic_encryption",
            "enable_inter_container_traffic_encryption",
            "training_job_definition.enable_inter_container_traffic_encryption",
            "training_job_definitions.enable_inter_container_traffic_encryption",
            "monitoring_schedule_config.monitoring_job_definition.network_config"
            ".enable_inter_container_traffic_encryption",
        ),
        Default(False, _REF + "CreateTrainingJob.html"),
    ),
    Row(
        "net.isolated",
        _any_flag(
            "network_config.enable_network_isolation",
            "enable_network_isolation",
            "training_job_definition.enable_network_isolation",
            "training_job_definitions.enable_network_isolation",
            "monitoring_schedule_config.monitoring_job_definition.network_config.enable_network_isolation",
        ),
        Default(False, _REF + "CreateTrainingJob.html"),
    ),
    _placed(
        "network_config.vpc_config",
        "vpc_config",
        "training_job_definition.vpc_config",
        "training_job_definitions.vpc_config",
        "monitoring_schedule_config.monitoring_job_definition.network_config.vpc_config",
        "labeling_job_algorithms_config.labeling_job_resource_config.vpc_config",
    ),
    *accelerators(*_MACHINES),
    own_disks(*_MACHINES),
)


def _arn(native: str, name: str = "name") -> Row:
    return arn("sagemaker", native.removeprefix("aws_sagemaker_").replace("_", "-") + "/", name, "name")


def _plain(native: str, kind: Kind, *rows: Row, name: str = "name") -> Native:
    rows = (_SERVICE, _arn(native, name), *rows)
    return Native(type=native, kind=kind, provider="aws", rows=rows, name_at=(name, "name", "id"))


def _job(native: str, *rows: Row, name: str = "name", role: str = "role_arn") -> Native:
    return Native(
        type=native,
        kind=Kind.JOB,
        provider="aws",
        rows=(_SERVICE, _arn(native, name), *_JOB_ROWS, *rows),
        name_at=(name, "name", "id"),
        refs=(("role", role),),
    )


TABLE = (
    Native(
        type="aws_sagemaker_notebook_instance",
        kind=Kind.NOTEBOOK,
        provider="aws",
        rows=(
            _SERVICE,
            choice("net.direct_internet", "direct_internet_access", _ON_OFF, Default(True, _NOTEBOOK)),
            choice("root", "root_access", _ON_OFF, Default(True, _NOTEBOOK)),
            given("net.in_vpc", "subnet_id"),
            aws_key("enc.key", "kms_key_id", _OWNED),
            choice(
                "imds.v2",
                "instance_metadata_service_configuration.minimum_instance_metadata_service_version",
                {"1": False, "2": True},
                Default(False, _REF + "InstanceMetadataServiceConfiguration.html"),
            ),
            runs_as("role_arn"),
            arn("sagemaker", "notebook-instance/", "name"),
            Row("secrets.found", _lifecycle),
            *accelerators("instance_type"),
            SENSITIVE,
            *placed("subnet_id", "security_groups"),
        ),
        refs=(("role", "role_arn"), ("subnet", "subnet_id"), ("key", "kms_key_id"), ("firewall", "security_groups")),
    ),
    Native(
        type="aws_sagemaker_notebook_instance_lifecycle_configuration",
        kind=Kind.TEMPLATE,
        provider="aws",
        rows=(_scripts("on_start", "on_create"),),
    ),
    _plain(
        "aws_sagemaker_studio_lifecycle_config",
        Kind.TEMPLATE,
        _scripts("studio_lifecycle_config_content"),
        name="studio_lifecycle_config_name",
    ),
    Native(
        type="aws_sagemaker_domain",
        kind=Kind.WORKSPACE,
        provider="aws",
        rows=(
            _SERVICE,
            aws_key(
                "enc.key", "kms_key_id", Default(Key("provider", "aws/elasticfilesystem"), _REF + "CreateDomain.html")
            ),
            choice(
                "net.direct_internet",
                "app_network_access_type",
                {"PublicInternetOnly": True, "VpcOnly": False},
                Default(True, _REF + "CreateDomain.html"),
            ),
            text("studio.auth", "auth_mode"),
            runs_as("default_user_settings.execution_role"),
            arn("sagemaker", "domain/", "id"),
            SENSITIVE,
            *placed("subnet_ids", "default_user_settings.security_groups"),
        ),
        name_at=("domain_name", "id"),
        refs=(
            ("network", "vpc_id"),
            ("subnet", "subnet_ids"),
            ("key", "kms_key_id"),
            ("role", "default_user_settings.execution_role"),
        ),
    ),
    Native(
        type="aws_sagemaker_model",
        kind=Kind.MODEL,
        provider="aws",
        rows=(
            _SERVICE,
            flag("net.isolated", "enable_network_isolation", Default(False, _REF + "CreateModel.html")),
            given("net.in_vpc", "vpc_config"),
            _arn("aws_sagemaker_model"),
            SENSITIVE,
            *placed("vpc_config.subnets", "vpc_config.security_group_ids"),
        ),
        refs=(("role", "execution_role_arn"), ("subnet", "vpc_config.subnets")),
    ),
    Native(
        type="aws_sagemaker_endpoint_configuration",
        kind=Kind.ENDPOINT_CONFIG,
        provider="aws",
        rows=(
            _SERVICE,
            aws_key("enc.key", "kms_key_arn", _TRANSIENT),
            own_disks("production_variants.instance_type"),
            Row("enc.capture_key", _capture_key),
            *accelerators("production_variants.instance_type"),
            arn("sagemaker", "endpoint-config/", "name"),
            SENSITIVE,
        ),
        refs=(("model", "production_variants.model_name"), ("key", "kms_key_arn")),
    ),
    Native(
        type="aws_sagemaker_endpoint",
        kind=Kind.ENDPOINT,
        provider="aws",
        rows=(_arn("aws_sagemaker_endpoint"),),
        refs=(("config", "endpoint_config_name"),),
    ),
    _job("aws_sagemaker_data_quality_job_definition", *_COMPUTE_ROWS),
    _job("aws_sagemaker_training_job", *_COMPUTE_ROWS, name="training_job_name"),
    _job("aws_sagemaker_hyper_parameter_tuning_job", *_COMPUTE_ROWS, role="training_job_definition.role_arn"),
    _job("aws_sagemaker_labeling_job", name="labeling_job_name"),
    _job("aws_sagemaker_flow_definition", name="flow_definition_name"),
    _plain("aws_sagemaker_monitoring_schedule", Kind.JOB),
    _plain("aws_sagemaker_pipeline", Kind.JOB, name="pipeline_name"),
    _plain("aws_sagemaker_project", Kind.WORKSPACE, name="project_name"),
    Native(
        type="aws_sagemaker_feature_group",
        kind=Kind.INDEX,
        provider="aws",
        rows=(
            _SERVICE,
            _arn("aws_sagemaker_feature_group", "feature_group_name"),
            Row("enc.key", _feature_key),
            SENSITIVE,
        ),
        name_at=("feature_group_name", "id"),
        refs=(("role", "role_arn"),),
    ),
    Native(
        type="aws_sagemaker_model_package_group",
        kind=Kind.MODEL,
        provider="aws",
        rows=(
            _SERVICE,
            _arn("aws_sagemaker_model_package_group", "model_package_group_name"),
            Row(
                "resource.statements",
                lambda r: satellite_statements(
                    r, "aws_sagemaker_model_package_group_policy", "model_package_group_name", "resource_policy"
                ),
            ),
        ),
        name_at=("model_package_group_name", "id"),
    ),
    _plain(
        "aws_sagemaker_model_package_group_policy",
        Kind.POLICY,
        Row("resource.statements", lambda r: statements(r, "resource_policy")),
        name="model_package_group_name",
    ),
    _plain(
        "aws_sagemaker_mlflow_tracking_server",
        Kind.WORKSPACE,
        runs_as("role_arn"),
        name="tracking_server_name",
    ),
    _plain("aws_sagemaker_mlflow_app", Kind.WORKSPACE),
    _plain("aws_sagemaker_space", Kind.NOTEBOOK, name="space_name"),
    Native(
        type="aws_sagemaker_user_profile",
        kind=Kind.IDENTITY,
        provider="aws",
        rows=(_SERVICE, _arn("aws_sagemaker_user_profile", "user_profile_name")),
        name_at=("user_profile_name", "name", "id"),
        refs=(("domain", "domain_id"), ("role", "user_settings.execution_role")),
    ),
    _plain("aws_sagemaker_app", Kind.NOTEBOOK, *accelerators("resource_spec.instance_type"), name="app_name"),
    _plain("aws_sagemaker_hub", Kind.WORKSPACE, name="hub_name"),
    _plain("aws_sagemaker_hub_content_reference", Kind.MODEL, name="hub_content_name"),
    _plain("aws_sagemaker_algorithm", Kind.MODEL, name="algorithm_name"),
    _plain("aws_sagemaker_model_card", Kind.MODEL, aws_key("enc.card_key", "security_config.kms_key_id")),
    _plain("aws_sagemaker_image", Kind.TEMPLATE, name="image_name"),
    _plain("aws_sagemaker_image_version", Kind.TEMPLATE, name="image_name"),
    _plain("aws_sagemaker_app_image_config", Kind.TEMPLATE, name="app_image_config_name"),
    _plain("aws_sagemaker_code_repository", Kind.DATASET, name="code_repository_name"),
    _plain("aws_sagemaker_device_fleet", Kind.ENDPOINT, name="device_fleet_name"),
    _plain("aws_sagemaker_workforce", Kind.IDENTITY, name="workforce_name"),
    _plain("aws_sagemaker_workteam", Kind.IDENTITY, name="workteam_name"),
)
