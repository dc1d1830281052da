"""Versions of what serves and schedules accelerators, by the tags of its images and the feed that is kept."""

from strongroom.model.codes import GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, unknown
from strongroom.model.values import Unknown

_SHOWN = 4


@check(
    id="gpu.workload.image-patched",
    title="Operators, plugins, exporters and servers of accelerators have their fixes",
    clause="GPU-06.patched",
    kinds=(Kind.WORKLOAD,),
    needs=("patch.images",),
    severity=Severity.HIGH,
    fix=Fix(
        "Update the chart or the operator that brings the image, and name the new image by digest beside its tag.",
        (("Deployment", "image: nvcr.io/nvidia/tritonserver:26.08-py3@sha256:DIGEST"),),
        verify="kubectl get pods -A -o jsonpath='{..image}'",
    ),
    broken="{found}",
)
def image_patched(v: View) -> Answer:
    """The device plugin, the toolkit and the operator run with the rights of the node; the server reads the weights."""
    late = v.texts("patch.images_overdue")
    if late:
        return broken(found="; ".join(late[:_SHOWN]))
    doubt = v.texts("patch.images_doubt")
    return unknown(Unknown(GapCode.UNDECIDED, "; ".join(doubt[:_SHOWN]))) if doubt else holds()


CHECKS = (image_patched,)
