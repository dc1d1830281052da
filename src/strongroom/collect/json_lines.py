"""Exports that are one JSON document, or one on each line."""

import json
from collections.abc import Iterator

from strongroom.kit import strict_json
from strongroom.model.errors import Malformed


def documents(data: bytes, subject: str, what: str, hint: str) -> Iterator[object]:
    """One JSON document, or one on each line. Raises Malformed for anything else."""
    try:
        json.loads(data)
    except ValueError:
        lines = [line for line in data.split(b"\n") if line.strip()]
        if len(lines) < 2 or not lines[0].lstrip().startswith(b"{"):
            strict_json.check(data, subject, hint)  # it says where the fault is
            raise Malformed(subject, "no JSON", what, hint) from None
        for number, line in enumerate(lines, start=1):
            strict_json.check(line, f"{subject}:{number}", hint)
            yield json.loads(line)
        return
    except RecursionError:
        raise Malformed(subject, "structures nested too deeply", what, hint) from None
    strict_json.check(data, subject, hint)
    yield json.loads(data)
