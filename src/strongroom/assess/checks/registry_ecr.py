"""Image repositories of ECR."""

from strongroom.assess.checks._keys import customer_key
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, check

KINDS = (Kind.REGISTRY,)
NATIVE = "aws_ecr_repository"
SEE = "aws ecr describe-repositories --repository-names <name> --query 'repositories[]."


@check(
    id="art.registry.ecr-immutable",
    title="A tag cannot be moved to another image",
    clause="ART-05.provenance-matches",
    kinds=KINDS,
    needs=("registry.immutable",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Make tags immutable, and deploy by digest.",
        ((NATIVE, 'image_tag_mutability = "IMMUTABLE"'),),
        verify=SEE + "imageTagMutability'",
    ),
    broken="a tag can be moved to another image",
    equivalents=(
        "checkov:CKV_AWS_51",
        "trivy:AWS-0031",
        "guard:ECR_PRIVATE_TAG_IMMUTABILITY_ENABLED",
        "prowler:ecr_repositories_tag_immutability",
    ),
)
def immutable(v: View) -> bool:
    """What was scanned, signed and approved under a tag is what runs only when nobody can put another image there."""
    return v.flag("registry.immutable")


@check(
    id="art.registry.ecr-scan",
    title="Images are scanned when they are pushed",
    clause="TEE-05.image-minimal-pinned",
    kinds=KINDS,
    needs=("registry.scan",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Scan on push, in the repository or for the whole registry.",
        ((NATIVE, "image_scanning_configuration {\n  scan_on_push = true\n}"),),
        verify=SEE + "imageScanningConfiguration'",
    ),
    broken="images are not scanned",
    equivalents=(
        "checkov:CKV_AWS_163",
        "trivy:AWS-0030",
        "guard:ECR_PRIVATE_IMAGE_SCANNING_ENABLED",
        "prowler:ecr_repositories_scan_images_on_push_enabled",
    ),
)
def scanned(v: View) -> bool:
    """Images for training and serving are the largest there are, and so are their lists of known flaws."""
    return v.flag("registry.scan")


@check(
    id="enc.registry.ecr-cmk",
    title="Images are encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=KINDS,
    needs=("enc.key", "registry.immutable"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a KMS key of your own. The repository has to be made anew.",
        (
            (
                NATIVE,
                'encryption_configuration {\n  encryption_type = "KMS"\n  kms_key         = aws_kms_key.images.arn\n}',
            ),
        ),
        verify=SEE + "encryptionConfiguration'",
        effort=Effort.MEDIUM,
    ),
    broken="images are encrypted with {found}",
    equivalents=("checkov:CKV_AWS_136", "trivy:AWS-0033"),
)
def cmk(v: View) -> Answer:
    """Serving images often carry the weights; a key of the owner's decides who may pull them into a readable form."""
    return customer_key(v, "enc.key")


CHECKS = (immutable, scanned, cmk)
