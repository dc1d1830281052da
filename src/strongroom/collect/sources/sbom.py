"""`sbom:FILE|DIR`: images by their bills of materials."""

from collections.abc import Iterator
from pathlib import Path

from strongroom.collect.sbom import reading
from strongroom.collect.sbom.reading import Bill
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadInput, Malformed, TooLarge, Unreadable
from strongroom.model.estate import Asset, Estate, Fact, Gap, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.ports import Collector, Peek, Request
from strongroom.model.values import Value, Where

_MOST = 256 << 20  # octets of one bill
_WHAT = "a bill of materials, or a folder of them"
_SUFFIXES = (".json", ".cdx", ".spdx")


def recognises(peek: Peek) -> int:
    """A file that says so; a folder is not looked through."""
    return 90 if not peek.is_dir and reading.recognises(peek.head) else 0


def collect(request: Request) -> Estate:
    """Each image as an asset. In a folder, what is no bill is a gap; alone it is bad input."""
    path = Path(request.target)
    assets: list[Asset] = []
    gaps: list[Gap] = []
    files = 0
    for one in _files(path):
        files += 1
        try:
            bill = reading.read(_octets(one), str(one))
        except BadInput as e:
            if not path.is_dir():
                raise
            gaps.append(Gap(str(one), request.spec, GapCode.MALFORMED, f"{e.found}, wanted {e.wanted}"))
            continue
        assets.append(_asset(bill, one, request))
    if not assets and not gaps:
        raise Malformed(request.target, "no bill of materials", _WHAT)
    read = SourceRead(request.spec, "sbom", "bills of materials", files, len(gaps), (Kind.IMAGE,))
    return Estate(tuple(assets), tuple(gaps), (read,), request.now)


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(p for p in path.rglob("*") if p.suffix in _SUFFIXES and p.is_file() and not p.is_symlink())
    else:
        yield path


def _octets(path: Path) -> bytes:
    try:
        with path.open("rb") as f:
            data = f.read(_MOST + 1)
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), _WHAT) from None
    if len(data) > _MOST:
        raise TooLarge(str(path), f"over {_MOST >> 20} MiB", _WHAT)
    return data


def _asset(bill: Bill, path: Path, request: Request) -> Asset:
    """An image is known by its digest, so that the bill and what runs it mean the same; one without, by name and file."""
    where = Where(str(path))
    prefix = f"{request.label}:" if request.label else ""
    facts: dict[str, Value] = {
        "image.digest": bill.digest, "image.built_at": bill.made_at, "image.packages": bill.packages,
        "image.package_count": len(bill.packages) + bill.unversioned, "image.unversioned": bill.unversioned,
    }  # fmt: skip
    return Asset(
        id=f"{prefix}image:{bill.digest or f'{bill.name}@{path.name}'}",
        kind=Kind.IMAGE,
        native_type="image",
        address=bill.name,
        name=bill.name,
        aliases=(bill.digest,) if bill.digest else (),
        facts={n: Fact(n, v, where, request.spec) for n, v in facts.items()},
        where=where,
        origin=request.spec,
    )


COLLECTOR = Collector(
    scheme="sbom",
    title="Bills of materials",
    reads="a bill of materials of an image, or a folder of them: CycloneDX 1.4 to 1.7, SPDX 2.3, in JSON",
    kinds=(Kind.IMAGE,),
    recognises=recognises,
    collect=collect,
)
