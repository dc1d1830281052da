"""The appraisal policy: what the owner demands of evidence, closed where nothing is said.

Debug, migration and lower privilege are refused unless allowed. What has no safe value, such as a least TCB, is not
checked until the policy says one, and an appraisal in which it was not checked is not complete.
"""

import hashlib
from datetime import timedelta
from functools import cached_property

import msgspec

from strongroom.model.errors import Malformed

SCHEMA = "strongroom.attest-policy/1"


class SnpTcb(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A least TCB of AMD SEV-SNP, component by component: security patch levels, 0 to 255."""

    bootloader: int = 0
    tee: int = 0
    snp: int = 0
    microcode: int = 0
    fmc: int = 0  # Turin and later


class SnpPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is demanded of an SEV-SNP report. `min_tcb` is by product: `Milan`, `Genoa`, `Turin`."""

    debug: bool = False
    migrate_ma: bool = False
    smt: bool | None = None  # whether simultaneous multithreading may be on; None: not decided yet
    max_vmpl: int = 0
    single_socket: bool = False  # demanded, where true
    min_abi: str = ""  # `1.55`
    min_guest_svn: int | None = None
    min_tcb: dict[str, SnpTcb] | None = None
    host_data: tuple[str, ...] = ()
    id_keys: tuple[str, ...] = ()  # SHA-384 of accepted ID keys, hex
    author_keys: tuple[str, ...] = ()
    platform: tuple[str, ...] = ()  # bits of PLATFORM_INFO that must be set: `tsme ecc rapl-disabled …`


class DcapPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is demanded of an Intel quote, of TDX and SGX alike."""

    debug: bool = False
    tcb_status: tuple[str, ...] = ("UpToDate",)
    advisories: tuple[str, ...] = ()  # those that are accepted with a status other than UpToDate; `*`: all of them
    min_evaluation: int | None = None  # least tcbEvaluationDataNumber of the collateral
    grace_days: int = 0  # how long after a newer TCB level's date an OutOfDate one is still taken
    max_collateral_days: int | None = None  # oldest issueDate; None: until its own nextUpdate
    smt: bool | None = None  # whether a platform with multithreading on is taken


class TdxPolicy(DcapPolicy, frozen=True, forbid_unknown_fields=True):
    """What is demanded of a TD beside."""

    sept_ve_disable: bool = True
    migratable: bool = False
    mr_config_id: tuple[str, ...] = ()
    mr_owner: tuple[str, ...] = ()
    mr_owner_config: tuple[str, ...] = ()
    service_td: tuple[str, ...] = ()  # accepted MRSERVICETD; none is accepted unless named
    event_log: bool = False  # demanded, where true
    secure_boot: bool = False  # demanded, where true: by the event log
    xfam: str = ""  # bits that may be set, in hex as the quote has them: the lowest first


class SgxPolicy(DcapPolicy, frozen=True, forbid_unknown_fields=True):
    """What is demanded of an enclave beside."""

    provision_key: bool = False
    min_isv_svn: int | None = None
    isv_prod_id: int | None = None


class NitroPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is demanded of a Nitro enclave's document. `max_age_minutes` is from the document's time to now."""

    debug: bool = False
    max_age_minutes: int = 180  # the leaf's own life is three hours
    user_data: tuple[str, ...] = ()
    public_key: bool = False  # demanded, where true


class AzurePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is demanded of an Azure confidential VM beside `[snp]` or `[tdx]`, which hold for the report inside.

    `sept_ve_disable` stands in place of that of `[tdx]`: Azure's TDs are made without it, for the paravisor that is in
    the TD and measured in MRTD takes the exceptions, not the guest's kernel.
    """

    secure_boot: bool = True
    event_log: bool = False  # demanded, where true
    sept_ve_disable: bool = False
    vm_ids: tuple[str, ...] = ()
    user_data: tuple[str, ...] = ()


class GcpPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is demanded of a Google Cloud attestation token.

    `keys` are RFC 7638 thumbprints (SHA-256, hex) of signing keys that count without a certificate chain; `trust_jwks`
    takes every key of a key set that is given, as one does who fetched it from Google himself.
    """

    audiences: tuple[str, ...] = ()
    debug: bool = False
    secure_boot: bool = True
    keys: tuple[str, ...] = ()
    trust_jwks: bool = False
    hardware: tuple[str, ...] = ("GCP_AMD_SEV", "GCP_AMD_SEV_ES", "GCP_AMD_SEV_SNP", "GCP_INTEL_TDX")
    software: tuple[str, ...] = ("CONFIDENTIAL_SPACE",)
    support: str = "STABLE"
    min_software: int | None = None
    projects: tuple[str, ...] = ()
    service_accounts: tuple[str, ...] = ()


class MaaPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is demanded of a token of Microsoft Azure Attestation, whose provider has judged the machine in our place.

    `providers` are the issuers that count, each as the token names it: whoever owns a provider writes the policy by which
    it makes tokens, and `policies` (`x-ms-policy-hash`) says which of those count. `keys` and `trust_jwks` are as in `[gcp]`.
    """

    providers: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    trust_jwks: bool = False
    hardware: tuple[str, ...] = ("sevsnpvm", "tdxvm")
    debug: bool = False
    migration: bool = False
    secure_boot: bool = True
    vm_ids: tuple[str, ...] = ()


class TpmKnown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The counters that a machine's TPM was last seen with; none of them ever goes back."""

    resets: int = 0
    restarts: int = 0
    clock: int = 0  # milliseconds


class TpmPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is demanded of a TPM's quote. The registers and their bank are the owner's choice, never the machine's."""

    bank: str = "sha256"
    pcrs: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 14)
    aks: tuple[str, ...] = ()  # names of attestation keys that were enrolled by credential activation, hex
    roots: tuple[str, ...] = ()  # SHA-256 of certificates of authorities that certify attestation keys, hex
    ek_roots: tuple[str, ...] = ()  # SHA-256 of certificates of authorities that certify endorsement keys, hex
    known: dict[str, TpmKnown] = {}  # by name of the attestation key
    unsafe_clock: bool = False
    secure_boot: bool = True
    sbat: dict[str, int] = {}  # least generation that shim's SBAT level demands, by component: `shim`, `grub` …
    dbx: tuple[str, ...] = ()  # SHA-256 hashes that dbx must hold, hex
    dbx_missing: int = 0  # how many of them may be missing
    dbx_days_behind: int = 90  # how long after a vendor's signed list came out its hashes may be missing
    boot_events: bool = False  # demanded, where true: registers alone do not do
    ima: bool = False  # demanded, where true
    ima_violations: int = 0


class NvidiaPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is demanded of GPUs, and of the switches between them. `modes` are those that the report states: `spt` one GPU, `mpt` several with encrypted
    links, `ppcie` several whose links are in the clear within the board, `unstated` from drivers that say none.
    """

    architectures: tuple[str, ...] = ("hopper", "blackwell")
    modes: tuple[str, ...] = ("spt", "mpt")
    certificate_hold: bool = False
    gpus: int | None = None  # how many must answer
    switches: int | None = None  # the same of evidence of switches, which are of one architecture


class CompositePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is demanded of a whole node, beside what the sections of its parts demand of each.

    `roots` are the kinds of evidence of which one must carry the node; `hash` is what binds them all to the runtime data.
    `gpus` and `switches` are how many must answer, neither fewer nor more.
    """

    roots: tuple[str, ...] = ("snp", "tdx", "sgx", "nitro", "azure-snp", "azure-tdx", "gcp", "tpm")
    hash: str = "sha384"
    gpus: int = 0
    switches: int = 0


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """A whole policy. `unchecked` names steps with the reason why they are not checked. `require` is CEL over claims."""

    schema: str = SCHEMA
    name: str = "default"
    version: int = 1
    max_age_hours: float = 24.0
    require: tuple[str, ...] = ()
    unchecked: dict[str, str] = {}
    snp: SnpPolicy = SnpPolicy()
    tdx: TdxPolicy = TdxPolicy()
    sgx: SgxPolicy = SgxPolicy()
    nitro: NitroPolicy = NitroPolicy()
    tpm: TpmPolicy = TpmPolicy()
    azure: AzurePolicy = AzurePolicy()
    maa: MaaPolicy = MaaPolicy()
    gcp: GcpPolicy = GcpPolicy()
    nvidia: NvidiaPolicy = NvidiaPolicy()
    composite: CompositePolicy = CompositePolicy()

    @cached_property
    def digest(self) -> str:
        """`sha256:` and the hash of the policy as sorted JSON: one text for it, whatever order its file had."""
        return f"sha256:{hashlib.sha256(msgspec.json.encode(self, order='sorted')).hexdigest()}"

    @cached_property
    def max_age(self) -> timedelta:
        """How long an appraisal by it holds, at most."""
        return timedelta(hours=self.max_age_hours)


def read(table: dict[str, object], subject: str) -> Policy:
    """The policy of a TOML table. Raises Malformed, naming the field."""
    try:
        policy = msgspec.convert(table, Policy)
    except msgspec.ValidationError as e:
        raise Malformed(subject, str(e), "a field of an appraisal policy", "strongroom attest policy") from None
    if policy.schema != SCHEMA:
        raise Malformed(subject, f"schema {policy.schema!r}", SCHEMA)
    if not 0 < policy.max_age_hours <= 24 * 366:
        raise Malformed(subject, f"max_age_hours {policy.max_age_hours}", "more than 0, at most a year")
    for step, reason in policy.unchecked.items():
        if len(reason.split()) < 2:
            raise Malformed(subject, f"no reason for leaving {step} unchecked", "a sentence: who decided it and why")
    return policy
