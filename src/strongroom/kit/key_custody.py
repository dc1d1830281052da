"""What is known of a key that wraps resources, from the back end that holds it: hardware or not, and whether it gets out.

A back end that checks its key when it is opened (`keys/`) refuses one that can be exported; what a configuration does not
say, such as the protection level of a cloud's key, is unknown here and a fact of the source that reads that cloud.
"""

from collections.abc import Mapping
from typing import NamedTuple

from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown


class Custody(NamedTuple):
    """Whether the key lives in a hardware module, and whether it can be had in the clear outside what holds it."""

    hardware: bool | Unknown
    exportable: bool | Unknown


def custody(backend: str, options: Mapping[str, str]) -> Custody:
    """What a back end of these options says of the keys in it."""
    if backend == "file":
        # Opened in the broker's memory: a TPM says on which machine, and no more.
        return Custody(bool(options.get("tpm")), exportable=True)
    if backend == "pkcs11":
        return Custody("softhsm" not in options.get("module", "").lower(), exportable=False)
    if backend == "openbao":
        return Custody(hardware=False, exportable=False)
    if backend == "aws_kms":
        # "AWS KMS keys are protected by FIPS 140-3 validated hardware security modules": docs.aws.amazon.com/kms, Concepts.
        return Custody(hardware=True, exportable=False)
    if backend == "azure":
        managed = ".managedhsm." in options.get("vault", "").lower()
        return Custody(True if managed else _level("the key's type, RSA or RSA-HSM"), exportable=False)
    if backend == "gcp_kms":
        return Custody(_level("the key's protection level"), exportable=False)
    lost = Unknown(GapCode.UNSUPPORTED, f"nothing is known of a key back end {backend[:40]!r}")
    return Custody(lost, lost)


def _level(what: str) -> Unknown:
    return Unknown(GapCode.NOT_FETCHED, f"{what} is not in the configuration: assess the cloud that it lies in")
