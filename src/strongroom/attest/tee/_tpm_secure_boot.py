"""Secure Boot of a quoted boot, step by step: that it was on, what it refuses, and whether it can learn more of that.

Sources: TCG PC Client Platform Firmware Profile 1.06, 3.3.4.8; UEFI 2.10, 32.3 and 8.2.2; shim, `MokVars.txt`, `SBAT.md`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from strongroom.attest import boot_log
from strongroom.attest.steps import NOT_ASKED, Outcome, failed, passed, unchecked
from strongroom.attest.tee._tpm_boot import without_log
from strongroom.attest.tee._tpm_case import Case
from strongroom.kit import boot_keys, ccel, dbx_update, event_words
from strongroom.kit.secure_boot import SHA256, Entry, State
from strongroom.model.attest import EndorsementKind

_UPDATE = "install the vendor's dbx update (fwupdmgr update) and boot again"
_LIST = "give the vendor's signed list with --endorsements (DBXUpdate-ARCHITECTURE-DATE.bin), or [tpm] dbx"
_RENEW = "install the vendor's updates of KEK and db (fwupdmgr update), and boot again"
_IMAGES = frozenset({0x80000003, 0x80000004})


def judged_secure_boot(c: Case) -> Outcome:
    """Secure Boot was on, with keys that are not everybody's, and shim did its part: by what was measured."""
    state = c.boot()
    if state is None:
        return without_log("Secure Boot on, by what PCR 7 measured")
    return boot_log.booted_securely(state, demanded=c.inputs.policy.tpm.secure_boot, beside=_of_shim(c))


def _of_shim(c: Case) -> tuple[str, ...]:
    """What shim's own switches and its SBAT level have against it."""
    held, floors = c.shim(), c.inputs.policy.tpm.sbat
    sbat = held.sbat if held else {}
    low = [f"{name} {sbat.get(name, 'none')}, at least {least} wanted" for name, least in floors.items()]
    low = [text for text, (name, least) in zip(low, floors.items(), strict=True) if sbat.get(name, 0) < least]
    reasons = [f"SBAT level of {', '.join(low)}"] if low else []
    if held is None:
        return tuple(reasons)
    reasons += [f"{name} is on: shim does not ask for all signatures" for name in held.on]
    return (*reasons, *held.troubles)


class _List(NamedTuple):
    """A signed list of what is revoked, who stands behind it, when it came out, and for which machines."""

    entries: tuple[Entry, ...]
    by: str
    date: datetime
    architecture: str

    @property
    def words(self) -> str:
        """Which one it is."""
        return f"the list of {self.date:%Y-%m-%d}{f' for {self.architecture}' if self.architecture else ''}"

    @property
    def noun(self) -> str:
        """What its entries are."""
        return "hashes" if all(e.kind == SHA256 for e in self.entries) else "entries"


def dbx(c: Case) -> Outcome:
    """What is known to be revoked was revoked on this machine when it started."""
    told = c.inputs.policy.tpm
    lists = _lists(c)
    wanted = f"a dbx with all that was revoked over {told.dbx_days_behind} days ago"
    if not told.dbx and not lists:
        return unchecked("no list of what is revoked was given", wanted, _LIST)
    state = c.boot()
    if state is None:
        return without_log(wanted)
    mine = _architecture(c)
    fitting = [x for x in lists if x.architecture in ("", mine)] if mine else lists
    others = sorted({x.architecture for x in lists if x.architecture})
    if lists and (not fitting or (not mine and len(others) > 1)):
        of = f"this machine is {mine}" if mine else "which this machine is was not measured"
        return unchecked(f"the lists are for {', '.join(others)}, and {of}", wanted, _LIST)
    return _missing(c, state, fitting, wanted)


def _lists(c: Case) -> list[_List]:
    """The signed lists that were given. Raises BadSignature, Malformed for one that nobody stands behind."""
    beside = c.authorities()
    found = []
    for e in c.inputs.endorsements.of(EndorsementKind.DBX):
        update = dbx_update.parse(e.data)
        by = dbx_update.proven(update, frozenset(c.keks), beside)
        date = dbx_update.date(update, e.origin)
        found.append(_List(update.entries, by.common_name, date, dbx_update.architecture(e.origin)))
    return sorted(found, key=lambda x: x.date, reverse=True)


def _architecture(c: Case) -> str:
    """By the names of what was started. A log that lies of it gets itself held against a list that it does not have."""
    log = c.log()
    images = (e for e in (log.of(4) if log else ()) if e.type in _IMAGES)
    return next((a for e in images if (a := dbx_update.architecture(_file(e)))), "")


def _file(e: ccel.Event) -> str:
    return event_words.words(e).lower()


def _missing(c: Case, state: State, lists: Sequence[_List], wanted: str) -> Outcome:
    """What of the lists dbx lacks: the newest that it should have by now, and where none is lacking the newest of all."""
    told, now = c.inputs.policy.tpm, c.inputs.now
    held = {(e.kind, e.data) for e in state.variables.get("dbx", ())}
    grace = timedelta(days=told.dbx_days_behind)
    lacking = [(x, len({(e.kind, e.data) for e in x.entries} - held)) for x in lists]
    late = [(x, n) for x, n in lacking if n > told.dbx_missing and now - x.date > grace]
    said = [
        f"{_told(x, n)}{', for which there is still time' if n and not late else ''}" for x, n in (late or lacking)[:1]
    ]
    own = {h.lower() for h in told.dbx} - {e.hex() for kind, e in held if kind == SHA256}
    said += [f"{len(own)} of {len(told.dbx)} hashes of the policy are missing"] if told.dbx else []
    found = f"{'; '.join(said)}; dbx has {len(held)} {'entry' if len(held) == 1 else 'entries'}"
    if late or len(own) > told.dbx_missing:
        return failed(found, wanted, _UPDATE)
    return passed(found, wanted)


def _told(x: _List, missing: int) -> str:
    if not missing:
        return f"all {len(x.entries)} {x.noun} of {x.words} are there"
    return f"{missing} of {len(x.entries)} {x.noun} of {x.words} are missing"


def ca_expiry(c: Case) -> Outcome:
    """Microsoft's certificates of 2011 are not over, or those of 2023 stand beside them.

    Firmware looks at no dates: what was signed under them starts as before. But lists of what is revoked, and loaders,
    are signed under those of 2023 from then on: a KEK without one takes no more lists, and what is found to be weak
    stays trusted. That is a warning, not proof of harm.
    """
    wanted = "certificates that last, or those that come after them"
    state = c.boot()
    if state is None:
        return NOT_ASKED if "tpm.event_log" in c.inputs.policy.unchecked else without_log(wanted)
    old, new = boot_keys.aged(state), boot_keys.renewed(state)
    have = f"of 2023: {', '.join(new)}" if new else "none of 2023"
    if not old:
        return passed(f"no certificate of Microsoft's of 2011; {have}" if new else "the owner's keys alone", wanted)
    over = [a for a in old if a.ends < c.inputs.now and not a.renewed]
    if not over:
        return passed(f"{'; '.join(f'{a.name} to {a.ends.date()}' for a in old)}; {have}", wanted)
    said = "; ".join(f"{a.variable}: {a.name} ended {a.ends.date()}" for a in over)
    return failed(f"{said}; {have}: it cannot take what is signed from now on", wanted, _RENEW)
