"""Azure storage accounts, their containers, and the blocks that set their firewall and their key."""

from strongroom.collect.native import Default, Native, Reader, Row, choice, flag
from strongroom.collect.tables._azure import (
    cmk,
    docs,
    flags,
    identity,
    in_group,
    key_of,
    log_types,
    marked,
    private_endpoint,
    satellite,
)
from strongroom.model.kinds import Kind
from strongroom.model.values import Key, Unknown, Value

DOCS = docs("storage_account")
RULES = "azurerm_storage_account_network_rules"
CMK = "azurerm_storage_account_customer_managed_key"
LOCKED = "azurerm_storage_container_immutability_policy"
_TLS: dict[str, Value] = {"TLS1_0": "1.0", "TLS1_1": "1.1", "TLS1_2": "1.2", "TLS1_3": "1.3"}
_ACCESS: dict[str, Value] = {"private": False, "blob": True, "container": True}


def denies(r: Reader, path: str = "default_action", within: object = None) -> bool | Unknown:
    """Whether a rule set's default action is to deny. Without one the service allows."""
    found = r.text(path, within)
    return found if isinstance(found, Unknown) else (found or "").lower() == "deny"


def _default_deny(r: Reader) -> Value:
    if r.flag("public_network_access_enabled") is False:
        return True
    inline = r.blocks("network_rules")
    if isinstance(inline, Unknown):
        return inline
    if inline:
        return denies(r, within=inline[0])
    apart, doubt = satellite(r, RULES, "storage_account_id", "storage_account_name")
    if apart:
        return denies(r.reading(apart[0]))
    return doubt or False


def _key(r: Reader) -> Value:
    inline = key_of("customer_managed_key.key_vault_key_id", "customer_managed_key.managed_hsm_key_id")(r)
    if inline is not None:
        return inline
    apart, doubt = satellite(r, CMK, "storage_account_id")
    if apart:
        named = key_of("key_vault_key_id", "managed_hsm_key_id", "key_name")(r.reading(apart[0]))
        return named if isinstance(named, Key) else Key("cmk", apart[0].address)
    return doubt or Key("provider")


def _locked(r: Reader) -> Value:
    """Whether what is written can be neither changed nor deleted: a policy that is locked, not merely switched on."""
    state = r.text("immutability_policy.state")
    return state if isinstance(state, Unknown) else state == "Locked"


def _container_locked(r: Reader) -> Value:
    apart, doubt = satellite(r, LOCKED, "storage_container_resource_manager_id")
    if apart:
        return r.reading(apart[0]).flag("locked") or False
    return doubt or False


TABLE = (
    Native(
        type="azurerm_storage_account",
        kind=Kind.BUCKET,
        provider="azure",
        rows=(
            flags(
                "tls.only",
                "https_traffic_only_enabled",
                "enable_https_traffic_only",
                default=Default(True, DOCS),
            ),
            choice("tls.min", "min_tls_version", _TLS, Default("1.2", DOCS)),
            # Provider 5 turned this default to false; a file does not say which provider runs it, so the open one counts.
            flags(
                "auth.anonymous_allowed",
                "allow_nested_items_to_be_public",
                "allow_blob_public_access",
                default=Default(True, docs("storage_account", "4.81.0")),
            ),
            flag("net.public", "public_network_access_enabled", Default(True, DOCS)),
            Row("net.default_deny", _default_deny),
            flag("auth.local", "shared_access_key_enabled", Default(True, DOCS)),
            Row("enc.key", _key),
            flag("copy.cross_tenant", "cross_tenant_replication_enabled", Default(False, DOCS)),
            Row("store.locked", _locked),
            marked(),
            identity(),
            in_group(),
            private_endpoint(),
            log_types(),
        ),
    ),
    Native(
        type=RULES,
        kind=Kind.ACCESS_BLOCK,
        provider="azure",
        rows=(Row("net.default_deny", denies),),
        refs=(("store", "storage_account_id"),),
    ),
    Native(
        type=CMK,
        kind=Kind.OTHER,
        provider="azure",
        rows=(cmk("enc.key", "key_vault_key_id", "managed_hsm_key_id", "key_name"),),
        refs=(("store", "storage_account_id"), ("key", "key_vault_key_id")),
    ),
    Native(
        type="azurerm_storage_container",
        kind=Kind.BUCKET,
        provider="azure",
        rows=(
            choice("auth.anonymous", "container_access_type", _ACCESS, Default(False, docs("storage_container"))),
            Row("store.locked", _container_locked),
            marked("metadata"),
        ),
        labels_at="metadata",
        refs=(("account", "storage_account_id"), ("account", "storage_account_name")),
    ),
    Native(
        type=LOCKED,
        kind=Kind.OTHER,
        provider="azure",
        rows=(flag("store.locked", "locked", Default(False, docs("storage_container_immutability_policy"))),),
        refs=(("container", "storage_container_resource_manager_id"),),
    ),
    Native(
        type="azurerm_storage_data_lake_gen2_filesystem",
        kind=Kind.BUCKET,
        provider="azure",
        labels_at="properties",
        refs=(("account", "storage_account_id"),),
    ),
    Native(
        type="azurerm_storage_share",
        kind=Kind.FILE_SYSTEM,
        provider="azure",
        labels_at="metadata",
        refs=(("account", "storage_account_id"), ("account", "storage_account_name")),
    ),
    Native(
        type="azurerm_managed_lustre_file_system",
        kind=Kind.FILE_SYSTEM,
        provider="azure",
        rows=(cmk("enc.key", "encryption_key.key_url", source=docs("managed_lustre_file_system")), identity()),
        refs=(("subnet", "subnet_id"), ("key", "encryption_key.key_url")),
    ),
    Native(type="azurerm_netapp_volume", kind=Kind.FILE_SYSTEM, provider="azure", refs=(("subnet", "subnet_id"),)),
)
