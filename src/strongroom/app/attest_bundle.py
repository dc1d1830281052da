"""Bundles of endorsements, for machines that may ask no vendor: make one, take one in, look into one."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from strongroom.app.config import Config
from strongroom.app.endorsement_reading import keys_of, remember, state_folder, trust
from strongroom.app.endorsements import Surroundings, cache_folder, gather
from strongroom.app.evidence import load
from strongroom.app.evidence import wants as wants_of
from strongroom.app.log import make_key
from strongroom.collect.endorsements import files
from strongroom.collect.endorsements.cache import Cache
from strongroom.kit import endorsement_bundle as bundles
from strongroom.kit.endorsement_bundle import Bundle
from strongroom.kit.endorsement_names import describe
from strongroom.kit.tlog.keys import VerifierKey
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.ledger import disk, keyfile
from strongroom.model.attest import Endorsements, Want
from strongroom.model.errors import BadInput, BadUsage, NotFound, Unreadable

NAME = "endorsements"
_KEY = "bundle.key"


@dataclass(frozen=True, slots=True)
class Order:
    """What a bundle is to hold, where it goes, and which key signs it (None: this installation's own)."""

    output: str
    evidence: tuple[str, ...] = ()
    endorsements: tuple[str, ...] = ()
    name: str = NAME
    key: str | None = None
    keys: tuple[str, ...] = ()
    offline: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """The bundle that was written; `missing` is what no source gave."""

    path: str
    bundle: Bundle
    key: VerifierKey
    key_file: Path
    made_key: bool
    remarks: tuple[str, ...]
    missing: tuple[Want, ...]


def create(order: Order, now: datetime, config: Config, around: Surroundings | None = None) -> Made:
    """Write and sign a bundle of what is named and of all that the evidence named needs, as far as it is to be had.

    Raises:
        BadUsage: neither is named.
        BadInput: there is nothing to put into it, or something that is named cannot be used.
        Unreadable: it cannot be written.
    """
    if not order.evidence and not order.endorsements:
        raise BadUsage("attest bundle create", "nothing to put into it", "--for EVIDENCE or --endorsements PATH")
    wants: list[Want] = []
    for path in order.evidence:
        evidence = load(path, None, None, now)
        wants += wants_of(evidence)
    given = gather(order.endorsements, wants, now, config, offline=order.offline, keys=order.keys, around=around)
    unique = {e.digest: e for e in given.endorsements.items}
    if not unique:
        found = "; ".join(given.remarks) or "no endorsement"
        raise NotFound("attest bundle create", found, "at least one endorsement", "name some with --endorsements")
    for item in unique.values():
        describe(item)  # what cannot be read is not signed
    key_file = Path(order.key) if order.key else state_folder(config) / _KEY
    made_key = not order.key and not key_file.exists()
    if made_key:
        make_key(f"{socket.gethostname() or 'localhost'}/bundles", key_file, witness=False, algorithm="ed25519")
    signer = Ed25519Signer(keyfile.read(key_file))
    data = bundles.make(Endorsements(tuple(unique.values())), order.name, now, signer)
    target = Path(order.output)
    try:
        disk.replace(target, data, 0o644)
    except OSError as e:
        raise Unreadable(order.output, (e.strerror or "an error").lower(), "a file that can be written") from None
    held = bundles.parse(data)
    return Made(order.output, held, signer.key.verifier, key_file, made_key, given.remarks, given.missing)


@dataclass(frozen=True, slots=True)
class Looked:
    """A bundle as it lies there. `signed_by` is who it says; `trouble` why it counts for nothing, or an empty text."""

    path: str
    bundle: Bundle
    signed_by: tuple[str, ...]
    trouble: str


def look(path: str, config: Config, keys: Sequence[str]) -> Looked:
    """A bundle, and whether it would count here. Raises Unreadable, TooLarge, Malformed."""
    held = bundles.parse(files.read(path, bundles.MOST).data, path)
    try:
        signed = trust(held, keys_of(config, keys), config, path)
    except BadInput as e:
        return Looked(path, held, bundles.signers(held), f"found {e.found}, wanted {e.wanted}")
    return Looked(path, held, tuple(f"{k.name}+{k.key_id:08x}" for k in signed), "")


@dataclass(frozen=True, slots=True)
class Imported:
    """What was taken in: where it is kept now, and how much of it is over already."""

    path: str
    bundle: Bundle
    signed_by: tuple[str, ...]
    cache: str
    kept: int
    over: int
    remarks: tuple[str, ...]


def take_in(path: str, now: datetime, config: Config, keys: Sequence[str]) -> Imported:
    """Put what a trusted key has signed where verifiers look for it, and refuse older bundles from now on.

    Raises:
        BadSignature: it is not signed by a trusted key, was changed, or is older than one that was taken in.
        Unreadable, TooLarge, Malformed: it cannot be used, or the cache cannot.
    """
    held = bundles.parse(files.read(path, bundles.MOST).data, path)
    signed = trust(held, keys_of(config, keys), config, path)
    cache = Cache(cache_folder(config))
    kept = sum(cache.keep(m.item, min(held.made_at, now), f"bundle {held.name}") for m in held.members)
    dated = (m.says for m in held.members if not m.says.keys)  # a key set has no dates
    over = sum(1 for says in dated if not says.holds(now))
    remark = remember(held, signed, config)
    names = tuple(f"{k.name}+{k.key_id:08x}" for k in signed)
    return Imported(path, held, names, cache.where, kept, over, tuple(filter(None, (remark, *cache.troubles))))
