"""What the commands that administer a broker print. A secret is in none of it."""

from collections.abc import Iterator, Sequence

from strongroom.app.release_admin import Broken, Listed, Put, Rotated
from strongroom.app.release_backup import Drilled, Kept, Manifest
from strongroom.app.release_prepare import Prepared
from strongroom.app.release_replay import Replayed
from strongroom.cli.lines import line
from strongroom.cli.release_views import formatted, item
from strongroom.model.release import Approval


def put_lines(done: Put) -> Iterator[str]:
    """What was deposited."""
    w = done.wrapped
    yield line("deposited", f"{w.resource} version {w.version}")
    yield line("wrapped by", f"{w.backend}, {w.key}")
    for n, owner in enumerate(w.owners):
        yield line("" if n else "owners", owner)
    if not done.ruled:
        yield line("rule", "none in force names it: it stays closed until a policy does")
    yield line("log", f"entry {done.entry}")


def listed_lines(found: Sequence[Listed], form: str) -> Iterator[str]:
    """Every resource."""
    if form == "json":
        resources = [{f: getattr(x, f) for f in Listed.__slots__} for x in found]
        yield formatted({"schema": "strongroom.resources/1", "resources": resources})
        return
    if not found:
        yield "no resources\n"
    for x in found:
        state = (
            f"revoked: {x.revoked}" if x.revoked else f"by the rule {x.rule}" if x.rule else "closed: no rule names it"
        )
        yield item(f"{x.name}  version {x.version}", 0)
        owners = f"{len(x.owners)} owner{'s' if len(x.owners) != 1 else ''}"
        yield item(f"{x.backend}, {x.key}, {owners}; {state}")


def prepared_lines(done: Prepared) -> Iterator[str]:
    """What a back end has now."""
    yield line("prepared", f"{done.backend}: {done.said}")
    yield line("log", f"entry {done.entry}")
    yield line("next", "strongroom release put NAME --generate 32")


def rotated_lines(done: Rotated) -> Iterator[str]:
    """What a rotation did."""
    yield line("new key", f"{done.backend}, {done.key}")
    yield line("under it", f"{done.moved} resources")
    for name, why in done.stayed:
        yield line("stayed", f"{name}: {why}")
    yield line("log", f"entry {done.entry}")


def approved_lines(approval: Approval, entry: int) -> Iterator[str]:
    """What was approved."""
    yield line("approved", f"{approval.resource}, until {approval.until:%Y-%m-%d %H:%M:%S} UTC")
    yield line("for", approval.requester)
    yield line("by", approval.approver)
    yield line("log", f"entry {entry}")


def broken_lines(done: Broken) -> Iterator[str]:
    """What came of a break-glass."""
    d = done.decision
    yield line("BREAK GLASS", f"{d.outcome} {d.subject}, by {d.actor}")
    for reason in d.reasons:
        yield line("", reason)
    if d.outcome == "allow" and done.sealed is None:
        yield line("", "there is no such resource: nothing left")
    yield line("log", f"entry {done.entry}, decision {d.id}")


def replayed_lines(done: Replayed) -> Iterator[str]:
    """What making a decision again came to."""
    yield line("decision", f"{done.id}: {done.outcome} {done.subject}, entry {done.entry}")
    for text in done.checked:
        yield line("same", text)
    for text in done.differs:
        yield line("differs", text)
    yield line("result", "not the same" if done.differs else "same")


def kept_lines(done: Kept) -> Iterator[str]:
    """What was put into an archive, and what was not."""
    m = done.manifest
    yield line("archive", str(done.path))
    yield line("digest", done.digest)
    yield line("in it", f"{m.resources} resources, {len(m.files)} files")
    yield line("not in it", "key-encryption keys, without which nothing in it opens; the key of tokens; the log")
    yield line("log", f"entry {done.entry}")
    yield line("try it", f"strongroom release restore {done.path} --verify")


def restored_lines(manifest: Manifest, folder: str) -> Iterator[str]:
    """What was restored."""
    yield line(
        "restored", f"{manifest.resources} resources, {len(manifest.files)} files of {manifest.at:%Y-%m-%d %H:%M} UTC"
    )
    yield line("into", folder)
    yield line("next", "name it in [broker] state, and start the broker; revocations since then are not in it")


def drilled_lines(done: Drilled) -> Iterator[str]:
    """What a drill came to."""
    yield line(
        "archive", f"of {done.manifest.at:%Y-%m-%d %H:%M} UTC, {len(done.manifest.files)} files, each as written"
    )
    yield line("opened", f"{len(done.opened)} of {len(done.opened) + len(done.closed)} resources, and wiped")
    for name, why in done.closed:
        yield line("CLOSED", f"{name}: {why}")
