"""Cloud KMS: keys and key rings with everything that is granted on them, and secrets."""

from collections.abc import Iterator

from strongroom.collect.native import Default, Native, Reader, Row, key
from strongroom.collect.resource import Resource
from strongroom.collect.tables._gcp import DEFAULT_ENCRYPTION, PROJECT, days, docs, mark, marked, only_if, service
from strongroom.collect.tables._gcp_federation import with_conditions
from strongroom.collect.tables._gcp_iam import Grants, grant_natives, grants_of, grants_on, public_members
from strongroom.kit.gcp_iam import DECRYPTING_ROLES
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.values import Statement, Unknown, Value

KMS = service("kms")
KEY, RING = "google_kms_crypto_key", "google_kms_key_ring"
DOCS = docs("kms_crypto_key")
DAYS_BEFORE_DESTRUCTION = 30  # "Default … 30 days": provider page of google_kms_crypto_key, destroy_scheduled_duration

_BACKED = {"SOFTWARE": False, "HSM": True, "HSM_SINGLE_TENANT": True}


def _rotates_by_itself(r: Reader) -> bool:
    """Only symmetric keys for encryption rotate by themselves (https://cloud.google.com/kms/docs/key-rotation)."""
    return r.text("purpose") in (None, "ENCRYPT_DECRYPT") or isinstance(r.text("purpose"), Unknown)


def _hsm(r: Reader) -> Value:
    level = r.text("version_template.protection_level")
    if level is None or isinstance(level, Unknown):
        return level
    if level.upper() in _BACKED:
        return _BACKED[level.upper()]
    return Unknown(GapCode.OUTSIDE, f"the key is held by a manager outside Google Cloud ({level[:20]})")


def _ring(r: Reader) -> Resource | None:
    return r.follow(r.at("key_ring"))


def _names(r: Reader) -> Iterator[str]:
    """How a key is written where it is not linked: `keyRings/RING/cryptoKeys/KEY`, in full or in short."""
    name, ring = r.text("name"), r.at("key_ring")
    behind = _ring(r)
    ring_name = behind.values.get("name") if behind is not None else None
    if isinstance(ring, str):
        ring_name = ring.rpartition("/")[2]
    if isinstance(name, str):
        if isinstance(ring_name, str):
            yield f"keyRings/{ring_name}/cryptoKeys/{name}"
            yield f"{ring_name}/{name}"
        else:
            yield f"cryptoKeys/{name}"


def _on_key(r: Reader) -> Grants:
    """What is granted on a key: on itself, and on its ring."""
    own = grants_on(r, KEY, "crypto_key_id", *_names(r))
    ring = _ring(r)
    return own if ring is None else (*own, *_on_ring(r.reading(ring)))


def _on_ring(r: Reader) -> Grants:
    name = r.text("name")
    return grants_on(r, RING, "key_ring_id", *([f"keyRings/{name}"] if isinstance(name, str) else []))


def _on_project(r: Reader) -> Iterator[Statement | Unknown]:
    """Roles on the whole project that decrypt with every key in it."""
    ring = _ring(r)
    project = ring.values.get("project") if ring is not None else None
    for form in ("member", "binding"):
        for role in DECRYPTING_ROLES:
            for s in r.pool.by_tail(f"google_project_iam_{form}", "role", role):
                theirs = s.values.get("project")
                if s.label == r.resource.label and (project is None or theirs is None or str(theirs) == str(project)):
                    yield from grants_of(r.reading(s))


def _grants(r: Reader) -> Value:
    """Every grant that lets the key be used or governed, each principal with the attestation that admits it.

    What is granted on the whole project counts where the key is, or may be, marked as sensitive.
    """
    wide = _on_project(r) if mark(r, ("labels",)) else ()
    return tuple(g for s in (*_on_key(r), *wide) for g in with_conditions(r, s))


TABLE = (
    Native(
        type=KEY,
        kind=Kind.KEY,
        provider="gcp",
        labels_at="labels",
        rows=(
            KMS,
            only_if(Row("key.rotation_days", lambda r: days(r.at("rotation_period"))), _rotates_by_itself),
            Row("key.hsm", _hsm, Default(False, DOCS)),
            Row(
                "key.deletion_window_days",
                lambda r: days(r.at("destroy_scheduled_duration")),
                Default(DAYS_BEFORE_DESTRUCTION, DOCS),
            ),
            Row("public.granted", lambda r: public_members(_on_key(r))),
            Row("grant.roles", _grants),
            marked("labels"),
        ),
        refs=(("ring", "key_ring"),),
    ),
    Native(
        type=RING,
        kind=Kind.KEY_VAULT,
        provider="gcp",
        rows=(KMS, PROJECT, Row("public.granted", lambda r: public_members(_on_ring(r)))),
    ),
    *grant_natives(KEY, "grant.on_key", "crypto_key_id"),
    *grant_natives(RING, "grant.on_key", "key_ring_id"),
    Native(
        type="google_secret_manager_secret",
        kind=Kind.SECRET,
        provider="gcp",
        labels_at="labels",
        name_at=("secret_id",),
        rows=(
            service("secretmanager"),
            PROJECT,
            key("enc.key", "replication.auto.customer_managed_encryption.kms_key_name", DEFAULT_ENCRYPTION),
        ),
    ),
    *grant_natives("google_secret_manager_secret", "grant.on_service", "secret_id"),
)
