"""Endorsements for a piece of evidence: given, kept from before, or fetched; and what is missing, and how to get it."""

import os
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from strongroom.app.config import Config
from strongroom.app.endorsement_reading import read
from strongroom.app.endorsement_transport import Http
from strongroom.app.log import now as clock_now
from strongroom.collect.endorsements.cache import Cache, Kept
from strongroom.collect.endorsements.fetching import Fetcher, World
from strongroom.collect.endorsements.services import KDS, MANIFESTS, SPACE, STATUS, Sources, questions
from strongroom.kit.endorsement_names import described, further, in_words, kept_as, names_of
from strongroom.kit.endorsement_text import with_chains
from strongroom.model.attest import EndorsementKind, Endorsements, Want
from strongroom.model.errors import Malformed, Unreadable

REFRESH = timedelta(days=1)  # after which a list or a statement is asked for again, though it still holds
LIVE = timedelta(hours=1)  # how far "now" may be from the clock for an answer of today to say anything about it
_LASTING = (EndorsementKind.CERTIFICATE, EndorsementKind.RIM)  # asked for again only once they are over


@dataclass(frozen=True, slots=True)
class Given:
    """What a verifier is handed, and what is worth a remark: ignored files, kept copies that are old, what is missing."""

    endorsements: Endorsements
    remarks: tuple[str, ...] = ()
    missing: tuple[Want, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The clock, chance and waiting; tests have their own."""

    clock: Callable[[], datetime] = clock_now
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = field(default=lambda: secrets.randbelow(1000) / 1000)


def gather(
    paths: Sequence[str],
    wants: Iterable[Want],
    now: datetime,
    config: Config,
    *,
    offline: bool,
    keys: Sequence[str] = (),
    around: Surroundings | None = None,
) -> Given:
    """What the paths and the configuration give, and for each want that they leave open a kept or a fetched answer.

    `keys` are verifier keys whose bundles count, beside the configured ones. Nothing is fetched for a `now` that is not
    the clock's, for a service speaks of today; no socket is opened where nothing is missing, or with `offline`.

    Raises:
        Unreadable, TooLarge, Malformed: a path cannot be used, a key is none, an address of the configuration is none.
        BadSignature: a bundle is not signed by a trusted key, or is older than one that was imported.
    """
    around = around or Surroundings()
    held = read((*paths, *config.attest.endorsements), config, keys)
    desk = _Desk(config, now, around, live=not offline and abs(around.clock() - now) <= LIVE, offline=offline)
    desk.found, desk.remarks = held.endorsements, list(held.remarks)
    try:
        asked = tuple(dict.fromkeys(wants))
        for want in asked:
            desk.meet(want)
        for want in further(asked, desk.found.items):
            desk.meet(want)
    finally:
        desk.close()
    return Given(with_chains(desk.found), tuple(dict.fromkeys(desk.remarks)), tuple(desk.missing))


@dataclass(slots=True)
class _Desk:
    """One run of `gather`."""

    config: Config
    now: datetime
    around: Surroundings
    live: bool
    offline: bool
    found: Endorsements = field(default_factory=Endorsements)
    remarks: list[str] = field(default_factory=list)
    missing: list[Want] = field(default_factory=list)
    cache: Cache | None = None
    opened: bool = False
    http: Http | None = None
    fetcher: Fetcher | None = None

    def meet(self, want: Want) -> None:
        """Meet one want from what is given, what is kept, or its service."""
        names = [n for n in names_of(want) if not self._at_hand(n)]
        if names_of(want) and not names:
            return
        kept = self._kept(names)
        whole = len(kept) == len(names) > 0
        if whole and (not self.live or all(self._fresh(k) for k in kept)):
            self._use(kept)
            self._tell_old(want, kept)
            return
        trouble = self._fetch(want) if self.live else self._why_not_fetched()
        if not trouble:
            return
        self._use(kept)
        if whole:
            oldest = min(k.kept_at for k in kept)
            self.remarks.append(f"{in_words(want)} is a copy of {oldest:%Y-%m-%dT%H:%M:%SZ}: {trouble}")
            return
        self.missing.append(want)
        self.remarks.append(f"missing: {in_words(want)}: {trouble}{self._how(want, trouble)}")

    def _tell_old(self, want: Want, kept: Sequence[Kept]) -> None:
        """A key set does not say until when it holds: an old one may have a key that was withdrawn since."""
        old = [k.kept_at for k in kept if k.item.kind is EndorsementKind.JWKS and not self._fresh(k)]
        if old:
            self.remarks.append(
                f"{in_words(want)} is a copy of {min(old):%Y-%m-%dT%H:%M:%SZ}, and does not say how long it holds"
            )

    def _at_hand(self, name: str) -> bool:
        says = (described(e) for e in self.found.items)
        return any(s is not None and s.meets(name, self.now) for s in says)

    def _open(self) -> Cache | None:
        if not self.opened:
            self.opened = True
            try:
                self.cache = Cache(cache_folder(self.config))
            except Unreadable as e:
                self.remarks.append(f"nothing is kept: {e}")
        return self.cache

    def _kept(self, names: Sequence[str]) -> list[Kept]:
        """The newest kept copy of each name that holds at the time that counts."""
        cache = self._open() if names else None
        if cache is None:
            return []
        found = (next((k for k in cache.find(kept_as(n)) if k.says.meets(n, self.now)), None) for n in names)
        return [k for k in found if k is not None]

    def _fresh(self, kept: Kept) -> bool:
        return kept.item.kind in _LASTING or self.around.clock() - kept.kept_at < REFRESH

    def _use(self, kept: Sequence[Kept]) -> None:
        self.found += Endorsements(tuple(k.item for k in kept))

    def _why_not_fetched(self) -> str:
        if self.offline:
            return "nothing was fetched (--offline)"
        return "nothing was fetched, for a service speaks of today and not of the time that counts here"

    def _fetch(self, want: Want) -> str:
        """Fetch a want; why that failed, or an empty text."""
        try:
            brought = self._connected().fetch(want)
        except Malformed as e:
            return f"found {e.found}, wanted {e.wanted}"
        self.found += brought.endorsements
        return brought.trouble

    def _connected(self) -> Fetcher:
        """Raises BadInput for an address of the configuration that may not be asked."""
        if self.fetcher is None:
            places = sources(self.config)
            self.http = Http(places)
            world = World(self.http, self.around.clock, self.around.sleep, self.around.jitter)
            self.fetcher = Fetcher(world, places, self._open())
        return self.fetcher

    def _how(self, want: Want, trouble: str) -> str:
        try:
            asked = questions(want, sources(self.config))
        except Malformed:
            return ""
        place = "" if not asked or asked[-1].url in trouble else f": it is at {asked[-1].url}"
        return f"; give it with --endorsements{place}" if asked else ""

    def close(self) -> None:
        """Let go of connections, and tell what the cache had to say."""
        if self.http is not None:
            self.http.close()
        self.remarks += self.cache.troubles if self.cache is not None else []


def sources(config: Config) -> Sources:
    """Where endorsements are asked for."""
    a = config.attest
    rim, status = a.nvidia_rim or MANIFESTS, a.nvidia_ocsp or STATUS
    vendors = Sources(kds=a.kds or KDS, gcp=a.gcp or SPACE, nvidia_rim=rim, nvidia_ocsp=status)
    return vendors._replace(pccs=a.pccs, thim=a.thim, maa=a.maa)


def cache_folder(config: Config) -> Path:
    """Where endorsements are kept: as configured, else below $XDG_CACHE_HOME or ~/.cache."""
    if config.attest.cache:
        return Path(config.attest.cache)
    root = os.environ.get("XDG_CACHE_HOME")  # noqa: TID251 - app is where the surroundings are asked
    return (Path(root) if root else Path.home() / ".cache") / "strongroom" / "endorsements"
