"""Envelopes: every part of a blob is held by another, and hostile octets are malformed and nothing else."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.keys import _envelope
from strongroom.model.errors import Malformed
from strongroom.model.release import bound_to

KEK = bytes(range(32))
CONTEXT = bound_to("a/b/c", 1, ("o",))


def wrap(data_key: bytes, context: bytes) -> tuple[str, bytes]:
    return "k", _envelope.gcm_seal(KEK, data_key, context)


def unwrap(_key: str, wrapped: bytes, context: bytes) -> bytes:
    opened = _envelope.gcm_open(KEK, wrapped, context)
    if opened is None:
        raise Malformed("data key", "changed", "whole")
    return opened


@given(st.binary(max_size=600), st.binary(max_size=80))
def test_what_is_sealed_comes_out(secret: bytes, context: bytes) -> None:
    """Any octets under any context open with that context alone."""
    _, blob = _envelope.seal(secret, context, wrap)
    assert _envelope.unseal("k", blob, context, unwrap, "x") == secret
    with pytest.raises(Malformed):
        _envelope.unseal("k", blob, context + b"x", unwrap, "x")


@given(st.binary(max_size=300))
def test_hostile_octets_are_malformed(blob: bytes) -> None:
    """Octets that nobody sealed are malformed, with the head of an envelope in front of them or without."""
    head = _envelope.MAGIC + hashlib.sha256(CONTEXT).digest()
    for found in (blob, _envelope.MAGIC + blob, head + blob):
        with pytest.raises(Malformed):
            _envelope.unseal("k", found, CONTEXT, unwrap, "x")


def test_the_words_tell_another_context_from_changed_octets() -> None:
    """A blob of another resource says so; one with other octets says that."""
    _, blob = _envelope.seal(b"s", CONTEXT, wrap)
    with pytest.raises(Malformed, match="another name, version, purpose or set of owners"):
        _envelope.unseal("k", blob, bound_to("a/b/c", 2, ("o",)), unwrap, "x")
    with pytest.raises(Malformed, match="changed"):
        _envelope.unseal("k", blob[:-1] + bytes([blob[-1] ^ 1]), CONTEXT, unwrap, "x")


def test_the_hash_in_clear_proves_nothing() -> None:
    """Who writes another context's hash into a blob is told of changed octets: the payload holds the context itself."""
    _, blob = _envelope.seal(b"s", CONTEXT, lambda key, _: wrap(key, b""))
    other = bound_to("a/b/d", 1, ("o",))
    forged = blob[:4] + hashlib.sha256(other).digest() + blob[36:]
    with pytest.raises(Malformed, match="changed"):
        _envelope.unseal("k", forged, other, lambda k, w, _: unwrap(k, w, b""), "x")


def test_every_secret_has_a_data_key_of_its_own() -> None:
    """Two envelopes of one secret share nothing but their head, and whoever wraps sees 32 octets and not the secret."""
    seen: list[bytes] = []

    def watching(data_key: bytes, context: bytes) -> tuple[str, bytes]:
        seen.append(data_key)
        return wrap(data_key, context)

    blobs = [_envelope.seal(b"the secret itself", CONTEXT, watching)[1] for _ in range(2)]
    assert len(set(seen)) == 2
    assert {len(key) for key in seen} == {32}
    assert blobs[0][38:] != blobs[1][38:]
    assert all(b"the secret" not in blob for blob in blobs)
