"""What the steps of a Nitro document share."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from strongroom.attest.tee import _nitro_document as documents
from strongroom.attest.tee._nitro_document import Document
from strongroom.attest.verifier import Inputs
from strongroom.kit.cose import Sign1
from strongroom.kit.x509 import certificate as certificates
from strongroom.kit.x509.certificate import Certificate
from strongroom.model.errors import BadInput

LEAF_LIFE = timedelta(hours=3)
_NOTHING = documents.claimed({})


@dataclass(slots=True)
class Case:
    """The inputs, and what was read of them as far as it could be: `trouble` says why not further."""

    inputs: Inputs
    roots: Mapping[str, str]
    size: int
    message: Sign1 | None
    end: int  # octets of the message
    message_trouble: BadInput | None
    document: Document
    payload_trouble: BadInput | None
    tail: bytes

    def chain(self) -> tuple[Certificate, ...]:
        """The certificates, leaf first. Raises Malformed for octets that are none."""
        return tuple(certificates.parse(c) for c in self.document.chain[: documents.MOST_AUTHORITIES + 1])

    def moment(self) -> datetime | None:
        """The time by which certificates must hold beside the document's own.

        Now; earlier by as much as the policy takes documents that are older than the three hours of a leaf's life.
        """
        made = self.document.time
        if made is None:
            return None
        allowance = max(timedelta(), timedelta(minutes=self.inputs.policy.nitro.max_age_minutes) - LEAF_LIFE)
        since = self.inputs.now - made
        return made if since <= allowance else made + (since - allowance)


def begin(roots: Mapping[str, str], inputs: Inputs) -> Case:
    """The state for the inputs."""
    part, beside = inputs.evidence.part(documents.DOCUMENT), inputs.evidence.part(documents.STATEMENTS)
    data = part.data if part else b""
    message, end, document = None, 0, _NOTHING
    first: BadInput | None = None
    second: BadInput | None = None
    try:
        message, end = documents.message(data)
    except BadInput as e:
        first = e
    if message is not None:
        try:
            document = documents.payload(message.payload)
        except BadInput as e:
            second = e
    return Case(inputs, roots, len(data), message, end, first, document, second, beside.data if beside else b"")
