"""Azure's AI services: machine learning, AI services and OpenAI, AI Foundry, AI Search, Databricks, bots."""

from strongroom.collect.native import Default, Native, Reader, Row, choice, flag, given, text
from strongroom.collect.tables._azure import (
    cmk,
    docs,
    flags,
    identity,
    in_group,
    key_of,
    log_types,
    private_endpoint,
    restricted,
    satellite,
)
from strongroom.collect.tables._azure_sizes import gpu_count, gpu_model, on_gpus
from strongroom.kit.kleene import any_of
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.values import Key, Unknown, Value

WORKSPACE = docs("machine_learning_workspace")
ACCOUNT = docs("cognitive_account")
SERVICES = docs("ai_services", "4.81.0")
FOUNDRY = docs("ai_foundry")
SEARCH = docs("search_service")
MANAGED = "https://learn.microsoft.com/azure/machine-learning/how-to-managed-network"
_CONNECTIONS = ("api_key", "account_key", "custom_keys", "account_managed_identity", "entra_id")
_OUTBOUND = ("fqdn", "private_endpoint", "service_tag")
ACCOUNT_CMK = "azurerm_cognitive_account_customer_managed_key"


def _isolation(r: Reader) -> str | Unknown | None:
    """How the workspace's own network treats what leaves; the interface of version 1 knows no such network."""
    if r.flag("v1_legacy_mode_enabled") is True:
        return "Disabled"
    return r.text("managed_network.isolation_mode")


def _only_approved(r: Reader) -> Value:
    mode = _isolation(r)
    return mode if mode is None or isinstance(mode, Unknown) else mode.lower() == "allowonlyapprovedoutbound"


def _store_public(r: Reader) -> Value:
    """Whether the storage account behind the workspace answers on its public endpoint."""
    found = r.follow(r.at("storage_account_id"))
    if found is None:
        return Unknown(GapCode.UNDECIDED, "its storage account is not in these files")
    open_ = r.reading(found).flag("public_network_access_enabled")
    return True if open_ is None else open_


def _in_network(r: Reader) -> Value:
    """Whether compute stands in the owner's network or in the workspace's managed one."""
    own = r.given("subnet_resource_id")
    if own is True:
        return True
    workspace = r.follow(r.at("machine_learning_workspace_id"))
    if workspace is None:
        return own if isinstance(own, Unknown) else Unknown(GapCode.UNDECIDED, "its workspace is not in these files")
    mode = _isolation(r.reading(workspace))
    managed = mode if isinstance(mode, Unknown) else (mode or "Disabled").lower() != "disabled"
    return any_of((own, managed))


def _account_key(r: Reader) -> Value:
    inline = key_of("customer_managed_key.key_vault_key_id", "customer_managed_key.managed_hsm_key_id")(r)
    if inline is not None:
        return inline
    apart, doubt = satellite(r, ACCOUNT_CMK, "cognitive_account_id")
    if apart:
        return key_of("key_vault_key_id")(r.reading(apart[0])) or Key("cmk", apart[0].address)
    return doubt or Key("provider")


def _default_deny(path: str) -> Row:
    def read(r: Reader) -> Value:
        if r.flag("public_network_access_enabled") is False or r.flag("public_network_access") is False:
            return True
        action = r.text(path)
        return action if isinstance(action, Unknown) else (action or "").lower() == "deny"

    return Row("net.default_deny", read)


def _tls(r: Reader) -> Value:
    found = r.blocks("ssl")
    return found if isinstance(found, Unknown) else bool(found)


def _compute(size: str, resource: str) -> tuple[Row, ...]:
    page = docs(resource)
    return (
        flags("auth.local", "local_auth_enabled", default=Default(True, page)),
        flags("net.public", "node_public_ip_enabled", default=Default(True, page)),
        Row("net.in_vpc", _in_network),
        identity(),
        gpu_model(size),
        gpu_count(size),
        on_gpus(Row("gpu.sharing", lambda _: "none"), size),
    )


def _datastore(resource: str, *secrets: str) -> Native:
    """A registered data store. A key in its block is a secret that every user of the workspace can read."""

    def keyed(r: Reader) -> Value:
        return any_of(r.given(s) for s in secrets)

    return Native(
        type=f"azurerm_machine_learning_datastore_{resource}",
        kind=Kind.DATASET,
        provider="azure",
        rows=(Row("auth.local", keyed),),
        refs=(("workspace", "workspace_id"),),
    )


def _bot(resource: str) -> Native:
    page = docs(resource)
    return Native(
        type=f"azurerm_{resource}",
        kind=Kind.AGENT,
        provider="azure",
        rows=(
            flag("auth.local", "local_authentication_enabled", Default(True, page)),
            flag("net.public", "public_network_access_enabled", Default(True, page)),
            cmk("enc.key", "cmk_key_vault_url", "cmk_key_vault_key_url", source=page),
        ),
    )


def _listed(resource: str, kind: Kind, *refs: tuple[str, str]) -> Native:
    return Native(type=f"azurerm_{resource}", kind=kind, provider="azure", refs=refs)


TABLE = (
    Native(
        type="azurerm_machine_learning_workspace",
        kind=Kind.WORKSPACE,
        provider="azure",
        rows=(
            flag("net.public", "public_network_access_enabled", Default(True, WORKSPACE)),
            Row("net.egress_restricted", _only_approved, Default(False, MANAGED)),
            cmk("enc.key", "encryption.key_id", source=WORKSPACE),
            flag("data.high_impact", "high_business_impact"),
            Row("data.store_public", _store_public),
            choice(
                "data.store_keys",
                "storage_account_access_type",
                {"AccessKey": True, "Identity": False},
                Default(True, WORKSPACE),
            ),
            flag("api.legacy", "v1_legacy_mode_enabled", Default(False, WORKSPACE)),
            identity(),
            in_group(),
            private_endpoint(),
            log_types(),
        ),
        refs=(
            ("store", "storage_account_id"),
            ("vault", "key_vault_id"),
            ("registry", "container_registry_id"),
            ("key", "encryption.key_id"),
        ),
    ),
    Native(
        type="azurerm_machine_learning_compute_cluster",
        kind=Kind.INSTANCE,
        provider="azure",
        rows=(
            *_compute("vm_size", "machine_learning_compute_cluster"),
            flag(
                "net.ssh_public",
                "ssh_public_access_enabled",
                Default(False, docs("machine_learning_compute_cluster")),
            ),
        ),
        refs=(("workspace", "machine_learning_workspace_id"), ("subnet", "subnet_resource_id")),
    ),
    Native(
        type="azurerm_machine_learning_compute_instance",
        kind=Kind.NOTEBOOK,
        provider="azure",
        rows=_compute("virtual_machine_size", "machine_learning_compute_instance"),
        refs=(("workspace", "machine_learning_workspace_id"), ("subnet", "subnet_resource_id")),
    ),
    Native(
        type="azurerm_machine_learning_synapse_spark",
        kind=Kind.INSTANCE,
        provider="azure",
        rows=(
            flag("auth.local", "local_auth_enabled", Default(True, docs("machine_learning_synapse_spark"))),
            identity(),
            in_group(),
        ),
        refs=(("workspace", "machine_learning_workspace_id"),),
    ),
    Native(
        type="azurerm_machine_learning_inference_cluster",
        kind=Kind.ENDPOINT,
        provider="azure",
        rows=(Row("tls.only", _tls), identity()),
        refs=(("workspace", "machine_learning_workspace_id"), ("cluster", "kubernetes_cluster_id")),
    ),
    _datastore("blobstorage", "account_key", "shared_access_signature"),
    _datastore("fileshare", "account_key", "shared_access_signature"),
    _datastore("datalake_gen2", "client_secret"),
    Native(
        type="azurerm_cognitive_account",
        kind=Kind.WORKSPACE,
        provider="azure",
        rows=(
            text("account.kind", "kind"),
            flag("net.public", "public_network_access_enabled", Default(True, ACCOUNT)),
            _default_deny("network_acls.default_action"),
            restricted(flag="outbound_network_access_restricted", names="fqdns"),
            flag("auth.local", "local_auth_enabled", Default(True, ACCOUNT)),
            Row("enc.key", _account_key),
            identity(),
            in_group(),
            private_endpoint(),
            log_types(),
        ),
    ),
    Native(
        type="azurerm_ai_services",
        kind=Kind.WORKSPACE,
        provider="azure",
        rows=(
            Row("account.kind", lambda _: "AIServices"),
            flag("net.public", "public_network_access", Default(True, SERVICES)),
            _default_deny("network_acls.default_action"),
            restricted(flag="outbound_network_access_restricted", names="fqdns"),
            flag("auth.local", "local_authentication_enabled", Default(True, SERVICES)),
            Row("enc.key", _account_key),
            identity(),
            in_group(),
            private_endpoint(),
            log_types(),
        ),
    ),
    Native(
        type=ACCOUNT_CMK,
        kind=Kind.OTHER,
        provider="azure",
        rows=(cmk("enc.key", "key_vault_key_id"),),
        refs=(("account", "cognitive_account_id"), ("key", "key_vault_key_id")),
    ),
    Native(
        type="azurerm_cognitive_deployment",
        kind=Kind.ENDPOINT,
        provider="azure",
        rows=(
            text("model.name", "model.name"),
            text("model.version", "model.version"),
            given("guardrail.own", "rai_policy_name"),
        ),
        refs=(("account", "cognitive_account_id"),),
    ),
    Native(
        type="azurerm_ai_foundry",
        kind=Kind.WORKSPACE,
        provider="azure",
        rows=(
            flag("net.public", "public_network_access", Default(True, FOUNDRY)),
            Row("net.egress_restricted", _only_approved, Default(False, MANAGED)),
            cmk("enc.key", "encryption.key_id", source=FOUNDRY),
            flag("data.high_impact", "high_business_impact_enabled"),
            Row("data.store_public", _store_public),
            identity(),
            in_group(),
            private_endpoint(),
            log_types(),
        ),
        refs=(("store", "storage_account_id"), ("vault", "key_vault_id"), ("key", "encryption.key_id")),
    ),
    Native(
        type="azurerm_search_service",
        kind=Kind.SEARCH,
        provider="azure",
        rows=(
            flag("net.public", "public_network_access_enabled", Default(True, SEARCH)),
            flag("auth.local", "local_authentication_enabled", Default(True, SEARCH)),
            flag("enc.cmk_enforced", "customer_managed_key_enforcement_enabled", Default(False, SEARCH)),
            identity(),
            in_group(),
            private_endpoint(),
            log_types(),
        ),
    ),
    _bot("bot_service_azure_bot"),
    _bot("bot_web_app"),
    _bot("bot_channels_registration"),
    _listed("ai_foundry_project", Kind.WORKSPACE, ("hub", "ai_services_hub_id")),
    _listed("cognitive_account_project", Kind.WORKSPACE, ("account", "cognitive_account_id")),
    _listed("cognitive_account_rai_policy", Kind.GUARDRAIL, ("account", "cognitive_account_id")),
    _listed("cognitive_account_rai_blocklist", Kind.GUARDRAIL, ("account", "cognitive_account_id")),
    *(
        _listed(f"cognitive_account_connection_{c}", Kind.SECRET, ("account", "cognitive_account_id"))
        for c in _CONNECTIONS
    ),
    *(
        _listed(f"machine_learning_workspace_network_outbound_rule_{o}", Kind.FIREWALL, ("workspace", "workspace_id"))
        for o in _OUTBOUND
    ),
    _listed("video_indexer_account", Kind.WORKSPACE),
    _listed("fabric_capacity", Kind.WORKSPACE),
    _listed("synapse_workspace", Kind.WORKSPACE),
    _listed("synapse_spark_pool", Kind.INSTANCE, ("workspace", "synapse_workspace_id")),
    _listed("hdinsight_spark_cluster", Kind.INSTANCE),
)
