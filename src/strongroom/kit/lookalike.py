"""Names that look alike: the same person must not own and approve because one letter is of another alphabet.

The small table has the letters of Cyrillic and Greek that are drawn as Latin ones in ordinary fonts (after Unicode
UTS #39, Confusable Detection). Whoever is compared by name is compared by `skeleton`; a word that mixes alphabets is
refused where it is read.
"""

import re
import unicodedata

_TWINS = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u0475\u04cf\u0433\u043a\u043c"
    "\u0442\u0432\u043d\u03b1\u03b5\u03bf\u03c1\u03c5\u03b9\u03ba\u03bd\u03c4\u03c7\u03b3\u0131\u0261\u217c",
    "aeopcyxijshdqwvlrkmtbhaeopuikvtxyigl",
)
_ALPHABETS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "HEBREW", "ARABIC")
_WORD = re.compile(r"[^\W\d_]+")
# What is not seen, what reorders the text around it, and what acts on a terminal.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)


def skeleton(name: str) -> str:
    """What a name looks like: two names with one skeleton may be one person's. It is for comparing, never for showing."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    letters = "".join(c for c in plain if not unicodedata.combining(c)).translate(_TWINS)
    return " ".join(re.sub(r"[\W_]+", " ", letters).split())


def _alphabet(letter: str) -> str:
    name = unicodedata.name(letter, "")
    return next((a for a in _ALPHABETS if name.startswith(a)), "")


def trouble(text: str) -> str:
    """What makes a text look like another one, in a few words; empty where nothing does."""
    unseen = _UNSEEN.search(text)
    if unseen is not None:
        return f"the character U+{ord(unseen[0]):04X}, which is not seen"
    if text.isascii():
        return ""
    for word in _WORD.findall(text):
        alphabets = sorted({a for c in word if (a := _alphabet(c))})
        if len(alphabets) > 1:
            return f"letters of {' and '.join(a.capitalize() for a in alphabets)} in one word"
    wide = next((c for c in text if ord(c) > 0x7F and unicodedata.normalize("NFKC", c) != c), "")
    if wide and unicodedata.normalize("NFKC", wide).isascii():
        return f"the character U+{ord(wide):04X}, which looks like {unicodedata.normalize('NFKC', wide)!r}"
    return ""
