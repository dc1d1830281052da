"""What people export of Google Cloud: lines of Cloud Asset Inventory, lists, and pages of its API, merged by name.

Source: https://cloud.google.com/asset-inventory/docs/exporting-to-cloud-storage (one asset on a line, one content type a
file) and its REST reference, `assets.list` (`assets`, `nextPageToken`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from strongroom.collect.json_lines import documents
from strongroom.model.codes import GapCode
from strongroom.model.errors import Malformed

HINT = "gcloud asset export --organization ORG --content-type resource --output-path gs://BUCKET/assets.json, then fetch it"
WHAT = "assets of Cloud Asset Inventory, each with name and asset type"
PERMISSIONS = tuple(
    f"cloudasset.assets.{verb}{content}"
    for verb in ("export", "list")
    for content in ("AccessPolicy", "IamPolicy", "Resource")
)
"""What exporting and listing these contents needs: https://cloud.google.com/asset-inventory/docs/access-control."""
_LISTS = ("assets", "results")
_CONTENTS = (
    "resource",
    "iamPolicy",
    "iam_policy",
    "orgPolicy",
    "org_policy",
    "servicePerimeter",
    "service_perimeter",
    "ancestors",
)

Record = Mapping[str, object]
Miss = Callable[[str, GapCode, str], None]


def records(data: bytes, subject: str, miss: Miss) -> list[Record]:
    """Every asset of a file, those of one name as one. Raises Malformed where there is none."""
    found = merged((one for document in documents(data, subject, WHAT, HINT) for one in _assets(document, miss)), miss)
    if not found:
        raise Malformed(subject, "no asset with a name and a type", WHAT, HINT)
    return found


def merged(assets: Iterable[Record], miss: Miss) -> list[Record]:
    """Assets of one name as one, with every content that is told of it."""
    found: dict[str, dict[str, object]] = {}
    total = unnamed = 0
    for one in assets:
        total += 1
        name = one.get("name")
        if not isinstance(name, str) or not isinstance(one.get("assetType", one.get("asset_type")), str):
            unnamed += 1
            continue
        kept = found.setdefault(name, dict(one))
        kept.update({k: one[k] for k in _CONTENTS if k in one})
    if unnamed:
        miss("assets without a name or type", GapCode.MALFORMED, f"{unnamed} of {total} do not say what they are")
    return list(found.values())


def policies(found: list[Record]) -> bool:
    """Whether there are policies among them: an export holds the contents that it was asked for."""
    return any("iamPolicy" in r or "iam_policy" in r for r in found)


def _assets(document: object, miss: Miss) -> Iterator[dict[str, object]]:
    if isinstance(document, list):
        for one in document:
            yield from _assets(one, miss)
        return
    if not isinstance(document, dict):
        return
    listed = next((document[n] for n in _LISTS if isinstance(document.get(n), list)), None)
    if listed is None or "name" in document:
        yield document
        return
    yield from (one for one in listed if isinstance(one, dict))
    if document.get("nextPageToken"):
        detail = f"the answer has {len(listed)} assets and a token for more, which are not in the file"
        miss("further pages", GapCode.LOST, detail)
