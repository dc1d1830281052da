"""Assertions for a terminal."""

from collections.abc import Iterator, Sequence

import msgspec

from strongroom.app.assertions import Listed
from strongroom.assess import people_prose as prose
from strongroom.cli.lines import line
from strongroom.cli.people_views import as_json
from strongroom.model.estate import SCHEMA


class _Listed(msgspec.Struct):
    schema: str
    assertions: Sequence[Listed]


def assertion_lines(found: Sequence[Listed], form: str) -> Iterator[str]:
    """The assertions, and how they stand."""
    if form == "json":
        yield as_json(_Listed(SCHEMA, found))
        return
    if not found:
        yield "no assertion yet: strongroom assert makes one\n"
    for x in found:
        a = x.assertion
        yield line(
            x.state, f"{a.id[:12]}  {a.clause or 'nothing that could be read'}{f' on {a.asset}' if a.asset else ''}"
        )
        yield line("", prose.vouched(a))
        yield line("", a.statement)
        yield line("", f"evidence sha256:{a.evidence_digest[:16]}…, entry {a.entry} of the log {a.log}")
        if x.detail:
            yield line("", x.detail)
