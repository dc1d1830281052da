"""What a GPU verifier asks for beside the evidence, and the evidence of each GPU by itself."""

from collections.abc import Iterator

import msgspec

from strongroom.attest.tee import _nvidia_reading as reading
from strongroom.attest.tee._nvidia_case import count
from strongroom.attest.verifier import Inputs
from strongroom.model.attest import Evidence, Want


def wants(_: Evidence) -> tuple[Want, ...]:
    """Nothing: manifests and answers about certificates are given."""
    return ()


def parts(inputs: Inputs) -> tuple[Inputs, ...]:
    """The inputs of each GPU, where there are several; how many there must be is a demand on all of them."""
    evidence = inputs.evidence
    most = count(evidence)
    if most < 2:
        return ()
    gpu = msgspec.structs.replace(inputs.policy.nvidia, gpus=None)
    policy = msgspec.structs.replace(inputs.policy, nvidia=gpu, require=())
    return tuple(
        Inputs(one, inputs.endorsements, inputs.references, policy, inputs.now) for one in _each(evidence, most)
    )


def _each(evidence: Evidence, most: int) -> Iterator[Evidence]:
    for n in range(most):
        held = ((name, evidence.part(f"{name}.{n}")) for name in _NAMES)
        one = tuple(msgspec.structs.replace(part, name=f"{name}.0") for name, part in held if part is not None)
        yield msgspec.structs.replace(evidence, parts=one)


_NAMES = (reading.REPORT, reading.CERTIFICATES, reading.ARCHITECTURE)
