"""A machine with a TPM that is watched: both keys in memory, so that it can be enrolled, quote, be changed and be cloned."""

from dataclasses import dataclass, field
from functools import cached_property

import minted_x509 as x
import test_enrolment as enrolments
import tpm_minting as minting
from cryptography.hazmat.primitives.asymmetric import ec

from kit.test_tpm_credential import Inside
from strongroom.attest.policy import Policy, TpmPolicy
from strongroom.kit import tpm_credential
from strongroom.model.attest import ReferenceValues

ROOT = enrolments.digest(enrolments.ROOT)
PCRS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 14)
POLICY = Policy(name="watched", tpm=TpmPolicy(ek_roots=(ROOT,), dbx=tuple(r.hex() for r in minting.REVOKED)))
REFERENCES: ReferenceValues = minting.REFERENCES
OTHER_BOOT = (*minting.secure_boot(), *minting.started(b"another initrd"))


@dataclass
class Machine:
    """One machine; its number makes its keys."""

    number: int
    events: tuple[minting.Measured, ...] = minting.BOOT
    counters: tuple[int, int, int] = (5000, 2, 1)  # clock, resets, restarts
    key: ec.EllipticCurvePrivateKey = field(init=False)
    inside: Inside = field(init=False)

    def __post_init__(self) -> None:
        """Make its keys."""
        self.key = x.ec_key(5000 + 2 * self.number, ec.SECP256R1)
        self.inside = Inside(x.ec_key(5001 + 2 * self.number, ec.SECP256R1))

    @cached_property
    def ak(self) -> bytes:
        """The attestation key's public area."""
        return minting.public(self.key)

    @property
    def name(self) -> str:
        """The attestation key's name."""
        return minting.name(self.ak)

    @cached_property
    def ek(self) -> bytes:
        """The endorsement key's public area."""
        return self.inside.public.raw

    @cached_property
    def certificates(self) -> tuple[bytes, ...]:
        """What its maker says of the endorsement key, and the authorities above."""
        return enrolments.issued(x.changed(enrolments.SOUND, key=self.inside.key))

    def activate(self, blob: bytes, secret: bytes) -> bytes:
        """What the credential holds, opened as a TPM does. Raises ValueError where it would refuse."""
        return self.inside.activate(tpm_credential.Credential(blob, secret), bytes.fromhex(self.name))

    def quote(self, challenge: bytes, **fields: object) -> bytes:
        """Evidence for a challenge, a second later than the last."""
        clock, resets, restarts = self.counters
        self.counters = (clock + 1000, resets, restarts)
        made = minting.Minted(
            nonce=challenge, area=self.ak, signer=self.key, events=self.events, counters=self.counters, pcrs=PCRS
        )
        return made.but(**fields).document()

    def restart(self) -> None:
        """Switch it off and on."""
        clock, resets, _ = self.counters
        self.counters = (clock, resets + 1, 0)
