"""What an encryption uses once."""

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec, mlkem

from strongroom.kit import jwe
from strongroom.kit.jwk import Recipient


def fresh(to: Recipient, chance: Callable[[int], bytes]) -> jwe.Fresh:
    """What an encryption uses once, for a recipient of this kind."""
    cek, vector = chance(jwe.CEK), chance(jwe.IV)
    if isinstance(to.key, ec.EllipticCurvePublicKey):
        return jwe.Fresh(cek, vector, ec.generate_private_key(to.key.curve))
    if isinstance(to.key, mlkem.MLKEM768PublicKey):
        return jwe.Fresh(cek, vector, to.key.encapsulate())
    return jwe.Fresh(cek, vector)
