"""What the commands of the register of artifacts print."""

from collections.abc import Iterator, Sequence

import msgspec

from strongroom.app.artifact_finding import Line, Verdict
from strongroom.app.artifacts import Desk, Held, Signed
from strongroom.cli.lines import clean, line
from strongroom.kit.artifact_classes import Entry
from strongroom.model.errors import BadSignature, BadUsage
from strongroom.model.estate import Gap

NO_REGISTER = BadUsage(
    "register of artifacts", "none named", "a file", "name it with --register, or set [artifacts] register"
)


def signed_lines(desk: Desk, signed: Signed) -> Iterator[str]:
    """What was signed, and what to do with the public key."""
    yield line("register", f"{desk.path}{' (new)' if signed.made_file else ''}")
    yield line("version", str(signed.version))
    yield line("key file", f"{desk.key}{' (new)' if signed.made_key else ''}")
    yield f"public key  {signed.key}\n"
    yield line("logged", f"entry {signed.entry}")
    yield "\nWho assesses names both in strongroom.toml:\n\n"
    yield f'  [artifacts]\n  register = "{desk.path}"\n  keys = ["{signed.key}"]\n'


def added_lines(
    desk: Desk, signed: Signed | None, fresh: int, replaced: int, entries: Sequence[Entry], gaps: Sequence[Gap]
) -> Iterator[str]:
    """What was added, and what could not be looked at."""
    for e in entries:
        yield f"{e.sha256[:16]}  {_size(e.size or 0):>9}  {clean(e.where)}\n"
    for gap in gaps:
        yield line("not seen", f"{gap.scope}: {gap.detail}")
    if signed is None:
        yield f"{len(entries)} registered already; nothing changed\n"
        return
    yield f"{fresh} added, {replaced} replaced: {clean(str(desk.path))} version {signed.version}, "
    yield f"logged as entry {signed.entry}\n"


def _size(number: int) -> str:
    size = float(number)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024 or unit == "TiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return str(number)


def listed(held: Held, format_: str) -> Iterator[str]:
    """The register."""
    if format_ == "json":
        signed = {"signed_by": held.signer, "trouble": held.trouble.detail if held.trouble is not None else ""}
        whole = {**msgspec.to_builtins(held.register), **signed}
        yield msgspec.json.encode(whole).decode() + "\n"
        return
    r = held.register
    yield line("register", f"{held.path}, version {r.version}")
    yield line("signed by", held.signer or f"nobody who is trusted: {held.trouble.detail if held.trouble else ''}")
    yield line("reviewed", r.reviewed.isoformat() if r.reviewed is not None else "never")
    yield "\n"
    for name, c in r.classes.items():
        yield f"{name:<16} tier {c.tier}  {c.sensitivity:<13} {clean(c.owner)}  {' '.join(c.requires)}".rstrip() + "\n"
    yield "\n" if r.artifact else "\nno artifact yet: strongroom artifacts register PATH --class weights\n"
    for e in r.artifact:
        digest = e.sha256[:16] or "no digest"
        yield f"{digest:<16}  {e.name:<14} {clean(r.owner_of(e)) or 'no owner'}  {clean(e.where)}\n"


def refuse(held: Held) -> None:
    """Raise BadSignature where nothing in the register may be used."""
    if held.trouble is not None:
        hint = "set [artifacts] keys to the public key of who signs it"
        raise BadSignature(f"register {held.path}", held.trouble.detail, "a signature of a trusted key", hint)


class _Row(msgspec.Struct):
    artifact: str
    verdict: str
    detail: str


def verified(lines: Sequence[Line], format_: str) -> Iterator[str]:
    """How each entry stands."""
    for found in lines:
        if format_ == "json":
            yield msgspec.json.encode(_Row(found.entry.where, found.verdict, found.detail)).decode() + "\n"
        else:
            said = f": {clean(found.detail)}" if found.detail else ""
            yield f"{found.verdict:<8} {clean(found.entry.where)}{said}\n"


def exit_of(lines: Sequence[Line]) -> int:
    """1: one differs or is missing; 3: one could not be compared; else 0."""
    verdicts = {found.verdict for found in lines}
    if verdicts & {Verdict.DIFFERS, Verdict.MISSING}:
        return 1
    return 3 if Verdict.UNKNOWN in verdicts else 0
