"""How model artifacts are kept: who can read and change them, where they lie, sealed and signed or not."""

from strongroom.assess.checks._artifacts import KINDS, below_tier_0, demands, some
from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

_BOUNDARY = Unknown(GapCode.UNSUPPORTED, "nothing here shows whether the disk is inside an attested boundary")
_UNVERIFIED = "its signature is not verified by this build"
_BESIDE = Unknown(
    GapCode.UNSUPPORTED, "what lies beside it is not verified by this build, nor compared with its digest"
)


@check(
    id="art.artifact.not-world-readable",
    title="Not every account of the machine can read the artifact",
    clause="ART-07.no-copy-outside",
    kinds=KINDS,
    needs=("file.others_read", "file.mode"),
    severity=Severity.HIGH,
    fix=Fix(
        "Take read access from others, and give it to a group that has only the accounts that load the artifact.",
        command="chmod -R o-rwx DIR && setfacl -R -m g:inference:rX DIR",
        verify="find DIR -perm /o=rwx prints nothing",
    ),
    broken="every account of the machine can read it (mode {mode})",
)
def not_world_readable(v: View) -> bool | Answer:
    """Any service that is broken into on the machine can copy it out, and no permission has to be asked for."""
    if v.has("sealed.artifact"):
        return not_applicable("it is sealed: what others can read is encrypted, with its names")
    return broken(mode=v.text("file.mode")) if v.flag("file.others_read") else holds()


@check(
    id="art.artifact.not-writable-by-others",
    title="Nobody but its owner can change the artifact",
    clause="ART-07.no-copy-outside",
    kinds=KINDS,
    needs=("file.others_write", "file.group_write", "file.mode"),
    severity=Severity.HIGH,
    fix=Fix(
        "Take write access to the files and to their folder from group and others; publish new versions beside old ones.",
        command="chmod -R go-w DIR",
        verify="find DIR -perm /go=w prints nothing",
    ),
    broken="{who} can change or replace it (mode {mode})",
)
def not_writable(v: View) -> bool | Answer:
    """Whoever can replace the file decides what every consumer loads, and with a pickle, what they run."""
    if v.raw("file.others_write") is True:
        return broken(who="every account of the machine", mode=v.text("file.mode"))
    if v.raw("file.group_write") is True:
        return broken(who="a whole group", mode=v.text("file.mode"))
    return not v.flag("file.others_write") and not v.flag("file.group_write")


@check(
    id="art.artifact.signed",
    title="The artifact is signed, every file of it",
    clause="ART-04.signed",
    kinds=(Kind.ARTIFACT,),
    needs=("artifact.signature", "artifact.unsigned_files"),
    severity=Severity.HIGH,
    fix=Fix(
        "Sign the folder at the end of the pipeline with the identity of the pipeline, over the complete list of files.",
        command="model_signing sign key DIR --private_key release.pem --signature DIR/model.sig",
        verify="model_signing verify key DIR --signature DIR/model.sig --public_key release.pub",
        effort=Effort.MEDIUM,
    ),
    broken="{what}",
)
def signed(v: View) -> bool | Answer:
    """Without a signature nobody can tell the model that was trained from the one that somebody put in its place."""
    if v.has("sealed.artifact"):
        return not_applicable("it is sealed, and art.sealed.signed answers for its signature")
    if not v.texts("artifact.signature"):
        return broken(what="no signature lies beside it")
    left = v.texts("artifact.unsigned_files")
    if left:
        return broken(what=f"the signature does not cover {some(left)}")
    return unknown(Unknown(GapCode.UNSUPPORTED, f"{', '.join(v.texts('artifact.signature')[:3])}: {_UNVERIFIED}"))


@check(
    id="art.artifact.sealed",
    title="An artifact of tier 0 is sealed itself",
    clause="ART-01.envelope-tier0",
    kinds=KINDS,
    needs=("artifact.sealed", "artifact.tier"),
    severity=Severity.HIGH,
    fix=Fix(
        "Encrypt the artifact with a key of its own, wrapped for the workloads that may open it; keep no plain copy.",
        verify="strongroom assess artifacts:DIR names what seals it",
        effort=Effort.LARGE,
    ),
    broken="it lies in plain text, and {why}",
)
def sealed(v: View) -> bool | Answer:
    """An encrypted disk protects a disk that is carried off; a copied file stays closed only when it is sealed itself."""
    top = v.number("artifact.tier") == 0
    if not top and not demands(v, "ART-01.envelope-tier0"):
        return not_applicable("its class is below tier 0, and does not demand it")
    if v.text("artifact.sealed"):
        return holds()
    return broken(why="its class is of tier 0" if top else "its class demands that it is sealed")


@check(
    id="art.artifact.no-plaintext-outside",
    title="No plain artifact lies where no boundary can be",
    clause="ART-03.no-plaintext-outside",
    kinds=KINDS,
    needs=("artifact.sealed", "artifact.place"),
    severity=Severity.HIGH,
    fix=Fix(
        "Move it to the store that the register names, or delete it; where it lay for long, treat it as copied.",
        verify="strongroom assess artifacts:DIR finds no plain artifact there",
    ),
    broken="it lies in plain text in a {place} folder or file system",
)
def no_plaintext_outside(v: View) -> bool | Answer:
    """Home and temporary folders and shares are read by backups, by sync clients and by the next tenant of the node."""
    if below_tier_0(v):
        return not_applicable("its class is below tier 0")
    if v.text("artifact.sealed"):
        return holds()
    places = v.texts("artifact.place")
    return broken(place=" and ".join(places)) if places else unknown(_BOUNDARY)


@check(
    id="art.artifact.provenance",
    title="The artifact says where it comes from",
    clause="ART-05.provenance-matches",
    kinds=(Kind.ARTIFACT,),
    needs=("artifact.provenance", "artifact.class"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Let the training job write a signed SLSA statement and a CycloneDX ML-BOM, and keep both beside the artifact.",
        verify="both lie beside the artifact, and name its digest",
        effort=Effort.MEDIUM,
    ),
    broken="no statement of provenance and no bill of materials lies beside it",
)
def provenance(v: View) -> bool | Answer:
    """When a dataset turns out to be poisoned, this is what tells which models came from it."""
    if v.text("artifact.class") not in ("weights", "checkpoints", "adapters") and not demands(
        v, "ART-05.provenance-matches"
    ):
        return not_applicable("its class is no model")
    if v.has("sealed.artifact"):
        return not_applicable("it is sealed, and art.sealed.described answers for what is inside")
    return unknown(_BESIDE) if v.texts("artifact.provenance") else broken()


@check(
    id="tee.checkpoint.no-plaintext",
    title="No plain checkpoint of a tier 0 job is stored",
    clause="TEE-11.no-plaintext",
    kinds=(Kind.ARTIFACT,),
    needs=("artifact.sealed", "artifact.class", "artifact.tier"),
    severity=Severity.HIGH,
    fix=Fix(
        "Seal checkpoints inside the job before they are written, and delete the plain ones.",
        verify="strongroom assess artifacts:DIR names what seals each checkpoint",
        effort=Effort.LARGE,
    ),
    broken="a checkpoint of tier 0 is stored in plain text",
)
def checkpoint(v: View) -> bool | Answer:
    """A checkpoint is the whole model; a job in an enclave that writes it in plain text has carried it out itself."""
    if v.text("artifact.class") != "checkpoints" and v.asset.native_type != "artifact.checkpoint":
        return not_applicable("it is no checkpoint")
    if v.number("artifact.tier") > 0:
        return not_applicable("its class is below tier 0")
    return bool(v.text("artifact.sealed"))


CHECKS = (
    not_world_readable,
    not_writable,
    signed,
    sealed,
    no_plaintext_outside,
    provenance,
    checkpoint,
)
