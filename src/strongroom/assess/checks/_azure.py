"""What the checks of Azure share: whose key encrypts, which logs leave, what counts as sensitive."""

from strongroom.kit.marks import sensitive
from strongroom.model.ports import Answer, View, broken, holds, not_applicable, unknown
from strongroom.model.values import Unknown

WHOLE_GROUPS = ("group:audit", "group:alllogs")
"""Category groups of diagnostic settings that hold every audit category of a service."""


def customers(v: View, fact: str) -> bool:
    """Whether a key of the customer's encrypts, and not the platform's own."""
    return v.key(fact).tech == "cmk"


def logged(v: View, *wanted: str) -> Answer:
    """Holds when one of the categories, or a group that has them all, is sent somewhere."""
    raw = v.raw("log.types")
    if isinstance(raw, Unknown):
        return unknown(raw)
    found = raw if isinstance(raw, tuple) else ()
    words = {w.lower() for w in found if isinstance(w, str)}
    if words & {*(w.lower() for w in wanted), *WHOLE_GROUPS}:
        return holds()
    doubts = [w for w in found if isinstance(w, Unknown)]
    return unknown(*doubts) if doubts else broken(found=", ".join(sorted(words)) or "no category")


def confidential(v: View) -> Answer:
    """Whether sensitive work runs on a confidential machine. Accelerators without a mark are taken as sensitive."""
    marked = sensitive(dict(v.asset.labels))
    if marked is False or (marked is None and not v.has("gpu.count")):
        return not_applicable("nothing marks its work as sensitive")
    return holds() if v.text("cc.tech") else broken(why="marked as sensitive" if marked else "accelerators")


def whole_card(v: View) -> Answer:
    """Whether the machine gets cards of its own. The size of a shared card has less than one."""
    count = v.number("gpu.count")
    return holds() if count >= 1 else broken(share=f"{count:.3g}")
