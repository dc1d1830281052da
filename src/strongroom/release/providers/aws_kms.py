"""AWS KMS: statements of a key policy with `kms:RecipientAttestation` conditions.

Sources: AWS KMS Developer Guide, "Condition keys for AWS Nitro Enclaves" and "… for NitroTPM"; IAM User Guide, "IAM JSON
policy elements: Condition operators" (a negated operator holds where the key is absent; `…IfExists` too).
"""

import json
import re
from collections.abc import Iterator, Mapping

from strongroom.kit import iam
from strongroom.kit.iam_reach import anybody
from strongroom.kit.key_policy import both_roles, measured, unattested_use
from strongroom.model.attest import EvidenceKind
from strongroom.model.errors import BadInput
from strongroom.model.release import NAME
from strongroom.model.values import Condition, Statement, Unknown
from strongroom.release.provider import Lint, Provider, Rendered, Wanted

_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(?:role|user)/[\w+=,.@/-]+")
_PCR = re.compile(r"pcr(\d{1,2})")
_SHA384 = re.compile(r"[0-9a-f]{96}")
_KEY = "kms:recipientattestation:"
_MEASURES = re.compile(r"kms:recipientattestation:(imagesha384|pcr\d{1,2}|nitrotpmpcr\d{1,2})")
# PCR 3 and 4 of an enclave: role and id of the instance around it.
_AROUND = frozenset({"pcr3", "pcr4"})

_FINDINGS = {
    "aws-kms.not-attested": "somebody may use the key without showing any attestation",
    "aws-kms.zero-pcr": "registers of zeros are those of an enclave in debug mode, whose memory its host can read",
    "aws-kms.case": "StringEquals compares upper and lower case: use StringEqualsIgnoreCase, as the values are hex",
    "aws-kms.if-exists": "an operator that ends in IfExists holds for a request without attestation",
    "aws-kms.for-all-values": "ForAllValues holds for a request without attestation",
    "aws-kms.for-any-value": "the keys of attestation have one value: ForAnyValue is for those with several",
    "aws-kms.any-value": "a pattern in the place of a measurement lets other code through",
    "aws-kms.not-a-measurement": "a value that is no SHA-384 in hex equals no register, so nothing can use the key",
    "aws-kms.around-only": "registers 3 and 4 name the instance around an enclave and no code",
    "aws-kms.anybody": "a statement allows every principal of every account",
    "aws-kms.two-roles": "a principal may both change the policy of the key and use it",
    "aws-kms.unreadable": "the policy cannot be read, so nothing is known of it",
}


def _recognises(text: str) -> int:
    low = text.lower()
    if '"statement"' not in low:
        return 0
    return 95 if _KEY in low else 80 if '"kms:' in low else 0


def _lint(text: str) -> Iterator[Lint]:
    policy = iam.parse(_document(text))
    if isinstance(policy, Unknown):
        yield Lint("aws-kms.unreadable", "", policy.detail)
        return
    for n, s in enumerate(policy, 1):
        yield from _statement(s, s.sid or f"statement {n}")
    use = unattested_use(policy)
    if isinstance(use, Unknown):
        yield Lint("aws-kms.unreadable", "", use.detail)
    elif use:
        yield Lint("aws-kms.not-attested", "", str(use))
    both = both_roles(policy)
    if isinstance(both, str):
        yield Lint("aws-kms.two-roles", "", both)


def _document(text: str) -> object:
    """The policy itself, also within what `get-key-policy` answers (a text in `Policy`)."""
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        return text
    inner = held.get("Policy") if isinstance(held, dict) else None
    return inner if isinstance(inner, str | dict) else held


def _statement(s: Statement, where: str) -> Iterator[Lint]:
    if s.effect == "allow" and anybody(s) is True and measured(s) is not True:
        yield Lint("aws-kms.anybody", where, "Principal *")
    asked = [c for c in s.conditions if c.key.startswith(_KEY)]
    for c in asked:
        yield from _condition(c, where, s.effect)
    registers = {m[1] for c in asked if (m := _MEASURES.fullmatch(c.key))}
    if s.effect == "allow" and registers and registers <= _AROUND:
        yield Lint("aws-kms.around-only", where, ", ".join(sorted(registers)))


def _condition(c: Condition, where: str, effect: str) -> Iterator[Lint]:
    operator, key = c.operator.lower(), c.key.rpartition(":")[2]
    if operator.endswith("ifexists"):
        yield Lint("aws-kms.if-exists", where, f"{c.operator} {key}")
    if operator.startswith("forallvalues:"):
        yield Lint("aws-kms.for-all-values", where, f"{c.operator} {key}")
    if operator.startswith("foranyvalue:"):
        yield Lint("aws-kms.for-any-value", where, f"{c.operator} {key}")
    if not _MEASURES.fullmatch(c.key):
        return
    base = operator.rpartition(":")[2].removesuffix("ifexists")
    if base in {"stringequals", "stringnotequals"}:
        yield Lint("aws-kms.case", where, f"{c.operator} {key}")
    for value in c.values:
        if not value.strip("0"):
            yield Lint("aws-kms.zero-pcr", where, f"{key} of zeros")
        elif base in {"stringlike", "stringnotlike"} and re.search(r"[*?]", value):
            yield Lint("aws-kms.any-value", where, f"{key} {value[:40]}")
        elif base.startswith("string") and effect == "allow" and not _is_value(value):
            yield Lint("aws-kms.not-a-measurement", where, f"{key} {value[:40]}")


def _is_value(value: str) -> bool:
    """Whether it is a SHA-384 in hex, or a name that a template fills in."""
    return "${" in value or _SHA384.fullmatch(value.lower()) is not None


def _render(wanted: Wanted, options: Mapping[str, str]) -> Rendered:
    principal = options["principal"]
    if not _ARN.fullmatch(principal):
        raise BadInput("principal", repr(principal[:80]), "the ARN of one role or user, without *")
    prefix = _prefix(wanted)
    allow = [
        {
            "Sid": f"{_sid(wanted.resource)}{n}",
            "Effect": "Allow",
            "Principal": {"AWS": principal},
            "Action": "kms:Decrypt",
            "Resource": "*",
            "Condition": {"StringEqualsIgnoreCase": {f"{prefix}{_register(r)}": list(v) for r, v in sorted(a.items())}},
        }
        for n, a in enumerate(wanted.alternatives, 1)
    ]
    deny = [_deny(prefix, register, values) for register, values in _common(wanted).items()]
    text = json.dumps({"Version": "2012-10-17", "Statement": [*allow, *deny]}, indent=2) + "\n"
    return Rendered(text, ("administration of the key: add statements for its administrators", *wanted.left))


def _prefix(wanted: Wanted) -> str:
    if wanted.kinds == (EvidenceKind.NITRO,):
        return "kms:RecipientAttestation:"
    if wanted.kinds == (EvidenceKind.TPM,):
        return "kms:RecipientAttestation:NitroTPM"
    found = ", ".join(k.value for k in wanted.kinds) or "no kind"
    raise BadInput(wanted.resource, f"evidence of {found}", "nitro or tpm: KMS attests enclaves and NitroTPM only")


def _register(name: str) -> str:
    m = _PCR.fullmatch(name)
    if m is None or int(m[1]) > 31:
        raise BadInput("register", repr(name[:40]), "pcr0 to pcr31")
    return f"PCR{int(m[1])}"


def _common(wanted: Wanted) -> dict[str, list[str]]:
    """The registers that every alternative names, with all of their values: whatever has another is denied."""
    first, *others = wanted.alternatives
    names = [r for r in sorted(first) if all(r in a for a in others)]
    return {r: sorted({v for a in wanted.alternatives for v in a[r]}) for r in names}


def _deny(prefix: str, register: str, values: list[str]) -> dict[str, object]:
    """Refuse everybody whose register is another, also who shows no attestation: a negated operator holds without one."""
    return {
        "Sid": f"DenyWithoutAttested{_register(register)}",
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["kms:Decrypt", "kms:ReEncryptFrom", "kms:CreateGrant"],
        "Resource": "*",
        "Condition": {"StringNotEqualsIgnoreCase": {f"{prefix}{_register(register)}": values}},
    }


def _sid(resource: str) -> str:
    """A statement's name has letters and digits only."""
    words = re.findall(r"[A-Za-z0-9]+", resource if NAME.fullmatch(resource) else resource.replace("*", " any "))
    return "Release" + "".join(w.capitalize() for w in words)


PROVIDER = Provider(
    "aws-kms",
    "AWS KMS, for Nitro Enclaves and NitroTPM",
    {"principal": "the ARN of the role that the enclave or instance has"},
    _FINDINGS,
    _recognises,
    _render,
    _lint,
)
