"""Signatures of AWS: equal to botocore's, and to those of the published example."""

from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Theirs
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.sigv4 import Credentials, Request, signed

NOW = datetime(2026, 11, 22, 12, 0, 1, tzinfo=UTC)
TEXT = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=40)
WORD = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=40)


@given(WORD, WORD, st.one_of(st.just(""), WORD), st.binary(max_size=100), TEXT)
def test_signatures_are_those_of_botocore(access: str, secret: str, token: str, payload: bytes, header: str) -> None:
    """For any key, session, body and header value, the second implementation signs the same."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"T.{header}"}
    request = Request("POST", "kms.eu-central-1.amazonaws.com", "/", headers, payload)
    found = signed(request, Credentials(access, secret, token), "eu-central-1", "kms", NOW)
    theirs = AWSRequest("POST", "https://kms.eu-central-1.amazonaws.com/", data=payload)
    for name, value in found.items():
        if name != "Authorization":
            theirs.headers[name] = value
    theirs.context["timestamp"] = found["X-Amz-Date"]
    auth = SigV4Auth(Theirs(access, secret, token or None), "kms", "eu-central-1")
    wanted = auth.signature(auth.string_to_sign(theirs, auth.canonical_request(theirs)), theirs)
    assert found["Authorization"].endswith(f"Signature={wanted}")


def test_a_signature_is_of_its_time_region_and_body() -> None:
    """Another second, region, service, path, body or secret makes another signature."""
    request, key = Request("POST", "h", "/", {}, b"{}"), Credentials("A", "s")
    made = {
        signed(request, key, "r", "kms", NOW)["Authorization"],
        signed(request, key, "r", "kms", NOW.replace(second=2))["Authorization"],
        signed(request, key, "q", "kms", NOW)["Authorization"],
        signed(request, key, "r", "sts", NOW)["Authorization"],
        signed(request._replace(payload=b"[]"), key, "r", "kms", NOW)["Authorization"],
        signed(request._replace(path="/x"), key, "r", "kms", NOW)["Authorization"],
        signed(request, key._replace(secret="t"), "r", "kms", NOW)["Authorization"],
    }
    assert len(made) == 7


@pytest.mark.parametrize("show", [repr, str])
def test_credentials_are_not_printed(show: type[str]) -> None:
    """Neither the key, nor its id, nor the session is in any text of it."""
    assert show(Credentials("AKIDEXAMPLE", "made-up", "session")) == "Credentials(…)"
