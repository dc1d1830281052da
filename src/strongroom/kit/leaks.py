"""Secrets that stand in plain text where none should: user data, start scripts, environment variables.

Only the kind of what was found ever leaves this module, never the secret. A name alone proves nothing and a long
random word alone is usually a digest, so a finding needs a token's own prefix, or a telling name with a literal value.
"""

import base64
import binascii
import re

_TOKENS: tuple[tuple[str, re.Pattern[str]], ...] = (
    # AWS IAM User Guide, "IAM identifiers": AKIA is a long-term access key, ASIA a temporary one.
    ("AWS access key", re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA|A3T[A-Z0-9])[A-Z0-9]{16}(?![A-Z0-9])")),
    ("private key", re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----")),
    ("GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})")),
    ("GitLab token", re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}")),
    ("Hugging Face token", re.compile(r"\bhf_[A-Za-z]{30,}")),
    ("NVIDIA NGC key", re.compile(r"\bnvapi-[A-Za-z0-9_-]{40,}")),
    ("Slack token", re.compile(r"\bxox[abeprs]-[A-Za-z0-9-]{10,}")),
    ("Google API key", re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b")),
    ("model provider key", re.compile(r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{32,}")),
    ("password in an address", re.compile(r"\b[a-z][a-z0-9+.-]{2,}://[^\s:/@$<{]+:[^\s:/@$<{]{4,}@[\w.-]+")),
)
# The look behind keeps a long run of letters from being tried from each of them, which would take hours.
_NAMED = re.compile(
    r"(?i)[\"']?(?<![a-z0-9_.-])([a-z0-9_.-]*(?:passw(?:or)?d|passphrase|secret(?:_?access)?_?key|secret|api_?key|auth_?token"
    r"|access_?token|private_?key|client_?secret|wandb_?api_?key|token))[\"']?\s*(?:=>|[:=])\s*"
    r"(?:\"([^\"\n]{6,})\"|'([^'\n]{6,})'|([^\s\"',;}]{6,}))"
)
# What looks like a value and is none: a variable, a command, a placeholder, a path or reference to a real secret.
_NO_VALUE = re.compile(
    r"(?i)^(?:[$<{%`/~]|\*+$|x{3,}|(?:true|false|null|none|disabled|enabled|required|optional)\b"
    r"|arn:|file:|ssm:|vault:|secretsmanager|data\.|var\.|https?://)"
)
_WORDS = re.compile(r"[a-z][a-z._/-]*")  # the name of a secret, not the secret
_FLAT = re.compile(r"^[A-Za-z0-9+/\s]{24,}={0,2}\s*$")


def secrets_in(text: str) -> tuple[str, ...]:
    """The kinds of secret that stand in a text, or in the text that it is the base64 of; sorted, each once."""
    found = _kinds(text)
    inner = decoded(text)
    return tuple(sorted(found | _kinds(inner))) if inner else tuple(sorted(found))


def decoded(text: str) -> str:
    """What a text says when it is base64 of UTF-8, as user data often is; else nothing."""
    flat = "".join(text.split())
    if not _FLAT.match(text) or len(flat) % 4:
        return ""
    try:
        return base64.b64decode(flat, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _kinds(text: str) -> set[str]:
    found = {kind for kind, pattern in _TOKENS if pattern.search(text)}
    for name, *values in _NAMED.findall(text):
        value = next((v for v in values if v), "")
        is_word = "pass" not in name.lower() and _WORDS.fullmatch(value) is not None
        if not is_word and not _NO_VALUE.match(value):
            found.add(f"value of {name.strip('._-').lower()}")
    return found
