"""Azure Container Registry."""

from strongroom.collect.native import Default, Native, Reader, Row, flag
from strongroom.collect.tables._azure import cmk, docs, identity, in_group, log_types, private_endpoint
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Value

DOCS = docs("container_registry")


def _default_deny(r: Reader) -> Value:
    if r.flag("public_network_access_enabled") is False:
        return True
    action = r.text("network_rule_set.default_action")
    return action if isinstance(action, Unknown) else (action or "").lower() == "deny"


TABLE = (
    Native(
        type="azurerm_container_registry",
        kind=Kind.REGISTRY,
        provider="azure",
        rows=(
            flag("auth.local", "admin_enabled", Default(False, DOCS)),
            flag("auth.anonymous", "anonymous_pull_enabled", Default(False, DOCS)),
            flag("net.public", "public_network_access_enabled", Default(True, DOCS)),
            Row("net.default_deny", _default_deny),
            flag("copy.export", "export_policy_enabled", Default(True, DOCS)),
            cmk("enc.key", "encryption.key_vault_key_id", source=DOCS),
            identity(),
            in_group(),
            private_endpoint(),
            log_types(),
        ),
        refs=(("key", "encryption.key_vault_key_id"),),
    ),
    Native(
        type="azurerm_container_registry_token",
        kind=Kind.IDENTITY,
        provider="azure",
        refs=(("registry", "container_registry_name"),),
    ),
)
