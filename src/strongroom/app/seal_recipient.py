"""Make the file by which artifacts are sealed to whatever a broker attests."""

from collections.abc import Callable
from datetime import datetime

from strongroom.app import release_get, seal_keys, seal_release
from strongroom.app.release_get import Asking
from strongroom.kit import broker_recipient, hpke_slot, xwing
from strongroom.kit.broker_recipient import SCHEMA, BrokerRecipient
from strongroom.model.errors import BadInput


def made(
    resource: str, to: str, policy: str, signer: str | None, asking: Asking, clock: Callable[[], datetime]
) -> bytes:
    """The file. The broker is asked for the key of its tokens, unless its thumbprint is given.

    Raises:
        BadInput: a recipient of another kind, names that are none, or a broker with several keys.
        OutOfReach: it did not answer.
    """
    found = seal_keys.recipients((to,))
    if len(found) != 1 or not isinstance(found[0], xwing.PublicKey):
        raise BadInput("--to", "not one recipient of this program", f"{hpke_slot.RECIPIENT}…, of seal keygen")
    text = hpke_slot.recipient_text(found[0])
    made = BrokerRecipient(SCHEMA, asking.to.url, resource, policy, signer or _signer(asking, clock), text)
    return broker_recipient.render(broker_recipient.read(broker_recipient.render(made), "recipient"))


def _signer(asking: Asking, clock: Callable[[], datetime]) -> str:
    with release_get.client(asking, clock, lambda _: None) as client:
        found = seal_release.signers(client)
    if len(found) != 1:
        raise BadInput("key set of the broker", f"{len(found)} keys", "one", "say which with --signer")
    return next(iter(found))
