"""Azure machines and scale sets, and their disks."""

from strongroom.assess.checks._azure import confidential, customers, whole_card
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, check

LINUX = "azurerm_linux_virtual_machine"
WINDOWS = "azurerm_windows_virtual_machine"
SET = "azurerm_linux_virtual_machine_scale_set"
WINDOWS_SET = "azurerm_windows_virtual_machine_scale_set"
MACHINES = (Kind.INSTANCE, Kind.TEMPLATE)
DISKS = (Kind.DISK,)
EXTENSION = (
    'resource "azurerm_virtual_machine_extension" "gpu" {\n'
    '  name                       = "gpu-driver"\n'
    "  virtual_machine_id         = azurerm_linux_virtual_machine.train.id\n"
    '  publisher                  = "Microsoft.HpcCompute"\n'
    '  type                       = "NvidiaGpuDriverLinux"\n'
    '  type_handler_version       = "1.9"\n'
    "  auto_upgrade_minor_version = true\n"
    "}"
)
SHOW = "az vm show -n <machine> -g <group> --query"


def _everywhere(lines: str) -> tuple[tuple[str, str], ...]:
    return tuple((native, lines) for native in (LINUX, SET, WINDOWS, WINDOWS_SET))


@check(
    id="iam.machine.password",
    title="No password opens the machine",
    clause="IAM-01.no-shared-accounts",
    kinds=MACHINES,
    needs=("auth.password", "azure.size"),
    severity=Severity.HIGH,
    fix=Fix(
        "Let SSH keys in only, or Entra ID.",
        (
            (LINUX, "disable_password_authentication = true"),
            (SET, "disable_password_authentication = true"),
            ("azurerm_virtual_machine", "os_profile_linux_config {\n  disable_password_authentication = true\n}"),
        ),
        "",
        f"{SHOW} osProfile.linuxConfiguration.disablePasswordAuthentication",
        Effort.MEDIUM,
    ),
    broken="a password opens an administrator's account",
    equivalents=("checkov:CKV_AZURE_149", "checkov:CKV_AZURE_1", "trivy:AZU-0039"),
)
def password(v: View) -> bool:
    """A password is guessed, shared and reused, and stands in the state file of Terraform in clear."""
    return not v.flag("auth.password")


@check(
    id="enc.machine.at-host",
    title="The machine's temporary disks and caches are encrypted",
    clause="ART-01.stores-cmk",
    kinds=MACHINES,
    needs=("enc.at_host", "azure.size"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Encrypt at the host.",
        _everywhere("encryption_at_host_enabled = true"),
        "az vm update -n <machine> -g <group> --set securityProfile.encryptionAtHost=true",
        f"{SHOW} securityProfile.encryptionAtHost",
    ),
    broken="the temporary disk and the caches lie on the host in clear",
    equivalents=("checkov:CKV_AZURE_97", "checkov:CKV_AZURE_151"),
)
def at_host(v: View) -> bool:
    """GPU sizes bring terabytes of local disk for datasets and checkpoints; disk encryption alone leaves those out."""
    return v.flag("enc.at_host")


@check(
    id="boot.azure-machine.secure-boot",
    title="The machine starts signed boot code only",
    clause="FW-01.cloud-shielded",
    kinds=MACHINES,
    needs=("boot.secure", "enc.at_host"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch Secure Boot on; this builds the machine anew.",
        _everywhere("secure_boot_enabled = true"),
        "",
        f"{SHOW} securityProfile.uefiSettings.secureBootEnabled",
        Effort.MEDIUM,
    ),
    broken="Secure Boot is off",
)
def secure_boot(v: View) -> bool:
    """A boot kit below the kernel outlives every scan and sees every key that the machine uses."""
    return v.flag("boot.secure")


@check(
    id="boot.azure-machine.vtpm",
    title="The machine has a TPM of its own",
    clause="FW-02.tpm-present",
    kinds=MACHINES,
    needs=("boot.vtpm", "enc.at_host"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch the virtual TPM on; this builds the machine anew.",
        _everywhere("vtpm_enabled = true"),
        "",
        f"{SHOW} securityProfile.uefiSettings.vTpmEnabled",
        Effort.MEDIUM,
    ),
    broken="there is no virtual TPM",
)
def vtpm(v: View) -> bool:
    """Without a TPM nothing can prove what the machine started."""
    return v.flag("boot.vtpm")


@check(
    id="tee.azure-machine.confidential",
    title="Sensitive work runs on a confidential machine",
    clause="TEE-04.sensitive-runs-confidential",
    kinds=(*MACHINES, Kind.WORKLOAD),
    needs=("sensitive", "cc.tech", "azure.size"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Choose a confidential size: with an accelerator NCCads_H100_v5, without one DCas_v5 or ECas_v5.",
        (
            (
                LINUX,
                'size                = "Standard_NCC40ads_H100_v5"\nvtpm_enabled        = true\nsecure_boot_enabled = true\nos_disk {\n  caching                  = "ReadWrite"\n  storage_account_type     = "Premium_LRS"\n  security_encryption_type = "DiskWithVMGuestState"\n}',
            ),
            (SET, 'sku = "Standard_NCC40ads_H100_v5"'),
            ("azurerm_container_group", 'sku = "Confidential"'),
        ),
        "",
        f"{SHOW} securityProfile.securityType",
        Effort.LARGE,
    ),
    broken="it is not confidential",
)
def runs_confidential(v: View) -> Answer:
    """On an ordinary machine whoever runs the host reads the weights out of its memory."""
    return confidential(v)


@check(
    id="tee.azure-machine.disk-sealed",
    title="Only the confidential machine itself opens its disk",
    clause="ART-03.unwrap-attested-only",
    kinds=MACHINES,
    needs=("cc.disk_sealed",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Encrypt the disk together with the guest state; this builds the machine anew.",
        tuple((n, 'os_disk {\n  security_encryption_type = "DiskWithVMGuestState"\n}') for n in (LINUX, SET)),
        "",
        f"{SHOW} storageProfile.osDisk.managedDisk.securityProfile",
        Effort.MEDIUM,
    ),
    broken="the disk opens outside the machine too: only the guest state is sealed",
)
def disk_sealed(v: View) -> bool:
    """Memory that nobody reads helps little when the disk beside it can be mounted elsewhere."""
    return v.flag("cc.disk_sealed")


@check(
    id="net.azure-machine.public",
    title="The machine has no public address",
    clause="NET-01.not-exposed",
    kinds=(*MACHINES, Kind.WORKLOAD),
    needs=("net.public", "azure.size"),
    severity=Severity.HIGH,
    fix=Fix(
        "Take the public address away; reach the machine through Bastion, a VPN or a load balancer.",
        (
            (LINUX, "network_interface_ids = [azurerm_network_interface.private.id]"),
            (
                "azurerm_batch_pool",
                'network_configuration {\n  public_address_provisioning_type = "NoPublicIPAddresses"\n}',
            ),
            ("azurerm_container_group", 'ip_address_type = "Private"\nsubnet_ids      = [azurerm_subnet.inference.id]'),
        ),
        "az network nic ip-config update --nic-name <nic> -g <group> -n <config> --remove publicIpAddress",
        "az vm list-ip-addresses -n <machine> -g <group>",
    ),
    broken="it has a public address",
)
def public(v: View) -> bool:
    """A training machine on the internet is found within minutes; its notebook or SSH is then one weak secret away."""
    return not v.flag("net.public")


@check(
    id="gpu.azure-machine.whole-card",
    title="The machine has accelerators of its own",
    clause="GPU-02.no-time-slicing",
    kinds=(*MACHINES, Kind.NOTEBOOK),
    needs=("gpu.count", "gpu.sharing", "net.public"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Choose a size with whole cards.",
        ((LINUX, 'size = "Standard_NV36ads_A10_v5"'), (SET, 'sku = "Standard_NC24ads_A100_v4"')),
        "",
        f"{SHOW} hardwareProfile.vmSize",
        Effort.MEDIUM,
    ),
    broken="it has {share} of a card that other customers use at the same time",
)
def whole(v: View) -> Answer:
    """A fraction of a card is time that strangers get next, on the same silicon and behind the same driver."""
    return whole_card(v)


@check(
    id="gpu.azure-machine.driver",
    title="The machine's GPU driver is renewed without anybody's doing",
    clause="GPU-06.patched",
    kinds=MACHINES,
    needs=("gpu.driver_managed", "enc.at_host"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Install the driver with Microsoft's extension and let it upgrade itself.",
        ((LINUX, EXTENSION),),
        "",
        "az vm extension list --vm-name <machine> -g <group>",
    ),
    broken="the GPU driver extension does not upgrade itself",
)
def driver(v: View) -> bool:
    """GPU drivers run in the kernel and have a security bulletin every quarter."""
    return v.flag("gpu.driver_managed")


@check(
    id="enc.azure-disk.cmk",
    title="The disk is encrypted with a key of the customer's",
    clause="ART-01.stores-cmk",
    kinds=DISKS,
    needs=("enc.key", "copy.export_closed"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a disk encryption set.",
        tuple(
            (n, "disk_encryption_set_id = azurerm_disk_encryption_set.data.id")
            for n in ("azurerm_managed_disk", "azurerm_snapshot")
        ),
        "az disk update -n <disk> -g <group> --encryption-type EncryptionAtRestWithCustomerKey --disk-encryption-set <id>",
        "az disk show -n <disk> -g <group> --query encryption",
    ),
    broken="it is encrypted with the platform's own key",
    equivalents=("checkov:CKV_AZURE_93",),
)
def disk_cmk(v: View) -> bool:
    """Only a key that the owner holds can be withdrawn when a disk or snapshot got into wrong hands."""
    return customers(v, "enc.key")


@check(
    id="art.azure-disk.export",
    title="The disk cannot be fetched over the public network",
    clause="ART-07.no-copy-outside",
    kinds=DISKS,
    needs=("copy.export_closed",),
    severity=Severity.HIGH,
    fix=Fix(
        "Close the export.",
        tuple(
            (n, 'public_network_access_enabled = false\nnetwork_access_policy         = "DenyAll"')
            for n in ("azurerm_managed_disk", "azurerm_snapshot")
        ),
        "az disk update -n <disk> -g <group> --network-access-policy DenyAll --public-network-access Disabled",
        "az disk show -n <disk> -g <group> --query '[networkAccessPolicy, publicNetworkAccess]'",
    ),
    broken="whoever may ask for a link downloads the whole disk from anywhere",
    equivalents=("checkov:CKV_AZURE_251",),
)
def export(v: View) -> bool:
    """One call makes a link to the raw disk that works without a login and past every network rule of the machine."""
    return v.flag("copy.export_closed")


CHECKS = (
    password,
    at_host,
    secure_boot,
    vtpm,
    runs_confidential,
    disk_sealed,
    public,
    whole,
    driver,
    disk_cmk,
    export,
)
