"""Azure Key Vault and Managed HSM: the release policy of a key (secure key release).

Sources: Azure Key Vault, "Secure key release policy grammar" (version 1.0.0: one `anyOf` of authorities, each with `allOf`
or `anyOf` of claims that are compared by `equals`); Azure Attestation, "Claim sets" (names of claims).
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from itertools import product

from strongroom.model.attest import EvidenceKind
from strongroom.model.errors import BadInput
from strongroom.release.provider import MOST, Lint, Provider, Rendered, Wanted

_AUTHORITY = re.compile(r"https://[a-z0-9][a-z0-9.-]*\.attest\.azure\.(?:net|us|cn)/?")
_SHARED = re.compile(r"https://shared[a-z0-9]+\.")
_TEE = "x-ms-isolation-tee."
_COMPLIANT = re.compile(r"(?:x-ms-isolation-tee\.)?x-ms-compliance-status")
_TYPE = re.compile(r"(?:x-ms-isolation-tee\.)?x-ms-attestation-type")
_MEASURED = re.compile(
    r"(?:x-ms-isolation-tee\.)?x-ms-(?:sevsnpvm-(?:launchmeasurement|hostdata|idkeydigest|authorkeydigest)"
    r"|sgx-(?:mrenclave|mrsigner)|tdx-(?:mrtd|rtmr[0-3]|mrconfigid))|tdx_(?:mrtd|rtmr[0-3])"
)
_DEBUG = re.compile(r"(?:x-ms-isolation-tee\.)?(?:x-ms-(?:sevsnpvm|sgx)-is-debuggable|tdx_td_attributes_debug)")

_FINDINGS = {
    "azure-skr.no-policy": "a key that is exportable and has no release policy",
    "azure-skr.not-exportable": "a key with a release policy that is not exportable is never released",
    "azure-skr.mutable": "the release policy can be changed later by whoever may update the key",
    "azure-skr.version": "another version than 1.0.0 is refused",
    "azure-skr.empty": "an empty anyOf or allOf",
    "azure-skr.operator": "only `equals` is evaluated",
    "azure-skr.authority": "an authority that is no Azure Attestation service over https",
    "azure-skr.shared-authority": "a shared authority has Microsoft's policy, not yours: it issues to every tenant",
    "azure-skr.any-claim": "claims under anyOf: one of them is enough",
    "azure-skr.no-compliance": "x-ms-compliance-status is not asked, so debug and foreign hosts may do",
    "azure-skr.debug": "a debuggable guest is let in, or is not kept out",
    "azure-skr.no-measurement": "nothing says what runs: every machine that is compliant gets the key",
    "azure-skr.zero": "a measurement of zeros",
    "azure-skr.unreadable": "the policy cannot be read, so nothing is known of it",
}


def _recognises(text: str) -> int:
    low = text.lower()
    if '"authority"' in low and '"anyof"' in low:
        return 95
    return 90 if '"release_policy"' in low or '"releasepolicy"' in low else 70 if '"exportable"' in low else 0


def _lint(text: str) -> Iterator[Lint]:
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        yield Lint("azure-skr.unreadable", "", "it is not JSON")
        return
    if not isinstance(held, dict):
        yield Lint("azure-skr.unreadable", "", "it is not an object")
        return
    if "anyOf" not in held and "version" not in held:
        yield from _key(held)
        return
    yield from _policy(held)


def _key(held: Mapping[str, object]) -> Iterator[Lint]:
    """A key as the service or a template says it, with its policy inside."""
    low = _lower(held)
    attributes = _lower(low.get("attributes"))
    exportable = attributes.get("exportable", low.get("exportable"))
    release = low.get("release_policy", low.get("releasepolicy"))
    if not release:
        if exportable is True:
            yield Lint("azure-skr.no-policy", "attributes", "exportable without release_policy")
        return
    if exportable is not True:
        yield Lint("azure-skr.not-exportable", "attributes", f"exportable {exportable}")
    kept = _lower(release)
    if kept.get("immutable") is not True:
        yield Lint("azure-skr.mutable", "release_policy", "immutable is not true")
    inner = _inner(kept.get("data"), release)
    if inner is None:
        yield Lint("azure-skr.unreadable", "release_policy", "data is neither JSON nor base64url of it")
        return
    yield from _policy(inner)


def _lower(value: object) -> dict[str, object]:
    return {str(k).lower(): v for k, v in value.items()} if isinstance(value, dict) else {}


def _inner(data: object, release: object) -> Mapping[str, object] | None:
    if data is None and isinstance(release, dict) and "anyOf" in release:
        return release
    if not isinstance(data, str):
        return data if isinstance(data, dict) else None
    padded = data + "=" * (-len(data) % 4)
    for text in (data, padded):
        try:
            octets = text.encode() if text.lstrip().startswith("{") else base64.urlsafe_b64decode(text)
            found = json.loads(octets)
        except (ValueError, binascii.Error, RecursionError):
            continue
        if isinstance(found, dict):
            return found
    return None


def _policy(held: Mapping[str, object]) -> Iterator[Lint]:
    if held.get("version") != "1.0.0":
        yield Lint("azure-skr.version", "version", str(held.get("version"))[:40])
    authorities = held.get("anyOf")
    if not isinstance(authorities, list) or not authorities:
        yield Lint("azure-skr.empty", "anyOf", "no authority")
        return
    for n, one in enumerate(authorities):
        where = f"anyOf[{n}]"
        if not isinstance(one, dict):
            yield Lint("azure-skr.unreadable", where, "it is not an object")
            continue
        yield from _authority(one, where)


def _authority(one: Mapping[str, object], where: str) -> Iterator[Lint]:
    name = str(one.get("authority", ""))
    if not _AUTHORITY.fullmatch(name.lower()):
        yield Lint("azure-skr.authority", where, name[:80] or "none")
    elif _SHARED.match(name.lower()):
        yield Lint("azure-skr.shared-authority", where, name[:80])
    branches = list(_branches(one, where))
    if isinstance(one.get("anyOf"), list) and len(one["anyOf"]) > 1:  # type: ignore[arg-type] # it is a list
        yield Lint("azure-skr.any-claim", where, f"{len(branches)} alternatives")
    if not branches:
        yield Lint("azure-skr.empty", where, "no claim")
    seen: set[Lint] = set()
    for claims in branches:
        for found in _claims(claims, where):
            if found not in seen:
                seen.add(found)
                yield found


def _branches(condition: Mapping[str, object], where: str, depth: int = 0) -> Iterator[list[Mapping[str, object]]]:
    """The claims that must all hold, once for each way through the alternatives, as far as a person would read."""
    both, either = condition.get("allOf"), condition.get("anyOf")
    if depth > 8:
        return
    if isinstance(both, list):
        parts = [list(_branches(p, where, depth + 1)) for p in both if isinstance(p, dict)]
        for n, chosen in enumerate(product(*parts) if parts else ()):
            if n >= MOST:
                return
            yield [c for branch in chosen for c in branch]
    elif isinstance(either, list):
        for p in either:
            if isinstance(p, dict):
                yield from _branches(p, where, depth + 1)
    elif "claim" in condition:
        yield [condition]


def _claims(claims: list[Mapping[str, object]], where: str) -> Iterator[Lint]:
    names = {str(c["claim"]): c.get("equals") for c in claims}
    for c in claims:
        if "equals" not in c:
            others = ", ".join(sorted(set(map(str, c)) - {"claim"}))
            yield Lint("azure-skr.operator", where, f"{c['claim']} {others}"[:80])
        if _MEASURED.fullmatch(str(c["claim"])) and not str(c.get("equals", "")).strip("0"):
            yield Lint("azure-skr.zero", where, str(c["claim"]))
    sgx = any(n.startswith("x-ms-sgx-") for n in names)
    compliant = any(_COMPLIANT.fullmatch(n) and str(v).startswith("azure-compliant-") for n, v in names.items())
    if not sgx and not compliant:
        yield Lint("azure-skr.no-compliance", where, "x-ms-compliance-status is not asked")
    debug = [v for n, v in names.items() if _DEBUG.fullmatch(n)]
    if any(v not in {False, "false"} for v in debug):
        yield Lint("azure-skr.debug", where, f"debuggable {debug[0]}")
    elif not debug and not compliant:
        yield Lint("azure-skr.debug", where, "is-debuggable is not asked")
    if not any(_MEASURED.fullmatch(n) for n in names):
        yield Lint("azure-skr.no-measurement", where, "no measurement among the claims")


# (claim of the attestation's type, its value, compliance, prefix of claims, register -> claim)
_CVM = ("azure-compliant-cvm", _TEE)
_WORDS: dict[EvidenceKind, tuple[str, str, str, dict[str, str]]] = {
    EvidenceKind.AZURE_SNP: ("sevsnpvm", *_CVM, {"measurement": "x-ms-sevsnpvm-launchmeasurement"}),
    EvidenceKind.SNP: ("sevsnpvm", "azure-compliant-uvm", "", {"measurement": "x-ms-sevsnpvm-launchmeasurement"}),
    EvidenceKind.SGX: ("sgx", "", "", {"mrenclave": "x-ms-sgx-mrenclave", "mrsigner": "x-ms-sgx-mrsigner"}),
}


def _render(wanted: Wanted, options: Mapping[str, str]) -> Rendered:
    authority = options["authority"]
    if not _AUTHORITY.fullmatch(authority.lower()):
        raise BadInput("authority", repr(authority[:80]), "https://NAME.REGION.attest.azure.net")
    if not wanted.kinds or any(k not in _WORDS for k in wanted.kinds):
        found = ", ".join(k.value for k in wanted.kinds) or "no kind"
        raise BadInput(wanted.resource, f"evidence of {found}", ", ".join(k.value for k in _WORDS))
    entries = [
        {"authority": authority, "allOf": claims}
        for kind in wanted.kinds
        for alternative in wanted.alternatives
        for claims in _conditions(kind, alternative)
    ]
    if len(entries) > MOST:
        raise BadInput(wanted.resource, f"{len(entries)} alternatives", f"at most {MOST}")
    text = json.dumps({"version": "1.0.0", "anyOf": entries}, indent=2) + "\n"
    how = "create the key exportable, in an HSM, with this policy immutable: az keyvault key create --exportable true"
    return Rendered(text, (f"{how} --policy FILE --immutable true", *wanted.left))


def _conditions(kind: EvidenceKind, registers: Mapping[str, tuple[str, ...]]) -> Iterator[list[dict[str, str]]]:
    type_, compliant, prefix, names = _WORDS[kind]
    for register in registers:
        if register not in names:
            raise BadInput("register", f"{register[:40]} of {kind.value}", ", ".join(names))
    head = [] if kind is EvidenceKind.SGX else [{"claim": f"{prefix}x-ms-attestation-type", "equals": type_}]
    if compliant:
        head.append({"claim": f"{prefix}x-ms-compliance-status", "equals": compliant})
    if kind is not EvidenceKind.AZURE_SNP:
        head.append(
            {"claim": f"x-ms-{'sgx' if kind is EvidenceKind.SGX else 'sevsnpvm'}-is-debuggable", "equals": "false"}
        )
    order = sorted(registers)
    for values in product(*(registers[r] for r in order)):
        yield [*head, *({"claim": prefix + names[r], "equals": v} for r, v in zip(order, values, strict=True))]


PROVIDER = Provider(
    "azure-skr",
    "Azure Key Vault and Managed HSM, secure key release",
    {"authority": "your Azure Attestation service, https://NAME.REGION.attest.azure.net"},
    _FINDINGS,
    _recognises,
    _render,
    _lint,
)
