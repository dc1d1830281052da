"""PKCS#11 URIs (RFC 7512), as far as they name a key in a token and the library that reaches it."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from strongroom.model.errors import BadUsage

_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_PATH = frozenset({"token", "serial", "object", "id", "type"})
_QUERY = frozenset({"module-path", "pin-value", "pin-source"})


class TokenKey(NamedTuple):
    """The key that a URI names. What is empty is not asked for."""

    module: str  # absolute path of the library
    token: str
    serial: str
    label: str
    id: bytes
    pin: str
    pin_file: str


def _unescaped(text: str, name: str) -> bytes:
    data = text.encode()
    if b"%" in _ESCAPE.sub(b"", data):
        raise BadUsage("PKCS#11 URI", f"a `%` in {name} that escapes nothing", "two hexadecimal digits after each")
    return _ESCAPE.sub(lambda m: bytes([int(m[1], 16)]), data)


def _attributes(text: str, separator: str, known: frozenset[str]) -> Iterator[tuple[str, bytes]]:
    for part in filter(None, text.split(separator)):
        name, found, value = part.partition("=")
        if not found or name not in known:
            raise BadUsage("PKCS#11 URI", f"the attribute {name[:40]!r}", f"one of {', '.join(sorted(known))}")
        yield name, _unescaped(value, name)


def parse(uri: str) -> TokenKey:
    """The key that a URI names.

    Raises:
        BadUsage: it is no such URI, an attribute stands in it twice or is one that would be passed over, it names no
            key, or no library by its absolute path: a name alone would load whatever lies first in a search path.
    """
    scheme, _, rest = uri.partition(":")
    path, _, query = rest.partition("?")
    if scheme != "pkcs11":
        raise BadUsage("PKCS#11 URI", repr(uri[:40]), "pkcs11:token=…;object=…?module-path=…")
    found: dict[str, bytes] = {}
    for name, value in (*_attributes(path, ";", _PATH), *_attributes(query, "&", _QUERY)):
        if name in found:
            raise BadUsage("PKCS#11 URI", f"{name} twice", "once")
        found[name] = value
    text = {n: v.decode("utf-8", "replace") for n, v in found.items()}
    if text.get("type", "private") != "private":
        raise BadUsage("PKCS#11 URI", f"type={text['type'][:40]}", "type=private")
    if not (found.get("object") or found.get("id")):
        raise BadUsage("PKCS#11 URI", "neither object nor id", "the label of a key, or its id")
    if not text.get("module-path", "").startswith("/"):
        raise BadUsage("PKCS#11 URI", repr(text.get("module-path", "")[:80]), "module-path=/ABSOLUTE/PATH.so")
    return TokenKey(
        text["module-path"],
        text.get("token", ""),
        text.get("serial", ""),
        text.get("object", ""),
        found.get("id", b""),
        text.get("pin-value", ""),
        text.get("pin-source", "").removeprefix("file:"),
    )
