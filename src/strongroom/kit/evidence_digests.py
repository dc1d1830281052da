"""What the checks of a run read, as digests: enough to tell later which fact of which asset changed, and no value.

A sensitive value is left out, as is one that is not known: the first must not be guessable from what is kept, the
second is no value. The digests are short (48 bits): they tell two values apart, and identify none.
"""

import hashlib
import zlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from strongroom.model.control import Finding
from strongroom.model.errors import Malformed
from strongroom.model.values import NetRule, Unknown, Value

WIDTH = 6
MAX_BYTES = 512 << 20
"""The most that a packed form may unfold to; 100,000 assets take about 30 MiB."""

Digests = Mapping[str, Mapping[str, bytes]]
"""Asset id to fact name to digest."""


class Kept(NamedTuple):
    """What was kept, and the version of the program that read the facts: another may read them otherwise."""

    version: str
    of: Digests


class _Form(msgspec.Struct, array_like=True):
    version: str
    names: list[str]
    assets: dict[str, tuple[list[int], bytes]]  # places in `names`, and as many digests in one piece


def orderless(value: object) -> str:
    """A value as text in which the order of lists does not show."""
    plain = msgspec.to_builtins(value) if isinstance(value, msgspec.Struct) else value
    if isinstance(plain, dict):
        return "{" + ",".join(f"{k}:{orderless(v)}" for k, v in sorted(plain.items())) + "}"
    if isinstance(plain, list | tuple):
        return "[" + ",".join(sorted(map(orderless, plain))) + "]"
    return repr(plain)


def known(value: Value) -> bool:
    """Whether no part of a value is unknown."""
    if isinstance(value, tuple):
        return all(map(known, value))
    if isinstance(value, NetRule):
        return not any(isinstance(p, Unknown) for p in value.peers)
    return not isinstance(value, Unknown)


def of_findings(findings: Iterable[Finding]) -> dict[str, dict[str, bytes]]:
    """The digests of every fact that the findings rest on."""
    found: dict[str, dict[str, bytes]] = {}
    made: dict[tuple[type, Value], bytes] = {}
    for f in findings:
        own = found.get(f.asset)
        for fact in f.facts:
            if fact.sensitive or (own is not None and fact.name in own) or not known(fact.value):
                continue
            if own is None:
                own = found.setdefault(f.asset, {})
            key = (type(fact.value), fact.value)
            digest = made.get(key)
            if digest is None:
                digest = made[key] = _digest(fact.value)
            own[fact.name] = digest
    return found


def _digest(value: Value) -> bytes:
    text = value.strip().lower() if isinstance(value, str) else value
    return hashlib.sha256(orderless(text).encode("utf-8", "surrogatepass")).digest()[:WIDTH]


def pack(version: str, digests: Digests) -> bytes:
    """The digests in few bytes: the same digests give the same bytes."""
    names = sorted({name for own in digests.values() for name in own})
    place = {name: n for n, name in enumerate(names)}
    assets = {}
    for asset, own in sorted(digests.items()):
        listed = sorted(own)
        assets[asset] = ([place[n] for n in listed], b"".join([own[n] for n in listed]))
    return zlib.compress(msgspec.msgpack.encode(_Form(version, names, assets)), 1)


def unpack(data: bytes, subject: str) -> Kept:
    """What `pack` packed; nothing of nothing. Raises Malformed."""
    if not data:
        return Kept("", {})
    wanted = "digests of evidence as strongroom writes them"
    try:
        inflater = zlib.decompressobj()
        plain = inflater.decompress(data, MAX_BYTES)
        if not inflater.eof:
            raise Malformed(subject, "evidence that is cut off, or too large", wanted)
        form = msgspec.msgpack.decode(plain, type=_Form)
        of = {
            asset: {form.names[n]: joined[WIDTH * i : WIDTH * (i + 1)] for i, n in enumerate(places)}
            for asset, (places, joined) in form.assets.items()
        }
    except (zlib.error, msgspec.DecodeError, IndexError) as e:
        raise Malformed(subject, f"damaged evidence ({type(e).__name__.lower()})", wanted) from None
    return Kept(form.version, of)
