"""What GPUs are used by, as it was measured on their nodes: allocations by the scheduler, processes by the driver."""

from datetime import datetime
from typing import Annotated

import msgspec

from strongroom.model.errors import Malformed

SCHEMA = "strongroom.gpu-use/1"
SLURM = "slurm"


class Process(msgspec.Struct, frozen=True):
    """A process on a GPU: of a pod (`namespace/name`), of a job of Slurm, of a service of the platform, or of nobody known."""

    pid: int
    pod: str = ""
    service: str = ""
    job: str = ""


class Instance(msgspec.Struct, frozen=True):
    """A MIG device of a GPU, and who has it; `gi` is the number of its GPU instance."""

    uuid: str
    gi: str = ""
    allocated: tuple[str, ...] = ()


class Gpu(msgspec.Struct, frozen=True):
    """One GPU as it was measured. `cc` is `on`, `off` or `devtools`; empty where that was not measured.

    `scheduler` is `slurm` where no Kubernetes gives the node's GPUs out; `jobs` are the jobs that have the GPU.
    """

    node: str
    uuid: str
    mig: bool | None = None
    cc: str = ""
    allocated: tuple[str, ...] = ()
    processes: tuple[Process, ...] = ()
    instances: tuple[Instance, ...] = ()
    jobs: tuple[str, ...] = ()
    scheduler: str = ""


class Job(msgspec.Struct, frozen=True):
    """Whose a job of Slurm is."""

    account: str = ""
    qos: str = ""
    user: str = ""


class Uses(msgspec.Struct, frozen=True):
    """What was measured on some nodes, and when; `blind` says what could not be measured, a line each."""

    gpus: tuple[Gpu, ...]
    schema: Annotated[str, msgspec.Meta(pattern=f"^{SCHEMA}$")] = SCHEMA
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    jobs: dict[str, Job] = {}
    nodes: tuple[str, ...] = ()
    blind: tuple[str, ...] = ()

    @property
    def measured(self) -> frozenset[str]:
        """The nodes that were looked at."""
        return frozenset(self.nodes) | {gpu.node for gpu in self.gpus}


def read(data: bytes, subject: str) -> Uses:
    """The uses of a document. Raises Malformed."""
    try:
        return msgspec.json.decode(data, type=Uses)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise Malformed(subject, str(e)[:160].lower(), f"a document of {SCHEMA}") from None


def joined(parts: list[Uses]) -> Uses:
    """Several documents as one; its time is that of the oldest, and none where one of them has none."""
    times = [p.at for p in parts]
    known = [t for t in times if t is not None]
    return Uses(
        tuple(gpu for p in parts for gpu in p.gpus),
        at=min(known) if known and len(known) == len(times) else None,
        jobs={key: job for p in parts for key, job in p.jobs.items()},
        nodes=tuple(sorted({n for p in parts for n in p.nodes})),
        blind=tuple(line for p in parts for line in p.blind),
    )
