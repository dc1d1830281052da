"""The slots that a command asks for: for recipients, for holders together, for brokers, and for a key back end."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from strongroom.app import seal_keys
from strongroom.app.seal_model import octets_of
from strongroom.kit import age_keys, broker_recipient, hpke_slot, slot_wraps, slots, xwing
from strongroom.kit.sealed import Artifact
from strongroom.kit.slot_wraps import Broker, Recipient, Terms
from strongroom.kit.slots import AnySlot, KeySlot
from strongroom.model.errors import BadInput, BadUsage
from strongroom.model.release import Secret

if TYPE_CHECKING:
    from strongroom.app.release_admin import Desk

_SHOWN = 64


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who is to open an artifact, in the words of a command.

    `recipients` are recipients or files of them, `brokers` files of brokers' recipients; `threshold` of the `holders`
    open it together; `backend` is a key back end of the broker's configuration, whose resource belongs to `owners`.
    `policy` is the id of the policy that is bound in. `mixed` lets classical recipients stand beside post-quantum ones.
    """

    recipients: tuple[str, ...] = ()
    brokers: tuple[str, ...] = ()
    threshold: int = 0
    holders: tuple[str, ...] = ()
    backend: str = ""
    owners: tuple[str, ...] = ()
    policy: str = ""
    mixed: bool = False

    def check(self, subject: str) -> None:
        """Raise BadUsage where the words do not fit together, or name nobody."""
        if bool(self.holders) != bool(self.threshold):
            raise BadUsage(subject, "half of an escrow", "--escrow N, and --holder for each who has a share")
        if self.backend and not self.policy:
            raise BadUsage("--to-backend", "no policy", "--policy ID: a broker opens it by a policy")
        if self.backend and not self.owners:
            raise BadUsage("--to-backend", "no owner", "--owner VKEY for each: whose policies must hold")
        if not (self.recipients or self.brokers or self.holders or self.backend):
            wanted = "--to, --to-broker, --to-backend, or --escrow with --holder"
            raise BadUsage(subject, "nobody who could open it", wanted, "strongroom seal keygen makes an identity")


@dataclass(frozen=True, slots=True)
class Read:
    """What the words name, read before anything is sealed."""

    wanted: Wanted
    recipients: tuple[Recipient, ...]
    brokers: tuple[broker_recipient.BrokerRecipient, ...]
    holders: tuple[Recipient, ...]


def read(wanted: Wanted) -> Read:
    """Read all that is named. Raises NotFound, Unreadable, Malformed, TooLarge, BadInput."""
    brokers = tuple(
        broker_recipient.read(octets_of(path, "a broker's recipient", broker_recipient.MOST), path)
        for path in wanted.brokers
    )
    holders = seal_keys.recipients(wanted.holders)
    if wanted.threshold and not 2 <= wanted.threshold <= len(holders):
        raise BadInput(
            "--escrow", f"{wanted.threshold} of {len(holders)} holders", "2 or more, of as many or more holders"
        )
    return Read(wanted, seal_keys.recipients(wanted.recipients), brokers, holders)


def made(read: Read, artifact: Artifact, key: bytes, desk: "Desk | None") -> tuple[AnySlot, ...]:
    """The slots, each around the artifact's key. Raises what wrapping raises; KeyUnavailable from a back end."""
    return tuple(_made(read, artifact, key, desk))


def _made(read: Read, artifact: Artifact, key: bytes, desk: "Desk | None") -> Iterator[AnySlot]:
    policy = read.wanted.policy
    for to in read.recipients:
        text = slot_wraps.recipient_text(to)
        if isinstance(to, xwing.PublicKey):
            yield slot_wraps.hpke(Terms(_ident("hpke", policy, text), artifact.id, policy), key, to)
        else:
            yield _age(Terms(_ident("age", policy, text), artifact.id, policy), key, to)
    for at in read.brokers:
        terms = Terms(_ident("broker", at.policy, at.recipient, at.url, at.resource), artifact.id, at.policy)
        yield slot_wraps.broker(terms, key, hpke_slot.recipient(at.recipient), Broker(at.url, at.resource, at.signer))
    if read.holders:
        texts = [slot_wraps.recipient_text(h) for h in read.holders]
        terms = Terms(_ident("escrow", policy, *texts), artifact.id, policy)
        chance = os.urandom(slot_wraps.escrow_chance(read.wanted.threshold, len(texts)))
        yield slot_wraps.escrow(terms, key, read.wanted.threshold, read.holders, chance)
    if read.wanted.backend:
        yield _keyed(read.wanted, artifact, key, desk)


def _age(terms: Terms, key: bytes, to: age_keys.Recipient) -> AnySlot:
    return slot_wraps.age(terms, key, to, os.urandom(slot_wraps.AGE_CHANCE))


def _keyed(wanted: Wanted, artifact: Artifact, key: bytes, desk: "Desk | None") -> KeySlot:
    assert desk is not None  # whoever names a back end has opened the desk that it stands at
    name = slots.resource_of(artifact.id, wanted.policy)
    secret = Secret(key)
    try:
        wrapped = desk.backend(wanted.backend).wrap(secret, name, 1, wanted.owners)
    finally:
        secret.wipe()
    return slot_wraps.keyed(Terms(_ident("key", wanted.policy, wrapped.key), artifact.id, wanted.policy), wrapped)


def _ident(kind: str, policy: str, *parts: str) -> str:
    """The id of a slot: of its type, and of who it is for, so that one recipient has it once."""
    held = "\0".join((policy, *parts)).encode()
    return f"{kind}-{hashlib.sha256(held).hexdigest()[:8]}"


def who(slot: AnySlot) -> str:
    """Who a slot is for, short enough to be shown: a broker's resource, or a recipient."""
    if isinstance(slot, slots.BrokerSlot):
        return f"{slot.url} {slot.resource}"
    if isinstance(slot, KeySlot):
        return f"{slot.recipient} {slot.wrapped.resource}"
    text = slot.recipient
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 9]}…{text[-8:]}"


def deposited(found: Sequence[AnySlot], desk: "Desk | None") -> None:
    """Deposit what a key back end has wrapped at the broker, which gives it out by its policy. Raises as `Desk.record`."""
    for slot in found:
        if isinstance(slot, KeySlot) and desk is not None:
            w = slot.wrapped
            desk.record("put", w.resource, version=w.version, backend=w.backend, key=w.key, owners=w.owners)
            desk.store.deposit(w, desk.now)
