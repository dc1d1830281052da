"""What the steps of a token of Azure Attestation share."""

from functools import cached_property

from strongroom.attest.policy import MaaPolicy
from strongroom.attest.tee import _maa_token as tokens
from strongroom.attest.tee import _token_keys
from strongroom.attest.tee._maa_token import Claims, Isolation
from strongroom.attest.verifier import Inputs
from strongroom.kit import jose
from strongroom.kit.jose import Jwk, Jws
from strongroom.model.errors import Malformed


class Case:
    """The inputs, and what was read of them: each at first use, and an error of reading is the error of its step."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs

    @property
    def policy(self) -> MaaPolicy:
        """What is demanded."""
        return self.inputs.policy.maa

    @cached_property
    def is_signed(self) -> bool:
        """Whether there is a token, not claims alone."""
        return self.inputs.evidence.part(tokens.TOKEN) is not None

    @cached_property
    def token(self) -> Jws:
        """The token. Raises Malformed, TooLarge."""
        part = self.inputs.evidence.part(tokens.TOKEN)
        if part is None:
            raise Malformed("token", "no such part", "one")
        return jose.read(part.data)

    @cached_property
    def payload(self) -> bytes:
        """The octets of the claims. Raises as `token`."""
        part = self.inputs.evidence.part(tokens.CLAIMS)
        return part.data if part and not self.is_signed else self.token.payload

    @cached_property
    def claims(self) -> Claims:
        """The claims. Raises as `token`."""
        return tokens.claims(self.payload)

    @cached_property
    def hardware(self) -> Isolation:
        """What is said of the hardware. Raises as `token`, and where nothing is."""
        return tokens.isolation(self.payload)

    @cached_property
    def key(self) -> Jwk | None:
        """The key of a given set that the token names.

        A certificate that the token brings along is no key: Microsoft's sign themselves, as anybody's may.
        """
        return _token_keys.named(self.inputs.endorsements, self.token.key_id, self.counts)

    def counts(self, key: Jwk) -> bool:
        """Whether the policy takes a key of a set."""
        return self.policy.trust_jwks or key.thumbprint in {k.lower() for k in self.policy.keys}

    def measured(self) -> dict[str, str]:
        """Every register that reference values may speak of. Raises as `token`."""
        h = self.hardware
        names = ("mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3")
        found = {"measurement": h.snp_measurement} | {n: getattr(h, f"tdx_{n}") for n in names}
        return {name: value.lower() for name, value in found.items() if value}
