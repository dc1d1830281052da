"""A broker as an owner sets it up for hosts with TPMs: signed files, a log, a back end, and the product's own process."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import tpm_minting as tpms
from broker_house import ANN, House, Running, launched
from click.testing import CliRunner
from key_harness import Running as BackEnd

from strongroom.app import log_entries
from strongroom.app.broker_open import open_state
from strongroom.app.config import load
from strongroom.app.log_default import place_of
from strongroom.app.log_places import settings_of
from strongroom.cli.main import group
from strongroom.kit import reference_file as files
from strongroom.kit.gate import LogGate
from strongroom.kit.tlog import policy as trust
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.model.attest import EvidenceKind
from strongroom.model.codes import EntryKind
from strongroom.model.release import Secret


def clock() -> datetime:
    """The clock of the machine: the broker's and the host's are the same here."""
    return datetime.now(UTC)  # noqa: TID251 - it stands where a server stands, which owns its clock


@dataclass
class Owned(House):
    """The folder of a broker whose [broker.keys] has one back end, and whose policy knows the hosts that are enrolled."""

    keys_in: BackEnd | None = None
    enrolled: tuple[str, ...] = ()
    values: dict[str, tuple[str, ...]] | None = None
    unchecked: dict[str, str] | None = None

    def prepare(self) -> None:
        """The appraisal policy and the reference values, signed; the back end is the test's own."""
        quoted = ", ".join(f'"{n}"' for n in self.enrolled)
        dbx = ", ".join(f'"{r.hex()}"' for r in tpms.REVOKED)
        left = "".join(f'"{k}" = "{v}"\n' for k, v in (self.unchecked or {}).items())
        (self.folder / "appraisal.toml").write_text(
            'schema = "strongroom.attest-policy/1"\nname = "hosts"\n'
            f"[tpm]\naks = [{quoted}]\nunsafe_clock = true\ndbx = [{dbx}]\n"
            f"secure_boot = {str(not left).lower()}\n"
            f'[composite]\nroots = ["tpm"]\n[unchecked]\n{left}'
        )
        known = files.Reference(EvidenceKind.TPM, "worker", self.values or {}, f"sha256:{'ab' * 32}", version="1.4")
        held = files.References(files.SCHEMA, "hosts", 1, (known,))
        data = files.render(held).encode()
        (self.folder / "references.toml").write_bytes(data)
        (self.folder / "references.toml.sig").write_bytes(files.sign(data, held, Ed25519Signer(ANN)))

    def sections(self) -> str:
        """[attest] and the back end of the configuration."""
        assert self.keys_in is not None
        f, settings = self.folder, self.keys_in.settings
        options = "".join(f'{k} = "{v}"\n' for k, v in settings.options.items())
        return (
            f'[attest]\npolicy = "{f}/appraisal.toml"\nreferences = ["{f}/references.toml"]\n'
            f'keys = ["{ANN.verifier}"]\n[broker.keys.{self.keys_in.backend.name}]\n{options}'
        )

    def deposit(self, name: str, secret: bytes) -> None:
        """Keep a resource in the back end."""
        assert self.keys_in is not None
        keys = self.keys_in.open(LogGate(trust.parse(b"quorum none\n"), ()))
        with open_state(load(str(self.config))) as store:
            store.deposit(keys.wrap(Secret(secret), name, 1, (str(ANN.verifier),)), clock())
        keys.close()

    def said(self) -> list[tuple[EntryKind, str]]:
        """What the log says, entry by entry: the kind, and the first reason."""
        place = place_of(load(str(self.config)))
        found = [got.entry for got in log_entries.entries(place) if got.entry is not None]
        return [(e.kind, str(e.fields.get("reasons", ("",))[0])) for e in found]  # type: ignore[index] # a list of texts

    def proven(self, index: int) -> bool:
        """Whether the log proves an entry to somebody who has its key alone."""
        where = place_of(load(str(self.config))).where
        proof, entry = self.folder / f"{index}.tlog-proof", self.folder / f"{index}.entry"
        made = ("log", "prove", str(index), "--log", str(where), "-o", str(proof), "--entry", str(entry))
        done = CliRunner().invoke(group, [*made])
        assert done.exit_code == 0, done.output
        settings = settings_of(where)
        assert settings is not None
        words = ("log", "verify", str(proof), "--entry", str(entry), "--key", settings.keys[0])
        return CliRunner().invoke(group, [*words]).exit_code == 0


@contextlib.contextmanager
def serving(house: Owned) -> Iterator[Running]:
    """`strongroom serve broker`, as anybody starts it."""
    pem = str(house.folder / "broker.pem")
    words = ("--listen", "127.0.0.1:0", "--tls-cert", pem, "--tls-key", pem, "--config", str(house.config))
    command = (sys.executable, "-P", "-m", "strongroom.serve", "broker", *words, "--log-format", "json", "--offline")
    kept = {k: v for k, v in os.environ.items() if k == "SOFTHSM2_CONF"}  # noqa: TID251 - where the token's case has put it
    with launched(house, command, environment=kept) as running:
        yield running


def wait_for(house: Owned, entries: int) -> None:
    """Until the log has published so many entries: a broker does that each second, and when it ends."""
    while len(house.said()) < entries:
        time.sleep(0.05)
