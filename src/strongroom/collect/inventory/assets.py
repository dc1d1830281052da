"""Rows of an inventory turned into assets: what each says of whom, with the line that it stands on."""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from strongroom.collect.inventory import words
from strongroom.collect.inventory.table import Problem, Row, cell_problem
from strongroom.kit.identity import is_junk, key_of, mac_key
from strongroom.kit.marks import sensitive
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset, Fact
from strongroom.model.kinds import Kind
from strongroom.model.values import Value, Where

_TEXTS = {
    "owner": "inventory.owner",
    "location": "inventory.location",
    "cluster": "inventory.cluster",
    "orchestrator": "inventory.orchestrator",
    "tenant": "inventory.tenant",
    "sensitivity": "inventory.sensitivity",
    "status": "inventory.status",
    "vendor": "inventory.vendor",
    "model": "inventory.model",
    "gpu_model": "inventory.gpu_model",
}
_SERIAL_OF = {Kind.HOST: "host.serial", Kind.GPU: "gpu.serial", Kind.DISK: "disk.serial"}
_DATES = ("%Y/%m/%d", "%d.%m.%Y", "%Y%m%d")
_PAIR = re.compile(r"\s*([^=:;,\s][^=:;,]*?)\s*[=:]\s*([^;,]*?)\s*(?:[;,]|$)")
_UUID = re.compile(r"(?:GPU-)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE)


@dataclass(slots=True)
class Inventory:
    """The rows so far: which ids and numbers are taken, and on which line."""

    file: str
    source: str
    label: str
    kinds: bool  # whether a column says what each row is
    taken: dict[str, int] = field(default_factory=dict)
    numbers: dict[tuple[Kind, str], int] = field(default_factory=dict)

    def asset(self, row: Row) -> Iterator[Asset | Problem]:
        """The asset of a row, and what is wrong with it."""
        yield from row.problems
        kind = words.kind_of(row.cells.get("kind", ""))
        if kind is None:
            if self.kinds:
                yield Problem(row.line, GapCode.UNSUPPORTED, "column kind: no word for a kind of thing that is known")
            kind = Kind.OTHER
        draft = _Draft(row, kind)
        draft.read()
        yield from draft.problems
        own = row.cells.get("name") or draft.serial or draft.uuid or next(iter(draft.aliases), "")
        if not own:
            yield Problem(row.line, GapCode.MALFORMED, "no name, serial number, UUID or id: of what is it?", lost=True)
            return
        yield from self._numbers(draft)
        ident = f"inventory:{self.label}{':' if self.label else ''}{kind.value}/{own.lower()}"
        if ident in self.taken:
            before = self.taken[ident]
            number = draft.serial or draft.uuid
            lost = not number or f"{ident}/{number.lower()}" in self.taken
            yield Problem(row.line, GapCode.DUPLICATE_KEY, f"the name of line {before} again", lost=lost)
            if lost:
                return
            ident = f"{ident}/{number.lower()}"
        self.taken[ident] = row.line
        yield self._made(draft, ident, own)

    def _numbers(self, draft: "_Draft") -> Iterator[Problem]:
        """One number on two rows identifies neither; each says with whom it shares."""
        for number in filter(None, (draft.serial, draft.uuid)):
            key = (draft.kind, number.lower())
            before = self.numbers.setdefault(key, draft.row.line)
            if before != draft.row.line:
                detail = f"the serial number or UUID of line {before} again: it identifies neither"
                yield Problem(draft.row.line, GapCode.DUPLICATE_KEY, detail)

    def _made(self, draft: "_Draft", ident: str, own: str) -> Asset:
        where = Where(self.file, draft.row.line, draft.row.line)
        return Asset(
            id=ident,
            kind=draft.kind,
            native_type="inventory",
            address=own,
            name=own,
            aliases=tuple(draft.aliases),
            labels=tuple(sorted(draft.labels.items())),
            facts={n: Fact(n, v, where, self.source) for n, v in draft.facts.items()},
            where=where,
            origin=self.source,
        )


@dataclass(slots=True)
class _Draft:
    row: Row
    kind: Kind
    serial: str = ""
    uuid: str = ""
    aliases: list[str] = field(default_factory=list)
    facts: dict[str, Value] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def read(self) -> None:
        """Take everything that the row says."""
        self.facts["inventory.row"] = True
        self.labels |= self.row.labels
        for column, fact in _TEXTS.items():
            if column in self.row.cells:
                self.facts[fact] = self.row.cells[column]
        if "rack" in self.row.cells:
            self.labels["rack"] = self.row.cells["rack"]
        self._identity()
        self._addresses()
        self._marks()
        self._counts()

    def wrong(self, column: str, why: str) -> None:
        """Note a cell that cannot be used."""
        self.problems.append(cell_problem(self.row.line, column, why))

    def _identity(self) -> None:
        cells = self.row.cells
        serial = cells.get("serial", "")
        if serial and not is_junk(serial):
            self.serial = serial
            self.facts[_SERIAL_OF.get(self.kind, "inventory.serial")] = serial
        if "uuid" in cells:
            found = _UUID.fullmatch(cells["uuid"])
            if found is None:
                self.wrong("uuid", "no UUID")
            elif not is_junk(found[1]):
                self._uuid(found[1].lower())
        for one in re.split(r"[;,\s]+", cells.get("id", "")):
            if one and key_of(one):
                self.aliases.append(one)
            elif one:
                self.labels["id"] = cells["id"]
        mac = cells.get("mac", "")
        if mac and self.kind is Kind.NIC and mac_key(mac):
            self.facts["nic.mac"] = mac_key(mac).removeprefix("mac:")
        elif mac:
            self.labels["mac"] = mac

    def _uuid(self, uuid: str) -> None:
        self.uuid = uuid
        if self.kind is Kind.GPU:
            self.facts["gpu.uuid"] = f"GPU-{uuid}"
            self.aliases.append(f"gpu:GPU-{uuid}")
        else:
            self.facts["inventory.uuid"] = uuid
            self.aliases.append(f"dmi:{uuid}")

    def _addresses(self) -> None:
        for column, fact in (("ip", "inventory.addresses"), ("bmc", "inventory.bmc")):
            found = []
            for one in re.split(r"[;,\s]+", self.row.cells.get(column, "")):
                try:
                    found.append(str(ipaddress.ip_interface(one).ip)) if one else None
                except ValueError:
                    self.wrong(column, "no IP address")
            if found:
                self.facts[fact] = tuple(found)

    def _marks(self) -> None:
        cells = self.row.cells
        if "labels" in cells:
            pairs = _PAIR.findall(cells["labels"])
            self.labels |= {k[:100]: v for k, v in pairs} if pairs else {"labels": cells["labels"]}
        if "sensitivity" in cells:
            self.labels["sensitivity"] = cells["sensitivity"]
        marked = sensitive(self.labels)
        if marked is not None:
            self.facts["sensitive"] = marked

    def _counts(self) -> None:
        cells = self.row.cells
        if "gpu_count" in cells:
            found = re.match(r"(\d{1,4})(?:\s*x\b|x\s|\s|$)", cells["gpu_count"])
            if found is None:
                self.wrong("gpu_count", "no number")
            elif self.kind is Kind.HOST:
                self.facts["gpu.count"] = int(found[1])
        if "verified" in cells:
            self.facts["inventory.verified"] = _date(cells["verified"])


def _date(text: str) -> str:
    """A date in ISO form where its form leaves no doubt; 03/04/2026 stays as it is, for a check to say so."""
    for form in _DATES:
        try:
            return datetime.strptime(text, form).date().isoformat()  # noqa: DTZ007 - a day, as people write it
        except ValueError:
            continue
    return text
