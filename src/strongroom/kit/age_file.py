"""age files, read and written (c2sp.org/age, age-encryption.org/v1): for recovery with programs that are not this one.

Recipients of X25519 and of MLKEM768-X25519; passphrases are read only. What SSH keys and plugins wrapped is named, not opened.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from strongroom.kit import age_armor, age_header, age_recipients, age_stream
from strongroom.kit.age_keys import HybridRecipient, Identity, Recipient
from strongroom.model.errors import BadInput, BadUsage

_SUBJECT = "age file"
_EPHEMERAL = 32  # octets for each recipient


class Fresh(NamedTuple):
    """What serves once, and comes from whoever holds chance: `chance` octets, cut into their parts."""

    file_key: bytes
    nonce: bytes
    ephemerals: tuple[bytes, ...]


def chance(recipients: int) -> int:
    """How many random octets a file for so many recipients takes."""
    return age_header.FILE_KEY + age_stream.NONCE + recipients * _EPHEMERAL


def fresh(octets: bytes, recipients: int) -> Fresh:
    """The parts of random octets. Raises BadUsage where they are not as many as `chance` says."""
    if len(octets) != chance(recipients):
        raise BadUsage(_SUBJECT, f"{len(octets)} octets of chance", f"{chance(recipients)}")
    key, start = age_header.FILE_KEY, age_header.FILE_KEY + age_stream.NONCE
    parts = (octets[start + i * _EPHEMERAL : start + (i + 1) * _EPHEMERAL] for i in range(recipients))
    return Fresh(octets[:key], octets[key:start], tuple(parts))


def encrypt(plaintext: bytes, to: Sequence[Recipient], once: Fresh, *, mixed: bool = False) -> bytes:
    """An age file, without armor, that each recipient opens. `once` must never be used again.

    Raises:
        BadUsage: there is no recipient, or classical ones stand beside hybrid ones and `mixed` does not say so.
        Malformed: a recipient is of low order.
    """
    if not to or len(once.ephemerals) != len(to):
        raise BadUsage(
            _SUBJECT, f"{len(to)} recipients, chance for {len(once.ephemerals)}", "as many, and one at least"
        )
    if not mixed and len({isinstance(r, HybridRecipient) for r in to}) > 1:
        # The spec, "hybrid post-quantum recipient type": the weakest stanza decides when the file can be read.
        raise BadUsage(_SUBJECT, "classical recipients beside hybrid ones", "recipients of one strength")
    pairs = zip(to, once.ephemerals, strict=True)
    stanzas = tuple(age_recipients.wrap(r, once.file_key, ephemeral) for r, ephemeral in pairs)
    return age_header.render(stanzas, once.file_key) + age_stream.sealed(once.file_key, once.nonce, plaintext)


def decrypt(data: bytes, identities: Sequence[Identity]) -> bytes:
    """The plaintext of a file with armor or without, once all of it has shown to be authentic. Raises as `chunks`."""
    octets = age_armor.dearmored(data) if age_armor.is_armored(data) else data
    return b"".join(chunks(octets, identities))


def chunks(data: bytes, identities: Sequence[Identity]) -> Iterator[bytes]:
    """The plaintext of a file without armor, chunk by chunk as each is authenticated; a later one may still raise.

    Raises:
        Malformed, TooLarge: it is no age file, a stanza is not as it must be, or the payload was changed.
        BadSignature: the header was changed behind the stanza that opens.
        BadInput: none of the identities is a recipient of it.
    """
    header = age_header.parse(data)
    key = _file_key(header, identities)
    header.verify(key)
    yield from age_stream.opened(key, data[header.end :])


def _file_key(header: age_header.Header, identities: Sequence[Identity]) -> bytes:
    for identity in identities:
        for stanza in header.stanzas:
            found = age_recipients.unwrap(stanza, identity)
            if found is not None:
                return found
    strange = sorted({s.type for s in header.stanzas} & set(age_recipients.UNSUPPORTED))
    hint = f"{', '.join(strange)}: not supported here; the age program or its plugin opens it" if strange else ""
    kinds = ", ".join(sorted({s.type[:24] for s in header.stanzas})[:8])
    raise BadInput(_SUBJECT, f"recipients ({kinds}) of whom none is here", "the identity of one of them", hint)
