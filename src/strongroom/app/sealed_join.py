"""Sealed artifacts that were found, laid beside the configured signer and the log: facts on each of them.

What is inside of an artifact shows with its key alone. What the log has of its sealing counts where the signature that lies
there is the one that was logged, for the signature covers every message.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from strongroom.app import seal_gate, seal_model
from strongroom.app.artifact_join import names
from strongroom.app.config import Config
from strongroom.app.feeds import kept, patience
from strongroom.app.feeds_join import FeedLook
from strongroom.app.log import Place
from strongroom.app.log_audit import Ask, audit_log
from strongroom.app.log_default import place_of
from strongroom.app.log_entries import entries
from strongroom.app.seal_gate import Demands
from strongroom.app.seal_verify import Trust
from strongroom.kit import seal_record, sealed, sigstore_bundle, slots
from strongroom.kit.seal_record import Act, SealRecord
from strongroom.model.codes import EntryKind, GapCode
from strongroom.model.errors import BadInput, BadSignature, BadUsage, Malformed, StrongroomError, Unreadable
from strongroom.model.estate import Asset, Estate, Fact
from strongroom.model.log import LogEntry
from strongroom.model.values import Unknown, Value, Where
from strongroom.seal.reading import Sealed

DIGEST = "?digest"
_UNTRUSTED = Unknown(
    GapCode.ABSENT, "nobody says whose signature counts: set [artifacts] signer_key, or signer_chain and signer"
)
_NOT_READ = Unknown(GapCode.NOT_FETCHED, "payloads were not read: assess artifacts:DIR?digest")


@dataclass(frozen=True, slots=True)
class Looking:
    """Whose signatures count, if anybody's, the log that sealings were put into, and the feed that versions are judged by."""

    trust: Trust | None
    place: Place
    feeds: FeedLook = field(default_factory=lambda: FeedLook(None))


def looking(config: Config) -> Looking:
    """What the configuration says. Raises BadUsage where it names no one thing to trust, Malformed for a damaged feed."""
    a = config.artifacts
    trust = None
    if a.signer_key or a.signer_chain:
        trust = Trust(a.signer_key or None, a.signer_chain, identity=a.signer or None)
        trust.check()
    f = config.feeds
    return Looking(
        trust, place_of(config), FeedLook(kept(config), f.fresh_days, patience(config), f.names, f.package_budget)
    )


class _Logged(NamedTuple):
    """The sealing of an artifact, and its slots as they were last written."""

    sealing: SealRecord
    last: SealRecord


Log = Mapping[str, _Logged] | Unknown


def join_sealed(estate: Estate, at: Looking | None, now: datetime) -> Estate:
    """The estate with what shows of its sealed artifacts; nothing is looked at where there are none."""
    if at is None or not any("sealed.artifact" in a.facts for a in estate.assets):
        return estate
    log = _log(at.place, now)
    assets = tuple(_joined(a, at, log, now) if "sealed.artifact" in a.facts else a for a in estate.assets)
    return msgspec.structs.replace(estate, assets=assets)


def _joined(asset: Asset, at: Looking, log: Log, now: datetime) -> Asset:
    path = Path(names(asset)[-1])
    values = _signature(path, at, now, whole=(asset.origin or "").endswith(DIGEST)) | _of_log(asset, path, log)
    if values["sealed.scan"] == "safe":
        values["artifact.executes"] = False
    facts = {n: Fact(n, v, Where(str(path)), asset.origin or "") for n, v in values.items()}
    return msgspec.structs.replace(asset, facts={**asset.facts, **facts})


def _signature(path: Path, at: Looking, now: datetime, *, whole: bool) -> dict[str, Value]:
    """What does not hold over what stands in clear holds nowhere; that all of it holds takes reading all of it."""

    def told(valid: bool | Unknown, trouble: Value = "") -> dict[str, Value]:
        return {"sealed.signature_valid": valid, "sealed.signature_trouble": trouble}

    if at.trust is None:
        there = (path / sealed.SIGNATURE_FILE).exists()
        return told(_UNTRUSTED, _UNTRUSTED) if there else told(valid=False, trouble="there is none")
    try:
        seal_gate.outside(path, Demands(trust=at.trust), now, None, whole=whole)
    except BadSignature as e:
        return told(valid=False, trouble=f"{e.subject}: {e.found}"[:300])
    except StrongroomError as e:
        doubt = Unknown(_code(e), str(e)[:300])
        return told(doubt, doubt)
    return told(valid=True) if whole else told(_NOT_READ)


def _of_log(asset: Asset, path: Path, log: Log) -> dict[str, Value]:
    """What the log has of the sealing, where what lies there is what was sealed."""

    def all_of(value: Unknown, logged: bool | Unknown) -> dict[str, Value]:
        same: dict[str, Value] = dict.fromkeys(
            ("sealed.attached", "sealed.held", "sealed.scan", "sealed.slots_logged"), value
        )
        return {**same, "sealed.logged": logged}

    if isinstance(log, Unknown):
        return all_of(log, log)
    found = log.get(str(asset.value("sealed.artifact")))
    if found is None:
        return all_of(Unknown(GapCode.ABSENT, "the log has no entry of its sealing"), logged=False)
    record, digest = found.sealing, _digest(path / sealed.SIGNATURE_FILE)
    if not digest and "signature" not in record.digests:
        unsigned = Unknown(GapCode.ABSENT, "it was sealed without a signature: nothing ties what lies here to the log")
        return all_of(unsigned, unsigned)
    if digest != record.digests.get("signature"):
        return all_of(Unknown(GapCode.CONFLICT, "its signature is not the one that was logged"), logged=False)
    return {
        "sealed.logged": True,
        "sealed.attached": tuple(sorted(set(record.digests) - {"signature"})),
        "sealed.held": tuple(sorted(record.held)),
        "sealed.scan": record.verdict,
        "sealed.slots_logged": _slots(path, found.last),
    }


def _digest(path: Path) -> str:
    try:
        return (
            f"sha256:{hashlib.sha256(seal_model.octets_of(str(path), 'a signature', sigstore_bundle.MOST)).hexdigest()}"
        )
    except BadInput:
        return ""


def _slots(path: Path, last: SealRecord) -> bool | Unknown:
    try:
        with Sealed(path) as held:
            found = slots.read(held.slots, held.artifact)
    except BadInput as e:
        return Unknown(_code(e), str(e)[:300])
    return (found.generation, seal_record.slot_lines(found)) == (last.generation, last.slots)


def _log(place: Place, now: datetime) -> Log:
    """Every sealing that the log has, by the artifact; a log that does not hold says nothing."""
    found: dict[str, _Logged] = {}
    try:
        audited = audit_log(Ask(place, offline=True), now)
        if audited.broken:
            return Unknown(GapCode.CONFLICT, f"the log does not hold: {audited.broken[0]}"[:300])
        for got in entries(place, (EntryKind.SEALING.value,)):
            if got.entry is not None and (record := _record(got.entry)) is not None:
                _take(found, record)
    except StrongroomError as e:
        return Unknown(_code(e), f"the log {place.where}: {e}"[:300])
    return found


def _record(entry: LogEntry) -> SealRecord | None:
    try:
        return seal_record.record_of(entry)
    except Malformed:
        return None  # an entry of a description, or of a later version


def _take(found: dict[str, _Logged], record: SealRecord) -> None:
    """The first sealing of an id counts: a second one under it is nobody's that has made its key."""
    before = found.get(record.artifact)
    if record.act in (Act.CREATED, Act.REENCRYPTED) and before is None:
        found[record.artifact] = _Logged(record, record)
    elif record.act is Act.REWRAPPED and before is not None and record.generation > before.last.generation:
        found[record.artifact] = before._replace(last=record)


def _code(error: StrongroomError) -> GapCode:
    if isinstance(error, Malformed):
        return GapCode.MALFORMED
    return GapCode.ABSENT if isinstance(error, Unreadable | BadUsage) else GapCode.UNDECIDED
