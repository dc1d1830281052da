"""Bech32 (BIP 173) as age uses it: a word, `1`, and octets in 32 letters with a checksum, of any length."""

from strongroom.model.errors import Malformed

_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES = {letter: value for value, letter in enumerate(_LETTERS)}
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)  # BIP 173, "Checksum"
_CHECKSUM = 6  # letters
MOST = 8192  # letters; the longest that age writes has some 2,000


def encode(word: str, data: bytes) -> str:
    """The text of octets under a lower-case word."""
    values = _regrouped(data, 8, 5)
    rest = values + [0] * _CHECKSUM
    check = _polymod(_expanded(word) + rest) ^ 1
    values += [check >> 5 * (_CHECKSUM - 1 - i) & 31 for i in range(_CHECKSUM)]
    return f"{word}1{''.join(_LETTERS[v] for v in values)}"


def decode(text: str, subject: str) -> tuple[str, bytes]:
    """The word, in lower case, and the octets. The message never has the text: it may be a secret. Raises Malformed."""
    low = text.lower()
    word, one, letters = low.rpartition("1")
    if len(text) > MOST or not text.isascii() or text not in (low, text.upper()):
        raise Malformed(subject, "letters of both cases, or too many", "Bech32 (BIP 173)")
    if not one or not word or len(letters) < _CHECKSUM or not set(letters) <= set(_LETTERS):
        raise Malformed(subject, "letters that are not of Bech32", "a word, 1, and its 32 letters")
    if not all("!" <= c <= "~" for c in word):
        raise Malformed(subject, "a word with other signs", "printable ASCII")
    values = [_VALUES[c] for c in letters]
    if _polymod(_expanded(word) + values) != 1:
        raise Malformed(subject, "a checksum that is off", "the text as it was written", "a letter was lost or changed")
    return word, _octets(values[:-_CHECKSUM], subject)


def _octets(values: list[int], subject: str) -> bytes:
    spare = len(values) * 5 % 8
    if spare > 4 or (values and values[-1] & ((1 << spare) - 1)):
        raise Malformed(subject, "bits left over", "whole octets")  # two texts would have one meaning
    return bytes(_regrouped(values, 5, 8)[: len(values) * 5 // 8])


def _regrouped(values: bytes | list[int], wide: int, to: int) -> list[int]:
    """The same bits in groups of another width; the last one is filled with zeros."""
    out, held, bits = [], 0, 0
    for value in values:
        held, bits = (held << wide | value) & 0xFFFF, bits + wide
        while bits >= to:
            bits -= to
            out.append(held >> bits & ((1 << to) - 1))
    if bits:
        out.append(held << (to - bits) & ((1 << to) - 1))
    return out


def _expanded(word: str) -> list[int]:
    return [ord(c) >> 5 for c in word] + [0] + [ord(c) & 31 for c in word]


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATORS):
            check ^= generator if top >> bit & 1 else 0
    return check
