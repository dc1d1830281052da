"""Compute Engine and TPU machines: addresses, boot, identity and disks."""

from strongroom.assess.checks._gcp import SERVICE, customer_key
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds

MACHINES = (Kind.INSTANCE, Kind.TEMPLATE)
NATIVES = (
    "google_compute_instance",
    "google_compute_instance_template",
    "google_compute_region_instance_template",
    "google_compute_instance_from_template",
)
TPUS = ("google_tpu_v2_vm", "google_tpu_v2_queued_resource")
SHIELDED = "gcloud compute instances describe NAME --zone ZONE --format='value(shieldedInstanceConfig)'"


def _all(lines: str) -> tuple[tuple[str, str], ...]:
    """The same lines for every way to write a machine."""
    return tuple((native, lines) for native in NATIVES)


@check(
    id="net.gcp-machine.public-ip",
    title="The machine has no public address",
    clause="NET-01.not-exposed",
    kinds=MACHINES,
    needs=(SERVICE, "net.public"),
    severity=Severity.HIGH,
    fix=Fix(
        "Take access_config out; let the machine out through Cloud NAT, and reach it by Identity-Aware Proxy.",
        (
            *_all("network_interface {\n  subnetwork = google_compute_subnetwork.ai.id\n}"),
            *((t, "network_config {\n  enable_external_ips = false\n}") for t in TPUS[:1]),
        ),
        "gcloud compute instances delete-access-config NAME --zone ZONE",
        "gcloud compute instances describe NAME --zone ZONE shows no natIP and no externalIpv6",
        Effort.MEDIUM,
    ),
    broken="it is given a public address",
    equivalents=(
        "checkov:CKV_GCP_40",
        "checkov:CKV2_GCP_32",
        "trivy:GCP-0031",
        "prowler:compute_instance_public_ip",
    ),
)
def public_ip(v: View) -> bool:
    """A training or inference machine with an address of its own is scanned within minutes, and sends whatever it holds
    out without passing a gateway that could tell.
    """
    return not v.flag("net.public")


@check(
    id="boot.gcp-machine.shielded",
    title="The machine has a virtual TPM, and its boot is compared with a baseline",
    clause="FW-01.cloud-shielded",
    kinds=MACHINES,
    needs=(SERVICE, "boot.vtpm", "boot.integrity"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Ask for the Shielded VM options; within the block both are on unless switched off.",
        _all(
            "shielded_instance_config {\n  enable_vtpm                 = true\n  enable_integrity_monitoring = true\n}"
        ),
        "gcloud compute instances update NAME --zone ZONE --shielded-vtpm --shielded-integrity-monitoring",
        SHIELDED,
    ),
    broken="not asked for or switched off: {missing}",
    equivalents=(
        "checkov:CKV_GCP_39",
        "trivy:GCP-0041",
        "trivy:GCP-0045",
        "prowler:compute_instance_shielded_vm_enabled",
    ),
)
def shielded(v: View) -> Answer:
    """The virtual TPM holds what was measured at boot and integrity monitoring compares it; without both, a machine
    whose boot was changed looks like any other, and no attestation can be asked of it.
    """
    both = {"virtual TPM": v.raw("boot.vtpm"), "integrity monitoring": v.raw("boot.integrity")}
    missing = [name for name, on in both.items() if on is False]
    if missing:
        return broken(missing=", ".join(missing))
    return holds() if v.flag("boot.vtpm") and v.flag("boot.integrity") else broken(missing="Shielded VM")


@check(
    id="boot.gcp-machine.secure-boot",
    title="The machine boots only signed software",
    clause="FW-01.cloud-shielded",
    kinds=MACHINES,
    needs=(SERVICE, "boot.secure"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch Secure Boot on, with an image whose drivers are signed.",
        (
            *_all("shielded_instance_config {\n  enable_secure_boot = true\n}"),
            ("google_tpu_v2_vm", "shielded_instance_config {\n  enable_secure_boot = true\n}"),
        ),
        "gcloud compute instances update NAME --zone ZONE --shielded-secure-boot",
        SHIELDED,
        Effort.MEDIUM,
    ),
    broken="Secure Boot is off",
    equivalents=("trivy:GCP-0067",),
)
def secure_boot(v: View) -> bool:
    """Secure Boot is off unless asked for. It keeps whoever gets root from loading a boot loader or kernel that stays
    after the machine was cleaned.
    """
    return v.flag("boot.secure")


@check(
    id="iam.gcp-machine.own-account",
    title="The machine does not run as a default service account",
    clause="IAM-01.no-shared-accounts",
    kinds=MACHINES,
    needs=(SERVICE, "identity.own"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Make a service account with the roles that this machine needs, and name it.",
        (
            *_all(
                'service_account {\n  email  = google_service_account.trainer.email\n  scopes = ["cloud-platform"]\n}'
            ),
            ("google_tpu_v2_vm", "service_account {\n  email = google_service_account.trainer.email\n}"),
        ),
        verify="gcloud compute instances describe NAME --zone ZONE --format='value(serviceAccounts[].email)'",
        effort=Effort.MEDIUM,
    ),
    broken="it runs as the project's default service account",
    equivalents=(
        "checkov:CKV_GCP_30",
        "trivy:GCP-0044",
        "prowler:compute_instance_default_service_account_in_use",
    ),
)
def own_account(v: View) -> bool:
    """The default account is shared by everything in the project and often edits all of it: whoever asks one machine's
    metadata server for a token holds the project.
    """
    return v.flag("identity.own")


volumes = customer_key(
    "enc.gcp-machine.disks-cmk",
    "Every disk of the machine is encrypted with a customer-managed key",
    MACHINES,
    "enc.volume_key",
    Fix(
        "Name a key of your own for every disk; an existing disk has to be copied.",
        (
            ("google_compute_instance", "boot_disk {\n  kms_key_self_link = google_kms_crypto_key.disk.id\n}"),
            *(
                (
                    native,
                    "disk {\n  disk_encryption_key {\n    kms_key_self_link = google_kms_crypto_key.disk.id\n  }\n}",
                )
                for native in NATIVES[1:3]
            ),
        ),
        verify="gcloud compute disks describe DISK --zone ZONE --format='value(diskEncryptionKey.kmsKeyName)'",
        effort=Effort.MEDIUM,
    ),
    "Checkpoints, datasets and model caches lie on a machine's disks and in their snapshots; under a key of your own "
    "both can be made unreadable at once.",
    (
        "checkov:CKV_GCP_38",
        "trivy:GCP-0033",
        "prowler:compute_instance_encryption_with_csek_enabled",
    ),
)

disk = customer_key(
    "enc.gcp-disk.cmk",
    "The disk, image or snapshot is encrypted with a customer-managed key",
    (Kind.DISK,),
    "enc.key",
    Fix(
        "Name a key of your own when the disk is made; an existing one has to be copied.",
        (
            *(
                (native, "disk_encryption_key {\n  kms_key_self_link = google_kms_crypto_key.disk.id\n}")
                for native in ("google_compute_disk", "google_compute_region_disk")
            ),
            ("google_compute_image", "image_encryption_key {\n  kms_key_self_link = google_kms_crypto_key.disk.id\n}"),
            (
                "google_compute_snapshot",
                "snapshot_encryption_key {\n  kms_key_self_link = google_kms_crypto_key.disk.id\n}",
            ),
        ),
        verify="gcloud compute disks describe DISK --zone ZONE --format='value(diskEncryptionKey.kmsKeyName)'",
        effort=Effort.MEDIUM,
    ),
    "A disk outlives its machine and is copied into images and snapshots; under a key of your own all copies can be "
    "made unreadable at once.",
    (
        "checkov:CKV_GCP_37",
        "trivy:GCP-0034",
        "prowler:compute_instance_encryption_with_csek_enabled",
    ),
)

CHECKS = (public_ip, shielded, secure_boot, own_account, volumes, disk)
