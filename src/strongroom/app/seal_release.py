"""The part of opening a sealed artifact that a broker has: this machine attests, and gets what the slot's policy gives it."""

from dataclasses import replace

import msgspec

from strongroom.app import release_get
from strongroom.app.release_client import Client
from strongroom.app.release_get import Asking
from strongroom.app.seal_hands import Hands
from strongroom.kit import hpke_slot, jwk, kbs_client, sealed, slot_wraps, strict_json, xwing
from strongroom.kit.slots import BrokerSlot, KeySlot
from strongroom.model.errors import BadSignature, BadUsage, Malformed


def released(slot: BrokerSlot | KeySlot, artifact: str, asking: Asking, hands: Hands) -> bytes:
    """What the broker gives to this machine, once it has attested."""
    if isinstance(slot, BrokerSlot):
        asking = replace(asking, to=replace(asking.to, url=slot.url))
        name = slot.resource
    else:
        if not asking.to.url:
            raise BadUsage("--broker", "none", "its URL: the slot is of a key back end, which a broker opens")
        name = slot.wrapped.resource
    with release_get.client(asking, hands.clock, hands.tell, hands.attester) as client:
        with client.get(name) as secret:
            octets = bytes(secret.view)
        if isinstance(slot, BrokerSlot):
            _is_the_brokers(client, slot.signer)
        release_get.who(client, hands.tell)
    if isinstance(slot, KeySlot):
        if len(octets) != sealed.KEY:
            raise Malformed(name, f"{len(octets)} octets", f"a key of {sealed.KEY}")
        return octets
    return slot_wraps.open_broker(slot, artifact, _identity(octets, name))


def _identity(octets: bytes, name: str) -> xwing.PrivateKey:
    """The identity that is deposited: its file as `seal keygen` makes it, or the line alone."""
    try:
        lines = [line.strip() for line in octets.decode("ascii").splitlines()]
    except UnicodeDecodeError:
        lines = []
    found = [line for line in lines if line.startswith(hpke_slot.IDENTITY)]
    if len(found) != 1:
        hint = "deposit what seal keygen made: strongroom release put NAME --from-file FILE"
        raise Malformed(f"resource {name}", "no identity", hpke_slot.IDENTITY + "…", hint)
    return hpke_slot.identity(found[0])


class _Key(msgspec.Struct):
    kty: str = ""
    crv: str = ""
    x: str = ""
    y: str = ""


class _KeySet(msgspec.Struct):
    keys: tuple[_Key, ...]


def signers(client: Client) -> dict[str, bytes]:
    """The keys by which a broker says that it signs tokens: thumbprints, and SubjectPublicKeyInfo in DER.

    Raises Malformed; TurnedAway, OutOfReach.
    """
    body = client.ask(".well-known/jwks.json", None).body
    subject = "key set of the broker"
    strict_json.check(body, subject)
    try:
        held = msgspec.json.decode(body, type=_KeySet).keys
    except msgspec.MsgspecError as e:
        raise Malformed(subject, str(e)[:160], "a JSON Web Key Set") from None
    found = [
        jwk.recipient({"kty": k.kty, "crv": k.crv, "x": k.x, "y": k.y, "alg": jwk.ECDH}) for k in held if k.kty == "EC"
    ]
    return {one.thumbprint: one.spki for one in found}


def _is_the_brokers(client: Client, signer: str) -> None:
    """Raise BadSignature where the token is not by the key that the slot names: another broker would be another policy."""
    key = signers(client).get(signer)
    if key is None:
        found = "a broker that signs by other keys"
        hint = "was its key changed on purpose? seal rewrap makes a slot for the new one"
        raise BadSignature("broker", found, f"the key {signer[:16]}… that the slot names", hint)
    kbs_client.signed_by(client.session().standing.token, key)
