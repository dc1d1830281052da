"""`gcp:[organizations/N|folders/N|projects/ID][@HOST]`: what Google Cloud has as it is; nothing is changed in it."""

from strongroom.collect.cloud_asking import Asker, server
from strongroom.collect.gcp import live
from strongroom.collect.gcp.assets import Told, assets, kinds
from strongroom.collect.gcp.signing_in import HOME, signed_in
from strongroom.collect.wire import Deadline
from strongroom.model.errors import BadUsage
from strongroom.model.estate import Estate, SourceRead
from strongroom.model.ports import Collector, Peek, Request

_HINT = "strongroom assess --help (gcp-assets: and gcp-users: read files)"


def recognises(peek: Peek) -> int:
    """An organisation is no path."""
    del peek
    return 0


def collect(request: Request) -> Estate:
    """Read an organisation, a folder or a project.

    Raises BadUsage for a target that is none, or with --offline; Unreadable where there is no way in at all. What is refused,
    late or half told is a gap, or unknown in what it would have told.
    """
    scope = live.parsed(request.spec, request.target)
    if request.limits.outside.offline:
        raise BadUsage(request.spec, "a running cloud", "files with --offline", _HINT)
    who = signed_in(request.spec)
    parent = scope.parent or (f"projects/{who.project}" if who.project else "")
    if not parent:
        raise BadUsage(request.spec, "credentials of no project", "gcp:projects/ID or gcp:organizations/N", _HINT)
    to = server(scope.host or HOME, who.renew)
    to.headers()  # without a token there is nothing to ask
    deadline = Deadline(request.limits.wall_seconds)
    reading = live.read(Asker(to, deadline), parent, request.spec, deadline)
    told = Told(request.spec, request.spec, reading.no_policies is None, reading.lost, reading.no_policies)
    found = tuple(assets(reading.records, told))
    title = f"Google Cloud {parent}"
    source = SourceRead(request.spec, "gcp", title, reading.lists, reading.size, kinds(), reading.digest())
    return Estate(found, tuple(reading.gaps), (source,), request.now)


COLLECTOR = Collector(
    scheme="gcp",
    title="Google Cloud",
    reads="what runs, by the credentials that google-auth finds: gcp:, gcp:organizations/N, gcp:folders/N, gcp:projects/ID",
    kinds=kinds(),
    recognises=recognises,
    collect=collect,
)
