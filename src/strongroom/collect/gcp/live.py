"""An organisation, folder or project of Google Cloud as it runs: Cloud Asset Inventory's list of it, content by content.

Source: https://cloud.google.com/asset-inventory/docs/reference/rest/v1/assets/list. The right to list stands on the parent and
covers all below it: a list is whole, or refused.
"""

import contextlib
import hashlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

from strongroom.collect.cloud_asking import Asker, Failure, Json, Listed, Step, Told
from strongroom.collect.gcp.reading import Record, merged
from strongroom.collect.wire import Deadline
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadUsage, Unreadable
from strongroom.model.estate import Gap
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Where

_PARENT = r"organizations/\d{1,20}|folders/\d{1,20}|projects/[a-z0-9.:-]{1,63}"
_TARGET = re.compile(rf"(?P<parent>{_PARENT})?(?:@(?P<host>[\w.:\[\]-]{{1,253}}))?")
_WANTED = "gcp:[organizations/N|folders/N|projects/ID][@HOST]"
_EXPORTS = "strongroom assess --help (gcp-assets: and gcp-users: read files)"
_GOOGLE = ".googleapis.com"
_LOCAL = ("127.0.0.1", "localhost", "[::1]")
_PAGE = "1000"  # assets, the most that the API gives
CONTENTS = {"RESOURCE": (), "IAM_POLICY": (Kind.GRANT, Kind.POLICY, Kind.TRAIL), "ACCESS_POLICY": (Kind.POLICY,)}
"""What is asked for of every asset, and the kinds that are not seen where it is refused; none named for all of them."""


class Scope(NamedTuple):
    """What is read, empty for the project of the credentials, and where the API is, empty for its usual place."""

    parent: str = ""
    host: str = ""


def parsed(spec: str, target: str) -> Scope:
    """The parts of a target. Raises BadUsage: a token that Google gave out is shown to Google's servers alone."""
    found = _TARGET.fullmatch(target)
    if found is None:
        raise BadUsage(spec, repr(target[:80]), _WANTED, _EXPORTS)
    host = (found["host"] or "").lower()
    name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
    if host and not name.endswith(_GOOGLE) and name not in _LOCAL:
        raise BadUsage(spec, f"the server {name[:80]}", f"one of {_GOOGLE[1:]}", _EXPORTS)
    return Scope(found["parent"] or "", host)


@dataclass(slots=True)
class Reading:
    """What was told. `lost` is why resources are missing, `no_policies` why grants are."""

    records: list[Record] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    lost: Unknown | None = None
    no_policies: Unknown | None = None
    lists: int = 0
    size: int = 0

    def digest(self) -> str:
        """The digest over all records."""
        made = sorted(json.dumps(r, sort_keys=True) for r in self.records)
        return hashlib.sha256("\n".join(made).encode()).hexdigest()


def read(asker: Asker, parent: str, spec: str, deadline: Deadline) -> Reading:
    """All of a parent. Raises Unreadable where nothing at all may be seen."""
    # Perimeters belong to the organisation, and are listed of it alone.
    contents = [c for c in CONTENTS if c != "ACCESS_POLICY" or parent.startswith("organizations/")]
    # The deadline ends before the pool waits for its threads: whoever gives up in the middle waits for no answer.
    with ThreadPoolExecutor(len(contents)) as pool, contextlib.closing(deadline):
        asked = {c: pool.submit(_list, asker, parent, c) for c in contents}
        told = {c: one.result() for c, one in asked.items()}
    made = Reading(lists=len(told), size=sum(t.size for t in told.values()))

    def miss(scope: str, code: GapCode, detail: str) -> None:
        made.gaps.append(Gap(scope, spec, code, detail, Where(spec, path=scope)))

    made.records = merged((one for t in told.values() for one in t.found), miss)
    if not made.records:
        failed = next((t.failure for t in told.values() if t.failure is not None), None)
        found = failed.detail if failed is not None else "no asset"
        hint = "strongroom init gcp prints the role that it takes"
        raise Unreadable(f"{spec} ({parent})", found, "assets that may be listed", hint)
    for content, one in told.items():
        if one.failure is not None:
            _lose(made, content, one.failure, spec)
    return made


def _lose(made: Reading, content: str, why: Failure, spec: str) -> None:
    right = f"cloudasset.assets.list{content.title().replace('_', '')}"
    detail = f"{right}: {why.detail}" if why.code is GapCode.DENIED else why.detail
    made.gaps.append(Gap(f"assets {content}", spec, why.code, detail, Where(spec, path=content), CONTENTS[content]))
    if content == "RESOURCE":
        made.lost = Unknown(why.code, detail)
    elif content == "IAM_POLICY":
        made.no_policies = Unknown(why.code, f"grants: {detail}")


def _list(asker: Asker, parent: str, content: str) -> Told:
    query = {"contentType": content, "pageSize": _PAGE}

    def more(page: Json, step: Step) -> Step | Failure | None:
        token = page.get("nextPageToken")
        return step._replace(query={**query, "pageToken": token}) if isinstance(token, str) and token else None

    # An empty list is left out of the answer; the time that it was read at never is.
    return asker.pages(Step(f"/v1/{parent}/assets", query), Listed("assets", "readTime"), more)
