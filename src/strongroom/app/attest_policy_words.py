"""An appraisal policy in words: the commented default, and what a policy demands, field by field."""

from collections.abc import Callable, Iterator, Mapping

import msgspec

from strongroom.attest.policy import (
    SCHEMA,
    AzurePolicy,
    CompositePolicy,
    GcpPolicy,
    MaaPolicy,
    NitroPolicy,
    NvidiaPolicy,
    Policy,
    SgxPolicy,
    SnpPolicy,
    SnpTcb,
    TdxPolicy,
    TpmPolicy,
)
from strongroom.kit.artifact_register import quoted

Value = object
SECTIONS: Mapping[str, tuple[type[msgspec.Struct], str]] = {
    "snp": (SnpPolicy, "an attestation report of AMD SEV-SNP"),
    "tdx": (TdxPolicy, "a quote of Intel TDX"),
    "sgx": (SgxPolicy, "a quote of Intel SGX"),
    "nitro": (NitroPolicy, "an attestation document of an AWS Nitro enclave"),
    "azure": (AzurePolicy, "an Azure confidential VM, beside what [snp] or [tdx] demands of the report inside"),
    "maa": (MaaPolicy, "a token of Microsoft Azure Attestation, another verifier's verdict on such a machine"),
    "gcp": (GcpPolicy, "an attestation token of Google Cloud"),
    "nvidia": (NvidiaPolicy, "attestation reports of NVIDIA GPUs"),
    "tpm": (TpmPolicy, "a TPM's quote and the logs of a measured boot"),
    "composite": (CompositePolicy, "a whole node, beside what its parts' own sections demand"),
}

_DCAP = {
    "debug": "May the host read and change what runs?",
    "tcb_status": "Which TCB statuses of Intel's collateral are taken.",
    "advisories": "Advisories (INTEL-SA-…) that are accepted where the status is not UpToDate; * for any.",
    "min_evaluation": "Least tcbEvaluationDataNumber of the collateral.",
    "grace_days": "For how many days after a newer TCB level's date an OutOfDate one is still taken.",
    "max_collateral_days": "Oldest issue date of the collateral, in days; else it counts until its own nextUpdate.",
    "smt": "May the platform have multithreading on? Not checked until it is said, where the platform states it.",
}
# The sentence beside each field of the default file. A test holds that there is one for every field, and none besides.
ABOUT: Mapping[str, str] = {
    "schema": "What this file is.",
    "name": "What this policy is called in verdicts.",
    "version": "Raise it with every change.",
    "max_age_hours": "How long a verdict holds, at most.",
    "require": "CEL over the claims, each of which must be true.",
    "unchecked": "Steps that are not checked, each with the reason: it is printed with every verdict, and logged.",
    "snp.debug": "May the host decrypt the guest (policy bit 19)?",
    "snp.migrate_ma": "May a migration agent move the guest (policy bit 18)?",
    "snp.smt": "May multithreading be on (policy bit 16)? Not checked until it is said.",
    "snp.max_vmpl": "Least privileged level that may ask for reports: 0 is the most privileged, 3 the least.",
    "snp.single_socket": "Must the guest stay on one socket (policy bit 20)?",
    "snp.min_abi": "Least version of the firmware's ABI.",
    "snp.min_guest_svn": "Least security version of the guest itself.",
    "snp.min_tcb": "Least TCB by product, reported and committed. Not checked until it is said.",
    "snp.host_data": "Accepted HOST_DATA, such as the hash of init-data.",
    "snp.id_keys": "SHA-384 of accepted ID keys.",
    "snp.author_keys": "SHA-384 of accepted author keys.",
    "snp.platform": "Settings of the platform that must be on: tsme, ecc, rapl-disabled, ciphertext-hiding …",
    **{f"tdx.{name}": text for name, text in _DCAP.items()},
    "tdx.sept_ve_disable": "Must unexpected pages be refused without an exception (SEPT_VE_DISABLE)?",
    "tdx.migratable": "May a migration TD move the TD (ATTRIBUTES bit 29)?",
    "tdx.mr_config_id": "Accepted MRCONFIGID.",
    "tdx.mr_owner": "Accepted MROWNER.",
    "tdx.mr_owner_config": "Accepted MROWNERCONFIG.",
    "tdx.service_td": "Accepted MRSERVICETD; no service TD is accepted unless named.",
    "tdx.event_log": "Must the event log (CCEL) come along, and give the RTMRs?",
    "tdx.secure_boot": "Must Secure Boot have been on, by what the event log says of RTMR0?",
    "tdx.xfam": "Extended features (XFAM) that may be on.",
    **{f"sgx.{name}": text for name, text in _DCAP.items()},
    "sgx.provision_key": "May the enclave ask for the platform's provisioning key (ATTRIBUTES bit 4)?",
    "sgx.min_isv_svn": "Least security version of the enclave (ISVSVN).",
    "sgx.isv_prod_id": "The enclave's product (ISVPRODID).",
    "nitro.debug": "May the enclave be in debug mode, where its PCRs are zeros?",
    "nitro.max_age_minutes": "Oldest document, from its own time to now.",
    "nitro.user_data": "Accepted user data.",
    "nitro.public_key": "Must the document carry a public key?",
    "azure.secure_boot": "Must the VM be configured for Secure Boot?",
    "azure.event_log": "Must the vTPM's event log come along, and show Secure Boot by what PCR 7 measured?",
    "azure.sept_ve_disable": "SEPT_VE_DISABLE, in place of that of [tdx]: Azure's paravisor takes the exceptions.",
    "azure.vm_ids": "Accepted vmUniqueId.",
    "azure.user_data": "Accepted user data of the runtime claims.",
    "maa.providers": "Issuers that count, each as tokens name it (iss). Not checked until one is said.",
    "maa.policies": "Accepted x-ms-policy-hash: the provider's own policy, by which it makes tokens.",
    "maa.keys": "RFC 7638 thumbprints of signing keys that count.",
    "maa.trust_jwks": "Does every key of a given key set count? Nobody signs one: only for one fetched from the provider.",
    "maa.hardware": "Accepted hardware (x-ms-attestation-type): sevsnpvm, tdxvm.",
    "maa.debug": "May the machine be debugged: by its hardware, its hypervisor, its kernel or its boot?",
    "maa.migration": "May a migration agent move the guest?",
    "maa.secure_boot": "Must Secure Boot be on?",
    "maa.vm_ids": "Accepted vmUniqueId.",
    "gcp.audiences": "Accepted audiences (aud): the relying party's own. Not checked until one is said.",
    "gcp.debug": "May the image be one for debugging (dbgstat other than disabled-since-boot)?",
    "gcp.secure_boot": "Must Secure Boot be on (secboot)?",
    "gcp.keys": "RFC 7638 thumbprints of signing keys that count without a certificate chain.",
    "gcp.trust_jwks": "Does every key of a given key set count? Nobody signs one: only for one fetched from Google.",
    "gcp.hardware": "Accepted hardware (hwmodel).",
    "gcp.software": "Accepted software (swname); GCE for a confidential VM without Confidential Space.",
    "gcp.support": "Support attribute that a Confidential Space image must have; empty for none.",
    "gcp.min_software": "Least version of the image (swversion).",
    "gcp.projects": "Accepted project ids.",
    "gcp.service_accounts": "Accepted service accounts; one of them must run the workload.",
    "tpm.bank": "Bank of the registers: sha256, sha384, sha512 or sha1.",
    "tpm.pcrs": "Registers that the quote must cover.",
    "tpm.aks": "Names (hex) of attestation keys that were enrolled by credential activation.",
    "tpm.roots": "SHA-256 of certificates of authorities that certify attestation keys.",
    "tpm.ek_roots": "SHA-256 of certificates of authorities (makers of TPMs) that certify endorsement keys, for enrolments.",
    "tpm.known": "Last resets, restarts and clock (milliseconds) by name of the attestation key; none may go back.",
    "tpm.unsafe_clock": "May the clock have gone back, as after a loss of power?",
    "tpm.secure_boot": "Must Secure Boot have been on, by what PCR 7 measured?",
    "tpm.dbx": "SHA-256 hashes that dbx must hold, beside those of signed lists that --endorsements gives.",
    "tpm.dbx_missing": "How many of them may be missing.",
    "tpm.dbx_days_behind": "Days after which the hashes of a vendor's signed list must all be in dbx.",
    "tpm.sbat": "Least generation, by component (shim, grub), that shim's SBAT level must demand.",
    "tpm.boot_events": "Must each event be one of a known boot (strongroom attest learn)? Else registers may do.",
    "tpm.ima": "Must the kernel's list of measured files come along?",
    "tpm.ima_violations": "How many of its entries may be violations.",
    "nvidia.architectures": "Accepted architectures.",
    "nvidia.modes": "Accepted modes: spt (one GPU), mpt (encrypted links), ppcie (links in the clear), unstated.",
    "nvidia.certificate_hold": "May a certificate be on hold (a revocation that can be taken back)?",
    "nvidia.gpus": "How many GPUs must answer.",
    "nvidia.switches": "How many NVSwitches must answer, where the evidence is of switches.",
    "composite.roots": "Kinds of evidence of which one must carry the node.",
    "composite.hash": "What hashes the runtime data that everything is bound to: sha256, sha384 or sha512.",
    "composite.gpus": "How many GPUs the node has: neither fewer nor more may answer.",
    "composite.switches": "How many NVSwitches the node has.",
}
# What stands in the file where the default is that nothing is said.
_EXAMPLES: Mapping[str, str] = {
    "smt": "false",
    "min_abi": '"1.55"',
    "min_guest_svn": "1",
    "min_evaluation": "17",
    "max_collateral_days": "7",
    "min_isv_svn": "1",
    "isv_prod_id": "1",
    "min_software": "250301",
    "gpus": "8",
    "switches": "4",
    "support": '"STABLE"',
    "xfam": '"e702060000000000"',
}


def template() -> str:
    """The default policy as a file: every field with its meaning and its default. Read again, it is the default."""
    default = Policy()
    lines = ["# An appraisal policy: what is demanded of evidence. Whatever is not said is closed."]
    lines += [f"schema = {quoted(SCHEMA)}", ""]
    for name in ("name", "version", "max_age_hours", "require"):
        lines += _lines(name, name, getattr(default, name))
    for section, (kind, what) in SECTIONS.items():
        lines += ["", f"# What is demanded of {what}.", f"[{section}]"]
        held = getattr(default, section)
        for field in msgspec.structs.fields(kind):
            if field.name != "min_tcb":
                lines += _lines(field.name, f"{section}.{field.name}", getattr(held, field.name))
        if section == "snp":
            floors = ", ".join(f"{f.name} = 0" for f in msgspec.structs.fields(SnpTcb))
            lines += [f"# {ABOUT['snp.min_tcb']}", f"# min_tcb.Milan = {{ {floors} }}"]
    lines += ["", f"# {ABOUT['unchecked']}", "[unchecked]", '# "snp.crl" = "the machine has no way out; decided by …"']
    return "\n".join(lines) + "\n"


def _lines(name: str, path: str, value: Value) -> list[str]:
    said = _toml(value)
    return [f"# {ABOUT[path]}", f"{name} = {said}" if said else f"# {name} = {_EXAMPLES[name]}"]


def _toml(value: Value) -> str:
    """A default as TOML; empty for one that says nothing."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return quoted(value) if isinstance(value, str) else str(value)


# What a policy demands


def demands(policy: Policy, waivable: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What a policy demands, as (topic, sentence); `waivable` are the steps that may be unchecked, with their titles."""
    yield "policy", f"{policy.name}, version {policy.version}; a verdict holds {policy.max_age_hours:g} hours at most"
    for field in msgspec.structs.fields(SnpPolicy):
        yield from _said("snp", field.name, getattr(policy.snp, field.name), _SNP)
    for field in msgspec.structs.fields(TdxPolicy):
        yield from _said("tdx", field.name, getattr(policy.tdx, field.name), _TDX)
    for field in msgspec.structs.fields(SgxPolicy):
        yield from _said("sgx", field.name, getattr(policy.sgx, field.name), _DCAP_WORDS)
    for field in msgspec.structs.fields(NitroPolicy):
        yield from _said("nitro", field.name, getattr(policy.nitro, field.name), _NITRO)
    for field in msgspec.structs.fields(AzurePolicy):
        yield from _said("azure", field.name, getattr(policy.azure, field.name), _AZURE)
    for field in msgspec.structs.fields(MaaPolicy):
        yield from _said("maa", field.name, getattr(policy.maa, field.name), _MAA)
    for field in msgspec.structs.fields(GcpPolicy):
        yield from _said("gcp", field.name, getattr(policy.gcp, field.name), _GCP)
    for field in msgspec.structs.fields(TpmPolicy):
        yield from _said("tpm", field.name, getattr(policy.tpm, field.name), _TPM)
    for field in msgspec.structs.fields(NvidiaPolicy):
        yield from _said("nvidia", field.name, getattr(policy.nvidia, field.name), _NVIDIA)
    for field in msgspec.structs.fields(CompositePolicy):
        yield from _said("composite", field.name, getattr(policy.composite, field.name), _COMPOSITE)
    for expression in policy.require:
        yield "any", f"must be true: {expression}"
    for step, reason in policy.unchecked.items():
        yield "UNCHECKED", f"{step} ({waivable.get(step, 'unknown')}): {reason}"


Say = Callable[[object], str]


def _said(kind: str, name: str, value: object, words: Mapping[str, Say]) -> Iterator[tuple[str, str]]:
    text = words[name](value)
    if text:
        yield kind, text


def _yes(what: str) -> Say:
    """Of a permission: refused unless allowed."""
    return lambda v: f"ALLOWED: {what}" if v else f"refused: {what}"


def _if(text: str) -> Say:
    """Of a demand that stands only where it is said."""
    return lambda v: "" if v is None or v is False or v in ("", ()) else text.format(_shown(v))


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _choice(what: str) -> Say:
    return lambda v: f"not decided, and so never complete where it is on: {what}" if v is None else _yes(what)(v)


def _floors(value: object) -> str:
    if not isinstance(value, dict):
        return "not decided, and so never complete: the least TCB"
    said = [
        f"{product} {', '.join(f'{k} {v}' for k, v in msgspec.structs.asdict(t).items())}"
        for product, t in value.items()
    ]
    return f"least TCB, reported and committed: {'; '.join(said)}"


_DCAP_WORDS: Mapping[str, Say] = {
    "debug": _yes("debug, in which the host reads and changes what runs"),
    "tcb_status": lambda v: f"TCB status must be one of: {_shown(v)}",
    "advisories": _if("ALLOWED: advisories {}"),
    "min_evaluation": _if("tcbEvaluationDataNumber at least {}"),
    "grace_days": lambda v: f"ALLOWED: OutOfDate for {v} days" if v else "",
    "max_collateral_days": _if("collateral at most {} days old"),
    "smt": _choice("multithreading"),
    "provision_key": _yes("the platform's provisioning key"),
    "min_isv_svn": _if("ISVSVN at least {}"),
    "isv_prod_id": lambda v: "" if v is None else f"ISVPRODID must be {v}",
}
_TDX: Mapping[str, Say] = {
    **_DCAP_WORDS,
    "sept_ve_disable": lambda v: "SEPT_VE_DISABLE must be set" if v else "ALLOWED: SEPT_VE_DISABLE off",
    "migratable": _yes("migration TDs"),
    "mr_config_id": _if("MRCONFIGID must be one of: {}"),
    "mr_owner": _if("MROWNER must be one of: {}"),
    "mr_owner_config": _if("MROWNERCONFIG must be one of: {}"),
    "service_td": lambda v: f"ALLOWED: service TDs {_shown(v)}" if v else "refused: a service TD",
    "event_log": _if("the event log must come along and give the RTMRs"),
    "secure_boot": _if("Secure Boot must have been on, by the event log"),
    "xfam": _if("XFAM at most {}"),
}
_SNP: Mapping[str, Say] = {
    "debug": _yes("debug, in which the host decrypts the guest"),
    "migrate_ma": _yes("migration agents"),
    "smt": _choice("multithreading"),
    "max_vmpl": lambda v: f"VMPL at most {v}",
    "single_socket": _if("the guest must stay on one socket"),
    "min_abi": _if("firmware ABI at least {}"),
    "min_guest_svn": _if("guest SVN at least {}"),
    "min_tcb": _floors,
    "host_data": _if("HOST_DATA must be one of: {}"),
    "id_keys": _if("ID key must be one of: {}"),
    "author_keys": _if("author key must be one of: {}"),
    "platform": _if("the platform must have on: {}"),
}
_NITRO: Mapping[str, Say] = {
    "debug": _yes("debug mode, in which PCRs are zeros"),
    "max_age_minutes": lambda v: f"the document must be at most {v} minutes old",
    "user_data": _if("user data must be one of: {}"),
    "public_key": _if("the document must carry a public key"),
}
_AZURE: Mapping[str, Say] = {
    "secure_boot": lambda v: "Secure Boot must be configured" if v else "ALLOWED: a VM without Secure Boot",
    "event_log": _if("the vTPM's event log must come along"),
    "sept_ve_disable": lambda v: f"SEPT_VE_DISABLE {'must be set' if v else 'may be off: the paravisor handles #VE'}",
    "vm_ids": _if("the VM must be one of: {}"),
    "user_data": _if("user data must be one of: {}"),
}
_TPM: Mapping[str, Say] = {
    "bank": lambda v: f"registers of the bank {v}",
    "pcrs": lambda v: f"the quote must cover PCR {_shown(v)}",
    "aks": _if("the attestation key must be certified, or one of those enrolled: {}"),
    "roots": _if("attestation keys may be certified under: {}"),
    "ek_roots": _if("endorsement keys are certified under: {}"),
    "known": lambda v: f"counters of {len(v)} machines must not go back" if isinstance(v, dict) and v else "",
    "unsafe_clock": _yes("a clock that may have gone back"),
    "secure_boot": lambda v: "Secure Boot must have been on" if v else "ALLOWED: a boot without Secure Boot",
    "sbat": lambda v: (
        f"shim's SBAT level at least: {', '.join(f'{k} {n}' for k, n in v.items())}"
        if isinstance(v, dict) and v
        else ""
    ),
    "dbx": lambda v: (
        f"dbx must hold {len(v)} hashes"
        if isinstance(v, tuple) and v
        else "dbx must hold the signed lists that are given; never complete without one"
    ),
    "dbx_missing": lambda v: f"ALLOWED: {v} hashes missing in dbx" if v else "",
    "dbx_days_behind": lambda v: f"a signed list must be in dbx {v} days after its date",
    "boot_events": _if("every event must be one of a known boot"),
    "ima": _if("the kernel's list of measured files must come along"),
    "ima_violations": lambda v: f"ALLOWED: {v} violations in the kernel's list" if v else "",
}
_MAA: Mapping[str, Say] = {
    "providers": lambda v: f"issuer must be one of: {_shown(v)}" if v else "not decided, and so never complete: issuer",
    "policies": _if("the provider's policy must be one of: {}"),
    "keys": _if("signing keys that count: {}"),
    "trust_jwks": lambda v: "ALLOWED: every key of a given key set, which nobody has signed" if v else "",
    "hardware": lambda v: f"hardware must be one of: {_shown(v)}",
    "debug": _yes("machines that can be debugged"),
    "migration": _yes("migration agents"),
    "secure_boot": lambda v: "Secure Boot must be on" if v else "ALLOWED: Secure Boot off",
    "vm_ids": _if("the VM must be one of: {}"),
}
_GCP: Mapping[str, Say] = {
    "audiences": lambda v: f"audience must be one of: {_shown(v)}" if v else "not decided, and so never complete: aud",
    "debug": _yes("images for debugging"),
    "secure_boot": lambda v: "Secure Boot must be on" if v else "ALLOWED: Secure Boot off",
    "keys": _if("signing keys that count without a chain: {}"),
    "trust_jwks": lambda v: "ALLOWED: every key of a given key set, which nobody has signed" if v else "",
    "hardware": lambda v: f"hardware must be one of: {_shown(v)}",
    "software": lambda v: f"software must be one of: {_shown(v)}",
    "support": lambda v: f"the image must be {v}" if v else "ALLOWED: images without support",
    "min_software": _if("image version at least {}"),
    "projects": _if("project must be one of: {}"),
    "service_accounts": _if("service account must be one of: {}"),
}
_NVIDIA: Mapping[str, Say] = {
    "architectures": lambda v: f"architecture must be one of: {_shown(v)}",
    "modes": lambda v: f"mode must be one of: {_shown(v)}",
    "certificate_hold": _yes("a certificate on hold"),
    "gpus": _if("{} GPUs must answer"),
    "switches": _if("{} switches must answer"),
}
_COMPOSITE: Mapping[str, Say] = {
    "roots": lambda v: f"a node is carried by one of: {_shown(v)}",
    "hash": lambda v: f"all parts of a node are bound by {v}",
    "gpus": lambda v: f"a node has {v} GPUs",
    "switches": lambda v: f"a node has {v} switches",
}
