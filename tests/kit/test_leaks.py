"""Secrets in plain text: what is found, what is not, and that the secret itself never comes out."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.leaks import decoded, secrets_in


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", ("AWS access key",)),
        ("AWS_SECRET_ACCESS_KEY='wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'", ("value of aws_secret_access_key",)),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", ("private key",)),
        ("huggingface-cli login --token hf_" + "a" * 34, ("Hugging Face token",)),
        ("curl -H 'Authorization: token ghp_" + "a" * 36, ("GitHub token",)),
        ("psql postgres://app:s3cretpw@db.internal/x", ("password in an address",)),
        ("wandb_api_key: 0123456789abcdef0123456789abcdef01234567", ("value of wandb_api_key",)),
        ('{"password": "correct horse"}', ("value of password",)),
        ("DB_PASSWORD=changeme", ("value of db_password",)),
    ],
)
def test_secrets_are_found(text: str, kinds: tuple[str, ...]) -> None:
    """A token is known by its form, any other secret by a telling name with a literal value."""
    assert secrets_in(text) == kinds


@pytest.mark.parametrize(
    "text",
    [
        "export GREETING=hello",
        "PASSWORD=$(aws secretsmanager get-secret-value --secret-id db)",
        'password = "${random_password.db.result}"',
        "password: $DB_PASSWORD",
        'TOKEN=`curl -X PUT "http://169.254.169.254/latest/api/token"`',
        "X-aws-ec2-metadata-token-ttl-seconds: 21600",
        "secret: db-credentials",
        "SECRET_ARN=arn:aws:secretsmanager:us-east-1:1:secret:db",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "token: true",
        "",
    ],
)
def test_what_is_no_secret_is_let_be(text: str) -> None:
    """A variable, a call, a name of a secret, a digest and a switch are no secrets."""
    assert secrets_in(text) == ()


def test_base64_is_looked_through() -> None:
    """User data is often encoded; what it says counts, and what is not text is left alone."""
    inner = "#!/bin/bash\nexport DB_PASSWORD=hunter22secret\n"
    assert secrets_in(base64.b64encode(inner.encode()).decode()) == ("value of db_password",)
    assert decoded(base64.b64encode(bytes(range(256))).decode()) == ""
    assert decoded("not base64 at all!") == ""


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    """No text makes it fail, and what it answers is kinds: sorted, each once."""
    found = secrets_in(text)
    assert list(found) == sorted(set(found))
