"""What a service answered, taken apart; an answer that is not what was asked for is no answer."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from strongroom.kit import endorsement_text, intel_collateral
from strongroom.kit.endorsement_names import described
from strongroom.model.attest import Endorsement, EndorsementKind, Endorsements
from strongroom.model.errors import BadInput, Malformed

# Headers with the chain of the signer, percent-encoded PEM (PCS API version 4; the third is that of version 3).
_CHAINS = ("tcb-info-issuer-chain", "sgx-enclave-identity-issuer-chain", "sgx-tcb-info-issuer-chain")
_LIST_CHAIN = "sgx-pck-crl-issuer-chain"


class Answer(NamedTuple):
    """An answer over HTTP; the names of headers are in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = MappingProxyType({})


def read(answer: Answer, origin: str, names: Iterable[str], now: datetime) -> Endorsements:
    """What the answer holds, when every name that was asked for is among it and holds now.

    Raises:
        Malformed: it is something else, says it of something else, or is over already.
    """
    try:
        found = _items(answer, origin)
    except BadInput as e:
        raise Malformed(origin, e.found, e.wanted) from None
    held = {d.name: d for d in map(described, found.items) if d is not None}
    for name in names:
        if name not in held:
            raise Malformed(origin, "something else than was asked for", name)
        if not held[name].holds(now):
            begins, ends = held[name].begins, held[name].ends
            raise Malformed(origin, f"what holds from {_day(begins)} to {_day(ends)}", f"what holds at {_day(now)}")
    return found


def _items(answer: Answer, origin: str) -> Endorsements:
    if not intel_collateral.recognises(answer.body):
        found = endorsement_text.read(answer.body, origin)
        return found + _certificates(answer.headers.get(_LIST_CHAIN, ""), origin)
    header = next((answer.headers[h] for h in _CHAINS if h in answer.headers), "")
    return intel_collateral.read(answer.body, intel_collateral.chain_of(header.encode("latin-1", "replace")), origin)


def _certificates(header: str, origin: str) -> Endorsements:
    chain = intel_collateral.chain_of(header.encode("latin-1", "replace"))
    return Endorsements(tuple(Endorsement(EndorsementKind.CERTIFICATE, c, origin=origin) for c in chain))


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at is not None else "no time that it tells"
