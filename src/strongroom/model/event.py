"""What happened, and what is made of it."""

from datetime import datetime

import msgspec

from strongroom.model.codes import Severity
from strongroom.model.values import Plain


class Event(msgspec.Struct, frozen=True):
    """One normalised event (OCSF class and activity)."""

    id: str
    class_uid: int
    activity: str
    actor: str
    asset: str
    at: datetime
    fields: tuple[tuple[str, Plain], ...] = ()


class Alert(msgspec.Struct, frozen=True):
    """A detection that fired, with the events that it fired on."""

    id: str
    detection: str
    severity: Severity
    events: tuple[str, ...]
    raised_at: datetime


class Incident(msgspec.Struct, frozen=True):
    """Alerts that belong together, and the playbook that answers them."""

    id: str
    title: str
    alerts: tuple[str, ...]
    playbook: str
    opened_at: datetime
