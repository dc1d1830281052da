"""Vertex AI: notebooks, endpoints, indexes, feature stores, datasets and what trains on them."""

from strongroom.collect.native import INAPPLICABLE, Default, Inapplicable, Native, Reader, Row, flag, key
from strongroom.collect.tables._gcp import (
    DEFAULT_ENCRYPTION,
    any_flag,
    confidential,
    docs,
    first_key,
    key_in,
    marked,
    not_at,
    own_identity,
    service,
    weakest,
)
from strongroom.collect.tables._gcp_accelerators import accelerator_rows, attached
from strongroom.kit.kleene import any_of, negate
from strongroom.model.kinds import Kind
from strongroom.model.values import Key, Unknown, Value

VERTEX = service("vertex")
CONFIG = "virtual_machine.virtual_machine_config"
METADATA = "https://cloud.google.com/vertex-ai/docs/workbench/instances/manage-metadata"
NOTEBOOK_API = "https://cloud.google.com/vertex-ai/docs/workbench/reference/rest/v1/projects.locations.instances"
WORKBENCH_API = "https://cloud.google.com/vertex-ai/docs/workbench/reference/rest/v2/projects.locations.instances"
RUNTIME_API = "https://cloud.google.com/vertex-ai/docs/workbench/reference/rest/v1/projects.locations.runtimes"
SPEC = "encryption_spec"
NAME = "kms_key_name"
PRIVATE = "enable_private_service_connect"


def _disk(r: Reader, block: object) -> Key | Unknown | None:
    """A notebook's disk: the key applies only where the method is CMEK, and CMEK is refused without a key."""
    method = r.text("disk_encryption", block)
    if method is None or isinstance(method, Unknown):
        return method
    named = first_key(r, block, "kms_key")
    if method.upper() != "CMEK" or named is None:
        return None
    return named if isinstance(named, Key) else Key("cmk")


def _notebook_key(r: Reader) -> Value:
    return _disk(r, r.resource.values)


def _workbench_key(r: Reader) -> Value:
    boot, data = r.blocks("gce_setup.boot_disk"), r.blocks("gce_setup.data_disks")
    if isinstance(boot, Unknown) or isinstance(data, Unknown):
        return boot if isinstance(boot, Unknown) else data if isinstance(data, Unknown) else None
    return weakest([_disk(r, b) for b in (*(boot or ({},)), *data)])


def _shielded(path: str, source: str, *, vtpm: bool = True) -> tuple[Row, ...]:
    """Secure Boot is off unless asked for; the virtual TPM and the integrity baseline are on unless switched off."""
    secure = flag("boot.secure", f"{path}.enable_secure_boot", Default(False, source))
    if not vtpm:
        return (secure,)
    return (
        secure,
        flag("boot.vtpm", f"{path}.enable_vtpm", Default(True, source)),
        flag("boot.integrity", f"{path}.enable_integrity_monitoring", Default(True, source)),
    )


def _root(path: str) -> Row:
    return not_at("root", f"{path}.notebook-disable-root", Default(True, METADATA))


NOTEBOOKS = (
    Native(
        type="google_notebooks_instance",
        kind=Kind.NOTEBOOK,
        provider="gcp",
        labels_at="labels",
        rows=(
            VERTEX,
            not_at("net.public", "no_public_ip", Default(True, NOTEBOOK_API)),
            Row("enc.key", _notebook_key, DEFAULT_ENCRYPTION),
            *_shielded("shielded_instance_config", NOTEBOOK_API),
            own_identity("identity.own", "service_account"),
            _root("metadata"),
            *accelerator_rows(attached("accelerator_config", "machine_type", count="core_count")),
            marked("labels"),
        ),
        refs=(("network", "network"), ("subnet", "subnet"), ("key", "kms_key"), ("identity", "service_account")),
    ),
    Native(
        type="google_workbench_instance",
        kind=Kind.NOTEBOOK,
        provider="gcp",
        labels_at="labels",
        rows=(
            VERTEX,
            not_at("net.public", "gce_setup.disable_public_ip", Default(True, WORKBENCH_API)),
            Row("enc.key", _workbench_key, DEFAULT_ENCRYPTION),
            *_shielded("gce_setup.shielded_instance_config", WORKBENCH_API),
            own_identity("identity.own", "gce_setup.service_accounts.email"),
            _root("gce_setup.metadata"),
            *accelerator_rows(attached("gce_setup.accelerator_configs", "gce_setup.machine_type", count="core_count")),
            Row(
                "cc.tech",
                lambda r: confidential(r, "gce_setup.confidential_instance_config", "enable_confidential_compute"),
                Default("", WORKBENCH_API),
            ),
            marked("labels"),
        ),
        refs=(
            ("network", "gce_setup.network_interfaces.network"),
            ("subnet", "gce_setup.network_interfaces.subnet"),
            ("key", "gce_setup.boot_disk.kms_key"),
        ),
    ),
    Native(
        type="google_notebooks_runtime",
        kind=Kind.NOTEBOOK,
        provider="gcp",
        labels_at="labels",
        rows=(
            VERTEX,
            not_at("net.public", f"{CONFIG}.internal_ip_only", Default(True, RUNTIME_API)),
            key("enc.key", f"{CONFIG}.encryption_config.kms_key", DEFAULT_ENCRYPTION),
            *_shielded(f"{CONFIG}.shielded_instance_config", RUNTIME_API),
            *accelerator_rows(attached(f"{CONFIG}.accelerator_config", f"{CONFIG}.machine_type", count="core_count")),
            marked("labels", f"{CONFIG}.labels"),
        ),
        refs=(("network", f"{CONFIG}.network"), ("subnet", f"{CONFIG}.subnet")),
    ),
    Native(
        type="google_colab_runtime_template",
        kind=Kind.NOTEBOOK,
        provider="gcp",
        labels_at="labels",
        name_at=("display_name", "name"),
        rows=(
            VERTEX,
            flag(
                "net.direct_internet",
                "network_spec.enable_internet_access",
                Default(False, docs("colab_runtime_template")),
            ),
            key("enc.key", f"{SPEC}.{NAME}", DEFAULT_ENCRYPTION),
            *_shielded("shielded_vm_config", docs("colab_runtime_template"), vtpm=False),
            *accelerator_rows(
                attached("machine_spec", "machine_spec.machine_type", "accelerator_type", "accelerator_count")
            ),
            marked("labels"),
        ),
        refs=(("network", "network_spec.network"), ("subnet", "network_spec.subnetwork")),
    ),
    Native(
        type="google_colab_runtime",
        kind=Kind.NOTEBOOK,
        provider="gcp",
        name_at=("display_name", "name"),
        rows=(VERTEX,),
        refs=(("template", "notebook_runtime_template_ref.notebook_runtime_template"),),
    ),
)


def _endpoint_public(r: Reader) -> Value:
    """An endpoint is reached over the internet unless it is peered with a network or offered by Private Service Connect."""
    return negate(any_of((r.given("network"), _connected(r, "private_service_connect_config"))))


def _connected(r: Reader, block: str) -> bool | Unknown:
    return r.flag(f"{block}.{PRIVATE}") or False


def _garden_public(r: Reader) -> Value:
    return negate(_connected(r, "endpoint_config.private_service_connect_config"))


def _store_public(r: Reader) -> Value | Inapplicable:
    """Only the optimised store serves from an endpoint of its own; Bigtable is behind the API."""
    bigtable = any_flag(r, (r.resource.values,), "bigtable")
    if bigtable is True:
        return INAPPLICABLE
    private = _connected(r, "dedicated_serving_endpoint.private_service_connect_config")
    return negate(private) if bigtable is False else bigtable


def _resource_public(r: Reader) -> Value:
    return negate(any_of((r.given("network"), r.given("psc_interface_config"))))


def _pool(path: str) -> tuple[Row, Row]:
    machine = f"{path}.machine_spec"
    return accelerator_rows(attached(machine, f"{machine}.machine_type", "accelerator_type", "accelerator_count"))


SERVING = (
    Native(
        type="google_vertex_ai_endpoint",
        kind=Kind.ENDPOINT,
        provider="gcp",
        labels_at="labels",
        name_at=("display_name", "name"),
        rows=(
            VERTEX,
            Row("net.public", _endpoint_public),
            key_in("enc.key", SPEC, NAME),
            flag(
                "log.enabled",
                "predict_request_response_logging_config.enabled",
                Default(False, docs("vertex_ai_endpoint")),
            ),
            marked("labels"),
        ),
        refs=(("network", "network"), ("key", f"{SPEC}.{NAME}")),
    ),
    Native(
        type="google_vertex_ai_endpoint_with_model_garden_deployment",
        kind=Kind.ENDPOINT,
        provider="gcp",
        name_at=("publisher_model_name", "hugging_face_model_id"),
        rows=(VERTEX, Row("net.public", _garden_public), *_pool("deploy_config.dedicated_resources")),
    ),
    Native(
        type="google_vertex_ai_deployment_resource_pool",
        kind=Kind.ENDPOINT_CONFIG,
        provider="gcp",
        rows=(VERTEX, *_pool("dedicated_resources")),
    ),
    Native(
        type="google_vertex_ai_index_endpoint",
        kind=Kind.INDEX,
        provider="gcp",
        labels_at="labels",
        name_at=("display_name", "name"),
        rows=(
            VERTEX,
            flag("net.public", "public_endpoint_enabled", Default(False, docs("vertex_ai_index_endpoint"))),
            key_in("enc.key", SPEC, NAME),
            marked("labels"),
        ),
        refs=(("network", "network"), ("key", f"{SPEC}.{NAME}")),
    ),
    Native(
        type="google_vertex_ai_index_endpoint_deployed_index",
        kind=Kind.INDEX,
        provider="gcp",
        name_at=("deployed_index_id", "display_name"),
        rows=(VERTEX,),
        refs=(("endpoint", "index_endpoint"), ("index", "index")),
    ),
    Native(
        type="google_vertex_ai_feature_online_store",
        kind=Kind.INDEX,
        provider="gcp",
        labels_at="labels",
        rows=(VERTEX, Row("net.public", _store_public), key_in("enc.key", SPEC, NAME), marked("labels")),
    ),
    Native(
        type="google_vertex_ai_persistent_resource",
        kind=Kind.JOB,
        provider="gcp",
        labels_at="labels",
        rows=(
            VERTEX,
            Row("net.public", _resource_public),
            key_in("enc.key", SPEC, NAME),
            *_pool("resource_pools"),
            marked("labels"),
        ),
        refs=(("network", "network"),),
    ),
)


def _encrypted(native: str, kind: Kind, *names: str) -> Native:
    """A resource of Vertex AI whose only setting of interest is whose key encrypts it."""
    return Native(
        type=native,
        kind=kind,
        provider="gcp",
        labels_at="labels",
        name_at=(*names, "display_name", "name"),
        rows=(VERTEX, key_in("enc.key", SPEC, NAME), marked("labels")),
        refs=(("key", f"{SPEC}.{NAME}"),),
    )


def _plain(native: str, kind: Kind, *refs: tuple[str, str]) -> Native:
    """A resource of Vertex AI that is inventoried; it is encrypted and reached as what it belongs to."""
    return Native(
        type=native,
        kind=kind,
        provider="gcp",
        labels_at="labels",
        name_at=("display_name", "name"),
        rows=(VERTEX,),
        refs=refs,
    )


STORES = (
    _encrypted("google_vertex_ai_index", Kind.INDEX),
    _encrypted("google_vertex_ai_featurestore", Kind.INDEX),
    _encrypted("google_vertex_ai_dataset", Kind.DATASET),
    _encrypted("google_vertex_ai_metadata_store", Kind.WORKSPACE),
    _encrypted("google_vertex_ai_tensorboard", Kind.WORKSPACE),
    _encrypted("google_vertex_ai_reasoning_engine", Kind.AGENT),
    _plain("google_vertex_ai_rag_engine_config", Kind.INDEX),
    _plain("google_vertex_ai_cache_config", Kind.WORKSPACE),
    _plain("google_vertex_ai_model_garden_enable_model", Kind.MODEL),
    _plain("google_vertex_ai_evaluation_metric", Kind.JOB),
    _plain("google_vertex_ai_tensorboard_experiment", Kind.JOB, ("workspace", "tensorboard")),
    _plain("google_vertex_ai_tensorboard_run", Kind.JOB, ("workspace", "tensorboard")),
    _plain("google_vertex_ai_feature_group", Kind.DATASET),
    _plain("google_vertex_ai_feature_group_feature", Kind.DATASET, ("group", "feature_group")),
    _plain("google_vertex_ai_feature_online_store_featureview", Kind.INDEX, ("store", "feature_online_store")),
    _plain("google_vertex_ai_featurestore_entitytype", Kind.INDEX, ("store", "featurestore")),
    _plain("google_vertex_ai_featurestore_entitytype_feature", Kind.INDEX, ("entity", "entitytype")),
    _plain("google_vertex_ai_semantic_governance_policy_engine", Kind.GUARDRAIL),
    _plain("google_vertex_ai_agent_anomaly_detection_scope", Kind.DETECTOR),
)

TABLE = (*NOTEBOOKS, *SERVING, *STORES)
