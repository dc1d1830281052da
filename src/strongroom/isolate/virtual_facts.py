"""What is known of hosts that run virtual machines: labels of projects, aliases, traits, GPUs and who is on them.

No hypervisor keeps such labels: whoever administers it writes them down, and nobody else.
"""

from typing import Annotated

import msgspec

from strongroom.isolate import vgpu
from strongroom.model.errors import Malformed
from strongroom.model.isolate import Rung

SCHEMA = "strongroom.virtual/1"
WHOLE = "whole"


class Profile(msgspec.Struct, frozen=True):
    """How many of a type of vGPU a board takes (`max_instance`), and how many an instance of MIG does."""

    most: int | None = None
    per_slice: int | None = None


class Held(msgspec.Struct, frozen=True):
    """A machine that has something of a GPU; `device` is a PCI address of a function, or the UUID of a mediated device."""

    name: str
    project: str
    device: str = ""


class Gpu(msgspec.Struct, frozen=True):
    """One GPU of a host. `functions` are its virtual functions and `mdevs` its mediated devices, with the type of each."""

    address: str
    uuid: str = ""
    island: str = ""
    functions: dict[str, str] = {}
    mdevs: dict[str, str] = {}
    machines: tuple[Held, ...] = ()


class Host(msgspec.Struct, frozen=True):
    """A hypervisor. `cc` is `on` where its GPUs are in confidential mode and ready; `tenant` has it for himself."""

    gpus: tuple[Gpu, ...] = ()
    cc: str = ""
    tenant: str = ""
    scrub: str = ""


class Facts(msgspec.Struct, frozen=True):
    """All of it. `aliases` are those of Nova's `[pci] alias`: `whole`, or a type of vGPU; `traits` lead to types likewise."""

    schema: Annotated[str, msgspec.Meta(pattern=f"^{SCHEMA}$")]
    projects: dict[str, str] = {}
    hosts: dict[str, Host] = {}
    aliases: dict[str, str] = {}
    traits: dict[str, str] = {}
    profiles: dict[str, Profile] = {}

    def rung(self, kind: str) -> Rung:
        """What somebody has who got `whole`, or a type of vGPU."""
        known = self.profiles.get(kind, Profile())
        return Rung.WHOLE if kind == WHOLE else vgpu.rung(kind, known.most, known.per_slice)


def read(data: bytes, subject: str) -> Facts:
    """The facts of a document. Raises Malformed."""
    try:
        return msgspec.json.decode(data, type=Facts)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        hint = "strongroom isolate machine --help shows one"
        raise Malformed(subject, str(e)[:160].lower(), f"a document of {SCHEMA}", hint) from None
