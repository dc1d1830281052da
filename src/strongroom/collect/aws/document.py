"""An exported JSON document, read within bounds."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from strongroom.kit import strict_json
from strongroom.model.errors import Malformed, TooLarge, Unreadable
from strongroom.model.ports import Request


@dataclass(frozen=True, slots=True)
class Document:
    """A file's content, and what is told of it."""

    body: Mapping[str, object]
    size: int
    digest: str


def bytes_of(request: Request, what: str, hint: str) -> bytes:
    """The bytes of the file that a request names. Raises Unreadable or TooLarge."""
    path, limit = Path(request.target), request.limits.bytes
    try:
        if not path.is_file():
            found = "no such file" if not path.exists() else "no regular file"
            raise Unreadable(request.target or request.spec, found, what, hint)
        with path.open("rb") as f:
            data = f.read(limit + 1)
    except OSError as e:
        raise Unreadable(request.target, (e.strerror or "an error").lower(), "a file that can be read", hint) from None
    if len(data) > limit:
        more = "set [limits] bytes in strongroom.toml to read it anyway"
        raise TooLarge(request.target, f"over {limit >> 20} MiB", f"at most {limit >> 20} MiB", more)
    return data.removeprefix(b"\xef\xbb\xbf")


def read(request: Request, what: str, hint: str) -> Document:
    """The JSON object in a file. Raises BadInput for anything else: half an export is none."""
    data = bytes_of(request, what, hint)
    strict_json.check(data, request.target, hint)
    body = json.loads(data)
    if not isinstance(body, dict):
        raise Malformed(request.target, "no JSON object", what, hint)
    return Document(body, len(data), hashlib.sha256(data).hexdigest())


def policy(raw: object) -> object:
    """A policy document as it is exported: as an object, as its text, or as text in URL encoding."""
    if not isinstance(raw, str):
        return raw
    return unquote(raw) if raw.lstrip()[:3].upper() == "%7B" else raw


def mappings(value: object) -> list[Mapping[str, object]]:
    """The mappings of a list; none where there is no list."""
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """A text, empty for anything else."""
    return value if isinstance(value, str) else ""


def owner(arn: str) -> tuple[str, str]:
    """Region and account of an ARN (arn:partition:service:region:account:resource)."""
    pieces = arn.split(":", 5)
    return (pieces[3], pieces[4]) if len(pieces) == 6 and pieces[0] == "arn" else ("", "")
