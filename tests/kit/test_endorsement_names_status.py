"""What is asked about certificates of a chain, when one of them cannot be named."""

import nvidia_minting as gpus

from strongroom.kit.endorsement_names import status_wants
from strongroom.kit.x509 import certificate


def test_a_certificate_that_cannot_be_named_is_not_asked_about() -> None:
    """An authority whose key is in another form takes nothing else with it."""
    chain = tuple(certificate.parse(c) for c in gpus.device().certificates)
    sound = status_wants(chain)
    assert len(sound) == len(chain) - 1
    odd = chain[2]._replace(key=b"\x30\x02\x13\x00")
    assert len(status_wants((*chain[:2], odd, *chain[3:]))) == len(sound) - 1
