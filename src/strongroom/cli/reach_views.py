"""Answers to what reaches what, as people and programs read them."""

import json
from collections.abc import Iterable, Iterator

import msgspec

from strongroom.app.reaching import record, said
from strongroom.model.reach import SCHEMA, Drawn, Reached, Witness
from strongroom.model.values import Unknown

_OF_TRAFFIC = ("allows", "denies", "passes on")
_WORDS = {True: "yes", False: "no", "unknown": "unknown"}


def answer(found: Reached, form: str) -> Iterator[str]:
    """The answer for one asset."""
    if form == "json":
        yield json.dumps(record(found), indent=1, ensure_ascii=False) + "\n"
        return
    yield f"{found.asset}\n"
    for what, value in (("ingress from the internet", found.ingress), ("egress to the internet", found.egress)):
        yield f"  {what}: {_WORDS[said(value)]}\n"
        if isinstance(value, Unknown):
            yield f"    because {value.detail}\n"
        direction = what.partition(" ")[0]
        yield from (f"    {_sentence(w)}\n" for w in found.witness if w.direction == direction)


def _sentence(w: Witness) -> str:
    rule = f", rule {w.rule}," if w.rule else ""
    what = w.traffic or ("everything" if w.says in _OF_TRAFFIC else "")
    where = f" ({w.where})" if w.where is not None else ""
    return " ".join(filter(None, (f"{w.by}{rule}", w.says, what))) + where


def several(found: Iterable[Reached], form: str) -> Iterator[str]:
    """The answers for the assets of a source, one a line."""
    if form == "json":
        yield from (json.dumps(record(one), ensure_ascii=False) + "\n" for one in found)
        return
    yield "ingress  egress   asset\n"
    for one in found:
        yield f"{_WORDS[said(one.ingress)]:8} {_WORDS[said(one.egress)]:8} {one.asset}\n"


def whole(drawn: Drawn, of: str, form: str) -> Iterator[str]:
    """The connectivity of a source, or what of it has one end. As JSON lines first says what is not known."""
    if form != "json":
        yield from (f"{line}\n" for line in drawn.lines(of))
        return
    head = {"schema": SCHEMA, "notes": drawn.notes, "gaps": [f"{g.scope}: {g.detail}" for g in drawn.gaps]}
    yield json.dumps(head, ensure_ascii=False)[:-1] + ', "connections": ['
    for number, connection in enumerate(drawn.connections(of)):
        yield (",\n" if number else "\n") + msgspec.json.encode(connection).decode()
    yield "\n]}\n"
