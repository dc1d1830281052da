"""Subnetworks of Virtual Private Cloud."""

from strongroom.assess.checks._gcp import SERVICE
from strongroom.model.codes import Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import View, check

SUBNET = "google_compute_subnetwork"
LOGS = 'log_config {\n  aggregation_interval = "INTERVAL_5_SEC"\n  flow_sampling        = 1.0\n  metadata             = "INCLUDE_ALL_METADATA"\n}'


@check(
    id="log.gcp-subnet.flows",
    title="Flows of the subnetwork are logged",
    clause="LOG-01.sources-on",
    kinds=(Kind.SUBNET,),
    needs=(SERVICE, "log.enabled"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch VPC flow logs on.",
        ((SUBNET, LOGS),),
        "gcloud compute networks subnets update NAME --region REGION --enable-flow-logs",
        "gcloud compute networks subnets describe NAME --region REGION --format='value(logConfig.enable)'",
    ),
    broken="flow logs are off",
    equivalents=(
        "checkov:CKV_GCP_26",
        "trivy:GCP-0029",
        "trivy:GCP-0076",
        "prowler:compute_subnet_flow_logs_enabled",
    ),
)
def flows(v: View) -> bool:
    """Flow logs are what shows afterwards where a model went, how much of it, and from which machine."""
    return v.flag("log.enabled")


@check(
    id="net.gcp-subnet.private-access",
    title="Machines reach Google's APIs on a private path",
    clause="NET-03.private-endpoints",
    kinds=(Kind.SUBNET,),
    needs=(SERVICE, "net.private_google_access"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch Private Google Access on.",
        ((SUBNET, "private_ip_google_access = true"),),
        "gcloud compute networks subnets update NAME --region REGION --enable-private-ip-google-access",
        "gcloud compute networks subnets describe NAME --region REGION --format='value(privateIpGoogleAccess)'",
    ),
    broken="Private Google Access is off",
    equivalents=("checkov:CKV_GCP_74", "trivy:GCP-0075"),
)
def private_access(v: View) -> bool:
    """Without it machines need a public address or a way through the internet to read a bucket or use a key, and get
    one.
    """
    return v.flag("net.private_google_access")


CHECKS = (flows, private_access)
