"""The verdict on a pickle: what it imports against the allow list, what it calls, changes, and carries within."""

import base64
import binascii
import re
from dataclasses import dataclass, field

from strongroom.kit.formats.bounded import Memory, Part, Source
from strongroom.kit.formats.pickle_danger import Rank, looks_like_code, rank
from strongroom.kit.formats.pickle_values import COMPUTED, EXTENSION, Blob, Call, Global, resolved, within
from strongroom.kit.formats.pickles import Walked, looks_like, named, walk
from strongroom.kit.formats.verdicts import Findings

MOST_DEPTH = 4
MOST_NESTED = 2_000  # texts that are looked into
MOST_OPCODES = 10_000_000
_MOST_TEXT = 8 << 20
_SHOWN = 80
_CODECS = frozenset({"latin1", "latin-1", "ascii", "utf-8", "utf8", "iso-8859-1"})
_MOST_RESERVED = 1 << 28  # bytes that one call may ask for
_IMPORTING = re.compile(rb"[ci]_{0,2}[A-Za-z][\w.]*\n[\w.]+\n")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}\s*)+")
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\s]+=*\s*")


@dataclass(slots=True)
class Context:
    """How deep a pickle stands within others, and the opcodes that are left for all of them."""

    depth: int = 0
    opcodes: list[int] = field(default_factory=lambda: [MOST_OPCODES])


def judge(source: Source, found: Findings, context: Context, *, start: int = 0) -> Walked:
    """Follow the pickles at an offset and add what is to say of them; what was followed is handed back."""
    walked = walk(source, start=start, most=max(1, context.opcodes[0]), keep=True)
    context.opcodes[0] -= walked.opcodes
    _imports(walked, found)
    _calls(walked, found)
    _loader(walked, found)
    if context.depth < MOST_DEPTH:
        _within_texts(walked, source, found, context)
    elif walked.happened.texts:
        found.review("pickle.nested", f"pickles nested over {MOST_DEPTH} levels deep")
    if not walked.whole:
        found.unreadable("pickle.broken", f"its pickle could not be followed to its end: {walked.trouble}")
    if any(n.startswith("joblib.numpy_pickle ") for n in walked.imports):
        _plainly(source, found, walked, start)
    return walked


def _plainly(source: Source, found: Findings, walked: Walked, start: int) -> None:
    """The same bytes as another loader than joblib's reads them: it does not step over arrays, it runs them."""
    plain = walk(source, start=start, most=200_000, arrays=False, keep=True)
    fresh = [g for n, g in plain.imports.items() if n not in walked.imports]
    if fresh and named(plain):
        words = ", ".join(g.spelled[:_SHOWN] for g in fresh[:3])
        found.malicious("pickle.hidden", f"a loader that does not know joblib's arrays imports {words} from within one")


def _imports(walked: Walked, found: Findings) -> None:
    used = _used(walked)
    for g in walked.imports.values():
        word, kind = g.spelled[:200], rank(g)
        if kind is Rank.DANGEROUS and g.name == "getattr" and _known_getattr(walked, g):
            continue  # judged by what it fetches
        if kind is Rank.DANGEROUS and (walked.whole or id(g) in used):
            if COMPUTED in (g.module, g.name):
                found.malicious(
                    "pickle.computed-import", f"imports a name that it puts together while loading ({word})"
                )
            else:
                found.malicious("pickle.dangerous-import", f"imports {word}")
        elif kind is Rank.CODE:
            found.review("pickle.bytecode", f"brings functions of its own as bytecode ({word})")
        elif g.module == EXTENSION:
            found.review("pickle.extension", f"imports number {g.name} of the loader's own registry of extensions")
        elif kind is not Rank.HARMLESS:
            found.review("pickle.foreign-import", f"imports {word}, which is not on the list of harmless names")


def _used(walked: Walked) -> set[int]:
    """Imports that a call had in its hands."""
    used = set()
    for call in walked.happened.calls:
        queue: list[object] = [call.function, call.arguments]
        for value in queue:
            if isinstance(value, Global):
                used.add(id(value))
            elif isinstance(value, tuple):
                queue.extend(value[:_SHOWN])
    used.update(id(g) for g in walked.happened.changed)
    return used


def _known_getattr(walked: Walked, g: Global) -> bool:
    """Whether every use of `getattr` fetches a known word of a known name, as pickled methods and enumerations do."""
    calls = [c for c in walked.happened.calls if c.function is g]
    return g.module in ("builtins", "__builtin__") and bool(calls) and all(resolved(c) is not None for c in calls)


def _calls(walked: Walked, found: Findings) -> None:
    for g in walked.happened.changed:
        found.malicious(
            "pickle.changes-import", f"changes {g.spelled[:200]} itself, for the whole program that loads it"
        )
    for call in walked.happened.calls:
        if isinstance(call.function, Global) and call.function.name == "getattr":
            _fetched(call, found)
        else:
            _called(call, found)


def _fetched(call: Call, found: Findings) -> None:
    name = resolved(call)
    if name is None:
        found.malicious("pickle.computed-import", "fetches an attribute whose name or owner it puts together")
    elif rank(name) is Rank.DANGEROUS:
        found.malicious("pickle.dangerous-import", f"fetches {name.spelled[:200]}")
    else:
        found.review("pickle.foreign-import", f"fetches {name.spelled[:200]}")


def _called(call: Call, found: Findings) -> None:
    name = resolved(call.function)
    if name is None:
        if isinstance(call.function, Call) and not _harmless(call.function):
            found.malicious("pickle.indirect-call", "calls what another call gave it, so that no name says what runs")
        return
    kind = rank(name)
    if kind is Rank.HARMLESS:
        _reserved(call, name, found)
        return
    if kind is Rank.DANGEROUS:
        shown = f"{name.spelled[:120]}({_shown(call)})"
        found.malicious("pickle.dangerous-call", f"calls {shown} when it is loaded")
        return
    code = next((t for t in _texts_of(call.arguments) if looks_like_code(t)), None)
    if code is not None and kind is not Rank.CODE:
        said = f"hands {name.spelled[:120]} a text that reads like code: {code[:_SHOWN]!r}"
        found.malicious("pickle.code-text", said)


def _harmless(call: Call) -> bool:
    name = resolved(call.function)
    return name is not None and rank(name) is Rank.HARMLESS


def _reserved(call: Call, name: Global, found: Findings) -> None:
    """Harmless names with arguments that are not: a codec that unpacks, bytes by the billion."""
    given = call.arguments if isinstance(call.arguments, tuple) else ()
    if name.module == "_codecs" and len(given) > 1 and (not isinstance(given[1], str) or given[1] not in _CODECS):
        found.review("pickle.codec", f"encodes by {given[1]!r:.60}")
    if name.name in ("bytes", "bytearray", "range") and any(isinstance(n, int) and n > _MOST_RESERVED for n in given):
        found.review("pickle.reserves", f"{name.name} of {given[0]!r:.30} elements")


def _texts_of(value: object) -> list[str]:
    texts = []
    for v in within(value, 200):
        if isinstance(v, str):
            texts.append(v)
        elif isinstance(v, bytes):
            texts.append(v[:4096].decode("latin-1"))
    return texts


def _shown(call: Call) -> str:
    texts = _texts_of(call.arguments)
    return repr(texts[0][:_SHOWN]) if texts else "…"


def _loader(walked: Walked, found: Findings) -> None:
    """What only some loaders can give: persistent ids, buffers."""
    for p in walked.happened.persistent:
        if not (isinstance(p.id, tuple) and p.id and p.id[0] in ("storage", "module")):
            found.review("pickle.persistent-id", "asks its loader for objects by an id that is not PyTorch's")
        elif p.id[0] == "module":
            found.review("pickle.source", "carries the source of its classes, which old loaders compare and show")
    if walked.out_of_band:
        found.review("pickle.out-of-band", "wants bytes that stand outside of the file")


def _within_texts(walked: Walked, source: Source, found: Findings, context: Context) -> None:
    """Pickles in texts and bytes, plain, as hexadecimal or as base64: a second stage that somebody loads later."""
    seen = 0
    for text in walked.happened.texts:
        for data in _payloads(text, source):
            seen += 1
            if seen > MOST_NESTED:
                found.review("pickle.nested", f"over {MOST_NESTED} pickles within it; the rest was not looked at")
                return
            inner = Findings()
            deeper = Context(context.depth + 1, context.opcodes)
            nested = judge(data, inner, deeper)
            if nested.streams or named(nested):
                found.take(inner, "a pickle within it")
                found.review("pickle.nested", "it carries another pickle as a text or as bytes")


def _payloads(text: str | bytes | Blob, source: Source) -> list[Source]:
    """What could be a pickle in a text, by its first bytes."""
    if isinstance(text, Blob):
        head = source.at(text.start, 64)
        if not text.text:
            return [Part(source, text.start, text.size)] if _begins(head) else []
        if not _begins(head) and not _encoded(head[:4].decode("latin-1")):
            return []
        text = source.at(text.start, min(text.size, _MOST_TEXT)).decode("utf-8", "replace")
    if isinstance(text, bytes):
        return [Memory(text)] if _begins(text) else []
    if text[:1] == "\x80" or (text[:1] in "ci" and _IMPORTING.match(text[:200].encode("latin-1", "replace"))):
        raw = text.encode("latin-1", "replace")
        return [Memory(raw)] if _begins(raw) else []
    return [Memory(raw) for raw in _decodings(text) if _begins(raw)]


def _begins(data: bytes) -> bool:
    return looks_like(data) or _IMPORTING.match(data[:200]) is not None


def _encoded(head: str) -> bool:
    return head[:2] in ("gA", "Y2", "Y1", "aW", "aV") or head[:4] in ("8002", "8003", "8004", "8005", "6362", "635f")


def _decodings(text: str) -> list[bytes]:
    if not _encoded(text):
        return []
    found = []
    if text[:1] in "86" and _HEX.fullmatch(text):
        found.append(bytes.fromhex("".join(text.split())))
    elif _BASE64.fullmatch(text):
        word = "".join(text.split()).replace("-", "+").replace("_", "/").rstrip("=")
        try:
            found.append(base64.b64decode(word + "=" * (-len(word) % 4)))
        except (binascii.Error, ValueError):
            return []
    return found
