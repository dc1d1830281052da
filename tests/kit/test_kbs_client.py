"""What a broker sends may be anything: it is read, or refused as what it is, and what people are shown is harmless."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit import kbs, kbs_client, runtime_data
from strongroom.model.errors import BadInput

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["nonce", "extra-params", "selected-hash-algorithm", "token", "type", "detail"])
BODIES = st.binary(max_size=200) | JSON.map(lambda v: json.dumps(v).encode())
BODIES |= st.dictionaries(NAMES, JSON, max_size=4).map(lambda v: json.dumps(v).encode())
KEY = {"kty": "EC", "crv": "P-256", "alg": "ECDH-ES+A256KW", "x": "x", "y": "y"}


@given(BODIES)
def test_anything_is_read_or_refused(body: bytes) -> None:
    """No answer of a broker raises anything but what says that it will not do."""
    for read in (kbs_client.challenge, kbs_client.standing):
        with contextlib.suppress(BadInput):
            read(body)


@given(BODIES)
def test_a_refusal_is_harmless(body: bytes) -> None:
    """Whatever a refusal says, it is short and printable."""
    told = kbs_client.told(body)
    assert (told.kind + told.detail).isprintable()
    assert len(told.kind) <= 41
    assert 1 <= len(told.detail) <= 300


@given(st.text(max_size=200))
def test_a_session_cannot_break_a_header(header: str) -> None:
    """What is sent back as a session has no end of line, no separator and no space."""
    found = kbs_client.cookie(header)
    assert not set(found) & set('\r\n;, "')
    assert found.isascii()


@given(st.binary(min_size=16, max_size=128), st.sampled_from(runtime_data.HASHES))
def test_a_challenge_is_read_back(nonce: bytes, algorithm: str) -> None:
    """What the broker's side writes, the requester's reads; and what it answers, the broker's side reads."""
    asked = kbs_client.challenge(kbs.challenge(nonce, algorithm))
    assert asked.algorithm == algorithm
    runtime = kbs_client.runtime(asked, KEY)
    read = kbs.attestation(kbs_client.answer(runtime, b'{"a": 1}', "more", "init"))
    assert (read.runtime, read.primary, read.additional, read.init) == (runtime, b'{"a": 1}', "more", "init")
    assert json.loads(read.runtime) == {"nonce": asked.nonce, "tee-pubkey": KEY}


@pytest.mark.parametrize("tee", ["snp", "tdx", "nitro", "tpm"])
def test_the_opening_is_one_that_the_broker_serves(tee: str) -> None:
    """The requester opens with a version that the broker serves, and with every hash that it can make."""
    assert kbs.request(kbs_client.opening(tee)) == kbs.Request(tee, runtime_data.HASHES)
