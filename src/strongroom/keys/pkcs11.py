"""A PKCS#11 token: the key-encryption key never leaves it. An HSM, a smart card, or SoftHSM in tests.

The module runs in processes of its own, with a bound on each request; see `_pkcs11_process`. A PIN that was refused is never
tried again, since a token locks itself after a few wrong ones.
"""

import hashlib
import re
import threading
from types import MappingProxyType

from strongroom.keys import _inputs
from strongroom.keys._child import Children
from strongroom.keys._frames import MECHANISMS, Answer, Request
from strongroom.keys._gated import GatedKeys
from strongroom.model.errors import BadInput, KeyUnavailable, Malformed, NotFound
from strongroom.model.release import Gate, KeyBackend, Keys, KeySettings

_NAME = "pkcs11"
_PROCESS = "strongroom.keys._pkcs11_process"
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_OPTIONS = MappingProxyType(
    {
        "module": "absolute path of the token's PKCS#11 library",
        "token-label": "label of the token",
        "key": "name of the keys in the token; they are labelled NAME.1, NAME.2, …",
        "pin-fd": "the user's PIN, on this open descriptor",
        "pin-file": "the user's PIN, in a file that is its owner's alone",
        "pin-credential": "the user's PIN, in a systemd credential of this name",
        "credentials": "the folder of systemd credentials, /run/credentials/UNIT.service",
        "mechanism": f"how data keys are wrapped: {', '.join(MECHANISMS)}; else the first of AES that the token offers",
        "processes": "how many requests the token is asked at once: 1 to 16, usually 2",
    }
)


class _Holder:
    """The keys in a token."""

    def __init__(self, settings: KeySettings) -> None:
        options = settings.options
        self._base = _inputs.want(settings, "key", _NAME)
        self._token = _inputs.want(settings, "token-label", _NAME)
        self._module = _inputs.want(settings, "module", _NAME)
        self._mechanism = options.get("mechanism", "")
        if not _LABEL.fullmatch(self._base):
            raise BadInput("option key", repr(self._base[:80]), "letters, digits, dots, dashes, underscores")
        if not self._module.startswith("/"):
            raise BadInput("option module", repr(self._module[:200]), "an absolute path")
        if self._mechanism not in {"", *MECHANISMS}:
            raise BadInput("option mechanism", repr(self._mechanism[:40]), " or ".join(MECHANISMS))
        processes = _inputs.number(settings, "processes", 2, 1, 16)
        self._subject = f"token {self._token[:64]}"
        self._pin = _inputs.secret(settings, "pin")
        self._refused = ""
        self._newest = ""
        self._lock = threading.Lock()
        self._children = Children(self._subject, _PROCESS, self._opening, processes, settings.seconds)

    def wrap_key(self, data_key: bytes, context: bytes) -> tuple[str, bytes]:
        name = self._newest or self.newest()
        return name, self._ask(Request("wrap", key=name, data=data_key, aad=_bound(name, context))).data

    def unwrap_key(self, key: str, wrapped: bytes, context: bytes) -> bytes:
        base, _, number = key.rpartition(".")
        if base != self._base or not number.isdecimal():
            raise self._missing(key)
        return self._ask(Request("unwrap", key=key, data=wrapped, aad=_bound(key, context))).data

    def newest(self) -> str:
        number = self._ask(Request("newest", key=self._base)).text
        if number == "0":
            raise self._missing(f"{self._base}.1")
        self._newest = f"{self._base}.{number}"
        return self._newest

    def rotate(self) -> str:
        with self._lock:
            number = int(self._ask(Request("newest", key=self._base)).text) + 1
            self._ask(Request("make", key=f"{self._base}.{number}"))
            return self.newest()

    def prepare(self) -> str:
        """Make the first key where there is none."""
        if self._ask(Request("newest", key=self._base)).text == "0":
            self.rotate()
        return self.check()

    def check(self) -> str:
        name = self.newest()
        return f"{self._ask(Request('check')).text}, the newest key {name}"

    def close(self) -> None:
        self._children.close()
        self._pin.wipe()

    def pids(self) -> tuple[int, ...]:
        """The processes that the module runs in."""
        return self._children.pids()

    def _opening(self) -> Request:
        pin = self._pin.reveal().decode("utf-8", "replace")
        return Request("open", module=self._module, token=self._token, pin=pin, mechanism=self._mechanism)

    def _ask(self, request: Request) -> Answer:
        if self._refused:
            raise self._wrong_pin()
        answer = self._children.ask(request)
        match answer.error:
            case "":
                return answer
            case "data":
                raise Malformed(
                    f"what {request.key} wrapped", f"octets that it does not open ({answer.why})", "its own"
                )
            case "pin":
                self._refused = answer.why
                raise self._wrong_pin()
            case "missing" if answer.why == "NoSuchKey":
                raise self._missing(request.key)
            case "extra":
                hint = "pip install 'strongroom[pkcs11]'"
                raise NotFound(f"key back end {_NAME}", f"no package {answer.why}", "python-pkcs11", hint)
            case _:
                raise KeyUnavailable(self._subject, answer.why, "a token that does what is asked")

    def _wrong_pin(self) -> KeyUnavailable:
        hint = "correct the PIN and open the back end again; a token locks itself after a few wrong ones"
        return KeyUnavailable(self._subject, f"its PIN refused ({self._refused})", "a PIN that it takes", hint)

    def _missing(self, key: str) -> KeyUnavailable:
        hint = "`strongroom release prepare` makes the first; a key that is lost is lost with all that it wrapped"
        return KeyUnavailable(self._subject, f"no key {key[:80]!r}", "the key", hint)


def _bound(name: str, context: bytes) -> bytes:
    """What the data key is bound to, short enough for any token: the key's own name, and the context."""
    return hashlib.sha256(name.encode() + b"\0" + context).digest()


def _open(settings: KeySettings, gate: Gate) -> Keys:
    _inputs.known(settings, _OPTIONS, _NAME)
    holder = _Holder(settings)
    try:
        holder.check()
    except (KeyUnavailable, NotFound):
        holder.close()
        raise
    return GatedKeys(_NAME, holder, gate)


def _prepare(settings: KeySettings) -> str:
    _inputs.known(settings, _OPTIONS, _NAME)
    holder = _Holder(settings)
    try:
        return holder.prepare()
    finally:
        holder.close()


KEYS = KeyBackend(_NAME, "a key that never leaves a PKCS#11 token", _OPTIONS, _open, "pkcs11", _prepare)
