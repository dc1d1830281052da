"""A handover from words: a table of GPUs by the scheduler's numbers, and the API server of a cluster."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from strongroom.app.isolation import MOST_RULE, octets
from strongroom.collect.kubernetes import kubeconfig
from strongroom.kit import strict_json
from strongroom.model.errors import BadUsage, Malformed, NotFound
from strongroom.model.handover import KeeperKind, Link

HINT = "nvidia-smi -q | grep -E 'GPU UUID|Minor Number' shows both of each GPU"


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A GPU of the table: its UUID, and the number of its device file, where it has one."""

    uuid: str
    minor: int | None = None


def table(path: str, numbers: str) -> dict[str, Row]:
    """The GPUs with these numbers, as in `0,2`, `0-3` or `all`, by a table of all of the node.

    A number that is not in the table is no GPU that anybody may pass over. Raises Unreadable, Malformed, NotFound.
    """
    data = octets(path, MOST_RULE)
    strict_json.check(data, path, HINT)
    try:
        held = msgspec.json.decode(data, type=dict[str, Row])
    except msgspec.MsgspecError as e:
        raise Malformed(
            path, str(e).lower()[:200], 'a table such as {"0": {"uuid": "GPU-…", "minor": 0}}', HINT
        ) from None
    if len({r.uuid for r in held.values()}) != len(held):
        raise Malformed(path, "one GPU under two numbers", "each GPU once", HINT)
    if numbers == "all":
        return held
    found = {}
    for number in _numbers(numbers):
        if number not in held:
            raise NotFound(f"GPU number {number}", f"not in {path}", "a row for each GPU of the node", HINT)
        found[number] = held[number]
    return found


def _numbers(text: str) -> list[str]:
    """`0,2` and `0-3`, as schedulers write them; at most a thousand."""
    found: dict[str, None] = {}
    for one in text.split(","):
        match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", one.strip(), re.ASCII)
        if match is None or (match[2] and int(match[2]) - int(match[1]) not in range(1000)):
            raise BadUsage("--numbers", repr(text[:60]), "numbers such as 0,2 or 0-3, or all")
        found.update({str(n): None for n in range(int(match[1]), int(match[2] or match[1]) + 1)})
    return list(found)


def link(kind: KeeperKind, config: str | None, context: str | None) -> Link | None:
    """How the API server is reached: by a kubeconfig, else as a pod is. Raises Unreadable, TooLarge, Malformed."""
    if not kind.linked:
        return None
    if config is not None:
        return kubeconfig.read(Path(config), context or "")
    surroundings = os.environ  # noqa: TID251 - app is where the surroundings are asked
    return kubeconfig.in_cluster(
        surroundings.get("KUBERNETES_SERVICE_HOST", ""), surroundings.get("KUBERNETES_SERVICE_PORT", "")
    )


def options(prefix: str) -> Mapping[str, str]:
    """What a scheduler's part is told: the prefix of taints, and where Slurm told its epilog to look."""
    return {"prefix": prefix, "slurm_conf": os.environ.get("SLURM_CONF", "")}  # noqa: TID251 - as above
