"""The language of users' rules: CEL (github.com/google/cel-spec), reading facts by name.

    facts["net.direct_internet"] == false     the value of a fact
    "net.direct_internet" in facts            whether the asset carries it, known or not
    asset.provider, asset.labels["team"]      what the asset is

Both forms of reading a fact are turned into variables of their own here, before the expression is compiled. What is not
known is then a variable that does not exist: CEL makes an error of it, and its `&&` and `||` pass over an error where the
other side decides alone ("Logical Operators" in its language definition), which is Kleene's logic. It also means that no
expression can look at facts as a whole, where something unknown would look like something absent.
"""

import difflib
import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from strongroom.model.errors import Malformed
from strongroom.model.facts import FACTS
from strongroom.model.rules import Expression
from strongroom.model.values import Where

ASSET_FIELDS = ("kind", "native_type", "address", "name", "provider", "account", "region", "labels")
MACROS = frozenset({"all", "exists", "exists_one", "map", "filter"})
FUNCTIONS = MACROS | {
    *("size", "has", "contains", "startsWith", "endsWith", "matches"),
    *("int", "uint", "double", "string", "bytes", "timestamp", "duration"),
}
MAX_TEXT = 8000
"""Characters of an expression."""

_TOKEN = re.compile(
    r"""(?P<space>(?:\s+|//[^\n]*)+)
    |(?P<string>(?:[bB][rR]?|[rR][bB]?)?(?:\"\"\"|'''|\"|'))
    |(?P<number>(?:0[xX][0-9a-fA-F]+|(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)[uU]?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign>&&|\|\||[=!<>]=|[-+*/%<>!?:.,()\[\]{}])""",
    re.VERBOSE,
)
_FACT_NAME = re.compile(r"""(["'])([^"'\\\n]*)\1""")
_BEFORE_IN = frozenset({"(", "[", "{", ",", "&&", "||", "?", ":"})
_AFTER_IN = frozenset({")", "]", "}", ",", "&&", "||", "?", ":"})
_WORDS = {"true": "bool", "false": "bool", "null": "null"}
_ONE = ("bool", "number", "text", "null")
_HOW = 'facts["NAME"] or "NAME" in facts'
_NO_SIGN = frozenset({"*", "/", "%", "+", "-", ".", "["})


class Token(NamedTuple):
    """One piece of an expression. `kind` is `string`, `number`, `name`, `sign`, `space`, `fact` or `carried`."""

    kind: str
    text: str
    at: int
    fact: str = ""


class Fault(Exception):
    """Something that is wrong at a place in an expression's text."""

    def __init__(self, at: int, found: str, wanted: str, hint: str = "") -> None:
        super().__init__(found)
        self.at = at
        self.found = found
        self.wanted = wanted
        self.hint = hint


def place(text: str, at: int) -> tuple[int, int]:
    """The 1-based line and column of an offset."""
    return text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1


def near(word: str, known: Collection[str]) -> str:
    """A question after what was meant, or nothing."""
    found = difflib.get_close_matches(word, known, 3, 0.6)
    return f"did you mean {' or '.join(found)}" if found else ""


def expression(text: str, where: Where) -> Expression:
    """An expression that can be compiled. `where` has the line of its first character.

    Raises:
        Malformed: it reads a fact, a name or a function that there is not, or reads facts in another way; with its line.
    """
    if len(text) > MAX_TEXT:
        raise refused(where, 1, 1, f"an expression of {len(text)} characters", f"at most {MAX_TEXT}")
    try:
        return _expression(text, where)
    except Fault as e:
        line, column = place(text, e.at)
        raise refused(where, line, column, e.found, e.wanted, e.hint) from None


def refused(where: Where, line: int, column: int, found: str, wanted: str, hint: str = "") -> Malformed:
    """The error of an expression; line and column are in its own text."""
    place_of = f"{where.file}:{where.line_start + line - 1}"
    return Malformed(place_of, f"{found} at column {column} of the expression", wanted, hint)


def _expression(text: str, where: Where) -> Expression:
    tokens = list(_joined(list(_tokens(text))))
    solid = [t for t in tokens if t.kind != "space"]
    names = _bound(solid)
    _check_names(solid, names)
    _check_comparisons(solid)
    variables: dict[tuple[str, str], str] = {}
    for t in solid:
        if t.kind in ("fact", "carried"):
            variables.setdefault((t.kind, t.fact), f"__{t.kind}{len(variables)}")
    program = "".join(variables.get((t.kind, t.fact), t.text) for t in tokens)
    return Expression(
        text,
        program,
        where,
        tuple((v, fact) for (kind, fact), v in variables.items() if kind == "fact"),
        tuple((v, fact) for (kind, fact), v in variables.items() if kind == "carried"),
        tuple(sorted(names)),
    )


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise Fault(at, f"the character {text[at]!r}", "a CEL expression")
        end = _string_end(text, found) if found.lastgroup == "string" else found.end()
        yield Token(str(found.lastgroup), text[at:end], at)
        at = end


def _string_end(text: str, opening: re.Match[str]) -> int:
    prefix = opening[0].rstrip("\"'")
    quote = opening[0][len(prefix) :]
    at, raw = opening.end(), "r" in prefix.lower()
    while at < len(text):
        if text.startswith(quote, at):
            return at + len(quote)
        if text[at] == "\n" and len(quote) == 1:
            break
        at += 2 if text[at] == "\\" and not raw else 1
    raise Fault(opening.start(), "a text that does not end", f"a closing {quote}")


def _joined(tokens: Sequence[Token]) -> Iterator[Token]:
    """The tokens with `facts["NAME"]` and `"NAME" in facts` as one each; white space that stood within comes after."""
    solid = [n for n, t in enumerate(tokens) if t.kind != "space"]
    taken: dict[int, Token] = {}
    dropped: set[int] = set()
    for n, i in enumerate(solid):
        if tokens[i].kind != "name" or tokens[i].text != "facts" or _text_at(tokens, solid, n - 1) == ".":
            continue
        if _text_at(tokens, solid, n + 1) == "[" and _text_at(tokens, solid, n + 3) == "]":
            taken[i] = Token("fact", "facts", tokens[i].at, _fact_name(tokens[solid[n + 2]]))
            dropped.update(solid[n + 1 : n + 4])
        elif n > 1 and _text_at(tokens, solid, n - 1) == "in":
            name = _fact_name(tokens[solid[n - 2]])
            if _text_at(tokens, solid, n - 3) not in _BEFORE_IN | {""} or _text_at(
                tokens, solid, n + 1
            ) not in _AFTER_IN | {""}:
                raise Fault(
                    tokens[solid[n - 2]].at, f'"{name}" in facts beside another operator', "parentheses around it"
                )
            taken[i] = Token("carried", "facts", tokens[i].at, name)
            dropped.update(solid[n - 2 : n])
        else:
            raise Fault(tokens[i].at, "facts as a whole", _HOW)
    yield from (taken.get(n, t) for n, t in enumerate(tokens) if n not in dropped)


def _text_at(tokens: Sequence[Token], solid: Sequence[int], n: int) -> str:
    return tokens[solid[n]].text if 0 <= n < len(solid) else ""


def _fact_name(token: Token) -> str:
    found = _FACT_NAME.fullmatch(token.text)
    if token.kind != "string" or found is None:
        raise Fault(token.at, f"{token.text[:60]} as the name of a fact", f"{_HOW}, with a name in plain quotes")
    known_fact(found[2], token.at)
    return found[2]


def known_fact(name: str, at: int = 0) -> None:
    """Raises Fault for a name that is no fact's."""
    if name not in FACTS:
        raise Fault(at, f"no fact {name!r}", "the name of a fact", near(name, FACTS) or "strongroom rules facts")


def _bound(solid: Sequence[Token]) -> frozenset[str]:
    """The names that macros bind: `x` of `.all(x, …)`."""
    pairs = zip(solid, solid[1:], solid[2:], solid[3:], solid[4:], strict=False)
    return frozenset(
        name.text
        for dot, macro, opening, name, comma in pairs
        if dot.text == "."
        and macro.text in MACROS
        and opening.text == "("
        and name.kind == "name"
        and comma.text == ","
    )


def _check_names(solid: Sequence[Token], bound: frozenset[str]) -> None:
    for n, t in enumerate(solid):
        before = solid[n - 1].text if n else ""
        after = solid[n + 1].text if n + 1 < len(solid) else ""
        if t.kind != "name":
            continue
        if t.text.startswith("__") or (t.text == "facts" and before != "."):
            raise Fault(t.at, f"the name {t.text}", _HOW if t.text == "facts" else "a name without leading underscores")
        if after == "(":
            if t.text not in FUNCTIONS:
                listed = f"one of {', '.join(sorted(FUNCTIONS))}"
                raise Fault(t.at, f"no function {t.text}", listed, near(t.text, FUNCTIONS))
        elif before == ".":
            if n > 1 and solid[n - 2].text == "asset" and t.text not in ASSET_FIELDS:
                raise Fault(t.at, f"no asset.{t.text}", f"asset. with one of {', '.join(ASSET_FIELDS)}")
        elif t.text not in {"asset", "in", *_WORDS, *bound}:
            raise Fault(t.at, f"no name {t.text}", f"{_HOW}, or asset", near(t.text, bound))


def _check_comparisons(solid: Sequence[Token]) -> None:
    """Refuse a comparison that never or always holds: a fact beside a literal of a type that it never has.

    `facts["net.public"] != "true"` would be true of everything, and so a pass that proves nothing.
    """
    for n, t in enumerate(solid[1:-1], 1):
        if t.text not in ("==", "!="):
            continue
        for a, b, outer in ((n - 1, n + 1, n + 2), (n + 1, n - 1, n - 2)):
            beyond = solid[outer].text if 0 <= outer < len(solid) else ""
            literal = _literal(solid[b])
            whole = n + 1 != a or a + 1 >= len(solid) or solid[a + 1].text not in _NO_SIGN
            if solid[a].kind != "fact" or not literal or beyond in _NO_SIGN or not whole:
                continue
            word = FACTS[solid[a].fact][0]
            fits = word in {"any", literal} or (literal == "null" and word in _ONE)
            if not fits:
                what = f"{solid[a].fact}, which is {_MEANT[word]}, compared with {_MEANT[literal]}"
                raise Fault(solid[a].at, what, "a value that it can have")


_MEANT = {
    "bool": "true or false",
    "number": "a number",
    "text": "a text",
    "null": "null",
    "texts": "a list of texts, empty where nothing is set",
    "key": "a key with .tech (none, provider, cmk) and .name",
    "rules": "a list of firewall rules, empty where there are none",
    "statements": "a list of statements, empty where there are none",
}


def _literal(token: Token) -> str:
    if token.kind == "name":
        return _WORDS.get(token.text, "")
    return {"string": "text", "number": "number"}.get(token.kind, "")


_PLACEHOLDER = re.compile(r"\{([a-z0-9][a-z0-9._-]*)\}")


def sentence(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A sentence with `{asset}` and `{fact.name}` in it, made safe for `str.format_map`, and what its names stand for.

    Raises Fault for a name that is neither.
    """
    out, shown, at = "", {}, 0
    for found in _PLACEHOLDER.finditer(text):
        if found[1] != "asset":
            known_fact(found[1], found.start())
        name = re.sub(r"[.-]", "_", found[1])
        shown[name] = "" if found[1] == "asset" else found[1]
        out += _literally(text[at : found.start()]) + "{" + name + "}"
        at = found.end()
    return out + _literally(text[at:]), tuple(shown.items())


def _literally(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
