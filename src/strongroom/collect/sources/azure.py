"""`azure:[SUBSCRIPTION,…|mg/GROUP][@HOST]`: a tenant of Azure as it is; nothing is changed in it."""

from strongroom.collect.azure import live
from strongroom.collect.azure.assets import Told, assets, kinds
from strongroom.collect.azure.signing_in import HOME, signed_in
from strongroom.collect.cloud_asking import Asker, server
from strongroom.collect.wire import Deadline
from strongroom.model.errors import BadUsage
from strongroom.model.estate import Estate, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.ports import Collector, Peek, Request

_HINT = "strongroom assess --help (azure-graph: and azure-users: read files)"


def recognises(peek: Peek) -> int:
    """A tenant is no path."""
    del peek
    return 0


def collect(request: Request) -> Estate:
    """Read a tenant, or what is named of it.

    Raises BadUsage for a target that is none, or with --offline; Unreadable where there is no way in at all. What is refused,
    late or half told is a gap, or unknown in what it would have told.
    """
    scope = live.parsed(request.spec, request.target)
    if request.limits.outside.offline:
        raise BadUsage(request.spec, "a running tenant", "files with --offline", _HINT)
    host = scope.host or HOME
    to = server(host, signed_in(request.spec, host))
    to.headers()  # without a token there is nothing to ask
    deadline = Deadline(request.limits.wall_seconds)
    reading = live.read(Asker(to, deadline), scope, request.spec, deadline, request.progress)
    found = tuple(assets(reading.rows, Told(request.spec, request.spec, reading.asked, tuple(reading.lost))))
    shown = tuple(sorted({*kinds(), Kind.OTHER}))
    title = f"Azure at {host}"
    source = SourceRead(request.spec, "azure", title, reading.lists, reading.size, shown, reading.digest())
    return Estate(found, tuple(reading.gaps), (source,), request.now)


COLLECTOR = Collector(
    scheme="azure",
    title="Azure tenant",
    reads="a running tenant by the credentials that azure-identity finds: azure:, azure:SUBSCRIPTION, azure:mg/GROUP",
    kinds=kinds(),
    recognises=recognises,
    collect=collect,
)
