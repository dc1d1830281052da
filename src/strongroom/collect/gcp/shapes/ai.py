"""Vertex AI, Workbench, Cloud Run.

Sources: https://cloud.google.com/vertex-ai/docs/reference/rest/v1 and vertex-ai/docs/workbench/reference/rest (v1 and v2).
"""

from collections.abc import Mapping

from strongroom.collect.gcp.shape import Seen, Shape, Take, inside, last, link, linked, switches, words
from strongroom.collect.shaping import UNTOLD, at, within
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

_SHIELD = {
    "enable_secure_boot": "enableSecureBoot",
    "enable_vtpm": "enableVtpm",
    "enable_integrity_monitoring": "enableIntegrityMonitoring",
}
_SPEC: Take = inside("encryptionSpec", lambda f: words(f, kms_key_name="kmsKeyName"))
_NAMED: dict[str, Take] = {"display_name": at("displayName", None), "encryption_spec": _SPEC}


def _connect(path: str) -> Take:
    return inside(path, lambda f: {"enable_private_service_connect": within(f, "enablePrivateServiceConnect") or False})


def _encrypted(kind: str, native: str, granted: str = "") -> Shape:
    return Shape(type=f"aiplatform.googleapis.com/{kind}", native=native, attributes=_NAMED, granted=granted)


def _workbench(seen: Seen) -> str:
    """Version 2 of the API answers with `gceSetup`."""
    return "google_workbench_instance" if seen.at("gceSetup", None) is not None else "google_notebooks_instance"


def _setup(seen: Seen) -> object:
    found = seen.at("gceSetup", None)
    if not isinstance(found, Mapping):
        return found

    def disk(one: object) -> object:
        return words(one, disk_encryption="diskEncryption", kms_key="kmsKey")

    def many(name: str) -> list[object]:
        listed = within(found, name)
        return listed if isinstance(listed, list) else []

    return {
        "disable_public_ip": within(found, "disablePublicIp") or False,
        "machine_type": _tail(within(found, "machineType")),
        "metadata": within(found, "metadata") or {},
        "boot_disk": disk(within(found, "bootDisk")),
        "data_disks": [disk(d) for d in many("dataDisks")],
        "shielded_instance_config": switches(within(found, "shieldedInstanceConfig"), **_SHIELD)
        or Unknown(GapCode.ABSENT, "how it boots is not told"),
        "service_accounts": [words(a, email="email") for a in many("serviceAccounts")],
        "accelerator_configs": [words(a, type="type", core_count="coreCount") for a in many("acceleratorConfigs")],
        "network_interfaces": [
            {"network": linked(within(n, "network")), "subnet": linked(within(n, "subnet"))}
            for n in many("networkInterfaces")
        ],
        "confidential_instance_config": _confidential(within(found, "confidentialInstanceConfig")),
    }


def _confidential(found: object) -> object:
    if not isinstance(found, Mapping):
        return None
    kind = within(found, "confidentialInstanceType")
    return {"enable_confidential_compute": kind is not None, "confidential_instance_type": kind}


def _tail(found: object) -> object:
    return found.rpartition("/")[2] if isinstance(found, str) else found


def _store(seen: Seen) -> object:
    return [{}] if seen.at("bigtable", None) is not None else []


SHAPES = (
    Shape(
        type="aiplatform.googleapis.com/Endpoint",
        native="google_vertex_ai_endpoint",
        attributes={
            **_NAMED,
            "network": link("network"),
            "private_service_connect_config": _connect("privateServiceConnectConfig"),
            "predict_request_response_logging_config": lambda seen: {
                "enabled": seen.at("predictRequestResponseLoggingConfig.enabled", False)
            },
        },
        granted="endpoint",
    ),
    Shape(
        type="aiplatform.googleapis.com/IndexEndpoint",
        native="google_vertex_ai_index_endpoint",
        attributes={
            **_NAMED,
            "network": link("network"),
            "public_endpoint_enabled": at("publicEndpointEnabled", False),
        },
    ),
    Shape(
        type="aiplatform.googleapis.com/FeatureOnlineStore",
        native="google_vertex_ai_feature_online_store",
        attributes={
            **_NAMED,
            "bigtable": _store,
            "dedicated_serving_endpoint": inside(
                "dedicatedServingEndpoint",
                lambda f: {
                    "private_service_connect_config": {
                        "enable_private_service_connect": within(
                            f, "privateServiceConnectConfig.enablePrivateServiceConnect"
                        )
                        or False
                    }
                },
            ),
        },
    ),
    _encrypted("Index", "google_vertex_ai_index"),
    _encrypted("Featurestore", "google_vertex_ai_featurestore", "featurestore"),
    _encrypted("Dataset", "google_vertex_ai_dataset"),
    _encrypted("MetadataStore", "google_vertex_ai_metadata_store"),
    _encrypted("Tensorboard", "google_vertex_ai_tensorboard"),
    _encrypted("ReasoningEngine", "google_vertex_ai_reasoning_engine"),
    Shape(
        type="notebooks.googleapis.com/Instance",
        native=_workbench,
        attributes={
            "no_public_ip": at("noPublicIp", False),
            "disk_encryption": at("diskEncryption", None),
            "kms_key": at("kmsKey", None),
            "machine_type": last("machineType", None),
            "metadata": at("metadata", {}),
            "network": link("network"),
            "subnet": link("subnet"),
            "service_account": at("serviceAccount", None),
            "shielded_instance_config": inside(
                "shieldedInstanceConfig", lambda f: switches(f, **_SHIELD), absent=UNTOLD
            ),
            "accelerator_config": inside("acceleratorConfig", lambda f: words(f, type="type", core_count="coreCount")),
            "gce_setup": _setup,
        },
        natives=("google_workbench_instance", "google_notebooks_instance"),
    ),
    Shape(
        type="aiplatform.googleapis.com/NotebookRuntimeTemplate",
        native="google_colab_runtime_template",
        attributes={
            **_NAMED,
            "network_spec": lambda seen: {
                "enable_internet_access": seen.at("networkSpec.enableInternetAccess", False),
                "network": linked(seen.at("networkSpec.network", None)),
                "subnetwork": linked(seen.at("networkSpec.subnetwork", None)),
            },
            "machine_spec": inside(
                "machineSpec",
                lambda f: words(
                    f,
                    machine_type="machineType",
                    accelerator_type="acceleratorType",
                    accelerator_count="acceleratorCount",
                ),
            ),
            "shielded_vm_config": lambda seen: {
                "enable_secure_boot": seen.at("shieldedVmConfig.enableSecureBoot", False)
            },
        },
    ),
    Shape(
        type="run.googleapis.com/Service",
        native="google_cloud_run_v2_service",
        granted="name",
    ),
)
