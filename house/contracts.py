"""Two contracts for import-linter that it does not have: a room's parts are strangers, and a judge's tools are listed."""

from collections.abc import Iterable

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


def _report(check: ContractCheck) -> None:
    for line in check.metadata["broken"]:
        output.print_error(line)


def _edge(graph: ImportGraph, importer: str, imported: str) -> str:
    details = graph.get_import_details(importer=importer, imported=imported)
    lines = ", ".join(str(d["line_number"]) for d in details)
    return f"{importer} imports {imported} (l. {lines})"


def _below(graph: ImportGraph, packages: Iterable[str]) -> list[str]:
    present = [p for p in packages if p in graph.modules]
    return sorted({m for p in present for m in (p, *graph.find_descendants(p))})


class RoomContract(Contract):
    """Nothing imports a part of a room: neither its neighbours, nor their helpers, nor the house.

    A part is a file below one of `rooms` whose name does not begin with an underscore. The room loader finds it at run
    time; whoever names it in an import statement has made a list again. Rooms that do not exist yet are passed over.
    """

    type_name = "room"
    rooms = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002 - the linter's signature
        """Every import of a part, as `importer imports part`."""
        broken = [
            _edge(graph, importer, part)
            for part in self._parts(graph)
            for importer in sorted(graph.find_modules_that_directly_import(part))
        ]
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def _parts(self, graph: ImportGraph) -> list[str]:
        rooms: Iterable[str] = self.rooms  # type: ignore[assignment]
        files = [m for m in _below(graph, rooms) if not graph.find_children(m) and m not in rooms]
        return [m for m in files if not m.rpartition(".")[2].startswith("_")]

    def render_broken_contract(self, check: ContractCheck) -> None:
        """One line for each import."""
        _report(check)


class PureContract(Contract):
    """What lies below `packages` uses nothing from outside but the modules of `may_use`.

    A list of what is allowed, as a list of what is forbidden is never whole. `except_in` are `importer -> module`.
    """

    type_name = "pure"
    packages = fields.SetField(subfield=fields.StringField())
    may_use = fields.SetField(subfield=fields.StringField())
    except_in = fields.SetField(subfield=fields.StringField(), required=False, default=frozenset())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002 - the linter's signature
        """Every import from outside that is not listed; and every exception that no import needs any more."""
        packages: Iterable[str] = self.packages  # type: ignore[assignment]
        allowed: frozenset[str] = frozenset(self.may_use)  # type: ignore[call-overload]
        spare = set(self.except_in)  # type: ignore[call-overload]
        own = tuple(self.session_options["root_packages"])
        broken = []
        for module in _below(graph, packages):
            for used in sorted(graph.find_modules_directly_imported_by(module)):
                if used.partition(".")[0] in own or used in allowed:
                    continue
                if f"{module} -> {used}" in spare:
                    spare.discard(f"{module} -> {used}")
                else:
                    broken.append(_edge(graph, module, used))
        broken += [f"the exception {e!r} is not needed" for e in sorted(spare) if e.split(" ")[0] in graph.modules]
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """One line for each import."""
        _report(check)
