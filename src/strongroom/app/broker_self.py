"""Who attests the broker? The broker itself, to whoever asks with a nonce: evidence of the machine that it runs in.

The evidence is bound to the nonce, to the key that signs the broker's tokens, and to the certificate of its listener, so
that nobody can show it as his own. `app/release_broker.py` is the other side.
"""

import base64
import hashlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from strongroom.attest.members import KBS_KINDS, answer
from strongroom.kit import jwe, runtime_data
from strongroom.model.errors import BadUsage, NotFound

if TYPE_CHECKING:
    from strongroom.app.release_evidence import Attester, Machine

NONCE = 32  # octets
_SCHEMA = "strongroom.composite-evidence/1"  # as attest/tee/composite.py reads it
OPERATOR, ATTESTED = "operator-trusted", "attested"  # who vouches for the broker, as its tokens say
AUTO, NONE = "auto", "none"
_TEES = frozenset(KBS_KINDS) - {"tpm", "nvidia", "nvswitch"}  # a TPM says what was booted, and keeps no operator out


def machine_of(setting: str) -> "Machine | None":
    """What gives evidence of this machine, by `[broker] evidence`; None outside of any TEE, or for `none`.

    Raises NotFound, BadUsage, Unreadable: an interface is named that is not there, is none, or refuses.
    """
    if setting == NONE:
        return None
    # A broker that shows no evidence loads nothing that speaks to hardware.
    from strongroom.app.attest_collect import chosen_interface  # noqa: PLC0415 - as said
    from strongroom.app.release_evidence import Machine  # noqa: PLC0415 - same

    if setting != AUTO:
        found = Machine(chosen_interface(setting), gpus="no")
        _ = found.tee
        return found
    try:
        found = Machine(chosen_interface(None), gpus="no")
        tee = found.tee
    except NotFound:
        return None
    return found if tee in _TEES else None


class OwnEvidence:
    """Evidence of the broker, for whoever asks. Hardware answers one at a time; so does this."""

    def __init__(
        self, attester: "Attester", key: ec.EllipticCurvePrivateKey, certificate: bytes, algorithm: Callable[[], str]
    ) -> None:
        """`certificate` is that of the TLS listener, in DER; empty where something in front of it speaks TLS."""
        self._attester, self._algorithm = attester, algorithm
        members = {str(n): str(v) for n, v in jwe.public_members(key).items() if n != "alg"}
        shown = {"tls-certificate": hashlib.sha256(certificate).hexdigest()} if certificate else {}
        self._bound: dict[str, object] = {"tee-pubkey": members, **shown}
        self._lock = threading.Lock()
        self.trust = ATTESTED if attester.tee in _TEES else OPERATOR

    def answer(self, nonce: bytes) -> bytes:
        """The envelope that answers a nonce. Raises BadUsage for another length, NotFound, Unreadable, BadInput."""
        if len(nonce) != NONCE:
            raise BadUsage("nonce", f"{len(nonce)} octets", f"{NONCE}, in hex")
        runtime = runtime_data.of_value(
            msgspec.json.decode(msgspec.json.encode({"nonce": base64.b64encode(nonce).decode(), **self._bound}))
        )
        kind = KBS_KINDS[self._attester.tee]
        with self._lock:
            given = self._attester.root(answer(kind, runtime_data.digest(runtime, self._algorithm())))
        held = {
            "schema": _SCHEMA,
            "runtime_data": base64.b64encode(runtime).decode(),
            "members": [{"name": "cpu0", "kind": kind, "evidence": base64.b64encode(given).decode()}],
        }
        return msgspec.json.encode(held)
