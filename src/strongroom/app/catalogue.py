"""The catalogue of this build: every control, check, derivation, report and source that lies in its room."""

from functools import lru_cache

from strongroom.assess.judge import SOURCE_CHECK, SOURCE_CLAUSE
from strongroom.kit.rooms import room, room_of_tuples
from strongroom.model.errors import NotFound, RoomError
from strongroom.model.ports import Catalogue, Check, Collector, Control, Derive, Report

__all__ = ["SOURCE_CHECK", "SOURCE_CLAUSE", "catalogue", "collectors", "derivations", "report", "reports"]


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """Every control and check. A check that names a clause that no control has raises RoomError."""
    by_id = {c.id: c for c in room("strongroom.assess.controls", "CONTROL", Control).values()}
    controls = dict(sorted(by_id.items(), key=lambda item: _guide_order(item[1])))
    checks = room_of_tuples("strongroom.assess.checks", "CHECKS", Check)
    clauses = {clause.id for c in controls.values() for clause in c.clauses}
    for check in checks.values():
        if check.clause not in clauses:
            raise RoomError(f"check {check.id}", f"clause {check.clause!r}", "a clause of a control in the catalogue")
    return Catalogue(controls, checks)


_AREAS = (
    "inventory",
    "confidential",
    "artifacts",
    "gpu",
    "network",
    "identity",
    "audit",
    "monitoring",
    "physical",
    "firmware",
    "management",
    "endpoint",
    "recovery",
    "governance",
)


def _guide_order(control: Control) -> tuple[int, str]:
    return (_AREAS.index(control.area) if control.area in _AREAS else len(_AREAS), control.id)


@lru_cache(maxsize=1)
def collectors() -> dict[str, Collector]:
    """Every source by its scheme; two sources with one scheme raise RoomError."""
    by_scheme: dict[str, Collector] = {}
    for name, c in room("strongroom.collect.sources", "COLLECTOR", Collector).items():
        if c.scheme in by_scheme:
            raise RoomError(f"collect.sources.{name}", f"scheme {c.scheme!r} again", "a scheme of its own")
        by_scheme[c.scheme] = c
    return by_scheme


@lru_cache(maxsize=1)
def derivations() -> tuple[Derive, ...]:
    """Every derivation, in the order of the file names."""
    return tuple(room("strongroom.assess.derive", "DERIVE", Derive).values())


@lru_cache(maxsize=1)
def reports() -> dict[str, Report]:
    """Every report format by its name."""
    return {r.name: r for r in room("strongroom.assess.reports", "REPORT", Report).values()}


def report(name: str) -> Report:
    """The format of a name. Raises NotFound."""
    known = reports()
    if name not in known:
        raise NotFound("format", repr(name), f"one of {', '.join(sorted(known))}", "strongroom assess --help")
    return known[name]
