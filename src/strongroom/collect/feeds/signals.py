"""What others know of vulnerabilities: which are exploited (CISA's KEV catalogue), and how likely that is (FIRST's EPSS)."""

import csv
import re

import msgspec

from strongroom.kit import strict_json
from strongroom.model.advisory import Signals
from strongroom.model.errors import Malformed

_CVE = re.compile(r"CVE-\d{4}-\d{4,19}")
_DATE = re.compile(r"score_date:(\d{4}-\d{2}-\d{2})")
_MOST = 2_000_000


class _Entry(msgspec.Struct, rename="camel"):
    cve_id: str = msgspec.field(name="cveID")
    date_added: str


class _Kev(msgspec.Struct, rename="camel"):
    date_released: str
    vulnerabilities: list[_Entry]


def is_kev(head: bytes) -> bool:
    """Whether octets look like CISA's catalogue."""
    return b'"catalogVersion"' in head or (b'"vulnerabilities"' in head and b'"cveID"' in head)


def is_epss(head: bytes) -> bool:
    """Whether octets look like EPSS's table."""
    return b"score_date:" in head[:200] or head.lstrip().startswith(b"cve,epss")


def kev(data: bytes, file: str, digest: str) -> Signals:
    """The day on which each became known to be exploited. Raises Malformed."""
    strict_json.check(data, file)
    try:
        held = msgspec.json.decode(data, type=_Kev)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise Malformed(file, str(e)[:160].lower(), "CISA's catalogue of exploited vulnerabilities") from None
    return Signals("kev", held.date_released[:10], digest, {e.cve_id: e.date_added for e in held.vulnerabilities})


def epss(data: bytes, file: str, digest: str) -> Signals:
    """The probability of each, as it is written. Raises Malformed with the line."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as e:
        raise Malformed(file, f"no UTF-8 at octet {e.start}", "EPSS's table") from None
    stamp = _DATE.search(text[:400])
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    values: dict[str, str] = {}
    try:
        for number, row in enumerate(csv.DictReader(lines, strict=True), start=2):
            cve, score = row.get("cve") or "", row.get("epss") or ""
            if not _CVE.fullmatch(cve) or not _share(score) or number > _MOST:
                raise Malformed(f"{file}:{number}", f"{cve[:30]!r}, {score[:20]!r}", "a CVE and its probability")
            values[cve] = score
    except csv.Error as e:
        raise Malformed(file, str(e)[:120], "EPSS's table") from None
    if not values:
        raise Malformed(file, "no row", "EPSS's table")
    return Signals("epss", stamp[1] if stamp else "", digest, values)


def _share(text: str) -> bool:
    try:
        return 0 <= float(text) <= 1
    except ValueError:
        return False
