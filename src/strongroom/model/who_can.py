"""Who can do what to an asset: the question, the verdict of every principal, and the way that leads there."""

from enum import StrEnum

import msgspec

from strongroom.model.estate import SCHEMA, Gap


class Deed(StrEnum):
    """What is asked about. `read` is of data, `decrypt` and `release` of keys, `admin` of everything around the asset."""

    DEPLOY = "deploy"
    TRAIN = "train"
    UPDATE = "update"
    INFER = "infer"
    READ = "read"
    EXPORT = "export"
    DECRYPT = "decrypt"
    RELEASE = "release"
    STOP_LOGS = "stop-logs"
    MANAGE_GPU = "manage-gpu"
    ADMIN = "admin"


class May(StrEnum):
    """Whether a principal can do it. CONDITIONAL depends on the request, or on a policy that is not in the files."""

    ALLOW = "ALLOW"
    DENY = "DENY"
    CONDITIONAL = "CONDITIONAL"


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request on the way: who makes it, what it is, on what, and the statements that let it through.

    `leads_to` is what it makes the asker into, or puts under his control; empty for the deed itself. `depends_on` is what
    the files do not decide.
    """

    who: str
    action: str
    on: str
    by: tuple[str, ...] = ()
    leads_to: str = ""
    depends_on: tuple[str, ...] = ()


class Held(msgspec.Struct, frozen=True, omit_defaults=True):
    """The verdict of one principal, with its shortest way; a DENY cites the statements that stand against it."""

    principal: str
    verdict: May
    path: tuple[Step, ...] = ()
    depends_on: tuple[str, ...] = ()
    denied_by: tuple[str, ...] = ()


class WhoCan(msgspec.Struct, frozen=True):
    """The answer: a verdict for every principal, and what could not be looked at."""

    deed: Deed
    asset: str
    held: tuple[Held, ...]
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()
    schema: str = SCHEMA
