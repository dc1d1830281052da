"""`dcgm:FILE`: a fleet of GPUs by a scrape of NVIDIA's exporter of metrics, as text, as a query's JSON, or as CSV; also gzipped.

A scrape shows what the exporter was told to count, so most of a card stays unsaid; it is the one source that many sites have
for every GPU. What runs in which pod is not read: a label is what the exporter believes.
"""

import hashlib
import zlib
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from strongroom.collect.dcgm import fleet as fleets
from strongroom.collect.dcgm import samples
from strongroom.collect.dcgm.fleet import Card, Fleet, Seen
from strongroom.model.codes import GapCode
from strongroom.model.errors import Malformed, TooLarge, Unreadable
from strongroom.model.estate import Asset, Estate, Fact, Gap, Ref, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.ports import Collector, Peek, Request
from strongroom.model.values import Unknown, Value, Where

KINDS = (Kind.HOST, Kind.GPU)
_WHAT = "a scrape of dcgm-exporter"
_HINT = "curl -s http://HOST:9400/metrics > scrape.txt"
_GZIP = b"\x1f\x8b"


def recognises(peek: Peek) -> int:
    """A text that speaks of DCGM's fields near its beginning."""
    return 0 if peek.is_dir or b"DCGM_FI_" not in peek.head else 70


def collect(request: Request) -> Estate:
    """The fleet of a scrape. Raises Unreadable, TooLarge, Malformed."""
    data = _octets(request)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as e:
        raise Malformed(request.target, f"no UTF-8 at octet {e.start}", _WHAT, _HINT) from None
    found = fleets.of(samples.read(text, request.target))
    if not found.cards:
        raise Malformed(request.target, "no metric of a GPU with its UUID and host", _WHAT, _HINT)
    hosts: dict[str, list[Card]] = defaultdict(list)
    for card in found.cards.values():
        hosts[card.host].append(card)
    assets = [a for host, cards in sorted(hosts.items()) for a in _host(host, cards, found, request)]
    read = SourceRead(
        request.spec, "dcgm", f"a scrape of {len(found.cards)} GPUs of {len(hosts)} hosts", 1, len(data), KINDS,
        hashlib.sha256(data).hexdigest(),
    )  # fmt: skip
    return Estate(tuple(_once(assets)), tuple(_gaps(found, request)), (read,), request.now)


def _octets(request: Request) -> bytes:
    path, most = Path(request.target), request.limits.bytes
    try:
        with path.open("rb") as f:
            data = f.read(most + 1)
    except OSError as e:
        raise Unreadable(request.target, (e.strerror or "an error").lower(), _WHAT, _HINT) from None
    if data.startswith(_GZIP):
        data = _unpacked(data, request.target, most)
    if len(data) > most:
        raise TooLarge(request.target, f"over {most} octets", _WHAT)
    return data


def _unpacked(data: bytes, file: str, most: int) -> bytes:
    """What a gzip file holds, and no more of it than may be."""
    wheel = zlib.decompressobj(wbits=31)
    try:
        out = wheel.decompress(data, most + 1)
    except zlib.error as e:
        raise Malformed(file, str(e)[:120], "a whole gzip file", _HINT) from None
    if len(out) <= most and not wheel.eof:
        raise Malformed(file, "a gzip file that is cut off", "a whole one", _HINT)
    return out


def _host(name: str, cards: list[Card], found: Fleet, request: Request) -> Iterator[Asset]:
    """A host and its cards."""
    where = Where(request.target, min(c.line for c in cards))
    ident = f"host:name/{name}"
    said: dict[str, Value] = {
        "host.id_source": "hostname",
        "host.collected_at": _moment(found.at),
        "gpu.count": len(cards),
        "gpu.driver": fleets.driver(cards),
        "gpu.model": ", ".join(sorted({str(c.labels["modelName"][0]) for c in cards if "modelName" in c.labels}))
        or None,
    }
    if (cuda := fleets.cuda(cards)) is not None:
        said["version.cuda"] = cuda
    if (library := fleets.library(cards)) is not None:
        said["gpu.library"] = library
    facts = {n: Fact(n, v, where, request.spec) for n, v in said.items()}
    yield Asset(
        id=ident, kind=Kind.HOST, native_type="host", address=name, name=name, provider="onprem", facts=facts, where=where,
        origin=request.spec,
    )  # fmt: skip
    for card in sorted(cards, key=lambda c: c.uuid):
        yield _gpu(card, ident, request)


def _gpu(card: Card, host: str, request: Request) -> Asset:
    def fact(seen: Seen) -> Fact:
        name, value, line = seen
        return Fact(name, value, Where(request.target, line), request.spec)

    facts = {f.name: f for f in map(fact, fleets.facts(card))}
    return Asset(
        id=f"gpu:{card.uuid}", kind=Kind.GPU, native_type="gpu", address=f"{card.host}/{card.uuid}", name=card.uuid,
        provider="onprem", facts=facts, where=Where(request.target, card.line), origin=request.spec, refs=(Ref("host", host),),
    )  # fmt: skip


def _once(assets: list[Asset]) -> Iterator[Asset]:
    """Each card once: one that two hosts show was moved, or one of the two lies; the first is kept, and a gap says so."""
    seen: set[str] = set()
    for asset in assets:
        if asset.id not in seen:
            seen.add(asset.id)
            yield asset


def _gaps(found: Fleet, request: Request) -> Iterator[Gap]:
    where = Where(request.target)
    if found.homeless:
        detail = f"{found.homeless} samples name no GPU by UUID, or no host"
        yield Gap(request.target, request.spec, GapCode.MALFORMED, detail, where, KINDS)
    homes: dict[str, list[str]] = defaultdict(list)
    for host, uuid in found.cards:
        homes[uuid].append(host)
    for uuid, hosts in homes.items():
        if len(hosts) > 1:
            detail = f"{uuid} is shown by {', '.join(hosts[:4])}; one of them is out of date"
            yield Gap(request.target, request.spec, GapCode.CONFLICT, detail, where, (Kind.GPU,))


def _moment(text: str) -> Value:
    """When a scrape was made, as it says itself: seconds or milliseconds since 1970, or a date."""
    try:
        if text.replace(".", "", 1).isdigit():
            number = float(text)
            return datetime.fromtimestamp(number / 1000 if number > 1e11 else number, UTC).isoformat()
        return datetime.fromisoformat(text).astimezone(UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return Unknown(GapCode.ABSENT, "the scrape does not say when it was made")


COLLECTOR = Collector(
    scheme="dcgm",
    title="A fleet of GPUs by its metrics",
    reads="a scrape of dcgm-exporter: its text, a Prometheus query's JSON, or CSV with the labels; also gzipped",
    kinds=KINDS,
    recognises=recognises,
    collect=collect,
)
