"""The leak test: every case in its order, each by processes of its own. It tells what was found, and judges nothing."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from strongroom.model.errors import GpuError
from strongroom.model.scrub import ATTACKS, CONTROLS, Case, Failure, LeakReport, Standing, Tried
from strongroom.scrub.children import Child
from strongroom.scrub.scrubbing import Clock
from strongroom.scrub.wire import CONTROL, END, LOOK, SEEK, VICTIM, Found, Work

SHARE = (
    4  # one part in so many of all memory is planted: more than any context takes, so that some of it can be reached
)
INTERRUPTED = "interrupted"
_BIG = 1 << 30
_SMALL, _TINY = 64 << 10, 512  # octets: far below a granule, of a GPU and of an emulated card
Allowed = Callable[[Standing], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Asked:
    """The device, a tag for each case, the seconds of each process, and where the driver's libraries may be found."""

    device: str
    uuid: str
    options: dict[str, str]
    tags: dict[Case, str]
    seconds: float = 60.0
    libraries: str = ""


@dataclass(slots=True)
class _Test:
    asked: Asked
    octets: int = 0
    small: int = 0

    def child(self, verb: str, case: Case | None = None) -> Child:
        a = self.asked
        tag = a.tags[case] if case else ""
        work = Work(
            verb=verb, device=a.device, uuid=a.uuid, options=a.options, seconds=a.seconds, tags=tuple(a.tags.values()),
            case=case, tag=tag, bytes=self.octets, small=self.small,
        )  # fmt: skip
        return Child(work, a.libraries)

    def look(self) -> Standing:
        with self.child(LOOK) as child:
            standing = child.ask().standing
        if standing is None:
            raise GpuError(f"look at {self.asked.uuid}", "no standing", "how the GPU stands")
        total = standing.bytes_total or 0
        self.octets = total // SHARE // _SMALL * _SMALL if total >= _BIG else total // SHARE // _TINY * _TINY
        self.small = _SMALL if total >= _BIG else _TINY
        return standing

    def found(self, child: Child) -> Found:
        found = child.ask().found
        if found is None:
            raise GpuError(f"leak test of {self.asked.uuid}", "another line", "what was found")
        return found

    def tried(self, case: Case) -> tuple[Tried, Found]:
        """One case. Raises GpuError."""
        if case in CONTROLS:
            with self.child(CONTROL, case) as child:
                found = self.found(child)
                child.finish()
            return self._told(case, found.planted_words, found), found
        with self.child(VICTIM, case) as victim:
            planted = self.found(victim).planted_words
            if case in {Case.EXIT, Case.ASYNC}:
                victim.finish(END)
            elif case is Case.KILLED:
                victim.kill()
            with self.child(SEEK, case) as attacker:
                found = self.found(attacker)
                attacker.finish()
        return self._told(case, planted, found), found

    def _told(self, case: Case, planted: int, found: Found) -> Tried:
        whose = {tag: c for c, tag in self.asked.tags.items()}
        return Tried(
            case=case,
            planted_words=planted,
            scanned_bytes=found.scanned_bytes,
            units=found.units,
            residual_words=found.residual_words,
            hits={whose[t]: n for t, n in found.hits.items() if t in whose},
        )


def leak_test(asked: Asked, allowed: Allowed, clock: Clock) -> LeakReport:
    """Every case, controls first. `allowed` says what speaks against touching the GPU as it stands.

    Where somebody interrupts, the report says so, with what was tried until then: a test that was begun must not vanish.
    """
    begun = clock()
    tried: list[Tried] = []
    report = LeakReport(uuid=asked.uuid, device=asked.device)
    try:
        report = _cases(_Test(asked), report, allowed, tried)
    except KeyboardInterrupt:
        words = f"somebody ended it after {len(tried)} of {len(CONTROLS) + len(ATTACKS)} cases"
        report = msgspec.structs.replace(report, failure=Failure(INTERRUPTED, words))
    return msgspec.structs.replace(report, tried=tuple(tried), microseconds=round((clock() - begun) * 1e6))


def _cases(test: _Test, report: LeakReport, allowed: Allowed, tried: list[Tried]) -> LeakReport:
    try:
        standing = test.look()
    except GpuError as e:
        return msgspec.structs.replace(report, failure=Failure("look", str(e)))
    report = msgspec.structs.replace(report, before=standing)
    if reasons := allowed(standing):
        return msgspec.structs.replace(report, failure=Failure("look", "; ".join(reasons)))
    for case in (*CONTROLS, *ATTACKS):
        try:
            one, found = test.tried(case)
            report = msgspec.structs.replace(report, gpu=report.gpu or found.gpu)
        except GpuError as e:
            one = Tried(case=case, failure=str(e))
        tried.append(one)
    return report
