"""OpenBao and Vault: a policy on one transit key, and a role of the JWT method bound to the claims of our tokens.

Sources: OpenBao documentation, "Policies" and "JWT/OIDC auth method (API)": `bound_claims` may name a claim by JSON pointer
(RFC 6901); a role needs one bound field; `token_num_uses` counts requests.
"""

import json
import re
from collections.abc import Iterator, Mapping

from strongroom.model.attest import EvidenceKind
from strongroom.model.errors import BadInput
from strongroom.release.provider import Lint, Provider, Rendered, Wanted

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_PATH = re.compile(r'path\s+"([^"]*)"\s*\{(.*?)\}', re.DOTALL)
_STATUS = re.compile(r"/?submods[/.][^/]+/ear\.status")
_MEASURED = re.compile(r"/?submods/.+/(?:measurements/.+|ear\.appraisal-policy-id)")
_MOST_SECONDS = 600

_FINDINGS = {
    "openbao.wildcard-path": "the policy opens more than one key",
    "openbao.too-much": "a workload needs `update` on decrypt alone: sudo, delete or read on the key itself gives it more",
    "openbao.exports": "a path that exports or backs up the key takes it out of the engine",
    "openbao.no-bound-claims": "a role without bound claims admits every token that the method verifies",
    "openbao.no-status": "the role does not ask that the appraisal is affirming",
    "openbao.not-affirming": "the role takes another verdict than affirming",
    "openbao.no-measurement": "nothing says what runs: no measurement and no appraisal policy among the claims",
    "openbao.zero": "a measurement of zeros",
    "openbao.glob": "bound claims are compared as patterns",
    "openbao.long-lived": "a token that outlives the attestation by more than ten minutes, or by nobody knows how much",
    "openbao.unlimited-uses": "a token may be used any number of times",
    "openbao.root-policy": "the role gives the policy root or admin",
    "openbao.exportable": "the transit key is exportable, or may be backed up in plaintext: then no policy holds it",
    "openbao.unreadable": "the file cannot be read, so nothing is known of it",
}


def _recognises(text: str) -> int:
    low = text.lower()
    if '"bound_claims"' in low or '"user_claim"' in low:
        return 95
    if _PATH.search(text) and "capabilities" in low:
        return 90
    return 80 if '"allow_plaintext_backup"' in low else 0


def _lint(text: str) -> Iterator[Lint]:
    for m in _PATH.finditer(text):
        yield from _path(m[1], re.findall(r'"([a-z]+)"', m[2]))
    if not text.lstrip().startswith("{"):
        return
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        yield Lint("openbao.unreadable", "", "it is not JSON")
        return
    inner = held.get("data") if isinstance(held, dict) else None
    found = inner if isinstance(inner, dict) else held
    if not isinstance(found, dict):
        yield Lint("openbao.unreadable", "", "it is not an object")
    elif "allow_plaintext_backup" in found or "exportable" in found:
        if found.get("exportable") or found.get("allow_plaintext_backup"):
            yield Lint("openbao.exportable", "key", "exportable or allow_plaintext_backup is true")
    else:
        yield from _role(found)


def _path(path: str, capabilities: list[str]) -> Iterator[Lint]:
    if "deny" in capabilities or not capabilities:
        return
    if "*" in path or "+" in path:
        yield Lint("openbao.wildcard-path", path, ", ".join(capabilities))
    if re.search(r"/(?:export|backup|byok-export)/", path):
        yield Lint("openbao.exports", path, ", ".join(capabilities))
    more = sorted(set(capabilities) - ({"update"} if "/decrypt/" in path else {"update", "read"}))
    if more or "/keys/" in path:
        yield Lint("openbao.too-much", path, ", ".join(more or capabilities))


def _role(role: Mapping[str, object]) -> Iterator[Lint]:
    claims = role.get("bound_claims")
    if not isinstance(claims, dict) or not claims:
        yield Lint("openbao.no-bound-claims", "bound_claims", "none")
    else:
        yield from _bound(claims)
    if role.get("bound_claims_type") == "glob":
        yield Lint("openbao.glob", "bound_claims_type", "glob")
    lives = [_seconds(role.get(n)) for n in ("token_max_ttl", "token_explicit_max_ttl", "token_ttl")]
    longest = min((s for s in lives if s), default=0)
    if not longest or longest > _MOST_SECONDS:
        yield Lint("openbao.long-lived", "token_max_ttl", f"{longest} seconds" if longest else "no limit of its own")
    if not role.get("token_num_uses"):
        yield Lint("openbao.unlimited-uses", "token_num_uses", "0")
    policies = role.get("token_policies") or role.get("policies") or []
    for name in policies if isinstance(policies, list) else [policies]:
        if name in {"root", "admin", "default-admin"}:
            yield Lint("openbao.root-policy", "token_policies", str(name))


def _bound(claims: Mapping[str, object]) -> Iterator[Lint]:
    statuses = {n: v for n, v in claims.items() if _STATUS.fullmatch(n)}
    if not statuses:
        yield Lint("openbao.no-status", "bound_claims", "no /submods/…/ear.status")
    for name, value in statuses.items():
        if any(v != "affirming" for v in _listed(value)):
            yield Lint("openbao.not-affirming", name, ", ".join(map(str, _listed(value)))[:80])
    measured = {n: v for n, v in claims.items() if _MEASURED.fullmatch(n)}
    if not measured:
        yield Lint("openbao.no-measurement", "bound_claims", "no measurement")
    for name, value in measured.items():
        if any(not str(v).strip("0") for v in _listed(value)):
            yield Lint("openbao.zero", name, "zeros")


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _seconds(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    m = re.fullmatch(r"(\d{1,9})([smh]?)", str(value or ""))
    return int(m[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[m[2]] if m else 0


def _render(wanted: Wanted, options: Mapping[str, str]) -> Rendered:
    key, mount = options["key"], options["mount"]
    for name, text in (("key", key), ("mount", mount)):
        if not _NAME.fullmatch(text):
            raise BadInput(name, repr(text[:80]), PROVIDER.options[name])
    if len(wanted.kinds) != 1 or wanted.kinds[0] is EvidenceKind.COMPOSITE:
        found = ", ".join(k.value for k in wanted.kinds) or "no kind"
        raise BadInput(
            wanted.resource, f"evidence of {found}", "one kind: a role is bound to claims of one root of trust"
        )
    policy = f'path "{mount}/decrypt/{key}" {{\n  capabilities = ["update"]\n}}\n'
    roles = "".join(
        f"# auth/jwt/role/release-{key}-{n}\n{json.dumps(_role_of(a, key), indent=2)}\n"
        for n, a in enumerate(wanted.alternatives, 1)
    )
    left = (
        "possession of the key of the token: whoever has the token may use it, so it must not leave the workload",
        "roles are bound to `cpu0`, as this broker names the root of trust of a node",
        *wanted.left,
    )
    return Rendered(f"# policy release-{key}\n{policy}{roles}", left)


def _role_of(registers: Mapping[str, tuple[str, ...]], key: str) -> dict[str, object]:
    claims: dict[str, object] = {"/submods/cpu0/ear.status": "affirming"}
    # A node has a verdict on its bindings as well; it is affirming only where that of each member is.
    claims["/submods/node/ear.status"] = "affirming"
    for register, values in sorted(registers.items()):
        claims[f"/submods/cpu0/ear.veraison.annotated-evidence/measurements/{register}"] = list(values)
    return {
        "role_type": "jwt",
        "user_claim": "jti",
        "bound_claims_type": "string",
        "bound_claims": claims,
        "token_policies": [f"release-{key}"],
        "token_type": "service",
        "token_ttl": "5m",
        "token_explicit_max_ttl": "5m",
        "token_num_uses": 1,
    }


PROVIDER = Provider(
    "openbao",
    "OpenBao and Vault, the transit engine and the JWT method",
    {"key": "the name of the transit key", "mount": "where the transit engine is mounted, usually transit"},
    _FINDINGS,
    _recognises,
    _render,
    _lint,
)
