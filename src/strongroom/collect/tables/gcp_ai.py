"""TPUs, GPU services of Cloud Run, agents, search and guardrails: the AI services beside Vertex AI."""

import re
from collections.abc import Mapping
from math import prod

from strongroom.collect.native import INAPPLICABLE, Default, Inapplicable, Native, Reader, Row, flag, key
from strongroom.collect.resource import pick
from strongroom.collect.tables._gcp import (
    DEFAULT_ENCRYPTION,
    docs,
    key_in,
    marked,
    only_if,
    own_identity,
    service,
    stands,
)
from strongroom.collect.tables._gcp_accelerators import Accelerators, accelerator_rows, spoken
from strongroom.collect.tables._gcp_iam import grants_on, public_members
from strongroom.kit.kleene import any_of
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Value

TPU_NETWORK = "https://cloud.google.com/tpu/docs/configure-networking-access"
TPU_API = "https://cloud.google.com/tpu/docs/reference/rest/v2/projects.locations.nodes"
RUN = "google_cloud_run_v2_service"

# Up to v4, and for v5p, the number in an accelerator type counts cores, two to a chip.
_BY_CORES = re.compile(r"v(?:[234]|5p)-(\d+)")
_BY_CHIPS = re.compile(r"v\d\w*-(\d+)")


def chips(kind: str) -> float | None:
    """The chips of a TPU slice by its accelerator type: `v4-8` has 4, `v5litepod-16` has 16."""
    name = kind.strip().lower()
    cores = _BY_CORES.fullmatch(name)
    if cores is not None:
        return int(cores[1]) / 2
    found = _BY_CHIPS.fullmatch(name)
    return float(found[1]) if found is not None else None


def _tpu(node: str) -> tuple[Row, ...]:
    """Rows of a TPU VM whose settings stand at a path; `node` ends in a dot or is empty."""

    def find(r: Reader) -> Accelerators | Unknown | None:
        kind = r.text(f"{node}accelerator_type")
        if kind is None:
            kind = r.text(f"{node}accelerator_config.type")
            if kind is not None:
                return Accelerators(kind if isinstance(kind, Unknown) else spoken(kind), _topology(r, node))
            kind = "v2-8"  # stated beside accelerator_type in the provider's page of google_tpu_v2_vm
        if isinstance(kind, Unknown):
            return Accelerators(kind, kind)
        return Accelerators(spoken(kind), chips(kind) or Unknown(GapCode.UNSUPPORTED, f"TPU type {kind[:40]}"))

    def public(r: Reader) -> Value:
        many = r.blocks(f"{node}network_configs")
        if isinstance(many, Unknown):
            return many
        one = r.flag(f"{node}network_config.enable_external_ips")
        each = [r.flag("enable_external_ips", b) for b in many]
        answers = each if many and one is None else [one, *each]
        return None if None in answers else any_of(a for a in answers if a is not None)

    return (
        service("tpu"),
        Row("net.public", public, Default(True, TPU_NETWORK)),
        flag("boot.secure", f"{node}shielded_instance_config.enable_secure_boot", Default(False, TPU_API)),
        own_identity("identity.own", f"{node}service_account.email"),
        *accelerator_rows(find),
        marked(f"{node}labels"),
    )


def _topology(r: Reader, node: str) -> float | Unknown:
    raw = r.text(f"{node}accelerator_config.topology")
    if isinstance(raw, str) and re.fullmatch(r"\d{1,4}(x\d{1,4})*", raw):
        return float(prod(int(n) for n in raw.split("x")))
    return raw if isinstance(raw, Unknown) else Unknown(GapCode.MALFORMED, "the topology is not of the form 2x2x1")


TPUS = (
    Native(type="google_tpu_v2_vm", kind=Kind.INSTANCE, provider="gcp", labels_at="labels", rows=_tpu("")),
    Native(
        type="google_tpu_v2_queued_resource",
        kind=Kind.INSTANCE,
        provider="gcp",
        rows=_tpu("tpu.node_spec.node."),
    ),
    Native(
        # A TPU node runs in a network of Google's that is peered with the owner's: it has no address of its own outside.
        type="google_tpu_node",
        kind=Kind.INSTANCE,
        provider="gcp",
        labels_at="labels",
        rows=(service("tpu"), *_tpu("")[-3:]),
        refs=(("network", "network"),),
    ),
)


def _run_accelerator(r: Reader) -> Accelerators | Unknown | None:
    kind = r.text("template.node_selector.accelerator")
    if kind is None:
        return None
    return Accelerators(kind if isinstance(kind, Unknown) else spoken(kind), _gpu_limit(r))


def _gpu_limit(r: Reader) -> float:
    """The limit is named `nvidia.com/gpu`, whose dot is no step of a path; one card is what Cloud Run attaches."""
    containers = r.blocks("template.containers")
    for c in () if isinstance(containers, Unknown) else containers:
        limits = r.open(pick(c, "resources.limits"))
        value = limits.get("nvidia.com/gpu") if isinstance(limits, Mapping) else None
        if isinstance(value, str | int) and str(value).isdigit():
            return float(value)
    return 1.0


def _run_kind(r: Reader) -> Kind:
    return Kind.ENDPOINT if _run_accelerator(r) is not None else Kind.OTHER


def _run_public(r: Reader) -> Value | Inapplicable:
    """What `ingress` lets in. Only services with an accelerator are of interest here."""
    if _run_accelerator(r) is None:
        return INAPPLICABLE
    way = r.text("ingress")
    return way if way is None or isinstance(way, Unknown) else way.upper() == "INGRESS_TRAFFIC_ALL"


_ON_GPU = stands("template.node_selector.accelerator")

SERVICES = (
    Native(
        type=RUN,
        kind=Kind.ENDPOINT,
        kind_of=_run_kind,
        provider="gcp",
        labels_at="labels",
        rows=(
            service("run"),
            Row("net.public", _run_public, Default(True, docs("cloud_run_v2_service"))),
            only_if(Row("public.granted", lambda r: public_members(grants_on(r, RUN, "name"))), _ON_GPU),
            only_if(own_identity("identity.own", "template.service_account"), _ON_GPU),
            only_if(key("enc.key", "template.encryption_key", DEFAULT_ENCRYPTION), _ON_GPU),
            *accelerator_rows(_run_accelerator),
        ),
    ),
    Native(
        type="google_colab_notebook_execution",
        kind=Kind.JOB,
        provider="gcp",
        name_at=("display_name",),
        rows=(
            service("vertex"),
            own_identity("identity.own", "service_account"),
        ),
    ),
    Native(
        type="google_hypercomputecluster_cluster",
        kind=Kind.CLUSTER,
        provider="gcp",
        labels_at="labels",
        name_at=("cluster_id",),
        rows=(service("hypercompute"),),
    ),
)


def _plain(native: str, kind: Kind, *names: str) -> Native:
    return Native(
        type=native,
        kind=kind,
        provider="gcp",
        labels_at="labels",
        name_at=(*names, "display_name", "name"),
        rows=(service("ai"),),
    )


def _keyed(native: str, kind: Kind, attribute: str, *names: str) -> Native:
    """An AI store whose key stands in one attribute."""
    return Native(
        type=native,
        kind=kind,
        provider="gcp",
        labels_at="labels",
        name_at=(*names, "display_name", "name"),
        rows=(service("ai"), key("enc.key", attribute, DEFAULT_ENCRYPTION), marked("labels")),
        refs=(("key", attribute),),
    )


def _dataproc_public(r: Reader) -> Value:
    """Whether the machines of a Spark cluster have addresses of their own outside; `internal_ip_only` rules them out."""
    inside = r.flag("cluster_config.gce_cluster_config.internal_ip_only")
    return inside if inside is None or isinstance(inside, Unknown) else not inside


OTHERS = (
    _keyed("google_discovery_engine_data_store", Kind.INDEX, "kms_key_name", "data_store_id"),
    _keyed("google_document_ai_processor", Kind.ENDPOINT, "kms_key_name"),
    _keyed("google_gemini_code_repository_index", Kind.INDEX, "kms_key", "code_repository_index_id"),
    _plain("google_discovery_engine_search_engine", Kind.INDEX, "engine_id"),
    _plain("google_discovery_engine_recommendation_engine", Kind.INDEX, "engine_id"),
    _plain("google_discovery_engine_chat_engine", Kind.AGENT, "engine_id"),
    _plain("google_discovery_engine_assistant", Kind.AGENT, "assistant_id"),
    _plain("google_dialogflow_agent", Kind.AGENT),
    _plain("google_dialogflow_cx_agent", Kind.AGENT),
    _plain("google_dialogflow_cx_playbook", Kind.AGENT),
    _plain("google_ces_app", Kind.AGENT, "app_id"),
    _plain("google_ces_agent", Kind.AGENT, "agent_id"),
    _plain("google_ces_guardrail", Kind.GUARDRAIL, "guardrail_id"),
    _plain("google_model_armor_template", Kind.GUARDRAIL, "template_id"),
    _plain("google_model_armor_floorsetting", Kind.GUARDRAIL, "parent"),
    _plain("google_ml_engine_model", Kind.MODEL),
    _plain("google_gemini_repository_group", Kind.DATASET, "repository_group_id"),
    _plain("google_colab_schedule", Kind.JOB),
    Native(
        type="google_dataproc_cluster",
        kind=Kind.JOB,
        provider="gcp",
        labels_at="labels",
        rows=(
            service("dataproc"),
            Row("net.public", _dataproc_public, Default(True, docs("dataproc_cluster"))),
            key_in("enc.key", "cluster_config.encryption_config", "kms_key_name"),
        ),
    ),
)

TABLE = (*TPUS, *SERVICES, *OTHERS)
