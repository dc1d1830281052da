"""`Fn::ForEach`: one piece of a template, written once and made many times.

Source: AWS CloudFormation Template Reference, "Fn::ForEach": a name for the round, a list, and a mapping in whose
names and values `${round}`, `&{round}` and `Ref` stand for the element. `&{…}` keeps letters and digits only.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

PREFIX = "Fn::ForEach::"
MAX_MADE = 5_000  # entries of one template; CloudFormation takes 500 resources
MAX_WORK = 500_000  # nodes that are written anew
MAX_TEXT = 32 << 20  # characters of them


class RepeatsError(Exception):
    """A repetition that cannot be carried out."""

    def __init__(self, code: GapCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(slots=True)
class Repeats:
    """Carries repetitions out, and counts what they make."""

    made: int = 0
    work: int = 0
    written: int = 0

    def expanded(self, raw: Mapping[str, object], resolve: Callable[[object], object]) -> dict[str, object]:
        """A mapping with every repetition in it carried out. Raises RepeatsError."""
        out: dict[str, object] = {}
        for name, value in raw.items():
            if not name.startswith(PREFIX):
                out[name] = value
                continue
            for key, made in self._rounds(name.removeprefix(PREFIX), value, resolve, 0):
                if key in out:
                    raise RepeatsError(GapCode.DUPLICATE_KEY, f"{name[:60]} makes {key[:60]!r} twice")
                out[key] = made
        return out

    def _rounds(
        self, name: str, raw: object, resolve: Callable[[object], object], depth: int
    ) -> list[tuple[str, object]]:
        if not isinstance(raw, list) or len(raw) != 3 or not isinstance(raw[0], str) or not isinstance(raw[2], dict):
            raise RepeatsError(GapCode.MALFORMED, f"Fn::ForEach::{name[:60]} is no name, list and mapping")
        if depth > 5:  # CloudFormation takes five, one in the other
            raise RepeatsError(GapCode.TOO_LARGE, f"Fn::ForEach::{name[:60]} is nested too deeply")
        out: list[tuple[str, object]] = []
        for element in self._elements(name, raw[1], resolve):
            for key, value in raw[2].items():
                self.made += 1
                if self.made > MAX_MADE:
                    raise RepeatsError(GapCode.TOO_LARGE, f"Fn::ForEach makes over {MAX_MADE} entries")
                written = self._write(value, raw[0], element)
                if key.startswith(PREFIX):
                    out += self._rounds(key.removeprefix(PREFIX), written, resolve, depth + 1)
                else:
                    out.append((_filled(key, raw[0], element), written))
        return out

    def _elements(self, name: str, raw: object, resolve: Callable[[object], object]) -> list[str]:
        found = resolve(raw)
        if isinstance(found, Unknown):
            raise RepeatsError(found.code, f"what Fn::ForEach::{name[:60]} goes through is not known: {found.detail}")
        if not isinstance(found, list) or any(isinstance(e, list | dict | bool) or e is None for e in found):
            raise RepeatsError(GapCode.MALFORMED, f"Fn::ForEach::{name[:60]} goes through no list of texts")
        if any(not isinstance(e, str | int | float) for e in found):
            raise RepeatsError(GapCode.UNDECIDED, f"an element of Fn::ForEach::{name[:60]} is not known")
        return [str(e) for e in found]

    def _write(self, raw: object, name: str, element: str) -> object:
        self.work += 1
        if self.work > MAX_WORK:
            raise RepeatsError(GapCode.TOO_LARGE, "what Fn::ForEach makes is too large")
        if isinstance(raw, str):
            said = _filled(raw, name, element)
            self.written += len(said)
            if self.written > MAX_TEXT:
                raise RepeatsError(GapCode.TOO_LARGE, "what Fn::ForEach makes is too large")
            return said
        if isinstance(raw, list):
            return [self._write(v, name, element) for v in raw]
        if isinstance(raw, dict):
            if len(raw) == 1 and raw.get("Ref") == name:
                return element
            return {_filled(k, name, element): self._write(v, name, element) for k, v in raw.items()}
        return raw


def _filled(text: str, name: str, element: str) -> str:
    if name not in text:
        return text
    plain = re.sub(r"[^A-Za-z0-9]", "", element)
    return text.replace(f"${{{name}}}", element).replace(f"&{{{name}}}", plain)
