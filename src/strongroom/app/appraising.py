"""The use case behind `attest verify`: read what is named, fetch what is wanted, judge, and keep the record."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from strongroom.app.appraisal import appraise, exit_code
from strongroom.app.appraisal_record import SCHEMA, Record, encode, log_record
from strongroom.app.attest_policy import load as load_policy
from strongroom.app.config import Config
from strongroom.app.endorsements import gather
from strongroom.app.evidence import load, wants
from strongroom.app.references import load as load_references
from strongroom.attest.policy import Policy
from strongroom.ledger import disk
from strongroom.model.attest import Appraisal, EvidenceKind


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command was given."""

    evidence: str
    kind: EvidenceKind | None
    endorsements: tuple[str, ...]
    references: tuple[str, ...]
    policy: str | None
    challenge: bytes | None
    now: datetime
    offline: bool
    record: str | None = None
    log: str | None = None
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verified:
    """The verdict, and what is worth a remark: what was ignored, what could not be fetched, where it is logged."""

    appraisal: Appraisal
    remarks: tuple[str, ...]

    def exit_code(self, *, inspect: bool) -> int:
        """The exit code of `attest verify`."""
        return exit_code(self.appraisal, inspect=inspect)


def verify(asked: Asked, config: Config) -> Verified:
    """Judge the evidence that is named.

    Raises:
        Unreadable, TooLarge, Malformed, NotFound: evidence, endorsements, references or policy cannot be used.
        LogUnavailable, LogDamaged, StateError: the record was to be kept and could not be logged; then none is kept.
    """
    chosen = asked.policy or config.attest.policy
    policy = load_policy(chosen) if chosen else Policy()
    evidence = load(asked.evidence, asked.kind, asked.challenge, asked.now)
    given = gather(asked.endorsements, wants(evidence), asked.now, config, offline=asked.offline, keys=asked.keys)
    references = load_references(
        asked.references or config.attest.references, config, (*asked.keys, *config.attest.keys)
    )
    appraisal = appraise(evidence, given.endorsements, references, policy, asked.now)
    remarks = list(given.remarks)
    if asked.record is not None:
        record = Record(SCHEMA, evidence, given.endorsements, references, policy, asked.now, appraisal)
        remarks.append(_keep(record, asked, config))
    return Verified(appraisal, tuple(remarks))


def _keep(record: Record, asked: Asked, config: Config) -> str:
    data = encode(record)
    path = Path(asked.record or "")
    index = log_record(record, data, config, asked.log, offline=asked.offline)
    disk.replace(path, data)
    return f"kept in {path}, and logged as entry {index}"
