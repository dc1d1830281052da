"""Cloud KMS: rotation, custody, and what a caller must prove before a key decrypts for it."""

from strongroom.assess.checks._gcp import SERVICE, grants, nobody_public, verdict
from strongroom.kit.gcp_iam import (
    CONFIDENTIAL_SPACE,
    DECRYPTING_ROLES,
    KEY_ADMIN_ROLES,
    genuine,
    is_known,
    is_public,
    pinned,
)
from strongroom.kit.kleene import Tri
from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Condition, Statement, Unknown

KEY = "google_kms_crypto_key"
KEYS = (Kind.KEY,)
MOST_DAYS, FEWEST_DAYS = 90.0, 1.0  # the API refuses less than a day
WINDOW_DAYS = 30.0
POLICY = "gcloud kms keys get-iam-policy KEY --keyring RING --location LOCATION"
PUBLIC = (
    "checkov:CKV2_GCP_6",
    "checkov:CKV_GCP_112",
    "prowler:kms_key_not_publicly_accessible",
)
ATTESTED = (
    "google_iam_workload_identity_pool_provider",
    (
        'oidc {\n  issuer_uri        = "https://confidentialcomputing.googleapis.com"\n'
        '  allowed_audiences = ["https://sts.googleapis.com"]\n}\n'
        "attribute_condition = <<-EOT\n  assertion.swname == 'CONFIDENTIAL_SPACE'\n"
        "  && 'STABLE' in assertion.submods.confidential_space.support_attributes\n"
        "  && assertion.submods.container.image_digest == 'sha256:DIGEST'\nEOT"
    ),
)
HELD = (
    f"{KEY}_iam_member",
    (
        'role   = "roles/cloudkms.cryptoKeyDecrypter"\nmember = "principalSet://iam.googleapis.com/'
        '${google_iam_workload_identity_pool.sealed.name}/*"'
    ),
)


@check(
    id="art.gcp-key.rotation",
    title="The key rotates by itself at least every 90 days",
    clause="ART-06.rotation",
    kinds=KEYS,
    needs=(SERVICE, "key.rotation_days"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Set a rotation period of at most 90 days.",
        ((KEY, 'rotation_period = "7776000s"'),),
        "gcloud kms keys update KEY --keyring RING --location LOCATION --rotation-period 90d --next-rotation-time TIME",
        "gcloud kms keys describe KEY --keyring RING --location LOCATION --format='value(rotationPeriod)'",
    ),
    broken="it rotates {often}",
    equivalents=(
        "checkov:CKV_GCP_43",
        "trivy:GCP-0065",
        "prowler:kms_key_rotation_enabled",
    ),
)
def rotation(v: View) -> Answer:
    """A key that never changes seals everything ever written; one leak opens all of it, and nobody has practised the
    change.
    """
    if v.raw("key.rotation_days") is None:
        return broken(often="never by itself")
    days = v.number("key.rotation_days")
    return holds() if FEWEST_DAYS <= days <= MOST_DAYS else broken(often=f"every {days:g} days")


@check(
    id="art.gcp-key.public",
    title="Nobody without an identity of yours is granted the key",
    clause="ART-06.no-wildcard-decrypt",
    kinds=(Kind.KEY, Kind.KEY_VAULT),
    needs=(SERVICE, "public.granted"),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Take allUsers and allAuthenticatedUsers out of the key's and the ring's grants.",
        ((f"{KEY}_iam_member", "member = google_service_account.sealer.member"),),
        verify=f"{POLICY} names nobody public",
    ),
    broken="granted to anybody: {who}",
    equivalents=PUBLIC,
)
def public(v: View) -> Answer:
    """A key that anybody may use protects nothing: whoever gets at the ciphertext has it decrypted by the service."""
    return nobody_public(v)


@check(
    id="art.gcp-key-grant.public",
    title="The grant on the key names nobody public",
    clause="ART-06.no-wildcard-decrypt",
    kinds=(Kind.GRANT,),
    needs=(SERVICE, "grant.roles", "grant.on_key"),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Name the service accounts that use the key.",
        (
            (f"{KEY}_iam_member", "member = google_service_account.sealer.member"),
            (f"{KEY}_iam_binding", "members = [google_service_account.sealer.member]"),
        ),
        verify=f"{POLICY} names nobody public",
    ),
    broken="{role} is granted to {members}",
    equivalents=PUBLIC,
)
def grant(v: View) -> Answer:
    """A grant on a key to allUsers makes the service decrypt for everybody."""
    return verdict(grants(v), lambda g: any(is_public(m) for m in g.principals))


@check(
    id="art.gcp-key.hsm",
    title="A sensitive key lives in a hardware module",
    clause="ART-06.hsm-tier0",
    kinds=KEYS,
    needs=(SERVICE, "sensitive", "key.hsm"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Make the key with protection level HSM; an existing key needs a new version of that level.",
        (
            (
                KEY,
                'version_template {\n  algorithm        = "GOOGLE_SYMMETRIC_ENCRYPTION"\n  protection_level = "HSM"\n}',
            ),
        ),
        verify="gcloud kms keys versions list --key KEY --keyring RING --location LOCATION says HSM",
        effort=Effort.MEDIUM,
    ),
    broken="the key is held in software",
)
def hsm(v: View) -> Answer:
    """What opens the weights should exist in no memory that an operator can dump; a module also attests that the key
    was made inside it.
    """
    if not v.flag("sensitive"):
        return not_applicable("nothing marks the key as sensitive")
    return holds() if v.flag("key.hsm") else broken()


@check(
    id="art.gcp-key.window",
    title="Thirty days pass between the order to destroy the key and its destruction",
    clause="ART-06.deletion-window",
    kinds=KEYS,
    needs=(SERVICE, "key.deletion_window_days"),
    severity=Severity.LOW,
    fix=Fix(
        "Leave the window at its 30 days, or lengthen it; it is fixed when the key is made.",
        ((KEY, 'destroy_scheduled_duration = "2592000s"'),),
        verify="gcloud kms keys describe KEY --keyring RING --location LOCATION --format='value(destroyScheduledDuration)'",
    ),
    broken="a version is gone {days} days after the order to destroy it",
)
def window(v: View) -> Answer:
    """Destroying the key destroys everything under it; the window is the time to notice that it was not meant."""
    days = v.number("key.deletion_window_days")
    return holds() if days >= WINDOW_DAYS else broken(days=f"{days:g}")


def _held(found: tuple[Statement | Unknown, ...], wanted: frozenset[str]) -> set[str]:
    return {m for g in found if isinstance(g, Statement) and any(a in wanted for a in g.actions) for m in g.principals}


@check(
    id="iam.gcp-key.admin-not-user",
    title="Who governs the key does not use it",
    clause="ART-06.admin-not-user",
    kinds=KEYS,
    needs=(SERVICE, "grant.roles"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Give cloudkms.admin and the roles that use keys to different people and accounts.",
        ((f"{KEY}_iam_member", 'role = "roles/cloudkms.cryptoKeyEncrypter"'),),
        verify=f"{POLICY} names no member under both kinds of role",
    ),
    broken="governs and uses the key: {who}",
)
def admin_not_user(v: View) -> Answer:
    """Whoever may both use a key and change who may use it, decrypts and erases the traces of having been able to."""
    found = grants(v)
    both = _held(found, KEY_ADMIN_ROLES) & _held(found, DECRYPTING_ROLES)
    if both:
        return broken(who=", ".join(sorted(both)))
    doubts = [g for g in found if isinstance(g, Unknown)]
    return unknown(*doubts) if doubts else holds()


# Attestation: a member counts as attested when every way to become it asks for a token of Confidential Space that
# names a production image, and the condition or the member itself names the digest of the workload.


def _way(c: Condition) -> bool:
    if c.operator != "cel" or not CONFIDENTIAL_SPACE.fullmatch(c.key):
        return False
    condition, *digests = c.values
    return pinned(condition) or (bool(digests) and genuine(condition))


def _attested(g: Statement) -> bool:
    return bool(g.conditions) and all(_way(c) for c in g.conditions)


def _decrypters(v: View) -> tuple[Statement | Unknown, ...]:
    return tuple(g for g in grants(v) if isinstance(g, Unknown) or _decrypts(g) is not False)


def _decrypts(g: Statement) -> Tri:
    if any(not is_known(a) for a in g.actions):
        return Unknown(GapCode.UNDECIDED, f"the role of {', '.join(g.principals)} is not known")
    return any(a in DECRYPTING_ROLES for a in g.actions)


def _goes_around(g: Statement) -> Tri:
    decrypts = _decrypts(g)
    return decrypts if decrypts is not True else not _attested(g)


@check(
    id="tee.gcp-key.no-way-around",
    title="Nobody decrypts with a sensitive key without attestation",
    clause="TEE-01.no-way-around",
    kinds=KEYS,
    needs=(SERVICE, "sensitive", "grant.roles"),
    severity=Severity.HIGH,
    fix=Fix(
        "Grant decryption only to identities of a workload identity pool whose providers demand a measured image.",
        (HELD, ATTESTED),
        verify=f"{POLICY} names no user, group or service account under a role that decrypts",
        effort=Effort.LARGE,
    ),
    broken="{members} holds {role} without proving what runs",
)
def no_way_around(v: View) -> Answer:
    """One account that may decrypt without attestation makes the rest of the policy ornament: whoever steals its token
    has the weights.
    """
    if not v.flag("sensitive"):
        return not_applicable("nothing marks the key as sensitive")
    return verdict(_decrypters(v), _goes_around)


@check(
    id="tee.gcp-key.attested-release",
    title="A sensitive key is released to attested workloads",
    clause="TEE-01.keys-need-attestation",
    kinds=KEYS,
    needs=(SERVICE, "sensitive", "grant.roles"),
    severity=Severity.HIGH,
    fix=Fix(
        "Grant decryption to the identity pool of the workload, and pin the image's digest in its provider.",
        (HELD, ATTESTED),
        verify=f"{POLICY} names a principalSet of the pool under roles/cloudkms.cryptoKeyDecrypter",
        effort=Effort.LARGE,
    ),
    broken="no grant on it is tied to a measurement",
)
def attested_release(v: View) -> Answer:
    """The key of the weights should follow the code that may read them, and no name that anybody can borrow."""
    if not v.flag("sensitive"):
        return not_applicable("nothing marks the key as sensitive")
    found = _decrypters(v)
    if any(isinstance(g, Statement) and _attested(g) for g in found):
        return holds()
    doubts = [g for g in found if isinstance(g, Unknown)]
    return unknown(*doubts) if doubts else broken()


CHECKS = (rotation, public, grant, hsm, window, admin_not_user, no_way_around, attested_release)
