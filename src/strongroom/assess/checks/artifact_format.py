"""Formats of model artifacts: what loading one runs, and whether its headers are sound."""

from strongroom.assess.checks._artifacts import KINDS, known, some
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.ports import Answer, View, broken, check, holds

_CONVERT = (
    "Convert the weights to safetensors on a machine that holds nothing else, and delete the original; load it with "
    "weights_only until then."
)


@check(
    id="art.format.runs-code",
    title="Loading the artifact runs no code of its own",
    clause="ART-04.safe-formats",
    kinds=KINDS,
    needs=("artifact.executes", "artifact.executes_by"),
    severity=Severity.HIGH,
    fix=Fix(
        _CONVERT,
        command="python -c 'import sys, torch, safetensors.torch as s; "
        "s.save_file(torch.load(sys.argv[1], weights_only=True), sys.argv[2])' model.pt model.safetensors",
        verify="strongroom assess artifacts:DIR names the file as safetensors, and this finding is gone",
        effort=Effort.MEDIUM,
    ),
    broken="loading it runs {what}",
)
def runs_code(v: View) -> bool | Answer:
    """A pickle calls whatever it names while it is loaded; whoever can change the file runs code where the weights are."""
    if v.flag("artifact.executes"):
        return broken(what=some(known(v, "artifact.executes_by")) or "code that it brings")
    return holds()


@check(
    id="art.format.no-pickle",
    title="The artifact is of a format without pickle",
    clause="ART-04.safe-formats",
    kinds=KINDS,
    needs=("artifact.pickle", "artifact.format"),
    severity=Severity.MEDIUM,
    fix=Fix(_CONVERT, verify="strongroom assess artifacts:DIR shows no pickle in it", effort=Effort.MEDIUM),
    broken="{format} is loaded by unpickling",
)
def no_pickle(v: View) -> bool | Answer:
    """This pickle may be harmless and the next file under the same name need not be: the format itself is the door."""
    return broken(format=v.text("artifact.format")) if v.flag("artifact.pickle") else holds()


@check(
    id="art.format.well-formed",
    title="Headers of the artifact are sound",
    clause="ART-04.safe-formats",
    kinds=KINDS,
    needs=("artifact.faults",),
    severity=Severity.HIGH,
    fix=Fix(
        "Get the artifact again from where it was made, compare its digest, and find out who changed this one.",
        verify="sha256sum of the file is that of the register",
    ),
    broken="{faults}",
)
def well_formed(v: View) -> bool | Answer:
    """Overlaps, lying lengths and names that leave the folder are how parsers are attacked; no writer makes them by chance."""
    found = known(v, "artifact.faults")
    if found:
        return broken(faults=some(found))
    v.texts("artifact.faults")
    return holds()


@check(
    id="art.artifact.whole",
    title="Every shard of the artifact is there",
    clause="INV-03.stores-registered",
    kinds=KINDS,
    needs=("artifact.missing",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Fetch the missing files, or delete and deregister what is left of the artifact.",
        verify="strongroom assess artifacts:DIR shows nothing missing",
    ),
    broken="missing: {missing}",
)
def whole(v: View) -> bool | Answer:
    """The digest of a part is not that of the artifact, and a part that lies elsewhere is a copy that nobody registered."""
    found = known(v, "artifact.missing")
    if found:
        return broken(missing=some(found))
    v.texts("artifact.missing")
    return holds()


CHECKS = (runs_code, no_pickle, well_formed, whole)
