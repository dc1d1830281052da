"""What the steps of a Google Cloud token share."""

from collections.abc import Container
from functools import cached_property

from strongroom.attest.policy import GcpPolicy
from strongroom.attest.tee import _gcp_token as tokens
from strongroom.attest.tee import _token_keys
from strongroom.attest.tee._gcp_token import Claims
from strongroom.attest.verifier import Inputs
from strongroom.kit import jose
from strongroom.kit.jose import Jwk, Jws
from strongroom.kit.x509 import certificate as certificates
from strongroom.kit.x509.certificate import Certificate
from strongroom.model.errors import Malformed


class Case:
    """The inputs, and what was read of them: each at first use, and an error of reading is the error of its step."""

    def __init__(self, roots: Container[str], inputs: Inputs) -> None:
        self.roots = roots
        self.inputs = inputs

    @property
    def policy(self) -> GcpPolicy:
        """What is demanded."""
        return self.inputs.policy.gcp

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
    def chain(self) -> tuple[Certificate, ...]:
        """The certificates of the token, the signer first; none where it has none. Raises Malformed."""
        return tuple(certificates.parse(c) for c in self.token.chain)

    @cached_property
    def named_key(self) -> Jwk | None:
        """The key of the given sets that the token names, one that the policy counts before others of its id."""
        return _token_keys.named(self.inputs.endorsements, self.token.key_id, self.counts)

    def counts(self, key: Jwk) -> bool:
        """Whether the policy takes a key of a set."""
        return self.policy.trust_jwks or key.thumbprint in {k.lower() for k in self.policy.keys}

    @property
    def key(self) -> bytes:
        """The key that should have signed: of the chain, else of a set; empty where there is none. Raises Malformed."""
        if self.chain:
            return self.chain[0].key
        return self.named_key.key if self.named_key else b""
