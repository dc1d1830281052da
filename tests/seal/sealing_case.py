"""Sealing and opening as a command does it, for the tests: a log, an identity, a signer, and a model to seal."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from strongroom.app import seal_create, seal_keys, seal_open, seal_provenance, seal_rewrap, seal_slots, seal_unlock
from strongroom.app.log import Log, Place, create
from strongroom.app.log_entries import entries
from strongroom.app.seal_attachments import Describe
from strongroom.app.seal_gate import Demands
from strongroom.app.seal_provenance import Stated
from strongroom.app.seal_signers import SignerWords
from strongroom.app.seal_signers import opened as signer_opened
from strongroom.app.seal_verify import Trust
from strongroom.model.log import LogEntry

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def tensors(octets: bytes) -> bytes:
    """A file of safetensors with one tensor."""
    head = json.dumps({"w": {"dtype": "U8", "shape": [len(octets)], "data_offsets": [0, len(octets)]}}).encode()
    head += b" " * (-len(head) % 8)
    return len(head).to_bytes(8, "little") + head + octets


FILES = {
    "config.json": b'{"hidden_size": 8}',
    "empty.txt": b"",
    "weights/a.safetensors": tensors(bytes(range(256)) * 9000),
}


@dataclass
class Case:
    """A folder with everything in it."""

    folder: Path
    now: datetime = NOW
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for path, octets in FILES.items():
            at = self.model / path
            at.parent.mkdir(parents=True, exist_ok=True)
            at.write_bytes(octets)
        self.recipient = self.identity("me")
        self.signer_key("signer")
        self.place = Place(str(self.folder / "log"), (), None)
        create(self.place)

    @property
    def model(self) -> Path:
        """What is sealed."""
        return self.folder / "model"

    @property
    def target(self) -> Path:
        """The artifact."""
        return self.folder / "model.sealed"

    def identity(self, name: str) -> str:
        """Make an identity in NAME.id; its recipient."""
        text, recipient = seal_keys.generate(self.now)
        seal_keys.keep(self.folder / f"{name}.id", text)
        return recipient

    def id_of(self, name: str = "me") -> str:
        """The path of an identity."""
        return str(self.folder / f"{name}.id")

    def signer_key(self, name: str) -> None:
        """A key that signs: NAME.pem and NAME.pub."""
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self.folder / f"{name}.pem").write_bytes(private)
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (self.folder / f"{name}.pub").write_bytes(public)

    def asked(self, **fields: object) -> seal_create.Asked:
        """A sealing of the model to this identity, with a scan."""
        base = seal_create.Asked(
            str(self.model),
            self.target,
            seal_slots.Wanted((self.recipient,)),
            self.folder / "state",
            self.now,
            describe=Describe(bom=False),
        )
        return replace(base, **fields)  # type: ignore[arg-type] # the fields of a dataclass by name

    def create(self, *, signer: str | None = "signer", **fields: object) -> seal_create.Created:
        """Seal the model."""
        with self.log() as log, contextlib.ExitStack() as stack:
            by = None
            if signer is not None:
                by = stack.enter_context(signer_opened(SignerWords(str(self.folder / f"{signer}.pem")), self.now))
            hands = seal_create.Hands(log, by, note=self.told.append)
            return seal_create.create(self.asked(**fields), hands)

    @contextlib.contextmanager
    def log(self) -> Iterator[Log]:
        """The log."""
        with Log.open(self.place, offline=True) as log:
            yield log

    def entries(self) -> list[LogEntry]:
        """What is in the log."""
        with self.log() as log:
            log.publish()
        return [got.entry for got in entries(self.place) if got.entry is not None]

    def hands(self, attester: object = None) -> seal_unlock.Hands:
        """The clock and the ear."""
        return seal_unlock.Hands(lambda: self.now, self.told.append, attester)  # type: ignore[arg-type] # a test's own

    def demands(self, *required: str, signer: str = "signer", **fields: object) -> Demands:
        """What must be shown, by the signer."""
        base = Demands(frozenset(required), Trust(public_key=str(self.folder / f"{signer}.pub")))  # type: ignore[arg-type] # words
        return replace(base, **fields)  # type: ignore[arg-type] # the fields of a dataclass by name

    def way(self, name: str = "me", **fields: object) -> seal_unlock.Way:
        """By an identity."""
        return replace(seal_unlock.Way((self.id_of(name),)), **fields)  # type: ignore[arg-type] # by name

    def open(
        self,
        target: Path,
        way: seal_unlock.Way | None = None,
        demands: Demands | None = None,
        attester: object = None,
    ) -> seal_open.Written:
        """Open the artifact into a place, whatever it lies on."""
        asked = seal_open.Asked(self.target, way or self.way(), demands or Demands(), target=target, disk=True)
        hands = seal_open.Hands(self.hands(attester))
        with seal_open.opened(asked, hands) as found:
            return seal_open.extract(found, hands)

    def rewrap(self, way: seal_unlock.Way | None = None, **fields: object) -> seal_rewrap.Rewrapped:
        """Change the slots."""
        wanted = fields.pop("wanted", seal_slots.Wanted())
        asked = seal_rewrap.Asked(self.target, way or self.way(), wanted, **fields)  # type: ignore[arg-type] # by name
        with self.log() as log:
            return seal_rewrap.rewrap(asked, self.hands(), log, None)


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def provenance(case: Case, signer: str = "signer", **fields: object) -> Path:
    """A provenance of the model, by its signer."""
    stated = Stated("https://builder.example/1", "https://builder.example/train/v1", ("epochs=3",))
    with signer_opened(SignerWords(str(case.folder / f"{signer}.pem")), case.now) as by:
        octets = seal_provenance.made(str(case.model), replace(stated, **fields), by)  # type: ignore[arg-type] # by name
    at = case.folder / "provenance.json"
    at.write_bytes(octets)
    return at
