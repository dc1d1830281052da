"""The key that a token names, among the key sets that were given: nobody signs a set, so that the policy says what counts.

Where a set came from is not asked: an address that was noted down beside it proves nothing to whoever judges it again
later, so that a verdict rests on the octets of the set and on the policy alone.
"""

from collections.abc import Callable

from strongroom.kit import jose
from strongroom.kit.jose import Jwk
from strongroom.model.attest import EndorsementKind, Endorsements
from strongroom.model.errors import BadInput


def named(given: Endorsements, key_id: str, counts: Callable[[Jwk], bool]) -> Jwk | None:
    """The key of an id, one that counts before others of its id; None where no set that can be read has it."""
    found: list[Jwk] = []
    for e in given.of(EndorsementKind.JWKS):
        try:
            found += [k for k in jose.keys(e.data) if k.key_id == key_id]
        except BadInput:
            continue
    return max(found, key=counts, default=None)
