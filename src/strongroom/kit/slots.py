"""`slots.json`, the sidecar of a sealed artifact: who may open it. Rewritten alone when that changes; no payload is touched.

Each slot wraps the artifact's key by itself, bound to the artifact, to the id of a policy, and to its type. All of them, and
the generation, stand under a MAC that whoever holds the key can check and make: a slot that was put in, taken out or changed
by anybody else is told. docs/decisions/0015 says why, and what taking a slot out does not undo.
"""

import hmac
from collections.abc import Sequence
from typing import Annotated

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from strongroom.kit import age_armor, age_header, age_keys, age_recipients, hpke_slot, strict_json
from strongroom.kit.canonical import Json, canonical
from strongroom.kit.sealed import KEY, SLOTS_FILE, Artifact, Boundary
from strongroom.model.errors import BadSignature, BadUsage, Malformed, NotFound, TooLarge
from strongroom.model.release import Wrapped, resource_name

SCHEMA = "strongroom.sealed-slots/1"
MOST_SLOTS, MOST_SHARES = 64, 32
MOST = 8 << 20  # octets
_INFO = b"strongroom.sealed/1 sidecar"
_Hex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
_Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
# A segment of a resource's name, so that the policy of a slot that a broker or a back end opens can stand in it.
_Policy = Annotated[str, msgspec.Meta(pattern=r"^(?:[A-Za-z0-9][A-Za-z0-9._-]{0,127})?$")]
_Recipient = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
_Sealed = Annotated[bytes, msgspec.Meta(min_length=hpke_slot.SEALED, max_length=hpke_slot.SEALED)]


class Slot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    """What all slots have. `policy` is the id of the policy that must hold, empty for none; `recipient` is public."""

    id: _Id
    policy: _Policy
    recipient: _Recipient


class HpkeSlot(Slot, tag="hpke", frozen=True, forbid_unknown_fields=True):
    """For the holder of an identity of this program."""

    sealed: _Sealed


class AgeSlot(Slot, tag="age", frozen=True, forbid_unknown_fields=True):
    """An age file in armor, which the age program opens too."""

    file: Annotated[str, msgspec.Meta(max_length=16384)]


class KeySlot(Slot, tag="key", frozen=True, forbid_unknown_fields=True):
    """For a key back end, which opens it against a receipt. The resource that it wraps is `resource_of` artifact and policy."""

    wrapped: Wrapped


class BrokerSlot(Slot, tag="broker", frozen=True, forbid_unknown_fields=True):
    """For whoever is attested: the private key of `recipient` is a resource of a broker, given out by the policy.

    `signer` is the thumbprint of the key that signs the broker's tokens.
    """

    url: Annotated[
        str, msgspec.Meta(pattern=r"^https?://[!-~]{1,2000}$")
    ]  # http on this machine alone, as the client sees to
    resource: Annotated[str, msgspec.Meta(max_length=400)]
    signer: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_:=-]{16,128}$")]
    sealed: _Sealed


class EscrowShare(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A share of the key, wrapped to its holder: HPKE octets in base64, or an age file in armor."""

    number: Annotated[int, msgspec.Meta(ge=1, le=MOST_SHARES)]
    recipient: _Recipient
    commitment: _Hex
    sealed: Annotated[str, msgspec.Meta(max_length=16384)]


class EscrowSlot(Slot, tag="escrow", frozen=True, forbid_unknown_fields=True):
    """For so many of several holders together."""

    threshold: Annotated[int, msgspec.Meta(ge=2, le=MOST_SHARES)]
    shares: Annotated[tuple[EscrowShare, ...], msgspec.Meta(min_length=2, max_length=MOST_SHARES)]


AnySlot = HpkeSlot | AgeSlot | KeySlot | BrokerSlot | EscrowSlot
TYPES = ("hpke", "age", "key", "broker", "escrow")


class Sidecar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. Each change counts `generation` up, so that an older file can be told by whoever knows a later one."""

    schema: str
    artifact: _Hex
    generation: Annotated[int, msgspec.Meta(ge=1, lt=1 << 53)]
    slots: tuple[AnySlot, ...]
    mac: _Hex

    def slot(self, ident: str) -> AnySlot:
        """The slot of an id. Raises NotFound."""
        found = next((s for s in self.slots if s.id == ident), None)
        if found is None:
            raise NotFound("slot", repr(ident[:40]), f"one of {', '.join(s.id for s in self.slots)}")
        return found


class _Peek(msgspec.Struct):
    """What is told apart before all is read, so that a slot of a later program is named as that."""

    slots: list[dict[str, msgspec.Raw]] = []


def type_of(slot: AnySlot) -> str:
    """The type's name, as the file has it."""
    return str(slot.__struct_config__.tag)


def context(artifact: str, policy: str, kind: str, share: int | None = None) -> bytes:
    """What a wrap is bound to. A share is bound to its number too."""
    held: dict[str, Json] = {"artifact": artifact, "policy": policy, "type": kind}
    return canonical(held if share is None else {**held, "share": share}, SLOTS_FILE)


def resource_of(artifact: str, policy: str) -> str:
    """The name under which a key back end wraps an artifact's key: rules of a release policy can name all of a policy."""
    return resource_name(f"sealed/{policy}/{artifact}")


def is_classical(slot: AnySlot) -> bool:
    """Whether it can be opened once X25519 falls. What a key back end does is that back end's matter."""
    texts = [s.recipient for s in slot.shares] if isinstance(slot, EscrowSlot) else [slot.recipient]
    return any(t.startswith(f"{age_keys.CLASSICAL}1") and not t.startswith(f"{age_keys.HYBRID}1") for t in texts)


def is_post_quantum(slot: AnySlot) -> bool:
    """Whether it was wrapped with ML-KEM, all of it."""
    return not isinstance(slot, KeySlot) and not is_classical(slot)


def render(sidecar: Sidecar) -> bytes:
    """The file, in its one form (RFC 8785)."""
    return canonical(msgspec.to_builtins(sidecar), SLOTS_FILE) + b"\n"


def read(data: bytes, artifact: Artifact) -> Sidecar:
    """The sidecar of an artifact, not yet authenticated: `verify` does that with the key that a slot gave.

    Raises Malformed, TooLarge.
    """
    if len(data) > MOST:
        raise TooLarge(SLOTS_FILE, f"{len(data)} octets", f"at most {MOST}")
    strict_json.check(data, SLOTS_FILE)
    try:
        kinds = [s.get("type", msgspec.Raw(b'""')) for s in msgspec.json.decode(data, type=_Peek).slots]
        strange = [k for k in kinds if bytes(k) not in {f'"{t}"'.encode() for t in TYPES}]
        if strange:
            raise Malformed(SLOTS_FILE, f"a slot of type {bytes(strange[0])[:40]!r}", f"one of {', '.join(TYPES)}")
        found = msgspec.json.decode(data, type=Sidecar)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as e:
        raise Malformed(SLOTS_FILE, str(e)[:160], SCHEMA) from None
    if found.schema != SCHEMA or found.artifact != artifact.id:
        raise Malformed(
            SLOTS_FILE, f"{found.schema[:40]!r} of {found.artifact[:16]}…", f"{SCHEMA} of {artifact.id[:16]}…"
        )
    if render(found) != data:
        raise Malformed(SLOTS_FILE, "JSON of another form", "the one form (RFC 8785)")
    _check(found.slots, artifact)
    return found


def verify(sidecar: Sidecar, key: bytes, least: int = 1) -> Sidecar:
    """The sidecar again, once the MAC holds under the artifact's key; `least` is the generation that is known of.

    Raises BadSignature: it was changed by somebody without the key, or is an older one that was put back.
    """
    if not hmac.compare_digest(_mac(sidecar, key), sidecar.mac):
        raise BadSignature(SLOTS_FILE, "a MAC that does not hold", "slots that a holder of the key has written")
    if sidecar.generation < least:
        found = f"generation {sidecar.generation}"
        raise BadSignature(SLOTS_FILE, found, f"{least} or later", "an older list of slots was put back")
    return sidecar


def begin(artifact: Artifact, key: bytes, slots: Sequence[AnySlot], *, mixed: bool = False) -> Sidecar:
    """The first sidecar of an artifact. Raises as `add`."""
    return _made(artifact, key, 1, slots, mixed=mixed)


def add(sidecar: Sidecar, artifact: Artifact, key: bytes, slot: AnySlot, *, mixed: bool = False) -> Sidecar:
    """The next generation, with one slot more.

    Raises:
        BadSignature: the key is not that of this sidecar.
        BadUsage: the boundary refuses the slot, or classical recipients would stand beside post-quantum ones and `mixed`
            does not say so.
        Malformed, TooLarge: the id is taken, or there are too many.
    """
    verify(sidecar, key)
    return _made(artifact, key, sidecar.generation + 1, (*sidecar.slots, slot), mixed=mixed)


def remove(sidecar: Sidecar, artifact: Artifact, key: bytes, ident: str) -> Sidecar:
    """The next generation, without a slot. Whoever has opened the artifact before still has its key.

    Raises:
        NotFound: there is no such slot.
        BadUsage: it is the last one; nobody could open the artifact again.
        BadSignature: as `add`.
    """
    verify(sidecar, key)
    gone = sidecar.slot(ident)
    left = tuple(s for s in sidecar.slots if s is not gone)
    return _made(artifact, key, sidecar.generation + 1, left, mixed=True)  # taking away mixes nothing


def rotate(
    sidecar: Sidecar, artifact: Artifact, key: bytes, slots: Sequence[AnySlot], *, mixed: bool = False
) -> Sidecar:
    """The next generation with other slots in the place of all. Raises as `add`."""
    verify(sidecar, key)
    return _made(artifact, key, sidecar.generation + 1, slots, mixed=mixed)


def _made(artifact: Artifact, key: bytes, generation: int, slots: Sequence[AnySlot], *, mixed: bool) -> Sidecar:
    if not slots:
        raise BadUsage("slots", "none", "one at least", "without a slot nobody could open the artifact again")
    if artifact.boundary is Boundary.ATTESTED and any(not isinstance(s, BrokerSlot) for s in slots):
        raise BadUsage("slots", "a slot beside a broker's", "a broker's alone, as the boundary is attested")
    if not mixed and any(map(is_classical, slots)) and any(map(is_post_quantum, slots)):
        # The weakest slot decides when the artifact can be read.
        raise BadUsage("slots", "classical recipients beside post-quantum ones", "recipients of one strength")
    made = Sidecar(SCHEMA, artifact.id, generation, tuple(slots), "0" * 64)
    made = msgspec.structs.replace(made, mac=_mac(made, key))
    return read(render(made), artifact)


def _mac(sidecar: Sidecar, key: bytes) -> str:
    if len(key) != KEY:
        raise BadUsage(SLOTS_FILE, f"a key of {len(key)} octets", f"{KEY}")
    held = {n: v for n, v in msgspec.to_builtins(sidecar).items() if n != "mac"}
    under = HKDF(SHA256(), 32, bytes.fromhex(sidecar.artifact), _INFO).derive(key)
    return hmac.digest(under, canonical(held, SLOTS_FILE), "sha256").hex()


def _check(slots: Sequence[AnySlot], artifact: Artifact) -> None:
    """What the types do not say. An artifact of the attested boundary with another way in is refused by whoever reads it."""
    if not 1 <= len(slots) <= MOST_SLOTS:
        raise TooLarge(SLOTS_FILE, f"{len(slots)} slots", f"1 to {MOST_SLOTS}")
    if len({s.id for s in slots}) != len(slots):
        raise Malformed(SLOTS_FILE, "two slots of one id", "each its own")
    for slot in slots:
        if artifact.boundary is Boundary.ATTESTED and not isinstance(slot, BrokerSlot):
            raise Malformed(f"slot {slot.id}", f"type {type_of(slot)}", "a broker's alone, as the boundary is attested")
        _check_one(slot, artifact)


def _check_one(slot: AnySlot, artifact: Artifact) -> None:
    subject = f"slot {slot.id}"
    match slot:
        case KeySlot() | BrokerSlot() if not slot.policy:
            raise Malformed(subject, "no policy", "the id of one, on whose terms it is opened")
        case KeySlot() if slot.wrapped.resource != resource_of(artifact.id, slot.policy):
            raise Malformed(subject, "a key that was wrapped as another resource", "that of its artifact and policy")
        case BrokerSlot():
            resource_name(slot.resource)
            hpke_slot.recipient(slot.recipient)
        case HpkeSlot():
            hpke_slot.recipient(slot.recipient)
        case AgeSlot():
            _check_age(slot.file.encode(), slot.recipient)
        case EscrowSlot():
            numbers = [s.number for s in slot.shares]
            if numbers != list(range(1, len(numbers) + 1)) or slot.threshold > len(numbers):
                raise Malformed(subject, f"shares {numbers}, {slot.threshold} wanted", "numbers from 1, and enough")
            for share in slot.shares:
                _check_share(share)
        case _:
            pass


def _check_share(share: EscrowShare) -> None:
    if share.recipient.startswith(hpke_slot.RECIPIENT):
        hpke_slot.recipient(share.recipient)
    else:
        _check_age(share.sealed.encode(), share.recipient)


def _check_age(file: bytes, recipient: str) -> None:
    """Refuse an age file that is not for the one recipient that it is said to be for. Raises Malformed."""
    wanted = age_keys.recipient(recipient)
    kind = age_recipients.HYBRID if isinstance(wanted, age_keys.HybridRecipient) else age_recipients.X25519
    header = age_header.parse(age_armor.dearmored(file))
    if [s.type for s in header.stanzas] != [kind]:
        raise Malformed("age slot", "stanzas of other kinds", f"one of {kind}, as its recipient is")
