"""Key Vaults, managed HSMs, and their keys with the policies under which a key may leave."""

from strongroom.collect.native import Default, Native, Reader, Row, flag, given, number, texts
from strongroom.collect.resource import Link
from strongroom.collect.tables._azure import docs, flags, in_group, log_types, marked, private_endpoint, satellite
from strongroom.collect.tables._azure_release import alternatives
from strongroom.kit.kleene import any_of
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Value

DOCS = docs("key_vault")
HSM_DOCS = docs("key_vault_managed_hardware_security_module")
NO_PURGE = "https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview"
ROTATION = "azurerm_key_vault_managed_hardware_security_module_key_rotation_policy"


def _default_deny(r: Reader) -> Value:
    if r.flag("public_network_access_enabled") is False:
        return True
    action = r.text("network_acls.default_action")
    return action if isinstance(action, Unknown) else (action or "").lower() == "deny"


def _listed(r: Reader) -> Value:
    """Whether the public endpoint is off, or a list says which networks may use it."""
    if r.flag("public_network_access_enabled") is False:
        return True
    acls = r.blocks("network_acls")
    if isinstance(acls, Unknown):
        return acls
    lists = [r.texts(name, b) for b in acls for name in ("ip_rules", "virtual_network_subnet_ids")]
    return any_of(found if isinstance(found, Unknown) else bool(found) for found in lists)


def _hsm(r: Reader) -> Value:
    kind = r.text("key_type")
    return kind if isinstance(kind, Unknown) else (kind or "").upper().endswith("-HSM")


def _rotates(r: Reader) -> Value:
    """A rotation policy without `automatic` only sets an expiry; the key then ends instead of rotating."""
    found = r.blocks("rotation_policy.automatic")
    return found if isinstance(found, Unknown) else bool(found)


def _hsm_rotates(r: Reader) -> Value:
    apart, doubt = satellite(r, ROTATION, "managed_hsm_key_id")
    times = ("time_after_creation", "time_before_expiry")
    return any_of(r.reading(s).given(t) for s in apart for t in times) or doubt or False


def _release(r: Reader) -> Value:
    """The alternatives under which the key may leave; None without a policy, and then it never does."""
    found = r.blocks("release_policy")
    if isinstance(found, Unknown):
        return found
    return alternatives(r.open(found[0].get("json"))) if found else None


def _holder(r: Reader) -> Value:
    raw = r.at("object_id")
    return raw.address if isinstance(raw, Link) else r.text("object_id")


def _access(r: Reader) -> Value:
    """The access policies that stand in the vault itself, as object id, kind and operations."""
    blocks = r.blocks("access_policy")
    if isinstance(blocks, Unknown):
        return blocks
    out: list[str | Unknown] = []
    for b in blocks:
        raw = r.open(b.get("object_id"))
        who = raw.address if isinstance(raw, Link) else r.text("object_id", b)
        for kind in ("key", "secret"):
            operations = r.texts(f"{kind}_permissions", b)
            if isinstance(who, Unknown) or isinstance(operations, Unknown):
                out.append(who if isinstance(who, Unknown) else operations if isinstance(operations, Unknown) else "")
            elif operations:
                out.append(f"{who} {kind} {','.join(str(o) for o in operations if isinstance(o, str))}")
    return tuple(out)


_VAULT = (
    in_group(),
    Row("net.default_deny", _default_deny),
    flags("vault.purge_protection", "purge_protection_enabled", default=Default(False, NO_PURGE)),
    private_endpoint(),
    log_types(),
)

TABLE = (
    Native(
        type="azurerm_key_vault",
        kind=Kind.KEY_VAULT,
        provider="azure",
        rows=(
            *_VAULT,
            flag("net.public", "public_network_access_enabled", Default(True, DOCS)),
            Row("net.listed", _listed),
            number("vault.soft_delete_days", "soft_delete_retention_days", Default(90, DOCS)),
            Row("vault.access", _access),
            flags(
                "auth.rbac",
                "rbac_authorization_enabled",
                "enable_rbac_authorization",
                default=Default(False, docs("key_vault", "4.81.0")),
            ),
        ),
    ),
    Native(
        type="azurerm_key_vault_managed_hardware_security_module",
        kind=Kind.KEY_VAULT,
        provider="azure",
        rows=(
            *_VAULT,
            flag("net.public", "public_network_access_enabled", Default(True, HSM_DOCS)),
            number("vault.soft_delete_days", "soft_delete_retention_days", Default(90, HSM_DOCS)),
        ),
    ),
    Native(
        type="azurerm_key_vault_key",
        kind=Kind.KEY,
        provider="azure",
        rows=(
            Row("key.hsm", _hsm),
            given("key.expires", "expiration_date"),
            Row("key.rotation", _rotates),
            Row("key.release", _release),
            texts("key.operations", "key_opts"),
            marked(),
        ),
        refs=(("vault", "key_vault_id"),),
    ),
    Native(
        type="azurerm_key_vault_managed_hardware_security_module_key",
        kind=Kind.KEY,
        provider="azure",
        rows=(
            Row("key.hsm", _hsm),
            given("key.expires", "expiration_date"),
            Row("key.rotation", _hsm_rotates),
            texts("key.operations", "key_opts"),
            marked(),
        ),
        refs=(("vault", "managed_hsm_id"),),
    ),
    Native(
        type="azurerm_key_vault_secret",
        kind=Kind.SECRET,
        provider="azure",
        refs=(("vault", "key_vault_id"),),
    ),
    Native(
        type="azurerm_key_vault_access_policy",
        kind=Kind.GRANT,
        provider="azure",
        rows=(
            texts("grant.key_operations", "key_permissions"),
            texts("grant.secret_operations", "secret_permissions"),
            Row("azure.principal", _holder),
        ),
        refs=(("vault", "key_vault_id"), ("principal", "object_id")),
    ),
)
