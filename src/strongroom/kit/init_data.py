"""Init-data: what a confidential workload was given at its start, hashed into what the hardware signs about it.

    version = "0.1.0"
    algorithm = "sha384"

    [data]
    "policy.rego" = '''…'''

The hash of the whole text stands in HOST_DATA of an SEV-SNP report (32 octets) or in MRCONFIGID of a TD (48), cut or
filled with zeros to that size. Source: Confidential Containers, "Initdata Specification".
"""

import hashlib
import tomllib
from typing import NamedTuple

from strongroom.kit.runtime_data import HASHES
from strongroom.model.errors import Malformed

MOST = 1 << 20
_SUBJECT = "init-data"


class InitData(NamedTuple):
    """The hash of init-data by the algorithm that it names."""

    algorithm: str
    digest: bytes

    def fitted(self, size: int) -> bytes:
        """The hash in a field of that many octets."""
        return self.digest[:size].ljust(size, b"\0")


def read(octets: bytes) -> InitData:
    """The hash of init-data. Raises Malformed."""
    if len(octets) > MOST:
        raise Malformed(_SUBJECT, f"{len(octets)} octets", f"at most {MOST}")
    try:
        held = tomllib.loads(octets.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as e:
        raise Malformed(_SUBJECT, str(e)[:120].lower(), "TOML") from None
    algorithm = held.get("algorithm")
    if algorithm not in HASHES or not isinstance(held.get("data"), dict):
        raise Malformed(_SUBJECT, f"algorithm {str(algorithm)[:20]!r}", f"one of {', '.join(HASHES)}, and [data]")
    return InitData(algorithm, hashlib.new(algorithm, octets).digest())
