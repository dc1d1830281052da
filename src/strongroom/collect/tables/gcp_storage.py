"""Cloud Storage with the grants and lists that complete a bucket, and shared file systems."""

from collections.abc import Iterator

from strongroom.collect.native import Default, Native, Reader, Row, flag, key
from strongroom.collect.tables._gcp import DEFAULT_ENCRYPTION, PROJECT, docs, key_in, marked, service
from strongroom.collect.tables._gcp_iam import grant_natives, grants_on, public_members
from strongroom.kit.gcp_iam import is_public
from strongroom.model.kinds import Kind
from strongroom.model.values import Key, Unknown, Value

STORAGE = service("storage")
BUCKET = "google_storage_bucket"
DOCS = docs("storage_bucket")
VERSIONING = "https://cloud.google.com/storage/docs/object-versioning"
LOCK = "https://cloud.google.com/storage/docs/bucket-lock"

# https://cloud.google.com/storage/docs/access-control/lists#predefined-acl
_OPEN_LISTS = {"publicread": "allUsers", "publicreadwrite": "allUsers", "authenticatedread": "allAuthenticatedUsers"}
_LISTS = ("google_storage_bucket_acl", "google_storage_default_object_acl")
_ENTRIES = ("google_storage_bucket_access_control", "google_storage_default_object_access_control")


def _public(r: Reader) -> Value:
    """The public members that a role or, unless lists are off, an access control list lets in."""
    granted = public_members(grants_on(r, BUCKET, "bucket"))
    if r.flag("uniform_bucket_level_access") is True or r.flag("bucket_policy_only") is True:
        return granted
    return (*granted, *_listed(r))


def _listed(r: Reader) -> Iterator[str | Unknown]:
    for native in (*_LISTS, *_ENTRIES):
        for s in r.satellites(native, "bucket").found:
            yield from public_entries(r.reading(s))


def public_entries(r: Reader) -> tuple[str | Unknown, ...]:
    """The public members of an access control list or of one of its entries."""
    out: list[str | Unknown] = []
    ready = r.text("predefined_acl")
    if isinstance(ready, Unknown) or (ready and ready.lower() in _OPEN_LISTS):
        out.append(ready if isinstance(ready, Unknown) else f"{_OPEN_LISTS[ready.lower()]} by {ready}")
    entries = r.texts("role_entity")
    for e in (entries,) if isinstance(entries, Unknown) else entries or ():
        role, _, who = e.partition(":") if isinstance(e, str) else ("", "", "")
        if isinstance(e, Unknown):
            out.append(e)
        elif is_public(who):
            out.append(f"{who} as {role}")
    entity = r.text("entity")
    if isinstance(entity, Unknown) or (entity and is_public(entity)):
        out.append(entity)
    return tuple(out)


def _prevented(r: Reader) -> Value:
    word = r.text("public_access_prevention")
    return word if word is None or isinstance(word, Unknown) else word.lower() == "enforced"


def _uniform(r: Reader) -> Value:
    """The setting was named `bucket_policy_only` up to version 3 of the provider."""
    now = r.flag("uniform_bucket_level_access")
    return r.flag("bucket_policy_only") if now is None else now


def _locked(r: Reader) -> Value:
    """Whether objects cannot be deleted before their time by anybody."""
    return r.flag("retention_policy.is_locked")


def _list_native(native: str) -> Native:
    return Native(
        type=native,
        kind=Kind.GRANT,
        provider="gcp",
        name_at=("entity", "predefined_acl", "bucket"),
        rows=(STORAGE, Row("public.listed", public_entries)),
        refs=(("bucket", "bucket"),),
    )


TABLE = (
    Native(
        type=BUCKET,
        kind=Kind.BUCKET,
        provider="gcp",
        labels_at="labels",
        rows=(
            STORAGE,
            PROJECT,
            key_in("enc.key", "encryption", "default_kms_key_name"),
            Row("acl.off", _uniform, Default(False, DOCS)),
            Row("public.prevented", _prevented, Default(False, DOCS)),
            Row("public.granted", _public),
            flag("rec.versioned", "versioning.enabled", Default(False, VERSIONING)),
            Row("rec.locked", _locked, Default(False, LOCK)),
            marked("labels"),
        ),
        refs=(("key", "encryption.default_kms_key_name"),),
    ),
    *grant_natives(BUCKET, "grant.on_bucket", "bucket"),
    *grant_natives("google_storage_managed_folder", "grant.on_bucket", "bucket"),
    *(_list_native(n) for n in (*_LISTS, *_ENTRIES)),
    Native(
        type="google_filestore_instance",
        kind=Kind.FILE_SYSTEM,
        provider="gcp",
        labels_at="labels",
        rows=(service("filestore"), key("enc.key", "kms_key_name", DEFAULT_ENCRYPTION), marked("labels")),
        refs=(("network", "networks.network"), ("key", "kms_key_name")),
    ),
    Native(
        type="google_lustre_instance",
        kind=Kind.FILE_SYSTEM,
        provider="gcp",
        labels_at="labels",
        name_at=("instance_id", "name"),
        rows=(service("lustre"), key("enc.key", "kms_key", DEFAULT_ENCRYPTION), marked("labels")),
        refs=(("network", "network"), ("key", "kms_key")),
    ),
    Native(
        type="google_parallelstore_instance",
        kind=Kind.FILE_SYSTEM,
        provider="gcp",
        labels_at="labels",
        name_at=("instance_id", "name"),
        # It takes no key of the customer's: Google's own always encrypts it.
        rows=(service("parallelstore"), Row("enc.key", lambda _: Key("provider")), marked("labels")),
        refs=(("network", "network"),),
    ),
)
