"""Compute Engine and GKE.

Sources: https://cloud.google.com/compute/docs/reference/rest/v1 (instances, instanceTemplates, disks, images, snapshots) and
https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters.
"""

from collections.abc import Mapping

from strongroom.collect.gcp.shape import Seen, Shape, Take, each, inside, last, linked, switches, words
from strongroom.collect.resource import Link
from strongroom.collect.shaping import UNTOLD, at, const, within
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

_SHIELD = {
    "enable_secure_boot": "enableSecureBoot",
    "enable_vtpm": "enableVtpm",
    "enable_integrity_monitoring": "enableIntegrityMonitoring",
}


_UNSHIELDED = Unknown(GapCode.ABSENT, "how its nodes boot is not told")


def _tail(found: object) -> object:
    return found.rpartition("/")[2] if isinstance(found, str) else found


def _card(one: object) -> object:
    return {
        "network": linked(within(one, "network")),
        "subnetwork": linked(within(one, "subnetwork")),
        "access_config": within(one, "accessConfigs") or [],
        "ipv6_access_config": within(one, "ipv6AccessConfigs") or [],
    }


def _supplied(key: object) -> object:
    """The mark of a key that was sent along and is not kept: the API tells its digest alone."""
    return within(key, "sha256") if within(key, "kmsKeyName") is None else None


def _disk(one: object) -> dict[str, object]:
    key = within(one, "diskEncryptionKey")
    return {
        "kms_key_self_link": within(key, "kmsKeyName"),
        "disk_encryption_key_raw": _supplied(key),
        "source": linked(within(one, "source")),
    }


def _disks(*, boot: bool) -> Take:
    def take(seen: Seen) -> object:
        found = seen.at("disks", [])
        if not isinstance(found, list):
            return found
        kept = [d for d in found if within(d, "type") != "SCRATCH" and (within(d, "boot") is True) is boot]
        return [_disk(d) for d in kept]

    return take


def _template_disk(one: object) -> object:
    key = within(one, "diskEncryptionKey")
    named = words(key, kms_key_self_link="kmsKeyName", raw_key="sha256")
    return {
        "type": within(one, "type"),
        "disk_type": within(one, "initializeParams.diskType"),
        "disk_encryption_key": [named] if named else [],
        "source": linked(within(one, "source")),
    }


def _account(prefix: str) -> Take:
    return each(f"{prefix}serviceAccounts", lambda one: {"email": within(one, "email")})


def _machine(prefix: str) -> dict[str, Take]:
    return {
        "machine_type": last(f"{prefix}machineType"),
        "network_interface": each(f"{prefix}networkInterfaces", _card),
        "shielded_instance_config": inside(f"{prefix}shieldedInstanceConfig", lambda f: switches(f, **_SHIELD)),
        "confidential_instance_config": inside(f"{prefix}confidentialInstanceConfig", _confidential),
        "guest_accelerator": each(
            f"{prefix}guestAccelerators",
            lambda one: {"type": _tail(within(one, "acceleratorType")), "count": within(one, "acceleratorCount")},
        ),
        "service_account": _account(prefix),
        "tags": at(f"{prefix}tags.items", []),
        "labels": at(f"{prefix}labels", None),
    }


def _confidential(found: object) -> object:
    return {
        "enable_confidential_compute": within(found, "enableConfidentialCompute") or False,
        "confidential_instance_type": within(found, "confidentialInstanceType"),
    }


def _key_block(path: str) -> Take:
    return inside(path, lambda f: words(f, kms_key_self_link="kmsKeyName", raw_key="sha256"))


# GKE


def _enabled(path: str) -> Take:
    """A switch within an object; without the object it is off."""
    return at(f"{path}.enabled", False)


def _lists(seen: Seen) -> object:
    """The addresses that may reach the API; none where the list is off."""
    found = seen.at("masterAuthorizedNetworksConfig", None)
    if not isinstance(found, Mapping):
        return found
    newer = seen.at("controlPlaneEndpointsConfig.ipEndpointsConfig.authorizedNetworksConfig", None)
    found = newer if isinstance(newer, Mapping) else found
    if within(found, "enabled") is not True:
        return None
    blocks = within(found, "cidrBlocks")
    return {"cidr_blocks": [words(b, cidr_block="cidrBlock") for b in blocks] if isinstance(blocks, list) else []}


def _private(seen: Seen) -> object:
    nodes = seen.at("networkConfig.defaultEnablePrivateNodes", None)
    nodes = seen.at("privateClusterConfig.enablePrivateNodes", False) if nodes is None else nodes
    public = seen.at("controlPlaneEndpointsConfig.ipEndpointsConfig.enablePublicEndpoint", None)
    closed = seen.at("privateClusterConfig.enablePrivateEndpoint", False)
    return {
        "enable_private_nodes": nodes,
        "enable_private_endpoint": closed if not isinstance(public, bool) else not public,
    }


def _endpoints(seen: Seen) -> object:
    return {
        "dns_endpoint_config": {
            "allow_external_traffic": seen.at(
                "controlPlaneEndpointsConfig.dnsEndpointConfig.allowExternalTraffic", False
            )
        },
        "ip_endpoints_config": {"enabled": seen.at("controlPlaneEndpointsConfig.ipEndpointsConfig.enabled", None)},
    }


def _logins(seen: Seen) -> object:
    found = seen.at("masterAuth", {})
    if isinstance(found, Unknown):
        return found
    return {
        "username": within(found, "username"),
        "client_certificate_config": {"issue_client_certificate": within(found, "clientCertificate") is not None},
    }


def _provisioning(seen: Seen) -> object:
    on = seen.at("autoscaling.enableNodeAutoprovisioning", False)
    account = seen.at("autoscaling.autoprovisioningNodePoolDefaults.serviceAccount", None)
    return {"enabled": on, "auto_provisioning_defaults": {"service_account": account}}


def _nodes(found: object) -> object:
    return {
        "machine_type": within(found, "machineType"),
        "service_account": within(found, "serviceAccount"),
        "boot_disk_kms_key": within(found, "bootDiskKmsKey"),
        "labels": within(found, "labels"),
        "resource_labels": within(found, "resourceLabels"),
        "shielded_instance_config": switches(within(found, "shieldedInstanceConfig"), **_SHIELD) or _UNSHIELDED,
        "workload_metadata_config": words(within(found, "workloadMetadataConfig"), mode="mode"),
        "guest_accelerator": [_accelerator(a) for a in _list(within(found, "accelerators"))],
        "taint": [words(t, key="key", value="value", effect="effect") for t in _list(within(found, "taints"))],
        "confidential_nodes": _confidential_nodes(within(found, "confidentialNodes")),
    }


def _confidential_nodes(found: object) -> object:
    if not isinstance(found, Mapping):
        return None
    return {
        "enabled": within(found, "enabled") or False,
        "confidential_instance_type": within(found, "confidentialInstanceType"),
    }


def _accelerator(one: object) -> object:
    return {
        "type": within(one, "acceleratorType"),
        "count": within(one, "acceleratorCount"),
        "gpu_partition_size": within(one, "gpuPartitionSize"),
        "gpu_sharing_config": words(
            within(one, "gpuSharingConfig"),
            gpu_sharing_strategy="gpuSharingStrategy",
            max_shared_clients_per_gpu="maxSharedClientsPerGpu",
        ),
        "gpu_driver_installation_config": words(
            within(one, "gpuDriverInstallationConfig"), gpu_driver_version="gpuDriverVersion"
        ),
    }


def _list(found: object) -> list[object]:
    return found if isinstance(found, list) else []


_CLUSTER: dict[str, Take] = {
    "binary_authorization": inside(
        "binaryAuthorization",
        lambda f: {"evaluation_mode": within(f, "evaluationMode"), "enabled": within(f, "enabled") or False},
    ),
    "enable_binary_authorization": const(None),
    "cluster_autoscaling": _provisioning,
    "confidential_nodes": inside("confidentialNodes", _confidential_nodes),
    "control_plane_endpoints_config": _endpoints,
    "database_encryption": inside("databaseEncryption", lambda f: words(f, state="state", key_name="keyName")),
    "datapath_provider": at("networkConfig.datapathProvider", None),
    "enable_autopilot": _enabled("autopilot"),
    "enable_legacy_abac": _enabled("legacyAbac"),
    "enable_shielded_nodes": _enabled("shieldedNodes"),
    "in_transit_encryption_config": at("networkConfig.inTransitEncryptionConfig", None),
    "logging_config": inside(
        "loggingConfig",
        lambda f: {"enable_components": within(f, "componentConfig.enableComponents") or []},
        absent=UNTOLD,
    ),
    "logging_service": at("loggingService", None),
    "master_auth": _logins,
    "master_authorized_networks_config": _lists,
    "network": lambda seen: linked(seen.at("networkConfig.network", None)),
    "subnetwork": lambda seen: linked(seen.at("networkConfig.subnetwork", None)),
    "network_policy": inside("networkPolicy", lambda f: {"enabled": within(f, "enabled") or False}),
    "private_cluster_config": _private,
    "resource_labels": at("resourceLabels", None),
    "workload_identity_config": inside("workloadIdentityConfig", lambda f: words(f, workload_pool="workloadPool")),
    # Every pool is an asset of its own here, the one that the cluster began with, too.
    "node_config": const(None),
    "node_pool": const(None),
    "remove_default_node_pool": const(True),
}


def _other_nodes(seen: Seen) -> object:
    return inside("config", _nodes, absent=Unknown(GapCode.ABSENT, "its machines are not told"))(seen)


SHAPES = (
    Shape(
        type="compute.googleapis.com/Instance",
        native="google_compute_instance",
        attributes={**_machine(""), "boot_disk": _disks(boot=True), "attached_disk": _disks(boot=False)},
        granted="instance_name",
    ),
    Shape(
        type="compute.googleapis.com/InstanceTemplate",
        native="google_compute_instance_template",
        attributes={**_machine("properties."), "disk": each("properties.disks", _template_disk)},
    ),
    Shape(
        type="compute.googleapis.com/Disk",
        native="google_compute_disk",
        attributes={"disk_encryption_key": _key_block("diskEncryptionKey")},
    ),
    Shape(
        type="compute.googleapis.com/RegionDisk",
        native="google_compute_region_disk",
        attributes={"disk_encryption_key": _key_block("diskEncryptionKey")},
    ),
    Shape(
        type="compute.googleapis.com/Image",
        native="google_compute_image",
        attributes={"image_encryption_key": _key_block("imageEncryptionKey")},
    ),
    Shape(
        type="compute.googleapis.com/Snapshot",
        native="google_compute_snapshot",
        attributes={"snapshot_encryption_key": _key_block("snapshotEncryptionKey")},
    ),
    Shape(type="container.googleapis.com/Cluster", native="google_container_cluster", attributes=_CLUSTER),
    Shape(
        type="container.googleapis.com/NodePool",
        native="google_container_node_pool",
        attributes={
            "cluster": lambda seen: Link(seen.parent),
            "network_config": inside("networkConfig", lambda f: words(f, enable_private_nodes="enablePrivateNodes")),
            "node_config": _other_nodes,
            "management": lambda seen: {"auto_upgrade": seen.at("management.autoUpgrade", False)},
        },
    ),
    Shape(
        type="tpu.googleapis.com/Node",
        native="google_tpu_v2_vm",
        attributes={
            "accelerator_type": at("acceleratorType", None),
            "accelerator_config": inside("acceleratorConfig", lambda f: words(f, type="type", topology="topology")),
            "network_config": lambda seen: {"enable_external_ips": seen.at("networkConfig.enableExternalIps", False)},
            "network_configs": const(None),
            "service_account": inside("serviceAccount", lambda f: words(f, email="email")),
            "shielded_instance_config": inside("shieldedInstanceConfig", lambda f: switches(f, **_SHIELD)),
        },
    ),
)
