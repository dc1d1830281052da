"""What uses the GPUs of this node: the driver's processes, each with its owner, and what the schedulers gave to whom."""

import socket
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from strongroom.app.isolation import MOST_REVIEW, octets
from strongroom.collect.gpu_uses import cards, checkpoint, jobs, owners, programs
from strongroom.collect.gpu_uses.cards import Card
from strongroom.collect.gpu_uses.jobs import Job as Found
from strongroom.collect.host import confidential
from strongroom.isolate.uses import SLURM, Gpu, Instance, Job, Process, Uses
from strongroom.model.errors import BadInput, NotFound

_NO_SMI = ("nvidia-smi", "-q", "-x")


class Asked(NamedTuple):
    """Where it is read: the root of a file system, and files with what programs printed, where they are not to be run."""

    node: str = ""
    root: str = "/"
    smi: str = ""
    listed: str = ""
    confidential: str = ""
    jobs: str = ""
    services: tuple[str, ...] = ()


def hostname() -> str:
    """The name that this node has for its scheduler, unless somebody says another."""
    return socket.gethostname()


def measure(asked: Asked, now: datetime) -> Uses:
    """What uses the GPUs of a node, and what of it could not be seen. Raises BadInput where the driver's word is lacking."""
    return _Node(asked).uses(now)


class _Node:
    """One node while it is measured."""

    def __init__(self, asked: Asked) -> None:
        self.asked, self.root, self.blind = asked, Path(asked.root), list[str]()
        self.name = asked.node or hostname()
        self.live = not asked.smi
        self.found: tuple[Card, ...] = ()

    def uses(self, now: datetime) -> Uses:
        """The document."""
        found = self.found = self.cards()
        pods, given = owners.pods(self.root), self.given()
        running = self.jobs()
        mode = self.cc()
        gpus = tuple(self.gpu(card, pods, given, running, mode) for card in found)
        if given is not None and not pods:
            self.blind.append(f"{self.name}: var/log/pods tells no pod's name: their uids are shown")
        return Uses(
            gpus, at=now, nodes=(self.name,), blind=tuple(dict.fromkeys(self.blind)),
            jobs={j.id: Job(j.account, j.qos, j.user) for j in running or ()},
        )  # fmt: skip

    def printed(self, file: str, argv: Sequence[str]) -> str | None:
        """What a program printed: from its file, or now, where this is the node itself. None where it does not say."""
        try:
            if file:
                return octets(file, MOST_REVIEW).decode("utf-8", "replace")
            return programs.output(argv).decode("utf-8", "replace") if self.live else None
        except NotFound:
            return None
        except BadInput as e:
            self.blind.append(f"{self.name}: {e.subject}: {e.found}")
            return None

    def cards(self) -> tuple[Card, ...]:
        """The GPUs. Without the driver's word there is nothing to tell."""
        data = octets(self.asked.smi, MOST_REVIEW) if self.asked.smi else programs.output(_NO_SMI)
        listed = self.printed(self.asked.listed, ("nvidia-smi", "-L"))
        found = cards.read(data, self.asked.smi or " ".join(_NO_SMI), listed or "")
        self.blind += [f"{self.name}: {card.trouble}" for card in found if card.trouble]
        unnamed = [c.uuid for c in found if any(not s.uuid for s in c.slices)]
        self.blind += [f"{self.name}: {uuid}: nvidia-smi -L names not all of its MIG devices" for uuid in unnamed]
        return tuple(c for c in found if c.uuid.startswith("GPU-"))

    def given(self) -> dict[str, list[str]] | None:
        """What the kubelet gave out; None where there is none."""
        try:
            return checkpoint.read(self.root)
        except BadInput as e:
            self.blind.append(f"{self.name}: {e.subject}: {e.found}")
            return None

    def jobs(self) -> tuple[Found, ...] | None:
        """The jobs of Slurm that have something of this node; None where there is no Slurm."""
        text = self.printed(self.asked.jobs, ("scontrol", "-d", "show", "job"))
        if text is None:
            return None
        return tuple(j for j in jobs.read(text) if self.name in j.gpus)

    def cc(self) -> str:
        """The mode of confidential computing; empty where it was not measured."""
        text = self.printed(self.asked.confidential, ("nvidia-smi", "conf-compute", "-q"))
        tools = self.printed("", ("nvidia-smi", "conf-compute", "-d")) if text and self.live else None
        found = confidential.mode(confidential.said(f"{text}\n{tools or ''}".splitlines())) if text else ""
        return ("on" if found == "ppcie" else found) if isinstance(found, str) else ""

    def gpu(
        self,
        card: Card,
        pods: dict[str, str],
        given: dict[str, list[str]] | None,
        running: tuple[Found, ...] | None,
        mode: str,
    ) -> Gpu:
        """One GPU with all that use it."""
        told = given or {}

        def names(device: str) -> tuple[str, ...]:
            return tuple(pods.get(u, u) for u in told.get(device, ()))

        slices = tuple(Instance(s.uuid, s.instance, names(s.uuid)) for s in card.slices if s.uuid)
        allocated = dict.fromkeys((*names(card.uuid), *(n for s in slices for n in s.allocated)))
        if len(slices) < len(card.slices):  # whose the slices without a name are is not known: it may be anybody's
            named = {s.uuid for c in self.found for s in c.slices}
            allocated |= dict.fromkeys(n for d in told if d.startswith("MIG-") and d not in named for n in names(d))
        mine = tuple(j.id for j in running or () if card.minor is not None and card.minor in j.gpus[self.name])
        if running and card.minor is None:
            self.blind.append(
                f"{self.name}: {card.uuid}: no number of its device file, so that no job can be told to have it"
            )
        return Gpu(
            self.name, card.uuid, card.mig, mode, tuple(allocated), tuple(self.processes(card.pids, pods)), slices, mine,
            SLURM if given is None and running is not None else "",
        )  # fmt: skip

    def processes(self, pids: Iterable[int], pods: dict[str, str]) -> Iterator[Process]:
        """The processes on a GPU, each with its owner. One that is gone by now is none."""
        known = owners.SERVICES | set(self.asked.services)
        for pid in pids:
            found = owners.owner(self.root, pid)
            if found is None:
                if (self.root / "proc" / str(pid)).exists():
                    self.blind.append(f"{self.name}: process {pid}: its control group cannot be read")
                continue
            service = found.service if found.service in known else ""
            yield Process(pid, pods.get(found.pod, found.pod), service, found.job)
