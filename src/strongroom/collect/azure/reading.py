"""What people export of Azure, in every form that its tools write: rows of resources, and whether there should be more.

Source: Microsoft Learn, "Working with large Azure resource data sets" (`$skipToken`, `resultTruncated`, the formats
`objectArray` and `table`); `az graph query -o json` prints `data`, `count`, `skip_token` and `total_records`.
"""

import json
from collections.abc import Callable, Iterator, Mapping

from strongroom.collect.json_lines import documents
from strongroom.model.codes import GapCode
from strongroom.model.errors import Malformed

HINT = 'az graph query -q "resources" --first 1000 -o json > azure.json, and each page after it with --skip-token'
WHAT = "rows of Azure Resource Graph, each with id and type"
_MORE = ("skip_token", "$skipToken", "skipToken", "nextLink", "@odata.nextLink")
_TRUNCATED = ("resultTruncated", "result_truncated")
_TOTAL = ("total_records", "totalRecords")
_LISTS = ("data", "value")
_COLUMNS = ("properties", "tags", "identity", "sku")

Row = Mapping[str, object]
Miss = Callable[[str, GapCode, str], None]


def rows(data: bytes, subject: str, miss: Miss) -> list[Row]:
    """Every row of a file. Raises Malformed where there is none; what is not whole is told to `miss`."""
    found: list[Row] = []
    for document in documents(data, subject, WHAT, HINT):
        found += _rows_of(document, miss)
    kept = [r for r in found if isinstance(r.get("id"), str) and isinstance(r.get("type"), str)]
    if len(kept) < len(found):
        less = len(found) - len(kept)
        miss("rows without an id or type", GapCode.MALFORMED, f"{less} of {len(found)} rows do not say what they are")
    if not kept:
        raise Malformed(subject, "no row with an id and a type", WHAT, HINT)
    return kept


def _rows_of(document: object, miss: Miss) -> Iterator[Row]:
    if isinstance(document, list):
        for one in document:
            yield from _rows_of(one, miss) if isinstance(one, list) or _is_page(one) else _row(one)
        return
    if not isinstance(document, dict):
        return
    if not _is_page(document):
        yield from _row(document)
        return
    held: list[Row] = []
    for name in _LISTS:
        inside = document.get(name)
        if isinstance(inside, dict) and "columns" in inside:
            held += _table(inside)
        elif isinstance(inside, list):
            held += [r for one in inside for r in _row(one)]
    _whole(document, len(held), miss)
    yield from held


def _is_page(document: object) -> bool:
    return isinstance(document, dict) and "id" not in document and any(name in document for name in _LISTS)


def _row(one: object) -> Iterator[Row]:
    """A row; columns that a query in the format `table` left as JSON text are read."""
    if isinstance(one, dict):
        yield {k: _parsed(v) if k in _COLUMNS else v for k, v in one.items()}


def _parsed(value: object) -> object:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value


def _table(inside: Mapping[str, object]) -> Iterator[Row]:
    columns, listed = inside.get("columns"), inside.get("rows")
    names = [c.get("name") if isinstance(c, dict) else c for c in columns] if isinstance(columns, list) else []
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, list) and len(one) == len(names):
            yield from _row({str(n): v for n, v in zip(names, one, strict=True)})


def _whole(document: Mapping[str, object], held: int, miss: Miss) -> None:
    """Tell of pages that are missing."""
    if any(document.get(name) for name in _MORE):
        miss(
            "further pages", GapCode.LOST, f"the answer has {held} rows and a token for more, which are not in the file"
        )
        return
    if any(str(document.get(name)).lower() == "true" for name in _TRUNCATED):
        miss("further rows", GapCode.LOST, f"Resource Graph cut the answer off after {held} rows")
        return
    total = next((t for n in _TOTAL if isinstance(t := document.get(n), int)), held)
    if total > held:
        miss("further rows", GapCode.LOST, f"the answer has {held} of {total} rows")
