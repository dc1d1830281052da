"""Google Kubernetes Engine: clusters with the nodes that they define themselves, and node pools."""

import re
from collections import defaultdict

from strongroom.collect.native import INAPPLICABLE, Default, Inapplicable, Native, Reader, Row, as_key, flag
from strongroom.collect.resource import Resource, undecided
from strongroom.collect.tables._gcp import DEFAULT_ENCRYPTION, any_flag, docs, own_account, service, stands
from strongroom.collect.tables._gcp_accelerators import has_accelerator
from strongroom.collect.tables._gcp_nodes import (
    Nodes,
    boot_rows,
    machine_rows,
    metadata,
    own_account_of,
    sensitive_pool,
    technology,
)
from strongroom.kit.kleene import any_of, negate
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.values import Key, Unknown, Value

CLUSTER, POOL = "google_container_cluster", "google_container_node_pool"
GKE = service("gke")
DOCS = docs("container_cluster")
ENCRYPTED = ("ENCRYPTED", "ALL_OBJECTS_ENCRYPTION_ENABLED")
IDENTITY = "https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity"
# Machine types with accelerators that Confidential VM does not support; of A3, a3-highgpu-1g alone is.
# https://cloud.google.com/confidential-computing/confidential-vm/docs/supported-configurations
NEVER_CONFIDENTIAL = re.compile(r"(a2|g2)-|a3-(highgpu-[248]g|megagpu|ultragpu|edgegpu)")
OWN, INLINE = Nodes("node_config"), Nodes("node_pool.node_config")

Answer = Value | Inapplicable


def _autopilot(r: Reader) -> bool:
    return r.flag("enable_autopilot") is True


def _forced(row: Row, value: Value) -> Row:
    """A row of a cluster for what Autopilot fixes itself, whatever the configuration says."""
    return Row(row.fact, lambda r: value if _autopilot(r) else row.read(r), row.default)


# Clusters


def _public_cidrs(r: Reader) -> Answer:
    """The blocks that may use the API's public endpoint; absent where no list restricts it."""
    found = r.blocks("master_authorized_networks_config")
    if isinstance(found, Unknown):
        return found
    if not found:
        return INAPPLICABLE
    out: list[str | Unknown] = []
    for config in found:
        listed = r.blocks("cidr_blocks", config)
        if isinstance(listed, Unknown):
            return listed
        out += [t for b in listed if (t := r.text("cidr_block", b)) is not None]
    return tuple(out)


def _listed_only(r: Reader) -> Value:
    """Whether a list restricts who reaches the API; a cluster without an IP endpoint needs none.

    Authorised networks are of the IP endpoints alone: a DNS endpoint that takes external traffic answers every address
    (https://cloud.google.com/kubernetes-engine/docs/concepts/network-isolation).
    """
    by_name = r.flag("control_plane_endpoints_config.dns_endpoint_config.allow_external_traffic") or False
    if r.flag("control_plane_endpoints_config.ip_endpoints_config.enabled") is False:
        return negate(by_name)
    listed = any_flag(r, (r.resource.values,), "master_authorized_networks_config")
    return negate(any_of((by_name, negate(listed))))


def _public_api(r: Reader) -> Value:
    """Whether the API has an endpoint on the internet, by address or by name."""
    ip = r.flag("control_plane_endpoints_config.ip_endpoints_config.enabled")
    private = r.flag("private_cluster_config.enable_private_endpoint")
    by_name = r.flag("control_plane_endpoints_config.dns_endpoint_config.allow_external_traffic")
    by_address = False if ip is False else True if private is None else negate(private)
    return any_of((by_address, by_name or False))


def _policy(r: Reader) -> Value:
    """Dataplane V2 enforces network policies without being asked."""
    if r.text("datapath_provider") == "ADVANCED_DATAPATH":
        return True
    provider = r.text("datapath_provider")
    asked = r.flag("network_policy.enabled")
    return provider if isinstance(provider, Unknown) and asked is not True else asked


def _signed_images(r: Reader) -> Value:
    mode = r.text("binary_authorization.evaluation_mode")
    old = r.flag("enable_binary_authorization")
    old = r.flag("binary_authorization.enabled") if old is None else old
    if isinstance(mode, str):
        return old is True or mode.upper() in ("PROJECT_SINGLETON_POLICY_ENFORCE", "TRUE")
    return old if old is not None else mode


def _secrets_key(r: Reader) -> Value:
    state = r.text("database_encryption.state")
    if state is None or isinstance(state, Unknown):
        return state
    if state.upper() not in ENCRYPTED:
        return None
    named = as_key(r.at("database_encryption.key_name"))
    return named if isinstance(named, Key) else Key("cmk")


def _account_of_cluster(r: Reader) -> Answer:
    """The account of the nodes that the cluster makes itself: its own pool's, and those that it provisions."""
    own = [own_account(r, r.at(p)) for p in _own_nodes(r)]
    provisions = any_of((_autopilot(r), r.flag("cluster_autoscaling.enabled") or False))
    if provisions is not False:
        given = own_account(r, r.at("cluster_autoscaling.auto_provisioning_defaults.service_account"))
        own.append(given if given is not None or provisions is True else provisions)
    if not own:
        removed = r.flag("remove_default_node_pool")
        return INAPPLICABLE if removed is True else removed if isinstance(removed, Unknown) else None
    answers = [False if a is None else a for a in own]
    return negate(any_of(negate(a) for a in answers))


def _own_nodes(r: Reader) -> list[str]:
    if _autopilot(r):
        return []
    return [nodes.at("service_account") for nodes in _defined(r)]


def _defined(r: Reader) -> list[Nodes]:
    """Where a cluster defines nodes that stay: a default pool that is removed after creation boots none.

    Source: Terraform's google_container_cluster, `remove_default_node_pool`, which deletes the pool `default-pool`.
    """
    removed = _no_own_nodes(r) and r.text("node_pool.name") == "default-pool"
    return [n for n in (OWN, INLINE) if stands(n.base)(r) and not (n is INLINE and removed)]


def _no_own_nodes(r: Reader) -> bool:
    return r.flag("remove_default_node_pool") is True


def _of_own_nodes(own: Row, inline: Row, autopilot: Answer = INAPPLICABLE) -> Row:
    """A row on the nodes that the cluster defines: without any the question is its pools', under Autopilot settled."""

    def read(r: Reader) -> Answer:
        if _autopilot(r):
            return autopilot
        places = _defined(r)
        return INAPPLICABLE if not places else own.read(r) if OWN in places else inline.read(r)

    return Row(own.fact, read, own.default)


def _federated(r: Reader) -> Value:
    """Whether the cluster has a workload identity pool: its nodes then run the metadata server unless told otherwise."""
    return any_of(
        (r.given("workload_identity_config.workload_pool"), r.given("workload_identity_config.identity_namespace"))
    )


def _concealed_in_cluster(r: Reader) -> Answer:
    """A cluster that keeps its default pool has nodes, also where nothing is said of them."""
    if _autopilot(r):
        return True
    for nodes in _defined(r):
        said = metadata(nodes).read(r)
        return _federated(r) if said is None else said
    removed = r.flag("remove_default_node_pool")
    if removed is True or stands("node_pool")(r):
        return INAPPLICABLE
    return removed if isinstance(removed, Unknown) else _federated(r)


def _concealed_in_pool(r: Reader) -> Answer:
    said = metadata(OWN).read(r)
    if said is not None:
        return said
    cluster = _cluster_of(r)
    if cluster is not None and cluster.resource.native == CLUSTER:
        return _federated(cluster)
    if r.at("cluster") is None:
        return None
    return Unknown(GapCode.NOT_FETCHED, "it is as its cluster says, which is not in these files")


def _shared_logins(r: Reader) -> Value:
    """Client certificates, passwords and legacy ABAC: ways in that belong to nobody in particular."""
    user = r.text("master_auth.username")
    return any_of(
        (
            r.flag("enable_legacy_abac") or False,
            r.flag("master_auth.client_certificate_config.issue_client_certificate") or False,
            user if isinstance(user, Unknown) else bool(user),
        )
    )


def _log_types(r: Reader) -> Value:
    if r.text("logging_service") == "none":
        return ()
    return r.texts("logging_config.enable_components")


def _encrypted_between_nodes(r: Reader) -> Value:
    word = r.text("in_transit_encryption_config")
    return word if word is None or isinstance(word, Unknown) else word.endswith("INTER_NODE_TRANSPARENT")


_MACHINES = zip(
    machine_rows(OWN, "no_such_setting", lambda _: False),
    machine_rows(INLINE, "node_pool.management.auto_upgrade", lambda _: False),
    strict=True,
)
CLUSTER_ROWS = (
    GKE,
    Row("net.public_cidrs", _public_cidrs),
    Row("net.listed_only", _listed_only),
    Row("net.public", _public_api),
    flag("net.private_nodes", "private_cluster_config.enable_private_nodes", Default(False, DOCS)),
    _forced(Row("net.policy", _policy, Default(False, DOCS)), True),
    _forced(flag("boot.shielded", "enable_shielded_nodes", Default(True, DOCS)), True),
    Row("admission.signed_images", _signed_images, Default(False, DOCS)),
    Row("enc.secrets_key", _secrets_key, DEFAULT_ENCRYPTION),
    Row("enc.in_transit", _encrypted_between_nodes, Default(False, DOCS)),
    Row("identity.own", _account_of_cluster, Default(False, DOCS)),
    Row("imds.concealed", _concealed_in_cluster),
    Row("auth.local", _shared_logins),
    Row("log.types", _log_types, Default(("SYSTEM_COMPONENTS", "WORKLOADS"), DOCS)),
    Row("cc.tech", technology("confidential_nodes", "node_config.confidential_nodes"), Default("", DOCS)),
    sensitive_pool(OWN, "resource_labels"),
    *(_of_own_nodes(own, inline, True) for own, inline in zip(boot_rows(OWN), boot_rows(INLINE), strict=True)),
    *(_of_own_nodes(own, inline) for own, inline in _MACHINES),
)


# Pools


def _cluster_of(r: Reader) -> Reader | None:
    """The cluster of a pool, where it was read too: by link, or by its name."""
    raw = r.at("cluster")
    found = r.follow(raw)
    if found is not None:
        return r.reading(found)
    if isinstance(raw, str) and undecided(raw) is None:
        name = raw.rpartition("/")[2]
        named = r.pool.once(("gke clusters by name",), lambda: _by_name(r)).get((r.resource.label, name), ())
        return r.reading(named[0]) if len(named) == 1 else None
    return None


def _by_name(r: Reader) -> dict[tuple[str, str], list[Resource]]:
    found: dict[tuple[str, str], list[Resource]] = defaultdict(list)
    for c in r.pool.of_type(CLUSTER):
        found[c.label, str(c.values.get("name"))].append(c)
    return found


def _joins_others(r: Reader) -> bool:
    """Whether a pool joins a cluster that has other nodes; only where the files show that it has none is it the first."""
    cluster = _cluster_of(r)
    if cluster is None or cluster.resource.native != CLUSTER:
        return True
    return r.pool.once(("gke has other nodes", cluster.resource.id), lambda: _has_other_nodes(cluster))


def _has_other_nodes(cluster: Reader) -> bool:
    if not _no_own_nodes(cluster):
        return True
    pools = cluster.satellites(POOL, "cluster")
    accelerated = has_accelerator(OWN.accelerators)
    if pools.doubt is not None or stands("node_pool")(cluster):
        return True
    return any(not accelerated(cluster.reading(p)) for p in pools.found)


def _private_nodes(r: Reader) -> Value:
    """A pool's own setting, else its cluster's."""
    own = r.flag("network_config.enable_private_nodes")
    if own is not None:
        return own
    cluster = _cluster_of(r)
    if cluster is None or cluster.resource.native != CLUSTER:
        return Unknown(GapCode.NOT_FETCHED, "it is as its cluster says, which is not in these files")
    return cluster.flag("private_cluster_config.enable_private_nodes")


def _pool_technology(r: Reader) -> Value:
    own = technology("node_config.confidential_nodes")(r)
    cluster = _cluster_of(r)
    if own is not None or r.at("cluster") is None:
        return own
    if cluster is not None and cluster.resource.native == CLUSTER:
        return technology("confidential_nodes")(cluster)
    machine = r.text("node_config.machine_type")
    if isinstance(machine, str) and NEVER_CONFIDENTIAL.match(machine):
        return None  # whatever its cluster says
    return Unknown(GapCode.NOT_FETCHED, "it is as its cluster says, which is not in these files")


POOL_ROWS = (
    GKE,
    Row("net.private_nodes", _private_nodes, Default(False, DOCS)),
    Row("imds.concealed", _concealed_in_pool, Default(False, IDENTITY)),
    own_account_of(OWN),
    Row("cc.tech", _pool_technology, Default("", DOCS)),
    sensitive_pool(OWN),
    *boot_rows(OWN),
    *machine_rows(OWN, "management.auto_upgrade", _joins_others),
)

TABLE = (
    Native(
        type=CLUSTER,
        kind=Kind.CLUSTER,
        provider="gcp",
        labels_at="resource_labels",
        rows=CLUSTER_ROWS,
        refs=(("network", "network"), ("subnet", "subnetwork"), ("key", "database_encryption.key_name")),
    ),
    Native(
        type=POOL,
        kind=Kind.NODE_POOL,
        provider="gcp",
        rows=POOL_ROWS,
        refs=(("cluster", "cluster"), ("identity", "node_config.service_account")),
    ),
)
