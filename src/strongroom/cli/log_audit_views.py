"""What `log audit` prints: what was verified, what must not be, and what nobody but the operator vouches for."""

from collections.abc import Iterator

import msgspec

from strongroom.app.log_audit import Audit
from strongroom.cli.lines import line

SCHEMA = "strongroom.log-audit/1"


class _AuditJson(msgspec.Struct):
    schema: str
    intact: bool
    vouched: int
    audit: Audit


def audit_json(found: Audit) -> str:
    """An audit as JSON."""
    return msgspec.json.encode(_AuditJson(SCHEMA, not found.broken, found.vouched, found)).decode() + "\n"


def _count(number: int, word: str) -> str:
    return (
        f"{number:,} {word}" if number == 1 else f"{number:,} {word[:-1] + 'ies' if word.endswith('y') else word + 's'}"
    )


def audit_lines(found: Audit) -> Iterator[str]:
    """What an audit found, what it proves, and what it does not."""
    yield line("log", found.where)
    if found.keys:
        yield line("origin", found.origin)
        yield line("size", _count(found.size, "entry"))
        yield line("root", found.root)
        yield line("signed by", f"{', '.join(found.keys)} (key from {found.keys_from})")
        yield "\n"
        kinds = ", ".join(f"{n:,} {kind}" for kind, n in sorted(found.kinds.items()))
        rest = f"{found.foreign:,} of another schema" if found.foreign else ""
        yield line("entries", f"{found.entries:,} read: {', '.join(x for x in (kinds, rest) if x) or 'none'}")
        if found.sealed:
            yield line("sealed", f"{_count(found.sealed, 'field')}, of which {found.readable:,} can be read")
        yield from _witness_lines(found)
    for remark in found.remarks:
        yield line("note", remark)
    yield "\n"
    for broken in found.broken:
        yield line("BROKEN", broken)
    yield _verdict(found)


def _witness_lines(found: Audit) -> Iterator[str]:
    for w in found.witnesses:
        when = f"cosigned at {w.cosigned_at:%Y-%m-%d %H:%M:%S} UTC" if w.cosigned_at else "has not cosigned this"
        yield line("witness", f"{w.name}: {when}" + (f"; has {w.asked}" if w.asked else ""))


def _verdict(found: Audit) -> str:
    if found.broken:
        return line("verdict", f"NOT INTACT: {_count(len(found.broken), 'thing')} above must not be")
    return line("verdict", f"intact: every entry and every tile agrees with the signed root. {_vouched(found)}")


def _vouched(found: Audit) -> str:
    if not found.vouched:
        return (
            "No independent witness vouches for it: its operator could rewrite it for anyone who has no earlier "
            "checkpoint of it"
        )
    some = "1 independent witness vouches" if found.vouched == 1 else f"{found.vouched} independent witnesses vouch"
    if not found.quorum:
        return f"{some} for it"
    return f"{some} for it, which {'meets' if found.quorum_met else 'does NOT meet'} the quorum {found.quorum}"
