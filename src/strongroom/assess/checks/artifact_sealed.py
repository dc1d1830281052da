"""Artifacts that this program sealed: who can open them, who signed them, and what was put inside when they were sealed."""

from strongroom.assess.checks._artifacts import below_tier_0, demands, some
from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

_KINDS = (Kind.ARTIFACT,)
_RELEASED = frozenset({"broker", "key"})  # slots whose key a broker gives out, and to whom its policy says alone
_MODELS = ("weights", "checkpoints", "adapters")
_OPENED = Unknown(
    GapCode.DENIED,
    "both are inside by the log, and nobody held the provenance against the files when they were sealed; "
    "seal with --provenance-key, or open it: "
    "strongroom seal open SEALED TARGET --require provenance --require bom --provenance-key PEM",
)


@check(
    id="art.sealed.attested-slots",
    title="A sealed artifact of tier 0 opens through a broker alone",
    clause="ART-03.unwrap-attested-only",
    kinds=_KINDS,
    needs=("sealed.artifact", "sealed.boundary", "sealed.slot_types"),
    severity=Severity.HIGH,
    fix=Fix(
        "Seal it again under a new key for the attested boundary: whoever could open it before has the old key still.",
        command="strongroom seal create MODEL NEW --boundary attested --to-broker RECIPIENT --sign-key signer.pem",
        verify="strongroom seal inspect NEW shows boundary attested, and slots of brokers alone",
        effort=Effort.MEDIUM,
    ),
    broken="slots of {types} open it on any machine",
)
def attested_slots(v: View) -> bool | Answer:
    """A slot for an identity in a file opens the model wherever that file is copied to, and no measurement is asked for."""
    if below_tier_0(v) and not demands(v, "ART-03.unwrap-attested-only"):
        return not_applicable("its class is below tier 0")
    if v.text("sealed.boundary") == "attested":
        return holds()
    others = sorted(set(v.texts("sealed.slot_types")) - _RELEASED)
    return broken(types=" and ".join(others)) if others else holds()


@check(
    id="art.sealed.signed",
    title="A sealed artifact is signed by who is trusted, every message of it",
    clause="ART-04.signed",
    kinds=_KINDS,
    needs=("sealed.artifact", "artifact.signature", "artifact.unsigned_files"),
    severity=Severity.HIGH,
    fix=Fix(
        "Find out who put it there, and take the one that the pipeline sealed and signed.",
        command="strongroom seal create MODEL SEALED --to RECIPIENT --sign-key signer.pem",
        verify="strongroom seal verify SEALED --signature SEALED/signature.json --ignore slots.json --public-key signer.pub",
    ),
    broken="{what}",
)
def signed(v: View) -> bool | Answer:
    """Encryption to a public key says nothing of who encrypted: anybody can seal another model to the same recipients."""
    if not v.texts("artifact.signature"):
        return broken(what="no signature lies in it")
    if v.raw("artifact.unsigned_files") and (left := v.texts("artifact.unsigned_files")):
        return broken(what=f"the signature does not cover {some(left)}")
    if not v.has("sealed.signature_valid"):
        return unknown(Unknown(GapCode.NOT_FETCHED, "whose signature counts was not asked for here"))
    if v.raw("sealed.signature_valid") is False:
        return broken(what=f"its signature does not hold: {v.text('sealed.signature_trouble')}")
    return v.flag("sealed.signature_valid")


@check(
    id="art.sealed.described",
    title="A sealed model holds its provenance and its bill of materials",
    clause="ART-05.provenance-matches",
    kinds=_KINDS,
    needs=("sealed.artifact", "sealed.attached"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Let the training job state and sign where the model is from, and seal the model with that and its bill.",
        command="strongroom seal create MODEL SEALED --to RECIPIENT --sign-key signer.pem --provenance provenance.json --provenance-key builder.pub",
        verify="strongroom seal open SEALED TARGET --require provenance --require bom --provenance-key builder.pub",
        effort=Effort.MEDIUM,
    ),
    broken="it was sealed without {what}",
)
def described(v: View) -> bool | Answer:
    """When a data set turns out to be poisoned, this is what tells which models came from it."""
    named = v.has("artifact.class") and not isinstance(v.raw("artifact.class"), Unknown)
    if named and v.text("artifact.class") not in _MODELS and not demands(v, "ART-05.provenance-matches"):
        return not_applicable("its class is no model")
    held = v.texts("sealed.attached")
    words = {"provenance": "a provenance", "bom": "a bill of materials"}
    lacks = [text for name, text in words.items() if name not in held]
    if lacks:
        return broken(what=" and ".join(lacks))
    return holds() if set(words) <= set(v.texts("sealed.held")) else unknown(_OPENED)


@check(
    id="art.sealed.scanned",
    title="Every file of a sealed model was found safe before it was sealed",
    clause="ART-04.safe-formats",
    kinds=_KINDS,
    needs=("sealed.artifact", "sealed.scan"),
    severity=Severity.HIGH,
    fix=Fix(
        "Scan the model, convert what runs code when it is loaded to safetensors, and seal it again.",
        command="strongroom seal scan MODEL --convert DIR && strongroom seal create DIR SEALED --to RECIPIENT",
        verify="the log has the sealing with scan-verdict safe",
        effort=Effort.MEDIUM,
    ),
    broken="{what}",
)
def scanned(v: View) -> bool | Answer:
    """No scanner of a registry can look into an artifact that is sealed: what was not looked at before never is."""
    verdict = v.text("sealed.scan")
    if not verdict:
        return broken(what="it was sealed without a scan")
    return holds() if verdict == "safe" else broken(what=f"it was sealed with the verdict {verdict}")


@check(
    id="art.sealed.slots-logged",
    title="Who can open a sealed artifact is who the log says",
    clause="ART-07.no-copy-outside",
    kinds=_KINDS,
    needs=("sealed.artifact", "sealed.logged", "sealed.slots_logged"),
    severity=Severity.HIGH,
    fix=Fix(
        "Find out who changed slots.json, and write the slots anew with the command that logs it; when a slot was put in "
        "or an old list put back, seal it again under a new key.",
        command="strongroom seal rewrap SEALED --identity FILE --only --to RECIPIENT --log PATH",
        verify="strongroom seal inspect SEALED and the last entry of the log for it name the same slots and generation",
        effort=Effort.MEDIUM,
    ),
    broken="{what}",
)
def slots_logged(v: View) -> bool | Answer:
    """A slot that nobody logged is a copy of the key that nobody approved; a list that was put back undoes a withdrawal."""
    if v.raw("sealed.logged") is False:
        return broken(what="the log does not have the sealing of what lies there")
    return holds() if v.flag("sealed.slots_logged") else broken(what="its slots are not those that were last logged")


CHECKS = (attested_slots, signed, described, scanned, slots_logged)
