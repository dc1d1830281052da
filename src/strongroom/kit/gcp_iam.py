"""Google Cloud IAM in words: who a member is, what a role opens, and what a federation condition demands.

Sources: Google Cloud IAM documentation, "Principal identifiers", "Basic and predefined roles reference" and "Service
agents"; Confidential Space documentation, "Attestation assertions".
"""

import re
from collections.abc import Iterator

PUBLIC = frozenset({"allusers", "allauthenticatedusers"})
"""The two members that stand for people whom nobody has listed: anyone, and anyone with some Google account."""

BASIC_ROLES = frozenset({"roles/owner", "roles/editor", "roles/viewer"})
"""The roles that predate IAM and cover every service of a project at once."""

DECRYPTING_ROLES = frozenset(
    {
        "roles/owner",
        "roles/cloudkms.cryptoKeyDecrypter",
        "roles/cloudkms.cryptoKeyEncrypterDecrypter",
        "roles/cloudkms.cryptoKeyDecrypterViaDelegation",
        "roles/cloudkms.cryptoKeyEncrypterDecrypterViaDelegation",
        "roles/cloudkms.cryptoOperator",
    }
)
"""Roles that hold `cloudkms.cryptoKeyVersions.useToDecrypt`."""

KEY_ADMIN_ROLES = frozenset({"roles/cloudkms.admin", "roles/owner"})
"""Roles that hold `cloudkms.cryptoKeys.setIamPolicy` or can destroy key versions."""

IMPERSONATING_ROLES = frozenset(
    {
        "roles/iam.serviceaccountuser",
        "roles/iam.serviceaccounttokencreator",
        "roles/iam.serviceaccountopenidtokencreator",
        "roles/iam.serviceaccountadmin",
        "roles/iam.serviceaccountkeyadmin",
        "roles/iam.workloadidentityuser",
        "roles/iam.securityadmin",
        "roles/assuredoss.admin",
        "roles/backupdr.computeengineoperator",
        "roles/cloudbuild.builds.builder",
        "roles/cloudbuild.builds.editor",
        "roles/composer.worker",
        "roles/dataflow.admin",
        "roles/dataflow.developer",
        "roles/dataproc.hubagent",
        "roles/deploymentmanager.editor",
        "roles/run.sourcedeveloper",
        "roles/securitycenter.admin",
    }
)
"""Roles that hold actAs, getAccessToken, signBlob or a way to them, in lower case; `*.serviceAgent` roles do too."""

TAKING_ROLES = frozenset(
    {
        "roles/iam.serviceaccountuser",
        "roles/iam.serviceaccounttokencreator",
        "roles/iam.serviceaccountkeyadmin",
        "roles/iam.serviceaccountadmin",
        "roles/iam.workloadidentityuser",
        "roles/owner",
        "roles/editor",
    }
)
"""Roles that, on one service account, let their holder act as it."""

_ADMIN = re.compile(r"admin(\.v\d+)?$")
_DEFAULT_ACCOUNT = re.compile(r"-compute@developer\.gserviceaccount\.com$|@appspot\.gserviceaccount\.com$")
_AGENT_DOMAIN = re.compile(
    r"@(gcp-sa-[\w-]+|[\w-]*(robot|system)[\w-]*|cloudservices|cloudbuild)(\.iam)?\.gserviceaccount\.com$"
)
CONFIDENTIAL_SPACE = re.compile(r"^https://confidentialcomputing\.googleapis\.com/?$")
"""The issuer of Confidential Space's attestation tokens."""


def is_public(member: str) -> bool:
    """Whether a member stands for anybody at all."""
    return member.lower() in PUBLIC


def is_service_account(member: str) -> bool:
    """Whether a member is a service account, whatever prefix it was written with."""
    return member.startswith("serviceAccount:") or member.endswith(".gserviceaccount.com")


def is_service_agent(member: str) -> bool:
    """Whether a member is an account that Google itself runs a service with."""
    return _AGENT_DOMAIN.search(member) is not None


def is_default_account(email: str) -> bool:
    """Whether an e-mail address is the Compute Engine or App Engine default service account of a project."""
    return _DEFAULT_ACCOUNT.search(email.strip()) is not None


def is_known(role: str) -> bool:
    """Whether a role is a whole name; a part that another block supplies is written `${…}`."""
    return "${" not in role


def administers(role: str) -> bool:
    """Whether a role is owner, editor or an administrator of some service."""
    low = role.lower()
    return low in {"roles/owner", "roles/editor"} or _ADMIN.search(low) is not None


def impersonates(role: str) -> bool:
    """Whether a role lets its holder act as the service accounts of a project."""
    low = role.lower()
    return low in IMPERSONATING_ROLES or low.endswith(".serviceagent")


def pinned(condition: str) -> bool:
    """Whether a provider's condition admits only a production image with a concrete measurement, on every branch.

    CEL is read conservatively: a condition is a disjunction of conjunctions of plain comparisons; whatever else
    stands there proves nothing.
    """
    branches = [list(_conjuncts(b)) for b in _split(condition, "||")]
    return bool(branches) and all(_is_space(b) and _is_production(b) and _is_measured(b) for b in branches)


def genuine(condition: str) -> bool:
    """Whether a condition admits only production Confidential Space images, whatever workload they run."""
    branches = [list(_conjuncts(b)) for b in _split(condition, "||")]
    return bool(branches) and all(_is_space(b) and _is_production(b) for b in branches)


_SPACE = re.compile(r"assertion\.swname==['\"]CONFIDENTIAL_SPACE['\"]")
_PRODUCTION = re.compile(
    r"['\"](STABLE|LATEST|USABLE)['\"]inassertion\.submods\.confidential_space\.support_attributes"
    r"|assertion\.dbgstat==['\"]disabled-since-boot['\"]"
)
_DIGEST = r"['\"]sha256:(?!0{64})[0-9a-f]{64}['\"]"
_MEASURED = re.compile(
    rf"assertion\.submods\.container\.image_digest(=={_DIGEST}|in\[{_DIGEST}(,{_DIGEST})*\])"
    r"|['\"][0-9A-Za-z:]{16,}['\"]inassertion\.submods\.container\.image_signatures.*"
    r"|assertion\.submods\.container\.image_signatures\.exists\(\w+,\w+\.key_id==['\"][0-9a-f]{32,}['\"]\)"
)


def _is_space(conjuncts: list[str]) -> bool:
    return any(_SPACE.fullmatch(c) for c in conjuncts)


def _is_production(conjuncts: list[str]) -> bool:
    return any(_PRODUCTION.fullmatch(c) for c in conjuncts)


def _is_measured(conjuncts: list[str]) -> bool:
    return any(_MEASURED.fullmatch(c) for c in conjuncts)


def _conjuncts(expression: str) -> Iterator[str]:
    """What must all hold, conjunctions within brackets included."""
    parts = list(_split(expression, "&&"))
    for part in parts:
        yield from _conjuncts(part) if len(parts) > 1 else (part,)


def _split(expression: str, operator: str) -> Iterator[str]:
    """The operands of an operator at the outermost level, without white space and without needless brackets."""
    text = _bare("".join(re.findall(r"'[^']*'|\"[^\"]*\"|\S", expression)))
    depth, start, quote, at = 0, 0, "", 0
    while at < len(text):
        c = text[at]
        if quote:
            quote = "" if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c in "([":
            depth += 1
        elif c in ")]":
            depth -= 1
        elif depth == 0 and text.startswith(operator, at):
            yield _bare(text[start:at])
            at += len(operator)
            start = at
            continue
        at += 1
    if text[start:]:
        yield _bare(text[start:])


def _bare(text: str) -> str:
    """A text without the brackets that enclose the whole of it."""
    while text.startswith("(") and text.endswith(")") and _encloses(text):
        text = text[1:-1]
    return text


def _encloses(text: str) -> bool:
    depth, quote = 0, ""
    for at, c in enumerate(text):
        if quote:
            quote = "" if c == quote else quote
        elif c in "'\"":
            quote = c
        else:
            depth += (c == "(") - (c == ")")
        if depth == 0 and not quote and at < len(text) - 1:
            return False
    return depth == 0
