"""Notebooks."""

from strongroom.model.codes import Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import View, check


@check(
    id="net.notebook.direct-internet",
    title="The notebook has no direct internet access",
    clause="NET-02.no-direct-internet",
    kinds=(Kind.NOTEBOOK,),
    needs=("net.direct_internet",),
    severity=Severity.HIGH,
    fix=Fix("Switch direct internet access off.", (("aws_sagemaker_notebook_instance", 'direct_internet_access = "Disabled"'),)),
    broken="direct internet access is on",
    equivalents=("checkov:CKV_AWS_122",),
)
def direct_internet(v: View) -> bool:
    """A notebook with direct internet access bypasses every egress control of its network."""
    return not v.flag("net.direct_internet")


CHECKS = (direct_internet,)
