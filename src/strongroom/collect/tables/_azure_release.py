"""Key release policies of Key Vault, in normal form: one text for each alternative, `claim operator value & …`.

Source of the grammar: https://learn.microsoft.com/azure/key-vault/keys/policy-grammar (version 1.0.0).
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence

from strongroom.collect.resource import undecided
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

NOT_KNOWN = "${not known}"
"""Stands for a value that the configuration leaves open; the claim is asked for all the same."""

Release = tuple[str | Unknown, ...] | Unknown


def alternatives(raw: object) -> Release:
    """The alternatives under which a key may leave; the authority comes first in each."""
    policy = decoded(raw)
    if isinstance(policy, Unknown):
        return policy
    inner = policy.get("anyOf")
    if not isinstance(inner, Sequence) or isinstance(inner, str):
        return Unknown(GapCode.UNDECIDED, "the release policy has no anyOf that can be read")
    return tuple(_alternative(a) for a in inner)


def decoded(raw: object) -> Mapping[str, object] | Unknown:
    """A release policy out of JSON text, or out of the base64url that the REST interface takes."""
    if isinstance(raw, Mapping):
        return raw
    if not isinstance(raw, str):
        return undecided(raw) or Unknown(GapCode.MALFORMED, "the release policy is no text")
    text = raw.strip()
    try:
        if not text.startswith("{"):
            text = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        found = json.loads(text)
    except (binascii.Error, ValueError):
        return undecided(raw) or Unknown(GapCode.MALFORMED, "the release policy is no JSON")
    return found if isinstance(found, Mapping) else Unknown(GapCode.MALFORMED, "the release policy is no object")


def _alternative(raw: object) -> str | Unknown:
    if not isinstance(raw, Mapping):
        return Unknown(GapCode.UNDECIDED, "a part of the release policy has no value")
    claims = raw.get("allOf")
    if not isinstance(claims, Sequence) or isinstance(claims, str):
        return Unknown(GapCode.UNDECIDED, "the claims of the release policy have no value")
    texts = [_claim("authority", "equals", raw.get("authority"))]
    for c in claims:
        if not isinstance(c, Mapping):
            return Unknown(GapCode.UNDECIDED, "a claim of the release policy has no value")
        if "anyOf" in c or "allOf" in c:
            return Unknown(GapCode.UNSUPPORTED, "the release policy nests alternatives")
        operator = next((str(k) for k in c if k not in ("claim", "condition")), "")
        texts.append(_claim(str(c.get("claim", "")), operator, c.get(operator)))
    return " & ".join(texts)


def _claim(name: str, operator: str, value: object) -> str:
    if value is None or undecided(value) is not None:
        return f"{name} {operator} {NOT_KNOWN}"
    return f"{name} {operator} {value if isinstance(value, str) else json.dumps(value)}"
