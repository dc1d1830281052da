"""Google Cloud: the attribute condition of a workload identity provider, and the binding on the key.

Sources: Confidential Space documentation, "Attestation assertions" and "Create and grant access to confidential resources";
Google Cloud IAM, "Workload Identity Federation" (attribute conditions in CEL, principal sets).
"""

import re
from collections.abc import Iterator, Mapping

from strongroom.kit.gcp_iam import genuine, is_public, pinned
from strongroom.model.attest import EvidenceKind
from strongroom.model.errors import BadInput
from strongroom.release.provider import Lint, Provider, Rendered, Wanted

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ISSUER = "https://confidentialcomputing.googleapis.com/"
_AUDIENCE = "https://sts.googleapis.com"
_NUMBER = re.compile(r"\d{6,20}")
_POOL = re.compile(r"[a-z][a-z0-9-]{2,30}[a-z0-9]")
_KEY = re.compile(r"projects/[\w-]+/locations/[\w-]+/keyRings/[\w-]+/cryptoKeys/[\w-]+")
_CONDITION = re.compile(
    r"attribute_?condition\"?\s*[:=]\s*(\"(?:[^\"\\]|\\.)*\"|<<-?(\w+)\n.*?\n\s*\2\b)", re.IGNORECASE | re.DOTALL
)
_MEMBER = re.compile(r"\"(allUsers|allAuthenticatedUsers|principalSet://[^\"]*)\"")

_FINDINGS = {
    "gcp-wif.no-condition": "a provider without a condition admits every workload that Google attests, of any project",
    "gcp-wif.not-confidential-space": "swname is not compared with CONFIDENTIAL_SPACE",
    "gcp-wif.debug": "neither a support attribute nor dbgstat is compared: a debug image, which has a shell, will do",
    "gcp-wif.debug-allowed": "the condition names a debug image",
    "gcp-wif.not-stable": "STABLE is not asked for: an image that is no longer supported will do",
    "gcp-wif.tag": "the container is named by a tag, which can be moved to another image",
    "gcp-wif.no-measurement": "nothing says which container runs",
    "gcp-wif.or": "alternatives of which one asks for less than the others",
    "gcp-wif.anybody": "a binding to everybody, or to every identity of the pool",
}


def _recognises(text: str) -> int:
    if "assertion." in text and ("swname" in text or "confidential_space" in text):
        return 95
    if "confidentialcomputing.googleapis.com" in text or re.search(r"attribute_?condition", text, re.IGNORECASE):
        return 85
    return 60 if "google_iam_workload_identity_pool_provider" in text else 0


def _lint(text: str) -> Iterator[Lint]:
    conditions = [_unquoted(m[1]) for m in _CONDITION.finditer(text)]
    if not conditions and "assertion." in text and "{" not in text:
        conditions = [" ".join(x for x in text.splitlines() if not x.lstrip().startswith("#"))]
    if not conditions:
        yield Lint("gcp-wif.no-condition", "", "no attribute condition")
    for n, condition in enumerate(conditions, 1):
        yield from _condition(condition, f"condition {n}" if len(conditions) > 1 else "condition")
    for m in _MEMBER.finditer(text):
        if is_public(m[1]) or m[1].endswith("/*"):
            yield Lint("gcp-wif.anybody", "binding", m[1][:120])


def _unquoted(text: str) -> str:
    if text.startswith("<<"):
        return "\n".join(text.splitlines()[1:-1])
    return text[1:-1].replace('\\"', '"').replace("\\n", "\n")


def _condition(condition: str, where: str) -> Iterator[Lint]:
    packed = "".join(condition.split())
    if not packed or packed == "true":
        yield Lint("gcp-wif.no-condition", where, condition.strip() or "an empty condition")
        return
    if pinned(condition):
        if "'STABLE'" not in packed and '"STABLE"' not in packed:
            yield Lint("gcp-wif.not-stable", where, "no 'STABLE' in support_attributes")
        return
    before = 0
    for found in _weak(packed, where):
        before += 1
        yield found
    if not before and not genuine(condition):
        yield Lint("gcp-wif.or", where, "not every branch asks for a production image with a measurement")
    elif not before:
        yield Lint("gcp-wif.no-measurement", where, "not on every branch")


def _weak(packed: str, where: str) -> Iterator[Lint]:
    if not re.search(r"swname==['\"]CONFIDENTIAL_SPACE['\"]", packed):
        yield Lint("gcp-wif.not-confidential-space", where, "no swname == 'CONFIDENTIAL_SPACE'")
    if re.search(r"dbgstat==['\"]enabled['\"]", packed):
        yield Lint("gcp-wif.debug-allowed", where, "dbgstat == 'enabled'")
    elif "support_attributes" not in packed and "dbgstat" not in packed:
        yield Lint("gcp-wif.debug", where, "neither support_attributes nor dbgstat")
    elif "'STABLE'" not in packed and '"STABLE"' not in packed:
        yield Lint("gcp-wif.not-stable", where, "no 'STABLE' in support_attributes")
    if "image_reference" in packed and "image_digest" not in packed and "@sha256:" not in packed:
        yield Lint("gcp-wif.tag", where, "image_reference without a digest")
    elif not re.search(r"image_digest|image_signatures|@sha256:", packed):
        yield Lint("gcp-wif.no-measurement", where, "neither image_digest nor image_signatures")


def _render(wanted: Wanted, options: Mapping[str, str]) -> Rendered:
    number, pool, key = options["project-number"], options["pool"], options["key"]
    for name, text, form in (("project-number", number, _NUMBER), ("pool", pool, _POOL), ("key", key, _KEY)):
        if not form.fullmatch(text):
            raise BadInput(name, repr(text[:80]), PROVIDER.options[name])
    digests = sorted(_digests(wanted))
    listed = ", ".join(f"'{d}'" for d in digests)
    condition = (
        "assertion.swname == 'CONFIDENTIAL_SPACE' && "
        "'STABLE' in assertion.submods.confidential_space.support_attributes && "
        f"assertion.submods.container.image_digest in [{listed}]"
    )
    text = _TERRAFORM.format(
        pool=pool,
        issuer=_ISSUER,
        audience=_AUDIENCE,
        condition=condition,
        key=key,
        digests=_hcl(digests),
        number=number,
    )
    return Rendered(text, ("the pool itself, and who may change it", *wanted.left))


def _hcl(digests: list[str]) -> str:
    return ", ".join(f'"{d}"' for d in digests)


def _digests(wanted: Wanted) -> set[str]:
    """The digests of containers; evidence of another kind says nothing to Google."""
    if wanted.kinds != (EvidenceKind.GCP,):
        found = ", ".join(k.value for k in wanted.kinds) or "no kind"
        raise BadInput(
            wanted.resource, f"evidence of {found}", "gcp: federation takes Google's attestation tokens only"
        )
    found_digests: set[str] = set()
    for registers in wanted.alternatives:
        values = registers.get("image_digest", ())
        if not values or any(not _DIGEST.fullmatch(v) for v in values):
            raise BadInput(wanted.resource, "an alternative without image_digest", "sha256:… of the container")
        found_digests |= set(values)
    return found_digests


_TERRAFORM = """\
resource "google_iam_workload_identity_pool_provider" "strongroom" {{
  workload_identity_pool_id          = "{pool}"
  workload_identity_pool_provider_id = "attestation-verifier"
  oidc {{
    issuer_uri        = "{issuer}"
    allowed_audiences = ["{audience}"]
  }}
  attribute_mapping = {{
    "google.subject"         = "assertion.sub"
    "attribute.image_digest" = "assertion.submods.container.image_digest"
  }}
  attribute_condition = "{condition}"
}}

resource "google_kms_crypto_key_iam_member" "strongroom" {{
  for_each      = toset([{digests}])
  crypto_key_id = "{key}"
  role          = "roles/cloudkms.cryptoKeyDecrypter"
  member        = "principalSet://iam.googleapis.com/projects/{number}/locations/global/workloadIdentityPools/{pool}/attribute.image_digest/${{each.value}}"
}}
"""

PROVIDER = Provider(
    "gcp-wif",
    "Google Cloud KMS through workload identity federation",
    {
        "project-number": "the number of the project of the pool, digits",
        "pool": "the id of the workload identity pool",
        "key": "projects/P/locations/L/keyRings/R/cryptoKeys/K",
    },
    _FINDINGS,
    _recognises,
    _render,
    _lint,
)
