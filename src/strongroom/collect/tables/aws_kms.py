"""KMS: keys, their policies and their grants."""

from strongroom.collect.native import Default, Native, Reader, Row, flag, number, text, texts
from strongroom.collect.resource import undecided
from strongroom.collect.tables._aws import Policy, satellite_statements, statements
from strongroom.collect.tables._aws_accounts import OURS, foreign
from strongroom.collect.tables._aws_arns import arn
from strongroom.model.kinds import Kind
from strongroom.model.values import Statement, Unknown, Value

API = "https://docs.aws.amazon.com/kms/latest/APIReference/"
GUIDE = "https://docs.aws.amazon.com/kms/latest/developerguide/"
TERRAFORM = "https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/kms_key"

# KMS Developer Guide, "Default key policy": the account's root, and through it IAM, may do everything with the key.
DEFAULT_POLICY = (
    Statement(
        "allow",
        ("AWS:arn:aws:iam::${account}:root",),
        actions=("kms:*",),
        resources=("*",),
        sid="Enable IAM User Permissions",
    ),
)


def _policy(reader: Reader) -> Policy:
    """The key's policy: a policy resource of its own replaces the one that stands in the key."""
    attached = satellite_statements(reader, "aws_kms_key_policy", "key_id")
    return attached if attached is not None else statements(reader, "policy")


def _rotatable(reader: Reader) -> Value:
    """Whether KMS can rotate the key by itself.

    Source: KMS Developer Guide, "Rotate AWS KMS keys": only symmetric encryption keys with key material that KMS made.
    """
    for name in ("customer_master_key_spec", "key_spec"):
        spec = reader.text(name)
        if isinstance(spec, Unknown):
            return spec
        if spec and spec != "SYMMETRIC_DEFAULT":
            return False
    usage = reader.text("key_usage")
    if isinstance(usage, Unknown):
        return usage
    return usage in (None, "ENCRYPT_DECRYPT") and reader.at("custom_key_store_id") is None


def _grants(reader: Reader) -> Value:
    """What grants on the key allow, as `Operation to grantee`."""
    found = reader.satellites("aws_kms_grant", "key_id")
    out: list[str | Unknown] = []
    for r in found.found:
        inside = reader.reading(r)
        operations = inside.texts("operations")
        grantee = r.values.get("grantee_principal")
        who = str(grantee) if grantee is not None and not isinstance(grantee, Unknown) else r.address
        each = (operations,) if isinstance(operations, Unknown) else operations or ()
        out += [one if isinstance(one, Unknown) else f"{one} to {who}" for one in each]
    if found.doubt is not None:
        out.append(found.doubt)
    return tuple(out)


def _hsm(reader: Reader) -> Value:
    """KMS keys live in FIPS 140-3 level 3 modules, unless an external store outside AWS keeps them."""
    store = reader.at("custom_key_store_id")
    return (
        store if isinstance(store, Unknown) else undecided(reader.at("xks_key_id")) or reader.at("xks_key_id") is None
    )


_POLICY = Row("policy.statements", _policy, Default(DEFAULT_POLICY, GUIDE + "key-policy-default.html"))
_WINDOW = number(
    "key.deletion_window_days", "deletion_window_in_days", Default(30.0, API + "API_ScheduleKeyDeletion.html")
)
_SHARED = Row("share.accounts", lambda r: foreign(r, _policy(r)))
_COMMON = (
    _SHARED,
    _POLICY,
    _WINDOW,
    Row("key.grants", _grants),
    flag("key.enabled", "is_enabled", Default(True, TERRAFORM)),
    arn("kms", "key/", "key_id"),
    OURS,
)

TABLE = (
    Native(
        type="aws_kms_key",
        kind=Kind.KEY,
        provider="aws",
        rows=(
            *_COMMON,
            flag("key.rotation", "enable_key_rotation", Default(False, TERRAFORM)),
            number("key.rotation_days", "rotation_period_in_days", Default(365.0, API + "API_EnableKeyRotation.html")),
            Row("key.rotatable", _rotatable),
            Row("key.hsm", _hsm),
            text("key.usage", "key_usage", Default("ENCRYPT_DECRYPT", TERRAFORM)),
        ),
        name_at=("description", "key_id", "id"),
    ),
    Native(type="aws_kms_replica_key", kind=Kind.KEY, provider="aws", rows=_COMMON),
    Native(type="aws_kms_external_key", kind=Kind.KEY, provider="aws", rows=_COMMON),
    Native(type="aws_kms_replica_external_key", kind=Kind.KEY, provider="aws", rows=_COMMON),
    Native(type="aws_kms_alias", kind=Kind.KEY, provider="aws", refs=(("key", "target_key_id"),)),
    Native(type="aws_kms_custom_key_store", kind=Kind.KEY_VAULT, provider="aws", name_at=("custom_key_store_name",)),
    Native(
        type="aws_kms_grant",
        kind=Kind.GRANT,
        provider="aws",
        rows=(
            texts("grant.operations", "operations"),
            Row("grant.constrained", lambda r: r.given("constraints")),
            text("grant.to", "grantee_principal"),
        ),
        refs=(("key", "key_id"), ("grantee", "grantee_principal")),
    ),
    Native(type="aws_cloudhsm_v2_cluster", kind=Kind.KEY_VAULT, provider="aws"),
)
