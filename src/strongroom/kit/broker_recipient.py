"""Who a broker's slot is for, as a file: what whoever seals must know of a broker and of one of its resources.

The private key of `recipient` is deposited at the broker as `resource`. `policy` is the id of the policy that gives it
out, and `signer` the thumbprint (RFC 7638, SHA-256) of the key that signs the broker's tokens.
"""

from typing import Annotated

import msgspec

from strongroom.kit import hpke_slot, strict_json
from strongroom.model.errors import Malformed
from strongroom.model.release import resource_name

SCHEMA = "strongroom.broker-recipient/1"
MOST = 64 << 10


class BrokerRecipient(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    schema: str
    url: Annotated[str, msgspec.Meta(pattern=r"^https?://[!-~]{1,2000}$")]
    resource: str
    policy: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
    signer: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_:=-]{16,128}$")]
    recipient: str


def read(data: bytes, subject: str) -> BrokerRecipient:
    """The recipient of a file. Raises Malformed."""
    strict_json.check(data, subject)
    try:
        found = msgspec.json.decode(data, type=BrokerRecipient)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as e:
        raise Malformed(subject, str(e)[:160], SCHEMA) from None
    if found.schema != SCHEMA:
        raise Malformed(subject, repr(found.schema[:40]), SCHEMA)
    resource_name(found.resource)
    hpke_slot.recipient(found.recipient)
    return found


def render(recipient: BrokerRecipient) -> bytes:
    """The file."""
    return msgspec.json.format(msgspec.json.encode(recipient)) + b"\n"
