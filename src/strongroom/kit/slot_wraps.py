"""How the slots of an artifact are made, and opened by who holds an identity. What chance is needed is an argument."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from strongroom.kit import age_armor, age_file, age_keys, hpke_slot, shamir, slots, strict_json, xwing
from strongroom.kit.canonical import canonical
from strongroom.kit.sealed import KEY, SLOTS_FILE
from strongroom.kit.slots import AgeSlot, AnySlot, BrokerSlot, EscrowShare, EscrowSlot, HpkeSlot, KeySlot, Sidecar
from strongroom.model.errors import BadInput, BadSignature, BadUsage, Malformed
from strongroom.model.release import Wrapped

Recipient = xwing.PublicKey | age_keys.X25519Recipient | age_keys.HybridRecipient
Identity = xwing.PrivateKey | age_keys.X25519Identity | age_keys.HybridIdentity | age_keys.Passphrase
AGE_CHANCE = age_file.chance(1)  # octets of chance for a wrap to an age recipient, or for a share


@dataclass(frozen=True, slots=True)
class Terms:
    """What a slot is made for: its own id, the artifact's, and the policy's, empty for none."""

    id: str
    artifact: str
    policy: str = ""


class Broker(NamedTuple):
    """Where the private key of a slot is given out: the broker, its resource, the thumbprint of who signs its tokens."""

    url: str
    resource: str
    signer: str


class _Inside(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an age file holds: age binds no context by itself, so the context stands inside, beside the key in hex."""

    artifact: str
    key: str
    policy: str
    type: str
    share: int | msgspec.UnsetType = msgspec.UNSET


def recipient(text: str) -> Recipient:
    """A recipient of either kind of text. Raises Malformed."""
    return hpke_slot.recipient(text) if text.startswith(hpke_slot.RECIPIENT) else age_keys.recipient(text)


def recipient_text(to: Recipient) -> str:
    """The text of a recipient."""
    return hpke_slot.recipient_text(to) if isinstance(to, xwing.PublicKey) else to.text


def hpke(terms: Terms, key: bytes, to: xwing.PublicKey) -> HpkeSlot:
    """A slot for a recipient of this program. Raises BadUsage, Malformed."""
    sealed = hpke_slot.wrap(key, to, slots.context(terms.artifact, terms.policy, "hpke"))
    return HpkeSlot(terms.id, terms.policy, hpke_slot.recipient_text(to), sealed)


def age(terms: Terms, key: bytes, to: age_keys.Recipient, chance: bytes) -> AgeSlot:
    """A slot for a recipient of age; `chance` are `AGE_CHANCE` random octets. Raises BadUsage, Malformed."""
    return AgeSlot(terms.id, terms.policy, to.text, _age(terms, "age", None, key, to, chance))


def broker(terms: Terms, key: bytes, to: xwing.PublicKey, at: Broker) -> BrokerSlot:
    """A slot for whom a broker gives the private key of `to`. Raises BadUsage, Malformed."""
    sealed = hpke_slot.wrap(key, to, slots.context(terms.artifact, terms.policy, "broker"))
    return BrokerSlot(terms.id, terms.policy, hpke_slot.recipient_text(to), at.url, at.resource, at.signer, sealed)


def keyed(terms: Terms, wrapped: Wrapped) -> KeySlot:
    """A slot of what a key back end has wrapped as `resource_of` its artifact and policy. Raises BadUsage."""
    if wrapped.resource != slots.resource_of(terms.artifact, terms.policy):
        raise BadUsage("slot", f"resource {wrapped.resource!r}", slots.resource_of(terms.artifact, terms.policy))
    return KeySlot(terms.id, terms.policy, f"{wrapped.backend}:{wrapped.key}", wrapped)


def escrow_chance(threshold: int, holders: int) -> int:
    """How many random octets an escrow slot takes."""
    return shamir.chance(threshold, KEY) + holders * AGE_CHANCE


def escrow(terms: Terms, key: bytes, threshold: int, holders: Sequence[Recipient], chance: bytes) -> EscrowSlot:
    """A slot for so many of the holders together; `chance` are `escrow_chance` random octets. Raises BadUsage, Malformed."""
    if len(chance) != escrow_chance(threshold, len(holders)) or len(key) != KEY:
        raise BadUsage("escrow", f"{len(chance)} octets of chance", f"{escrow_chance(threshold, len(holders))}")
    if len(holders) > slots.MOST_SHARES or len({recipient_text(h) for h in holders}) != len(holders):
        raise BadUsage("escrow", f"{len(holders)} holders", f"at most {slots.MOST_SHARES}, each once")
    first = shamir.chance(threshold, KEY)
    parts = shamir.split(key, threshold, len(holders), chance[:first])
    of = _escrow_of(terms.artifact, terms.policy, terms.id)
    made = []
    for part, holder in zip(parts, holders, strict=True):
        start = first + (part.number - 1) * AGE_CHANCE
        sealed = _share(terms, part, holder, chance[start : start + AGE_CHANCE])
        committed = shamir.commitment(part, threshold, of).hex()
        made.append(EscrowShare(part.number, recipient_text(holder), committed, sealed))
    return EscrowSlot(terms.id, terms.policy, f"{threshold} of {len(holders)}", threshold, tuple(made))


def open_slot(slot: AnySlot, artifact: str, identities: Sequence[Identity]) -> bytes:
    """The key of a slot, for the identities that are here. `slots.verify` must hold the whole sidecar against it.

    Raises:
        BadSignature, Malformed: it was changed, or belongs to another artifact, policy or type.
        BadInput: it is for nobody here, or for too few of its holders.
        BadUsage: a key back end or a broker opens it.
    """
    own = [i for i in identities if isinstance(i, xwing.PrivateKey)]
    others = [i for i in identities if not isinstance(i, xwing.PrivateKey)]
    match slot:
        case HpkeSlot():
            return _by_hpke(slot, artifact, own)
        case AgeSlot():
            return _by_age(slot.file, slots.context(artifact, slot.policy, "age"), others)
        case EscrowSlot():
            return open_escrow(slot, artifact, [s for i in identities for s in open_shares(slot, artifact, i)])
        case KeySlot() | BrokerSlot():
            raise BadUsage(f"slot {slot.id}", f"type {slots.type_of(slot)}", "one that an identity opens")


def open_broker(slot: BrokerSlot, artifact: str, key: xwing.PrivateKey) -> bytes:
    """The key of a broker's slot, with the private key that the broker gave. Raises BadSignature."""
    return hpke_slot.unwrap(slot.sealed, key, slots.context(artifact, slot.policy, "broker"))


def open_shares(slot: EscrowSlot, artifact: str, identity: Identity) -> tuple[shamir.Share, ...]:
    """The shares of one holder, each held against its commitment; none where the holder has none.

    Raises BadSignature, naming the share, and Malformed.
    """
    mine = _public_of(identity)
    return tuple(_opened(slot, share, artifact, identity) for share in slot.shares if share.recipient == mine)


def open_escrow(slot: EscrowSlot, artifact: str, shares: Sequence[shamir.Share]) -> bytes:
    """The key, of the shares of enough holders. Raises BadSignature (with the number of a wrong share), BadInput, Malformed."""
    held = {s.number: s for s in shares}
    committed = {s.number: bytes.fromhex(s.commitment) for s in slot.shares}
    for share in held.values():
        if share.number not in committed:
            raise BadInput(f"slot {slot.id}", f"share {share.number}", f"1 to {len(committed)}")
        of = _escrow_of(artifact, slot.policy, slot.id)
        shamir.verify(share, slot.threshold, of, committed[share.number])
    if len(held) < slot.threshold:
        raise BadInput(f"slot {slot.id}", f"{len(held)} shares", f"{slot.threshold}", "ask further holders for theirs")
    return shamir.combine(tuple(held.values()), slot.threshold)


def unlock(sidecar: Sidecar, identities: Sequence[Identity], least: int = 1) -> tuple[AnySlot, bytes]:
    """The first slot that the identities open, and the artifact's key, under which the whole sidecar has held.

    Raises:
        BadInput: there is no slot for any of them.
        BadSignature, Malformed: a slot for one of them does not open, or the sidecar was changed or put back.
    """
    mine = {t for t in map(_public_of, identities) if t}
    for slot in sidecar.slots:
        enough = isinstance(slot, EscrowSlot) and sum(s.recipient in mine for s in slot.shares) >= slot.threshold
        if enough or (isinstance(slot, HpkeSlot | AgeSlot) and slot.recipient in mine):
            key = open_slot(slot, sidecar.artifact, identities)
            slots.verify(sidecar, key, least)
            return slot, key
    kinds = ", ".join(f"{s.id} ({slots.type_of(s)})" for s in sidecar.slots[:8])
    raise BadInput(SLOTS_FILE, f"slots {kinds}: none for who is here", "the identity of a recipient")


def recovered(octets: bytes, sidecar: Sidecar, least: int = 1) -> tuple[AnySlot, bytes]:
    """The slot and the key of what another program has opened of an age slot; the whole sidecar has held under the key.

    Raises BadSignature: it is of another artifact, or the sidecar was changed or put back; Malformed.
    """
    for slot in sidecar.slots:
        if isinstance(slot, AgeSlot):
            try:
                key = _inside(octets, slots.context(sidecar.artifact, slot.policy, "age"))
            except BadSignature:
                continue  # of another slot's policy
            slots.verify(sidecar, key, least)
            return slot, key
    raise BadSignature("recovered key", "the key of another artifact, or of no age slot here", "that of an age slot")


def _public_of(identity: Identity) -> str:
    """The recipient's text of an identity; empty for a passphrase, to which nothing is wrapped here."""
    if isinstance(identity, age_keys.Passphrase):
        return ""
    return recipient_text(identity.public if isinstance(identity, xwing.PrivateKey) else identity.recipient)


def _by_hpke(slot: HpkeSlot, artifact: str, identities: Sequence[xwing.PrivateKey]) -> bytes:
    if not identities:
        raise BadInput(f"slot {slot.id}", "no identity of its kind", "STRONGROOM-IDENTITY-1:…")
    mine = [i for i in identities if _public_of(i) == slot.recipient]
    return hpke_slot.unwrap(slot.sealed, (mine or identities)[0], slots.context(artifact, slot.policy, "hpke"))


def _age(terms: Terms, kind: str, share: int | None, key: bytes, to: age_keys.Recipient, chance: bytes) -> str:
    if len(key) != KEY:
        raise BadUsage("key to wrap", f"{len(key)} octets", f"{KEY}")
    inside = _Inside(terms.artifact, key.hex(), terms.policy, kind, msgspec.UNSET if share is None else share)
    plain = canonical(msgspec.to_builtins(inside), "age slot") + b"\n"
    return age_armor.armored(age_file.encrypt(plain, [to], age_file.fresh(chance, 1))).decode()


def _by_age(file: str, wanted: bytes, identities: Sequence[age_keys.Identity]) -> bytes:
    return _inside(age_file.decrypt(file.encode(), identities), wanted)


def _inside(plain: bytes, wanted: bytes) -> bytes:
    """The key in what an age file holds, where it is in its context."""
    strict_json.check(plain, "age slot")
    try:
        found = msgspec.json.decode(plain, type=_Inside)
        key = bytes.fromhex(found.key)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Malformed("age slot", "something else inside", "an artifact's key in its context") from None
    held = {n: v for n, v in msgspec.to_builtins(found).items() if n != "key"}
    if canonical(held, "age slot") != wanted or len(key) != KEY:
        raise BadSignature("age slot", "a key of another artifact, policy, type or share", "that of its place")
    return key


def _escrow_of(artifact: str, policy: str, ident: str) -> bytes:
    return slots.context(artifact, policy, "escrow") + ident.encode()


def _share(terms: Terms, part: shamir.Share, holder: Recipient, chance: bytes) -> str:
    if isinstance(holder, xwing.PublicKey):
        info = slots.context(terms.artifact, terms.policy, "escrow", part.number)
        return base64.b64encode(hpke_slot.wrap(part.octets, holder, info)).decode()
    return _age(terms, "escrow", part.number, part.octets, holder, chance)


def _opened(slot: EscrowSlot, share: EscrowShare, artifact: str, identity: Identity) -> shamir.Share:
    info = slots.context(artifact, slot.policy, "escrow", share.number)
    if isinstance(identity, xwing.PrivateKey):
        try:
            sealed = base64.b64decode(share.sealed, validate=True)
        except (binascii.Error, ValueError):
            raise Malformed(f"share {share.number}", "signs that are not of base64", "base64") from None
        octets = hpke_slot.unwrap(sealed, identity, info)
    else:
        octets = _by_age(share.sealed, info, [identity])
    found = shamir.Share(share.number, octets)
    of = _escrow_of(artifact, slot.policy, slot.id)
    shamir.verify(found, slot.threshold, of, bytes.fromhex(share.commitment))
    return found
