"""What the steps of a TPM's quote share: every part read when it is asked for, and its trouble raised where it is."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar, cast

from strongroom.attest.tee import _tpm_reading as reading
from strongroom.attest.verifier import Inputs
from strongroom.kit import boot_events, ccel, ima, secure_boot, tpm
from strongroom.kit import shim as shims
from strongroom.kit.x509 import certificate as certificates
from strongroom.kit.x509.certificate import Certificate
from strongroom.model.attest import EndorsementKind
from strongroom.model.errors import BadInput, Malformed

T = TypeVar("T")


@dataclass(slots=True)
class Case:
    """The inputs; what is read of them is read once, and raises the same each time."""

    inputs: Inputs
    roots: Mapping[str, str]
    keks: Mapping[str, str]
    differences: list[str] = field(default_factory=list)  # from a known boot, in words: reports have room for some
    _held: dict[str, object] = field(default_factory=dict)

    def _once(self, name: str, make: Callable[[], T]) -> T:
        if name not in self._held:
            try:
                self._held[name] = make()
            except BadInput as e:
                self._held[name] = e
        found = self._held[name]
        if isinstance(found, BadInput):
            raise found
        return cast("T", found)

    def part(self, name: str) -> bytes:
        """The octets of a part; empty where it was not given. Of several quotes it is the one of the policy's bank."""
        found = self.inputs.evidence.part(name + self.bank_of_several if name in reading.QUOTED else name)
        return found.data if found else b""

    @property
    def bank_of_several(self) -> str:
        """What the names of the judged quote's parts end in: nothing, or the policy's bank where it has its own quote."""
        name = f".{self.inputs.policy.tpm.bank}"
        return name if self.inputs.evidence.part(reading.QUOTE + name) else ""

    def others(self) -> Iterator[tuple[str, tuple[bytes, ...]]]:
        """The quotes that came along beside the judged one: the bank, then quote, signature and register values."""
        held = {p.name: p.data for p in self.inputs.evidence.parts}
        for name in held:
            head, _, bank = name.partition(".")
            if head == reading.QUOTE and name != reading.QUOTE + self.bank_of_several:
                end = f".{bank}" if bank else ""
                yield bank or "the first", tuple(held.get(n + end, b"") for n in reading.QUOTED)

    def attest(self) -> tpm.Attest:
        """The quote, whatever it says of itself. Raises Malformed."""
        return self._once("attest", lambda: tpm.attest(self.part(reading.QUOTE)))

    def signature(self) -> tpm.Signature:
        """The signature. Raises Malformed."""
        return self._once("signature", lambda: tpm.signature(self.part(reading.SIGNATURE)))

    def public(self) -> tpm.Public | None:
        """The attestation key's public area; None where only the key was given. Raises Malformed."""
        return self._once("public", self._public)

    def _public(self) -> tpm.Public | None:
        octets = self.part(reading.AK)
        return tpm.public(octets) if octets else None

    def key(self) -> bytes:
        """The attestation key, as SubjectPublicKeyInfo. Raises Malformed where none was given."""
        area = self.public()
        spki = area.spki if area else self.part(reading.AK_KEY)
        if spki:
            return spki
        leaf = self.leaf()
        if leaf is None:
            raise Malformed("TPM evidence", "no attestation key", "its public area, or its certificate")
        return leaf.key

    def leaf(self) -> Certificate | None:
        """The certificate of the attestation key. Raises Malformed."""
        octets = self.part(reading.AK_CERTIFICATE)
        return certificates.parse(octets) if octets else None

    def authorities(self) -> tuple[Certificate, ...]:
        """Certificates that may stand above it: those that came along, and those that were given."""
        beside = (self.part(f"{reading.AK_CERTIFICATE}.{n}") for n in range(1, reading.MOST_CERTIFICATES))
        given = (e.data for e in self.inputs.endorsements.of(EndorsementKind.CERTIFICATE))
        found = (certificates.readable(x) for x in (*filter(None, beside), *given))
        return tuple(c for c in found if c is not None and c.is_authority)

    def values(self) -> reading.Values:
        """The register values that came with the quote, by bank and number. Raises Malformed."""
        return self._once("values", lambda: reading.values(self.part(reading.PCRS)))

    @property
    def bank(self) -> int:
        """The policy's bank. Raises Malformed for one that is not known."""
        found = tpm.NUMBERS.get(self.inputs.policy.tpm.bank)
        if found is None:
            raise Malformed("policy", f"bank = {self.inputs.policy.tpm.bank!r}", f"one of {', '.join(tpm.NUMBERS)}")
        return found

    def registers(self, bank: int) -> Mapping[int, bytes]:
        """The values of one bank that the quote selected: others came along unsigned."""
        return self._once(f"registers {bank}", lambda: self._registers(bank))

    def _registers(self, bank: int) -> Mapping[int, bytes]:
        chosen = {n for s in self.attest().selections if s.algorithm == bank for n in s.pcrs}
        return MappingProxyType({n: v for (b, n), v in self.values().items() if b == bank and n in chosen})

    def every_bank(self) -> Mapping[int, Mapping[int, bytes]]:
        """The registers of every bank that a quote covers, those of the judged quote before others'. Raises Malformed."""
        found = {s.algorithm: self.registers(s.algorithm) for s in self.attest().selections}
        for _, (quoted, _, values) in self.others():
            held = reading.values(values)
            for bank, pcrs in tpm.attest(quoted).selections:
                found.setdefault(bank, {n: held[bank, n] for n in pcrs if (bank, n) in held})
        return found

    def log(self) -> ccel.Log | None:
        """The firmware's log; None where it was not given. Raises Malformed."""
        octets = self.part(reading.EVENT_LOG)
        return self._once("log", lambda: ccel.parse(octets)) if octets else None

    def replayed(self, log: ccel.Log, bank: int) -> Mapping[int, bytes]:
        """The registers that the log gives in a bank. Raises Malformed."""
        return self._once(f"replay {bank}", lambda: ccel.replay(log, bank))

    def told(self, log: ccel.Log) -> tuple[boot_events.Seen, ...]:
        """The log's events in words. Raises Malformed."""
        return self._once("told", lambda: boot_events.seen(log, self.bank))

    def boot(self) -> secure_boot.State | None:
        """Secure Boot as the log has it; only where its events give the quoted PCR 7. Raises Malformed."""
        log = self.log()
        return self._once("boot", lambda: self._boot(log)) if log else None

    def _boot(self, log: ccel.Log) -> secure_boot.State:
        quoted = self.registers(self.bank).get(secure_boot.REGISTER)
        if quoted is None or self.replayed(log, self.bank).get(secure_boot.REGISTER) != quoted:
            raise Malformed("event log", "events that do not give the quoted PCR 7", "the log of this boot")
        return secure_boot.state(log, self.bank)

    def shim(self) -> shims.Shim | None:
        """What shim says of itself; only where its events give the quoted PCR 14. Raises Malformed."""
        return self._once("shim", self._shim)

    def _shim(self) -> shims.Shim | None:
        log = self.log()
        quoted = self.registers(self.bank).get(shims.REGISTER) if log else None
        if log is None or quoted is None or self.replayed(log, self.bank).get(shims.REGISTER) != quoted:
            return None
        return shims.state(log, self.bank)

    def measurements(self) -> tuple[ima.Measurement, ...] | None:
        """The kernel's list; None where it was not given. Raises Malformed."""
        octets = self.part(reading.IMA_LOG)
        return self._once("ima", lambda: ima.parse(octets)) if octets else None


def begin(roots: Mapping[str, str], keks: Mapping[str, str], inputs: Inputs) -> Case:
    """The state for the inputs."""
    return Case(inputs, roots, keks)
