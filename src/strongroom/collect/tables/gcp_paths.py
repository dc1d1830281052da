"""What stands before machines of Google Cloud: forwarding rules, and the groups and pools that name machines."""

from collections.abc import Mapping

from strongroom.collect.native import Default, Native, Row, choice
from strongroom.collect.tables._gcp import docs, service
from strongroom.collect.tables._paths import links
from strongroom.model.kinds import Kind

VPC = service("vpc")
_SCHEMES: Mapping[str, bool] = {
    "external": True, "external_managed": True, "internal": False, "internal_managed": False, "internal_self_managed": False,
}  # fmt: skip


def _front(native: str) -> Native:
    """A forwarding rule: without a scheme it is external (provider page of google_compute_forwarding_rule)."""
    return Native(
        type=native,
        kind=Kind.LOAD_BALANCER,
        provider="gcp",
        rows=(
            VPC,
            choice("net.public", "load_balancing_scheme", _SCHEMES, Default(True, docs("compute_forwarding_rule"))),
        ),
        labels_at="labels",
    )


def _members(native: str, path: str) -> Native:
    return Native(type=native, kind=Kind.OTHER, provider="gcp", rows=(VPC, links("link.instances", path)), labels_at="")


TABLE = (
    _front("google_compute_forwarding_rule"),
    _front("google_compute_global_forwarding_rule"),
    _members("google_compute_instance_group", "instances"),
    _members("google_compute_target_pool", "instances"),
    _members("google_compute_target_instance", "instance"),
    _members("google_compute_network_endpoint", "instance"),
    Native(
        type="google_compute_firewall_policy_association",
        kind=Kind.OTHER,
        provider="gcp",
        rows=(VPC, Row("fw.above", lambda _: True)),
        labels_at="",
    ),
)
