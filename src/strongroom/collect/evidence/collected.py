"""What a device gave."""

from dataclasses import dataclass

from strongroom.model.attest import EvidenceKind, EvidencePart


@dataclass(frozen=True, slots=True)
class Collected:
    """Evidence as a device gave it, and by which interface. The first part is what the device signed."""

    kind: EvidenceKind
    parts: tuple[EvidencePart, ...]
    by: str

    @property
    def octets(self) -> bytes:
        """As one file: what was signed, and behind it what the host gave with it."""
        return b"".join(p.data for p in self.parts)
