"""`isolation:FILE`: a cluster whose GPUs a rule keeps apart, by a configuration with a section [isolation].

Here is what the file names; `app` reads rule, cluster, measures and log, and lays what comes of them beside this.
"""

import tomllib
from pathlib import Path

from strongroom.model.errors import Malformed, TooLarge, Unreadable
from strongroom.model.estate import Asset, Estate, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.ports import Collector, Peek, Request
from strongroom.model.values import Where

NATIVE = "strongroom.isolation"
_MOST = 1 << 20  # bytes
_WHAT = "a configuration with a section [isolation]"
_HINT = "strongroom assess isolation:FILE, with [isolation] state or kubeconfig, uses and slurm in it"


def recognises(peek: Peek) -> int:
    """A TOML file with a section of isolation."""
    if peek.is_dir or peek.path.suffix.lower() != ".toml":
        return 0
    return 80 if b"\n[isolation]" in b"\n" + peek.head else 0


def collect(request: Request) -> Estate:
    """The cluster that a configuration is of. Raises Unreadable, TooLarge, Malformed."""
    path = Path(request.target)
    try:
        with path.open("rb") as f:
            data = f.read(_MOST + 1)
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), _WHAT, _HINT) from None
    if len(data) > _MOST:
        raise TooLarge(str(path), f"over {_MOST >> 20} MiB", _WHAT)
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as e:
        raise Malformed(str(path), str(e).lower()[:200], _WHAT, _HINT) from None
    if not isinstance(table.get("isolation"), dict):
        raise Malformed(str(path), "no section [isolation]", _WHAT, _HINT)
    prefix = f"{request.label}:" if request.label else ""
    asset = Asset(
        id=f"{prefix}isolation:{path.name}",
        kind=Kind.POLICY,
        native_type=NATIVE,
        address=path.name,
        name=path.name,
        where=Where(str(path)),
        origin=request.spec,
    )
    read = SourceRead(
        request.spec, "isolation", "a rule of isolation, its cluster and its log", 1, len(data), (Kind.POLICY,)
    )
    return Estate((asset,), (), (read,), request.now)


COLLECTOR = Collector(
    scheme="isolation",
    title="A rule of isolation, its cluster and its log",
    reads="a configuration with [isolation], and by it the rule, the cluster, what was measured on its nodes and the log, read-only",
    kinds=(Kind.POLICY,),
    recognises=recognises,
    collect=collect,
)
