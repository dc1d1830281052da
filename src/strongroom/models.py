"""Open sealed models, from Python.

    from strongroom.models import open_model

    with open_model("model.sealed", identity="lab.id", public_key="signer.pub") as model:
        config = model.read("config.json")
        with model.tensors("model.safetensors") as tensors:
            weight = tensors.tensor("model.layers.0.weight")    # one tensor, and no more is opened
            everything = tensors.load_all()                     # straight into the arrays
        path = model.in_memory("model.safetensors")             # for what wants a path: /proc/self/fd/N

On an attested machine, `open_model("model.sealed", attest=True, ca="ca.pem", …)` gets the key from the broker of the slot;
then a signature, a scan and a provenance must be there and hold.

A checkpoint is sealed out of memory, before anything of it leaves:

    save_checkpoint("step-1000.sealed", {"model.safetensors": model.state_dict()}, to=["lab.pub"], sign_key="signer.pem")

What is given out was authenticated first. Arrays and files in memory outlive the `with`; the key does not. What goes wrong
is a `StrongroomError`. This module, its names and their arguments are kept from release to release.
"""

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from strongroom.app import seal_checkpoint, seal_create, seal_log, seal_open, seal_signers, seal_slots
from strongroom.app.config import load
from strongroom.app.seal_checkpoint import Part
from strongroom.app.seal_gate import Demands, Shown
from strongroom.app.seal_hands import Hands
from strongroom.app.seal_signers import SignerWords
from strongroom.app.seal_unlock import Way
from strongroom.app.seal_verify import Trust
from strongroom.kit.sealed import Boundary
from strongroom.model.errors import BadUsage, StrongroomError
from strongroom.seal import memory, sealing
from strongroom.seal.checkpoints import Tensor
from strongroom.seal.filesystem import filesystem
from strongroom.seal.tensors import Tensors

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["Model", "StrongroomError", "Tensors", "open_model", "save_checkpoint", "save_file"]


def _clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a door is where time enters


def _quiet(_: str) -> None:
    return


class Model:
    """A sealed model that is open. A context manager, safe between threads."""

    def __init__(self, asked: seal_open.Asked, tell: Callable[[str], None]) -> None:
        """`open_model` makes one."""
        self._asked, self._tell = asked, tell
        self._held = contextlib.ExitStack()
        self._open: seal_open.Open | None = None
        self._work: sealing.Work | None = None

    def __enter__(self) -> Self:
        """Verify and open it. Raises StrongroomError."""
        hands = seal_open.Hands(Hands(_clock, self._tell))
        with contextlib.ExitStack() as held:
            self._open = held.enter_context(seal_open.opened(self._asked, hands))
            self._work = sealing.work(self._open.unsealed.sealed.artifact.segment)
            held.callback(self._work.close)
            self._held = held.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Let go of the key and of the files."""
        self._open, self._work = None, None
        self._held.close()

    def _now(self) -> seal_open.Open:
        if self._open is None:
            raise RuntimeError("a model is used in a `with`")
        return self._open

    @property
    def name(self) -> str:
        """What was sealed was called."""
        return self._now().unsealed.index.name

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of its files."""
        return tuple(e.path for e in self._now().unsealed.index.files)

    @property
    def verdicts(self) -> tuple[str, ...]:
        """What was found of it, in words."""
        return self._now().verdicts.lines

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        """Octets of a file. Raises StrongroomError: there is none of that path, or it is not as it was sealed."""
        found = self._now().unsealed
        payload = found.payload(found.entry(path))
        return payload.read(offset, payload.size if length is None else length)

    def tensors(self, path: str) -> Tensors:
        """A file of safetensors, lazily: use it in a `with`. Raises StrongroomError."""
        found = self._now().unsealed
        return Tensors(found.payload(found.entry(path)), self._work)

    def filesystem(self) -> "AbstractFileSystem":
        """The model by fsspec, for what reads by that; good for as long as the model is open. Raises StrongroomError."""
        return filesystem(self._now().unsealed, self._work)

    def in_memory(self, path: str, *, inherit: bool = False) -> str:
        """A file, whole, as a path of this process: a sealed file in memory that nobody can change.

        It may be opened and mapped any number of times; with `inherit`, also by whatever this process starts. It stays until
        the process ends, or the descriptor in its name is closed. Raises StrongroomError.
        """
        found = self._now().unsealed
        descriptor = memory.loaded(found.payload(found.entry(path)), self._work, Path(path).name[:200])
        os.set_inheritable(descriptor, inherit)
        return f"/proc/self/fd/{descriptor}"


def save_checkpoint(
    path: str,
    parts: Mapping[str, Part],
    *,
    to: Sequence[str] = (),
    to_broker: Sequence[str] = (),
    policy: str = "",
    attested: bool = False,
    sign_key: str | None = None,
    metadata: Mapping[str, str] | None = None,
    log: str | None = None,
    config: str | None = None,
) -> str:
    """Seal a checkpoint out of memory, before anything of it leaves; the id of the artifact.

    Args:
        path: The artifact to make. It appears when all of it is on the disk and in the log.
        parts: By path: a table of arrays of numpy or tensors of torch, which is written as safetensors; octets; or a function
            that writes to a file object: `lambda f: torch.save(optimizer.state_dict(), f)`.
        to: Recipients, or files of them.
        to_broker: Files of brokers' recipients.
        policy: The id of the policy that is bound into the slots.
        attested: Only a broker's slot may open it, now and ever.
        sign_key: Sign it outside and inside by this private key (PEM).
        metadata: The free words in the headers of safetensors.
        log: The log; else that of the configuration, or the default one.
        config: The configuration file.

    Raises StrongroomError; then nothing of it is left.
    """
    wanted = seal_slots.Wanted(tuple(to), tuple(to_broker), policy=policy)
    asked = seal_checkpoint.Asked(
        parts, Path(path), wanted, _clock(), Boundary.ATTESTED if attested else Boundary.ANY, metadata
    )
    with contextlib.ExitStack() as stack:
        signer = stack.enter_context(seal_signers.opened(SignerWords(sign_key), asked.now)) if sign_key else None
        held = stack.enter_context(seal_log.opened(load(config), log, offline=False))
        return seal_checkpoint.save(asked, seal_create.Hands(held, signer)).artifact.id


def save_file(
    tensors: Mapping[str, Tensor], filename: str, metadata: Mapping[str, str] | None = None, *, to: Sequence[str]
) -> None:
    """As `safetensors.torch.save_file` and its numpy twin, but sealed to recipients: a file of tensors as an artifact of one.

    Raises StrongroomError; then nothing of it is left.
    """
    save_checkpoint(filename, {"model.safetensors": tensors}, to=to, metadata=metadata)


def open_model(
    path: str,
    *,
    identity: str | Sequence[str] = (),
    attest: bool = False,
    broker: str = "",
    ca: str | None = None,
    broker_evidence_policy: str | None = None,
    public_key: str | None = None,
    certificate_chain: Sequence[str] = (),
    signer: str | None = None,
    provenance_key: str | None = None,
    builder: str | None = None,
    require: Sequence[str] = (),
    verify_all: bool = False,
    config: str | None = None,
    tell: Callable[[str], None] = _quiet,
) -> Model:
    """A sealed model, to be used in a `with`.

    Args:
        path: The artifact.
        identity: A file, or files, of identities that open a slot.
        attest: Attest this machine to the broker of a slot instead.
        broker: The broker's URL, for the slot of a key back end; a broker's slot names its own.
        ca: A file of authorities of the broker's certificate, in PEM.
        broker_evidence_policy: An appraisal policy that the broker's own evidence must meet first.
        public_key: The key that must have signed it, outside and inside (PEM).
        certificate_chain: Authorities of the signer's certificate, instead of a key.
        signer: The name in the signer's certificate.
        provenance_key: The key that must have signed the provenance (PEM).
        builder: The builder that the provenance must name.
        require: What must be there: `signature`, `scan`, `provenance`, `bom`.
        verify_all: Take the digest of every message before the key is asked for, and not of the index alone.
        config: The configuration file.
        tell: Who is told what is not as it should be with this process's memory, and who signed.

    Raises BadUsage where these do not fit together.
    """
    identities = (identity,) if isinstance(identity, str) else tuple(identity)
    if bool(identities) == attest:
        raise BadUsage("open_model", "not one way to open it", "identity=, or attest=True")
    asking = None
    if attest:
        from strongroom.app.release_client import To  # noqa: PLC0415 - whoever has an identity does not pay for TLS
        from strongroom.app.release_get import Asking  # noqa: PLC0415 - same

        asking = Asking(To(broker, ca), broker_policy=broker_evidence_policy, config=config)
    trust = None
    if public_key is not None or certificate_chain:
        trust = Trust(public_key, tuple(certificate_chain), None, signer)
        trust.check()
    try:
        required = frozenset(map(Shown, require))
    except ValueError:
        raise BadUsage("require", repr(tuple(require)), ", ".join(Shown)) from None
    demands = Demands(required, trust, provenance_key, builder)
    return Model(seal_open.Asked(Path(path), Way(identities, asking), demands, whole=verify_all), tell)
