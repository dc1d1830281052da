"""Samples of a scrape, in the forms that it is kept in.

The text that the exporter serves (Prometheus, "Exposition formats", text format 0.0.4), the JSON of a query
(Prometheus, "HTTP API", instant and range vectors), and CSV with the labels as text.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from strongroom.model.errors import Malformed, TooLarge

MOST = 20_000_000  # samples
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,200}")
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]{0,200})\s*=\s*"((?:[^"\\\n]|\\.)*)"\s*(,|$)')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", '"': '"', "\\": "\\"}
_WHAT = "a scrape of dcgm-exporter"
_HINT = "curl -s http://HOST:9400/metrics > scrape.txt"
_CSV = ("metric_name", "value", "labels_raw")


class Sample(NamedTuple):
    """A value of a metric, and the line that it stands on. Its text is kept: a number may be none."""

    line: int
    metric: str
    labels: Mapping[str, str]
    value: str
    at: str  # when, as it is written; empty where it is not


def read(text: str, file: str) -> Iterator[Sample]:
    """The samples of a file, in whichever form. Raises Malformed with the line, TooLarge."""
    head = text.lstrip()[:1]
    found = _json(text, file) if head in {"{", "["} else _csv(text, file) if _is_csv(text) else _lines(text, file)
    for count, sample in enumerate(found):
        if count >= MOST:
            raise TooLarge(file, f"more than {MOST} samples", "a scrape of fewer")
        yield sample


def _is_csv(text: str) -> bool:
    header = text.lstrip("\ufeff").partition("\n")[0].replace('"', "").strip().split(",")
    return set(_CSV) <= set(header)


def _lines(text: str, file: str) -> Iterator[Sample]:
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        name = _NAME.match(stripped)
        rest = stripped[name.end() :].lstrip() if name else ""
        inner, closing, after = "", "", rest
        if rest.startswith("{"):
            inner, closing, after = _braced(rest)
        if name is None or (rest.startswith("{") and not closing) or not after.split():
            raise Malformed(f"{file}:{number}", f"{stripped[:60]!r}", _WHAT, _HINT)
        value, *stamp = after.split()
        yield Sample(number, name[0], labels(inner, f"{file}:{number}"), value, stamp[0] if stamp else "")


def _braced(text: str) -> tuple[str, str, str]:
    """What stands in braces, and what follows. A brace in a quoted value closes nothing."""
    quoted = escaped = False
    for n, c in enumerate(text):
        if escaped:
            escaped = False
        elif c == "\\":
            escaped = quoted
        elif c == '"':
            quoted = not quoted
        elif c == "}" and not quoted:
            return text[1:n], "}", text[n + 1 :]
    return "", "", ""


def labels(text: str, place: str) -> dict[str, str]:
    """Labels as they are written between braces. Raises Malformed: what is none, or a name twice."""
    found: dict[str, str] = {}
    at = 0
    while text[at:].strip():
        one = _LABEL.match(text, at)
        if one is None or one[1] in found:
            raise Malformed(place, f"labels {text[at : at + 60]!r}", _WHAT, _HINT)
        found[one[1]] = _ESCAPE.sub(lambda m: _ESCAPED.get(m[1], m[0]), one[2])
        at = one.end()
    return found


def _csv(text: str, file: str) -> Iterator[Sample]:
    try:
        rows = csv.DictReader(text.lstrip("\ufeff").splitlines(), strict=True)
        for row in rows:
            told = {k: v for k, v in row.items() if isinstance(k, str)}
            if any(not isinstance(told.get(k), str) for k in _CSV):
                raise Malformed(f"{file}:{rows.line_num}", "a row that is cut", _WHAT, _HINT)
            held = labels(str(told["labels_raw"]), f"{file}:{rows.line_num}")
            yield Sample(
                rows.line_num, str(told["metric_name"]), held, str(told["value"]), str(told.get("timestamp") or "")
            )
    except csv.Error as e:
        raise Malformed(file, str(e)[:120], _WHAT, _HINT) from None


def _json(text: str, file: str) -> Iterator[Sample]:
    try:
        table = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise Malformed(file, str(e)[:120].lower(), _WHAT, _HINT) from None
    results = (
        table.get("data", {}).get("result") if isinstance(table, dict) and isinstance(table.get("data"), dict) else None
    )
    if not isinstance(results, list):
        raise Malformed(file, "no data.result", "the answer of a query to Prometheus", _HINT)
    for number, one in enumerate(results, start=1):
        held = one.get("metric") if isinstance(one, dict) else None
        pairs = (
            [one.get("value")]
            if isinstance(one, dict) and "value" in one
            else one.get("values")
            if isinstance(one, dict)
            else None
        )
        last = pairs[-1] if isinstance(pairs, list) and pairs else None
        if not isinstance(held, dict) or not isinstance(last, list) or len(last) != 2:
            raise Malformed(f"{file}: result {number}", str(one)[:60], "a metric with a value", _HINT)
        told = {str(k): str(v) for k, v in held.items()}
        yield Sample(number, told.get("__name__", ""), told, str(last[1]), str(last[0]))
