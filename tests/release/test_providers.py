"""Providers' own conditions: what is rendered of a rule passes its own lint, and what people write wrongly is found."""

import base64
import json
from collections.abc import Callable

import msgspec
import pytest
import release_terms as t

from strongroom.app.release_providers import providers
from strongroom.kit import iam
from strongroom.kit.gcp_iam import pinned
from strongroom.kit.key_policy import measurements, unattested_use
from strongroom.model.attest import EvidenceKind, Reference, ReferenceValues
from strongroom.model.errors import BadInput
from strongroom.model.release import Demand, Rule
from strongroom.release.provider import Rendered, wanted

PCR0, PCR1 = "a1" * 48, "b2" * 48
IMAGE = "sha256:" + "c3" * 32
ARN = "arn:aws:iam::111122223333:role/enclave"
OPTIONS = {
    "aws-kms": {"principal": ARN},
    "azure-skr": {"authority": "https://ours.weu.attest.azure.net"},
    "gcp-wif": {
        "project-number": "123456789012",
        "pool": "training",
        "key": "projects/p/locations/l/keyRings/r/cryptoKeys/k",
    },
    "openbao": {"key": "weights", "mount": "transit"},
}
VALUES: dict[str, tuple[EvidenceKind, dict[str, tuple[str, ...]]]] = {
    "aws-kms": (EvidenceKind.NITRO, {"pcr0": (PCR0,), "pcr1": (PCR1,)}),
    "azure-skr": (EvidenceKind.AZURE_SNP, {"measurement": (PCR0, PCR1)}),
    "gcp-wif": (EvidenceKind.GCP, {"image_digest": (IMAGE,)}),
    "openbao": (EvidenceKind.SNP, {"measurement": (PCR0,)}),
}


def references(kind: EvidenceKind, values: dict[str, tuple[str, ...]]) -> ReferenceValues:
    """One reference value, `worker 1.4`."""
    return ReferenceValues((Reference(kind, "worker", values, version="1.4"),), "made up")


def rule(**owners: Demand) -> Rule:
    """A rule of these owners, else of one who wants the worker."""
    return Rule("models/weights/*", owners or {"lab": Demand(references=("worker 1.4",))})


def rendered(name: str, made: Rule | None = None) -> Rendered:
    """A rule in the words of a provider."""
    provider = providers()[name]
    return provider.render(wanted(made or rule(), references(*VALUES[name])), OPTIONS[name])


def found(name: str, text: str) -> set[str]:
    """The ids of what is wrong with a text."""
    return {x.id for x in providers()[name].lint(text)}


@pytest.mark.parametrize("name", OPTIONS)
def test_what_is_rendered_is_recognised_and_has_nothing_wrong(name: str) -> None:
    """A rendering passes the lint that would find fault with somebody else's."""
    text = rendered(name).text
    assert max(providers().values(), key=lambda p: p.recognises(text)).name == name
    assert found(name, text) == set()


@pytest.mark.parametrize("name", OPTIONS)
def test_what_a_provider_has_no_words_for_is_said(name: str) -> None:
    """Uses, approvals and expressions hold only where the broker releases, and the rendering says so."""
    demand = Demand(references=("worker 1.4",), require=("claims.debug == false",))
    made = msgspec.structs.replace(rule(lab=demand), approvals=1, approvers=("ann+1",))
    left = " ".join(rendered(name, made).left)
    assert "uses = 1" in left
    assert "approvals = 1" in left
    assert "claims.debug == false" in left


@pytest.mark.parametrize("name", OPTIONS)
def test_every_finding_has_a_reason(name: str) -> None:
    """Ids begin with their provider, and each says why it matters."""
    provider = providers()[name]
    assert all(i.startswith(f"{name}.") and len(why.split()) > 3 for i, why in provider.findings.items())


def test_several_owners_want_one_workload() -> None:
    """Values that both accept stay; owners who exclude each other have no rendering."""
    both = wanted(
        rule(a=Demand(measured={"pcr9": ("AA", "bb")}), b=Demand(measured={"pcr9": ("bb", "cc"), "pcr4": ("dd",)})),
        ReferenceValues(),
    )
    assert both.alternatives == ({"pcr9": ("bb",), "pcr4": ("dd",)},)
    with pytest.raises(BadInput, match="exclude"):
        wanted(rule(a=Demand(measured={"pcr9": ("aa",)}), b=Demand(measured={"pcr9": ("cc",)})), ReferenceValues())


@pytest.mark.parametrize("demand", [Demand(references=("gone 1",)), Demand(policies=(t.APPRAISED_BY,))])
def test_what_has_no_values_is_not_rendered(demand: Demand) -> None:
    """A reference that is not there, or only an appraisal policy, would render to a condition of nothing."""
    with pytest.raises(BadInput):
        wanted(rule(lab=demand), ReferenceValues())


def test_a_key_policy_denies_whoever_shows_nothing() -> None:
    """The rendered policy opens for the measurements alone, by the same reading as that of assessments."""
    policy = iam.parse(rendered("aws-kms").text)
    assert isinstance(policy, tuple)
    assert unattested_use(policy) is False
    assert measurements(policy) == (("pcr0", PCR0), ("pcr1", PCR1))


def test_a_condition_of_google_is_pinned_on_every_branch() -> None:
    """The rendered condition satisfies the reading that assessments make of it."""
    text = rendered("gcp-wif").text
    line = next(x for x in text.splitlines() if "attribute_condition" in x)
    assert pinned(line.split(" = ", 1)[1].strip().strip('"'))


@pytest.mark.parametrize("principal", ["*", "arn:aws:iam::111122223333:root", "arn:aws:iam::*:role/x"])
def test_a_key_is_rendered_for_one_principal(principal: str) -> None:
    """A principal of many is refused before anything is written."""
    provider = providers()["aws-kms"]
    with pytest.raises(BadInput, match="principal"):
        provider.render(wanted(rule(), references(*VALUES["aws-kms"])), {"principal": principal})


@pytest.mark.parametrize("name", OPTIONS)
def test_evidence_that_a_provider_does_not_take_is_refused(name: str) -> None:
    """No provider is given conditions on evidence that it cannot verify."""
    with pytest.raises(BadInput):
        providers()[name].render(wanted(rule(), references(EvidenceKind.COMPOSITE, {"x": ("aa",)})), OPTIONS[name])


# What people write: AWS


def aws(condition: object = None, principal: object = None, effect: str = "Allow") -> str:
    """A key policy of one statement."""
    statement: dict[str, object] = {
        "Effect": effect,
        "Principal": principal or {"AWS": ARN},
        "Action": "kms:Decrypt",
        "Resource": "*",
    }
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def attested(operator: str, value: str = PCR0, key: str = "ImageSha384") -> str:
    """The same with one condition of attestation."""
    return aws({operator: {f"kms:RecipientAttestation:{key}": value}})


AZURE = json.loads(rendered("azure-skr").text)
CVM = {"claim": "x-ms-isolation-tee.x-ms-compliance-status", "equals": "azure-compliant-cvm"}
MEASURED = {"claim": "x-ms-isolation-tee.x-ms-sevsnpvm-launchmeasurement", "equals": PCR0}


def azure(*claims: object, authority: str = "https://ours.weu.attest.azure.net", how: str = "allOf") -> str:
    """A release policy of one authority."""
    return json.dumps({"version": "1.0.0", "anyOf": [{"authority": authority, how: list(claims)}]})


def azure_key(exportable: object, policy: object, *, immutable: bool = True) -> str:
    """A key as the service answers, with its policy in base64url."""
    held: dict[str, object] = {
        "key": {"kid": "https://v.vault.azure.net/keys/k"},
        "attributes": {"exportable": exportable},
    }
    if policy:
        data = base64.urlsafe_b64encode(json.dumps(policy).encode()).rstrip(b"=").decode()
        held["release_policy"] = {
            "contentType": "application/json; charset=utf-8",
            "data": data,
            "immutable": immutable,
        }
    return json.dumps(held)


SPACE = "assertion.swname == 'CONFIDENTIAL_SPACE'"
STABLE = "'STABLE' in assertion.submods.confidential_space.support_attributes"
DIGEST = f"assertion.submods.container.image_digest == '{IMAGE}'"
TAG = "assertion.submods.container.image_reference == 'europe-docker.pkg.dev/p/r/worker:latest'"


def role(**changes: object) -> str:
    """The rendered role with something changed."""
    text = rendered("openbao").text
    return json.dumps(json.loads(text[text.index("\n{") :]) | changes)


STATUS = "/submods/cpu0/ear.status"
WRONG: dict[str, tuple[str, str, Callable[[], str]]] = {
    "no condition": ("aws-kms", "aws-kms.not-attested", aws),
    "debug mode": ("aws-kms", "aws-kms.zero-pcr", lambda: attested("StringEqualsIgnoreCase", "0" * 96)),
    "upper and lower case": ("aws-kms", "aws-kms.case", lambda: attested("StringEquals")),
    "if it exists": ("aws-kms", "aws-kms.if-exists", lambda: attested("StringEqualsIgnoreCaseIfExists")),
    "if it exists opens": ("aws-kms", "aws-kms.not-attested", lambda: attested("StringEqualsIgnoreCaseIfExists")),
    "all of none": ("aws-kms", "aws-kms.for-all-values", lambda: attested("ForAllValues:StringEquals")),
    "any of one": ("aws-kms", "aws-kms.for-any-value", lambda: attested("ForAnyValue:StringEqualsIgnoreCase")),
    "a pattern": ("aws-kms", "aws-kms.any-value", lambda: attested("StringLike", "a1*")),
    "SHA-256": ("aws-kms", "aws-kms.not-a-measurement", lambda: attested("StringEqualsIgnoreCase", "a1" * 32)),
    "the instance alone": ("aws-kms", "aws-kms.around-only", lambda: attested("StringEqualsIgnoreCase", key="PCR3")),
    "everybody": ("aws-kms", "aws-kms.anybody", lambda: aws(principal="*")),
    "administers and uses": (
        "aws-kms",
        "aws-kms.two-roles",
        lambda: aws().replace('"kms:Decrypt"', '["kms:Decrypt", "kms:PutKeyPolicy"]'),
    ),
    "no JSON": ("aws-kms", "aws-kms.unreadable", lambda: '{"Statement": "kms:'),
    "within an answer": (
        "aws-kms",
        "aws-kms.not-attested",
        lambda: json.dumps({"Policy": aws(), "PolicyName": "default"}),
    ),
    "no compliance": ("azure-skr", "azure-skr.no-compliance", lambda: azure(MEASURED)),
    "no measurement": ("azure-skr", "azure-skr.no-measurement", lambda: azure(CVM)),
    "a debuggable enclave": (
        "azure-skr",
        "azure-skr.debug",
        lambda: azure(
            {"claim": "x-ms-sgx-mrsigner", "equals": "aa" * 32}, {"claim": "x-ms-sgx-is-debuggable", "equals": "true"}
        ),
    ),
    "nobody asks for debug": (
        "azure-skr",
        "azure-skr.debug",
        lambda: azure({"claim": "x-ms-sgx-mrsigner", "equals": "aa"}),
    ),
    "zeros": ("azure-skr", "azure-skr.zero", lambda: azure(CVM, MEASURED | {"equals": "0" * 96})),
    "one claim is enough": ("azure-skr", "azure-skr.any-claim", lambda: azure(CVM, MEASURED, how="anyOf")),
    "another operator": (
        "azure-skr",
        "azure-skr.operator",
        lambda: azure(CVM, MEASURED, {"claim": "x-ms-sgx-svn", "greater": 1}),
    ),
    "no authority": ("azure-skr", "azure-skr.empty", lambda: '{"version": "1.0.0", "anyOf": []}'),
    "no claim": ("azure-skr", "azure-skr.empty", azure),
    "a look-alike": (
        "azure-skr",
        "azure-skr.authority",
        lambda: azure(CVM, MEASURED, authority="https://ours.attest.azure.net.example"),
    ),
    "everybody's authority": (
        "azure-skr",
        "azure-skr.shared-authority",
        lambda: azure(CVM, MEASURED, authority="https://sharedeus2.eus2.attest.azure.net"),
    ),
    "another version": ("azure-skr", "azure-skr.version", lambda: json.dumps(AZURE | {"version": "0.2"})),
    "exportable": ("azure-skr", "azure-skr.no-policy", lambda: azure_key(True, None)),
    "not exportable": ("azure-skr", "azure-skr.not-exportable", lambda: azure_key(False, AZURE)),
    "can be changed": ("azure-skr", "azure-skr.mutable", lambda: azure_key(True, AZURE, immutable=False)),
    "base64 of nothing": ("azure-skr", "azure-skr.unreadable", lambda: azure_key(True, [1])),
    "no space": ("gcp-wif", "gcp-wif.not-confidential-space", lambda: f"{STABLE} && {DIGEST}"),
    "debug possible": ("gcp-wif", "gcp-wif.debug", lambda: f"{SPACE} && {DIGEST}"),
    "debug wanted": (
        "gcp-wif",
        "gcp-wif.debug-allowed",
        lambda: f"{SPACE} && assertion.dbgstat == 'enabled' && {DIGEST}",
    ),
    "usable": ("gcp-wif", "gcp-wif.not-stable", lambda: f"{SPACE} && {STABLE.replace('STABLE', 'USABLE')} && {DIGEST}"),
    "a tag": ("gcp-wif", "gcp-wif.tag", lambda: f"{SPACE} && {STABLE} && {TAG}"),
    "any container": ("gcp-wif", "gcp-wif.no-measurement", lambda: f"{SPACE} && {STABLE}"),
    "or anything": ("gcp-wif", "gcp-wif.or", lambda: f"({SPACE} && {STABLE} && {DIGEST}) || {SPACE}"),
    "no condition at all": ("gcp-wif", "gcp-wif.no-condition", lambda: 'attribute_condition = ""'),
    "the whole pool": (
        "gcp-wif",
        "gcp-wif.anybody",
        lambda: rendered("gcp-wif").text.replace("attribute.image_digest/${each.value}", "*"),
    ),
    "every key": ("openbao", "openbao.wildcard-path", lambda: 'path "transit/decrypt/*" { capabilities = ["update"] }'),
    "reads the key": ("openbao", "openbao.too-much", lambda: 'path "transit/keys/w" { capabilities = ["read"] }'),
    "takes the key out": (
        "openbao",
        "openbao.exports",
        lambda: 'path "transit/export/x/w" { capabilities = ["read"] }',
    ),
    "any token": ("openbao", "openbao.no-bound-claims", lambda: role(bound_claims={})),
    "any verdict": ("openbao", "openbao.no-status", lambda: role(bound_claims={"eat_profile": "x"})),
    "a warning will do": (
        "openbao",
        "openbao.not-affirming",
        lambda: role(bound_claims={STATUS: ["affirming", "warning"]}),
    ),
    "any workload": ("openbao", "openbao.no-measurement", lambda: role(bound_claims={STATUS: "affirming"})),
    "patterns": ("openbao", "openbao.glob", lambda: role(bound_claims_type="glob")),
    "for days": ("openbao", "openbao.long-lived", lambda: role(token_ttl="72h", token_explicit_max_ttl="72h")),
    "again and again": ("openbao", "openbao.unlimited-uses", lambda: role(token_num_uses=0)),
    "root": ("openbao", "openbao.root-policy", lambda: role(token_policies=["root"])),
    "an exportable key": ("openbao", "openbao.exportable", lambda: '{"data": {"name": "w", "exportable": true}}'),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_found(case: str) -> None:
    """Each mistake has its id."""
    name, wanted_id, text = WRONG[case]
    assert wanted_id in found(name, text())


def test_every_id_is_one_that_is_explained() -> None:
    """What a lint says is always among the findings that it declares."""
    for name, _, text in WRONG.values():
        assert found(name, text()) <= set(providers()[name].findings)


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "[" * 5000, '{"anyOf": [[[]]], "version": {}}', '{"Statement": [1]}']
)
def test_a_hostile_file_is_an_answer_and_no_fault(name: str, text: str) -> None:
    """Whatever is given, a lint says something of it, or nothing, and does not break."""
    assert found(name, text) <= set(providers()[name].findings)
