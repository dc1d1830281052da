"""EC2 instances and what they are made from: metadata, addresses, volumes, start scripts, confidential computing."""

from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds

KINDS = (Kind.INSTANCE, Kind.TEMPLATE)
INSTANCE, TEMPLATE, CONFIGURATION = "aws_instance", "aws_launch_template", "aws_launch_configuration"
SEE = "aws ec2 describe-instances --instance-ids <id> --query 'Reservations[].Instances[]."
TOKENS = 'metadata_options {\n  http_endpoint               = "enabled"\n  http_tokens                 = "required"\n}'
HOPS = 'metadata_options {\n  http_tokens                 = "required"\n  http_put_response_hop_limit = 1\n}'
ENCRYPTED = "root_block_device {\n  encrypted  = true\n  kms_key_id = aws_kms_key.disks.arn\n}"


@check(
    id="net.instance.imds-v2",
    title="The metadata service asks for a session token",
    clause="NET-04.metadata-guarded",
    kinds=KINDS,
    needs=("imds.v2",),
    severity=Severity.HIGH,
    fix=Fix(
        "Require session tokens, or switch the metadata service off.",
        ((INSTANCE, TOKENS), (TEMPLATE, TOKENS), (CONFIGURATION, TOKENS)),
        "aws ec2 modify-instance-metadata-options --instance-id <id> --http-tokens required",
        SEE + "MetadataOptions'",
    ),
    broken="its metadata service answers without a session token",
    equivalents=(
        "checkov:CKV_AWS_79",
        "trivy:AWS-0028",
        "trivy:AWS-0130",
        "prowler:ec2_instance_imdsv2_enabled",
    ),
)
def imds_v2(v: View) -> bool:
    """Without a token, any request that a program can be made to send fetches the machine's credentials."""
    return v.flag("imds.v2")


@check(
    id="net.instance.imds-hops",
    title="Answers of the metadata service travel one hop",
    clause="NET-04.metadata-guarded",
    kinds=KINDS,
    needs=("imds.hops",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Set the hop limit to 1 and give pods identities of their own.",
        ((INSTANCE, HOPS), (TEMPLATE, HOPS), (CONFIGURATION, HOPS)),
        "aws ec2 modify-instance-metadata-options --instance-id <id> --http-put-response-hop-limit 1",
        SEE + "MetadataOptions.HttpPutResponseHopLimit'",
        Effort.MEDIUM,
    ),
    broken="answers travel {hops} hops: containers on the machine can fetch its credentials",
    equivalents=("checkov:CKV_AWS_341",),
)
def imds_hops(v: View) -> Answer:
    """A second hop is what a container behind the machine's bridge needs to take the machine's credentials."""
    hops = v.number("imds.hops")
    return holds() if hops <= 1 else broken(hops=f"{hops:g}")


@check(
    id="net.instance.no-public-ip",
    title="The machine gets no public address",
    clause="NET-01.not-exposed",
    kinds=KINDS,
    needs=("net.public_ip",),
    severity=Severity.HIGH,
    fix=Fix(
        "Take the address away and place the machine in a private subnet.",
        (
            (INSTANCE, "associate_public_ip_address = false\nsubnet_id                   = aws_subnet.private.id"),
            (TEMPLATE, "network_interfaces {\n  associate_public_ip_address = false\n}"),
            (CONFIGURATION, "associate_public_ip_address = false"),
        ),
        verify=SEE + "PublicIpAddress'",
        effort=Effort.MEDIUM,
    ),
    broken="it gets a public address",
    equivalents=(
        "checkov:CKV_AWS_88",
        "checkov:CKV_AWS_389",
        "trivy:AWS-0009",
        "guard:EC2_INSTANCE_NO_PUBLIC_IP",
        "prowler:ec2_instance_public_ip",
    ),
)
def no_public_ip(v: View) -> bool:
    """A public address makes one wrong rule of a firewall, or one open port, an entrance."""
    return not v.flag("net.public_ip")


@check(
    id="enc.instance.volumes",
    title="The machine's volumes are encrypted",
    clause="ART-01.stores-cmk",
    kinds=KINDS,
    needs=("enc.at_rest", "imds.v2"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Encrypt the root volume and every other, and let the account encrypt by default.",
        (
            (INSTANCE, ENCRYPTED),
            (CONFIGURATION, "root_block_device {\n  encrypted = true\n}"),
            (
                TEMPLATE,
                (
                    'block_device_mappings {\n  device_name = "/dev/xvda"\n  ebs {\n    encrypted  = true\n'
                    "    kms_key_id = aws_kms_key.disks.arn\n  }\n}"
                ),
            ),
        ),
        "aws ec2 enable-ebs-encryption-by-default",
        "aws ec2 describe-volumes --filters Name=attachment.instance-id,Values=<id> --query 'Volumes[].Encrypted'",
        Effort.MEDIUM,
    ),
    broken="a volume is not encrypted",
    equivalents=("checkov:CKV_AWS_8", "trivy:AWS-0131", "trivy:AWS-0008"),
)
def volumes(v: View) -> bool:
    """Checkpoints, caches of weights and core dumps end up on the root volume, and its snapshots keep them."""
    return v.flag("enc.at_rest")


@check(
    id="art.machine.no-secrets",
    title="Start scripts hold no secrets",
    clause="ART-06.no-key-material",
    kinds=(*KINDS, Kind.NOTEBOOK),
    needs=("secrets.found",),
    severity=Severity.HIGH,
    fix=Fix(
        "Change the secret, then let the script fetch it from a secret store with the machine's role.",
        ((TEMPLATE, 'user_data = base64encode(file("start.sh"))  # which calls: aws secretsmanager get-secret-value'),),
        verify="aws ec2 describe-instance-attribute --instance-id <id> --attribute userData",
        effort=Effort.MEDIUM,
    ),
    broken="a start script holds a secret in plain text: {kinds}",
    equivalents=(
        "checkov:CKV_AWS_46",
        "trivy:AWS-0029",
        "trivy:AWS-0129",
        "prowler:ec2_instance_secrets_user_data",
        "prowler:sagemaker_notebook_instance_no_secrets",
    ),
)
def no_secrets(v: View) -> Answer:
    """A start script is readable by everybody who may describe the machine and by every process on it."""
    found = v.texts("secrets.found")
    return broken(kinds=", ".join(found)) if found else holds()


@check(
    id="tee.instance.aws-confidential",
    title="Sensitive work runs on a machine that can prove what it runs",
    clause="TEE-04.sensitive-runs-confidential",
    kinds=KINDS,
    needs=("sensitive", "cc.tech", "imds.v2"),
    severity=Severity.HIGH,
    fix=Fix(
        "Run the sensitive part in a Nitro Enclave or on an SEV-SNP machine, or record why that is not feasible and "
        "until when.",
        (
            (INSTANCE, "enclave_options {\n  enabled = true\n}"),
            (TEMPLATE, 'cpu_options {\n  amd_sev_snp = "enabled"\n}'),
        ),
        verify=SEE + "[EnclaveOptions, CpuOptions]'",
        effort=Effort.LARGE,
    ),
    broken="it has neither enclaves nor encrypted memory",
)
def confidential(v: View) -> Answer:
    """On an ordinary machine the operator of the host, or whoever becomes it, reads weights and keys from memory.

    A machine with accelerators is taken as sensitive until its owner marks it otherwise.
    """
    tech = v.text("cc.tech")
    if tech:
        return holds(tech=tech)
    return broken() if v.flag("sensitive") else holds()


@check(
    id="boot.image.aws-tpm",
    title="The image gives machines a TPM",
    clause="FW-02.tpm-present",
    kinds=(Kind.TEMPLATE,),
    needs=("boot.vtpm", "boot.mode"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Register the image with UEFI boot and NitroTPM.",
        (("aws_ami", 'boot_mode   = "uefi"\ntpm_support = "v2.0"'),),
        verify="aws ec2 describe-images --image-ids <id> --query 'Images[].TpmSupport'",
        effort=Effort.MEDIUM,
    ),
    broken="machines made from it have no TPM",
)
def image_tpm(v: View) -> bool:
    """Without a TPM a machine has nothing to measure its boot into, and no attestation can say what it runs."""
    return v.flag("boot.vtpm")


@check(
    id="net.image.aws-not-public",
    title="The image is not shared with everybody",
    clause="NET-01.not-exposed",
    kinds=(Kind.GRANT,),
    needs=("image.public",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Name the accounts that may start machines from the image.",
        (("aws_ami_launch_permission", 'account_id = "<account>"  # instead of group = "all"'),),
        verify="aws ec2 describe-image-attribute --image-id <id> --attribute launchPermission",
    ),
    broken="anybody may start machines from it and read what is on it",
)
def image_public(v: View) -> bool:
    """A public image is a public disk: whatever was left on it, weights and keys included, is copied within hours."""
    return not v.flag("image.public")


CHECKS = (imds_v2, imds_hops, no_public_ip, volumes, no_secrets, confidential, image_tpm, image_public)
