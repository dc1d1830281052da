"""What a broker judges by, as it stands now: appraisal policy, reference values, endorsements, and the release policy.

Files are read again when they change. Endorsements are held in memory by what they are of, so that most attestations read
no file; what has to be fetched is waited for briefly, and goes on being fetched for whoever asks next.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYetError
from datetime import UTC, datetime, timedelta
from pathlib import Path

from strongroom.app.attest_policy import load as load_policy
from strongroom.app.boundary import contained, fault
from strongroom.app.broker import Judging
from strongroom.app.config import Config
from strongroom.app.endorsements import Given, gather
from strongroom.app.evidence import wants
from strongroom.app.references import load as load_references
from strongroom.app.release_policy import in_force
from strongroom.app.release_policy import load as load_terms
from strongroom.attest.policy import Policy
from strongroom.kit.endorsement_names import described
from strongroom.model.attest import Endorsements, Evidence, ReferenceValues, Want
from strongroom.model.errors import BadInput, Denied, StrongroomError
from strongroom.model.release import ReleasePolicy
from strongroom.store.broker import BrokerStore

LASTS = timedelta(hours=1)  # how long endorsements are used from memory, unless one of them ends before
AGAIN = timedelta(seconds=15)  # the same where some were missing
_MOST = 4096  # endorsements of machines that are kept in memory
_AT_ONCE = 8  # fetches; whoever asks beyond that is judged by what is at hand
Wanted = tuple[Want, ...]
Clock = Callable[[], datetime]


class Judged:
    """What evidence is judged by. Threads share it."""

    def __init__(self, config: Config, clock: Clock, *, offline: bool) -> None:
        self._config, self._clock = config, clock
        self._patience = 0.0 if offline else config.broker.fetch_seconds
        self._lock = threading.Lock()
        self._stamp: tuple[object, ...] = ()
        self._held: tuple[Policy, ReferenceValues] | None = None
        self._given: dict[Wanted, tuple[Endorsements, datetime]] = {}
        self._coming: dict[Wanted, Future[Given]] = {}

    def in_force(self) -> tuple[Policy, ReferenceValues]:
        """The appraisal policy and the reference values, as the files are now. Raises BadInput."""
        a = self._config.attest
        stamp = stamp_of((a.policy, *a.references, *(f"{r}.sig" for r in a.references), *a.endorsements))
        with self._lock:
            if self._held is None or stamp != self._stamp:
                policy = load_policy(a.policy) if a.policy else Policy()
                self._held = policy, load_references(a.references, self._config, a.keys)
                self._stamp, self._given = stamp, {}
            return self._held

    def __call__(self, evidence: Evidence, now: datetime) -> Judging:
        """What this evidence is judged by. Raises BadInput."""
        policy, references = self.in_force()
        wanted = wants(evidence)
        with self._lock:
            held = self._given.get(wanted)
        given = held[0] if held is not None and now < held[1] else self._found(wanted, now)
        return Judging(policy, references, given)

    def next_end(self) -> datetime | None:
        """When the first of the endorsements that are in use ends; None where none says so."""
        with self._lock:
            held = [e for given, _ in self._given.values() for e in given.items]
        ends = [d.ends for d in map(described, held) if d is not None and d.ends is not None]
        return min(ends, default=None)

    def _found(self, wanted: Wanted, now: datetime) -> Endorsements:
        """What is at hand, and what can be fetched soon enough. Raises BadInput."""
        at_hand = self._gathered(wanted, now, offline=True)
        coming = self._fetching(wanted, now) if self._patience and wanted else None
        if not at_hand.missing or coming is None:
            return self._kept(wanted, at_hand, now)
        try:
            return coming.result(self._patience).endorsements
        except NotYetError:
            return self._kept(wanted, at_hand, now)

    def _gathered(self, wanted: Wanted, now: datetime, *, offline: bool) -> Given:
        return gather((), wanted, now, self._config, offline=offline, keys=self._config.attest.keys)

    def _kept(self, wanted: Wanted, found: Given, now: datetime) -> Endorsements:
        """Keep it until it is looked for again: no longer than the first of it lasts."""
        ends = [d.ends for d in map(described, found.endorsements.items) if d is not None and d.ends is not None]
        until = min((now + LASTS, *(e for e in ends if e > now))) if not found.missing else now + AGAIN
        with self._lock:
            if len(self._given) >= _MOST:
                self._given.clear()
            self._given[wanted] = found.endorsements, until
        return found.endorsements

    def _fetching(self, wanted: Wanted, now: datetime) -> "Future[Given] | None":
        """The fetch of what is wanted, begun here or by another; None where too many are under way."""
        with self._lock:
            known = self._coming.get(wanted)
            if known is not None or len(self._coming) >= _AT_ONCE:
                return known
            future = self._coming[wanted] = Future()
        # A daemon: a service that does not answer keeps no process from ending.
        threading.Thread(target=self._fetch, args=(wanted, now, future), name="endorsements", daemon=True).start()
        return future

    def _fetch(self, wanted: Wanted, now: datetime, future: "Future[Given]") -> None:
        try:
            found = contained(lambda: self._gathered(wanted, now, offline=False), _unforeseen)
            self._kept(wanted, found, self._clock())
            future.set_result(found)
        except StrongroomError as e:
            future.set_exception(e)
        finally:
            with self._lock:
                del self._coming[wanted]


def _unforeseen(e: Exception) -> StrongroomError:
    return BadInput("endorsements", f"internal fault {fault(e)}", "endorsements")


DEBUG = "debug"  # the repository of a debug twin's resources, and the beginning of its policy's name


class ReleaseTerms:
    """The release policy that counts: read again when it changes, never one that is older than one that counted."""

    def __init__(self, config: Config, store: BrokerStore, *, debug: bool = False) -> None:
        self._config, self._store, self._debug = config, store, debug
        self._lock = threading.Lock()
        self._stamp: tuple[object, ...] | None = None
        self._held: ReleasePolicy | None = None
        self.trouble = ""  # why there is none that counts
        self.since: datetime | None = None  # when the file of the one that counts was changed

    def __call__(self) -> ReleasePolicy | None:
        """The policy; None where there is none that its signers have signed. Raises StateError."""
        path = self._config.broker.policy
        with self._lock:
            stamp = stamp_of((path, *_notes(path)))
            if stamp != self._stamp:
                self._held, self._stamp = self._read(path), stamp
            return self._held

    def fits(self, policy: ReleasePolicy) -> None:
        """Keep the terms of a debug twin and of a broker of production apart. Raises Denied."""
        named = policy.name.startswith(f"{DEBUG}-")
        if self._debug and not (named and all(r.resource.startswith(f"{DEBUG}/") for r in policy.rules)):
            wanted = f"a name that begins with {DEBUG}-, and rules for resources of the repository {DEBUG} alone"
            raise Denied("release policy", f"{policy.name}, of production", wanted)
        if named and not self._debug:
            raise Denied("release policy", f"{policy.name}, of a debug twin", "a policy of production")

    def _read(self, path: str) -> ReleasePolicy | None:
        if not path:
            self.trouble = "[broker] policy names none"
            return None
        try:
            found = in_force(load_terms(path), self._config.broker.signers, self._config.broker.threshold)
            self.fits(found)
            self._store.in_force(found.name, found.version, found.digest)
        except (BadInput, Denied) as e:
            self.trouble = str(e)  # what cannot be believed names nothing: every resource is denied
            return None
        self.trouble, self.since = "", _changed(path)
        return found


def _changed(path: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(Path(path).stat().st_mtime, UTC)
    except OSError:
        return None


def _notes(path: str) -> tuple[str, ...]:
    at = Path(path)
    try:
        return tuple(sorted(str(p) for p in at.parent.glob(f"{at.name}*.sig"))) if path else ()
    except OSError:
        return ()


def stamp_of(paths: tuple[str, ...]) -> tuple[object, ...]:
    """What tells that a file was changed: its time, size and number."""
    found: list[object] = []
    for path in paths:
        try:
            s = Path(path).stat() if path else None
        except OSError:
            s = None
        found.append((path, s.st_mtime_ns, s.st_size, s.st_ino) if s else (path, 0, 0, 0))
    return tuple(found)
