"""Close a node while a tenant's pods are on it: nobody else comes before they are gone and its GPUs were scrubbed."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from strongroom.isolate import handover as judge
from strongroom.model.errors import BadUsage, GpuError
from strongroom.model.handover import Hold, KeeperKind, Link


class Closed(NamedTuple):
    """A node as it was found and is now: the pods with accelerators, whose they are, and how it is held."""

    node: str
    pods: tuple[str, ...]
    owners: tuple[str, ...]
    hold: Hold
    put: bool  # by this look

    @property
    def good(self) -> bool:
        """Whether no two owners are on it, and nobody else comes where one is."""
        return len(self.owners) < 2 and (self.hold.cordoned or not self.pods)


def close(kind: KeeperKind, node: str, options: Mapping[str, str], link: Link | None) -> Closed:
    """Look at the pods of a node once, and close it where one has accelerators. Raises BadUsage, GpuError."""
    if kind.crowd is None:
        raise BadUsage("--scheduler", kind.name, "one that tells who is on a node: kubernetes")
    crowd = kind.crowd(node, options, link)
    pods = crowd.users()
    owners = judge.owners(pods)
    hold = crowd.look()
    if not judge.closes(owners, hold):
        return Closed(node, pods, owners, hold, put=False)
    return Closed(node, pods, owners, crowd.wait(), put=True)


def keep_closing(
    look: Callable[[], Closed], tell: Callable[[Closed], None], seconds: float, trouble: Callable[[str], None]
) -> None:
    """Look again and again until somebody ends it; what changed is told. Where nobody answers the node stays as it is."""
    before: Closed | None = None
    while True:
        try:
            found = look()
        except GpuError as e:
            trouble(str(e))
        else:
            if before is None or found.put or found[:4] != before[:4]:
                tell(found)
            before = found
        time.sleep(seconds)
