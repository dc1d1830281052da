"""Configuration: `strongroom.toml`, then the environment, then flags; the last one wins.

The file is named with --config or $STRONGROOM_CONFIG, or lies in $XDG_CONFIG_HOME/strongroom or /etc/strongroom.
It is never looked for in the working directory, which is often the tree that is being assessed: a tree must not
configure its own judge.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from strongroom.model.codes import Inline
from strongroom.model.errors import Malformed, Unreadable
from strongroom.model.ports import Limits, Outside
from strongroom.model.release import AdminRole
from strongroom.model.standing import Admission

_PREFIX = "STRONGROOM_"
_LISTS = ("sources", "key", "keys", "seal", "rules", "endorsements", "references", "signers",
          "signer_chain")  # fmt: skip


class AssessSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[assess]: what to read and when to fail when the command does not say, and what people may accept.

    `exceptions` is the exceptions file; empty means none. `inline` says what a skip beside an asset is worth: `accept`,
    `note` or `refuse`. `seal` names the fields of exceptions that the log only commits to: `owner`, `approver`, `reason`.
    `rules` are files and folders with rules of your own.
    """

    sources: tuple[str, ...] = ()
    fail_on: str = "high"
    exceptions: str = ""
    inline: Inline = Inline.ACCEPT
    seal: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


class StateSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[state]: where snapshots are kept; a path, or the URL of a database. Empty is the default place."""

    path: str = ""


class LogSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[log]: the transparency log; a path, the URL of a database or `s3://bucket/prefix`. Empty is beside the state.

    `key` are its key files and `policy` its trust policy; empty means `<path>.key` and `<path>.policy`.
    """

    path: str = ""
    key: tuple[str, ...] = ()
    policy: str = ""


class AssertSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[assert]: whose assertions count. `keys` are verifier keys as `strongroom log keygen` prints them; empty is nobody."""

    keys: tuple[str, ...] = ()


class ArtifactsSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[artifacts]: the signed register of model artifacts, and the verifier keys whose signature on it counts.

    `signer_key` is a file with the public key that sealed artifacts must be signed by; or `signer_chain` are files of the
    authorities above the signer's certificate, and `signer` the name in it.
    """

    register: str = ""
    keys: tuple[str, ...] = ()
    signer_key: str = ""
    signer_chain: tuple[str, ...] = ()
    signer: str = ""


class AttestSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[attest]: what evidence is judged by. `endorsements` are files, folders and bundles that are always read.

    `policy` is the appraisal policy and `references` are signed reference values, where the command names none. `keys`
    are the verifier keys whose signed bundles and reference values count. `kds` and `pccs` are the bases of a mirror of AMD's key
    service and of a caching service for Intel's collateral, asked instead of the vendors; `gcp` and `maa` are mirrors of
    Google's and Microsoft's attestation services, for their key sets; `nvidia_rim` and `nvidia_ocsp` are mirrors of NVIDIA's
    services of manifests and of OCSP; `thim` is Azure's metadata
    service (`http://169.254.169.254`), asked first; empty is not. `cache` is a folder; empty is the default place.
    """

    policy: str = ""
    endorsements: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    kds: str = ""
    pccs: str = ""
    thim: str = ""
    gcp: str = ""
    maa: str = ""
    nvidia_rim: str = ""
    nvidia_ocsp: str = ""
    cache: str = ""


class WatchSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[watch]: hosts that are attested again and again; what they are judged by is in [attest].

    `interval` is in seconds: how long an answer is good for. `admit` says who is let in without the owner: `never`, or
    `certified`, hosts whose TPM a maker in `[tpm] ek_roots` of the policy certifies. `state` is the database, a path or a
    URL; empty is `watch.db` beside the state, or the state's own database where that is given as a URL. `files` is where
    evidence is kept; empty is the folder `watch` beside the state. `rate` is how many requests a minute one address may
    make for one host, and `address_rate` for all. Every `roll_minutes` the log gets the digest of all standings; 0 is never.
    """

    interval: Annotated[float, msgspec.Meta(ge=1, le=86_400)] = 60.0
    admit: Admission = Admission.NEVER
    state: str = ""
    files: str = ""
    rate: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    address_rate: Annotated[float, msgspec.Meta(gt=0)] = 30_000.0
    roll_minutes: Annotated[int, msgspec.Meta(ge=0, le=10_080)] = 60


class AdminSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[[broker.admins]]: somebody who comes with a client certificate, known by the hash of its key or by its subject.

    `key` is the SHA-256 of the certificate's SubjectPublicKeyInfo, in hex; `subject` is its subject (RFC 4514), which says
    something only where the authorities of `--admin-ca` name nobody else so.
    """

    name: str
    roles: tuple[AdminRole, ...]
    key: str = ""
    subject: str = ""


class OidcSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[broker.oidc]: who comes with a token of an identity provider; an empty `issuer` is nobody.

    `keys` is the provider's JSON Web Key Set, a file or an https URL (`ca` is a file of its authorities). `claim` names the
    claim with the roles, and `roles` gives the provider's words for ours, where they are not the same.
    """

    issuer: str = ""
    audience: str = ""
    keys: str = ""
    ca: str = ""
    claim: str = "roles"
    roles: dict[str, tuple[AdminRole, ...]] = {}


class BrokerSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[broker]: who releases keys. What evidence is judged by is in [attest], where decisions are logged is in [log].

    `state` is its own database, a path or a URL; empty is `broker.db` beside the state. `token_key` is a P-256 key in PEM, made at the first start where it is not there.
    `policy` is the release policy, which counts once `threshold` of `signers` (verifier keys) have signed it. `backend` is
    the one that resources are deposited in; `keys` has the options of each back end by its name. `seconds` is what a back
    end may take, and `fetch_seconds` how long an attestation waits for endorsements that have to be fetched; 0 is not.
    `evidence` is what the broker shows of itself: `auto` (of the TEE that it is in), `none`, or the name of an interface.
    `address_rate` is how many requests a minute one address may make, and `person_rate` how many calls one person who
    administers: each is an entry of the log. `admins` and `oidc` are who may administer. `tiers` says
    how much resources matter, by pattern (`models/weights/*`): 0 for the crown jewels; `assess` asks more of their keys.
    `redact_log` keeps what was found out of the operator's lines, which then have words of a fixed list alone.
    """

    state: str = ""
    token_key: str = ""
    policy: str = ""
    signers: tuple[str, ...] = ()
    threshold: Annotated[int, msgspec.Meta(ge=1)] = 1
    session_minutes: Annotated[float, msgspec.Meta(gt=0, le=60)] = 5.0
    token_minutes: Annotated[float, msgspec.Meta(gt=0, le=60)] = 5.0
    seconds: Annotated[float, msgspec.Meta(gt=0, le=60)] = 5.0
    fetch_seconds: Annotated[float, msgspec.Meta(ge=0, le=30)] = 4.0
    backend: str = "file"
    keys: dict[str, dict[str, str]] = {}
    evidence: str = "auto"
    address_rate: Annotated[float, msgspec.Meta(gt=0)] = 1200.0
    person_rate: Annotated[float, msgspec.Meta(gt=0)] = 240.0
    redact_log: bool = True
    admins: tuple[AdminSection, ...] = ()
    oidc: OidcSection = OidcSection()
    tiers: dict[str, Annotated[int, msgspec.Meta(ge=0, le=9)]] = {}


class IsolationSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[isolation]: a cluster whose GPUs a rule keeps apart, for `assess isolation:FILE`. Its log is that of [log].

    `rule` is the rule's file; empty is the built-in one. The cluster is read from `state`, files that kubectl get … -o json
    wrote, or from the API that `kubeconfig` and `context` name. `uses` are files of `isolate uses`, one for each node.
    `facts` are the facts of a Slurm cluster, and `slurm` is the folder of its configuration.
    """

    rule: str = ""
    state: tuple[str, ...] = ()
    kubeconfig: str = ""
    context: str = ""
    uses: tuple[str, ...] = ()
    facts: str = ""
    slurm: str = ""


class FirmwareName(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[[feeds.names]]: what a vendor's feed calls the firmware of a machine. `vendor` and `model` are patterns with `*`.

    `part` is bios, bmc or nic; for a nic `model` is its driver.
    """

    part: Literal["bios", "bmc", "nic"]
    product: str
    vendor: str = "*"
    model: str = "*"


class FeedsSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[feeds]: what is known of vulnerabilities. `path` is a folder; empty is `feeds` beside the state.

    `fresh_days` is how old the newest document may be before silence means nothing; `overrides` are files of what was reviewed.
    `sources` are the places that `feeds update` asks. `kev_days`, `critical_days` and `other_days` are how long a vulnerability may stay open that is exploited, of score 9 and above, another.
    `signers` are files of OpenPGP keys by publisher: what such a publisher has not signed is in doubt. `keys` are verifier keys
    of bundles. `names` say which product of a feed a machine's firmware is. `package_budget` is how many packages an image may have.
    """

    path: str = ""
    fresh_days: Annotated[int, msgspec.Meta(ge=0, le=3650)] = 30
    kev_days: Annotated[int, msgspec.Meta(ge=0, le=3650)] = 15
    critical_days: Annotated[int, msgspec.Meta(ge=0, le=3650)] = 30
    other_days: Annotated[int, msgspec.Meta(ge=0, le=3650)] = 90
    overrides: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    signers: dict[str, str] = {}
    keys: tuple[str, ...] = ()
    names: tuple[FirmwareName, ...] = ()
    package_budget: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0


class KubernetesSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[kubernetes]: the cluster that `k8s:CONTEXT` asks. `kubeconfig` is a file; empty is $KUBECONFIG or ~/.kube/config."""

    kubeconfig: str = ""


class LimitsSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """[limits]: what one source may cost."""

    wall_seconds: Annotated[float, msgspec.Meta(gt=0)] = 60.0
    memory_mib: Annotated[int, msgspec.Meta(gt=0)] = 2048
    files: Annotated[int, msgspec.Meta(gt=0)] = 20_000
    bytes: Annotated[int, msgspec.Meta(gt=0)] = 512 * 1024 * 1024


class Config(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Everything that can be configured."""

    assess: AssessSection = AssessSection()
    state: StateSection = StateSection()
    log: LogSection = LogSection()
    limits: LimitsSection = LimitsSection()
    artifacts: ArtifactsSection = ArtifactsSection()
    attest: AttestSection = AttestSection()
    watch: WatchSection = WatchSection()
    broker: BrokerSection = BrokerSection()
    isolation: IsolationSection = IsolationSection()
    feeds: FeedsSection = FeedsSection()
    kubernetes: KubernetesSection = KubernetesSection()
    assert_: AssertSection = msgspec.field(name="assert", default=AssertSection())

    def bounds(self, *, offline: bool = False) -> Limits:
        """The limits as collectors take them, and what they may ask beyond files."""
        x = self.limits
        return Limits(x.wall_seconds, x.memory_mib, x.files, x.bytes, self._outside(offline=offline))

    def _outside(self, *, offline: bool) -> Outside:
        around = os.environ  # noqa: TID251 - app is where the surroundings are asked
        listed = [p for p in around.get("KUBECONFIG", "").split(os.pathsep) if p]
        chosen = self.kubernetes.kubeconfig or next((p for p in listed if os.path.lexists(p)), "")
        own = Path(around.get("HOME") or "/nonexistent") / ".kube" / "config"
        if not chosen and not listed and own.exists():
            chosen = str(own)
        pod = around.get("KUBERNETES_SERVICE_HOST", ""), around.get("KUBERNETES_SERVICE_PORT", "")
        return Outside(offline, chosen or (listed[0] if listed else ""), pod)


def load(path: str | None = None) -> Config:
    """The configuration in force. Raises Unreadable or Malformed, naming the file and the key."""
    environment = dict(os.environ)  # noqa: TID251 - app is where the surroundings are asked
    file = _find(path, environment)
    table: dict[str, object] = {}
    if file is not None:
        try:
            table = tomllib.loads(file.read_text(encoding="utf-8"))
        except OSError as e:
            raise Unreadable(str(file), (e.strerror or "an error").lower(), "a configuration file") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
            raise Malformed(str(file), str(e).lower(), "TOML") from None
    _override(table, environment)
    try:
        return msgspec.convert(table, Config, strict=False)
    except msgspec.ValidationError as e:
        raise Malformed(
            str(file or "environment"), str(e).lower(), "the keys of docs/reference", "strongroom doctor"
        ) from None


def _find(path: str | None, environment: Mapping[str, str]) -> Path | None:
    named = path or environment.get("STRONGROOM_CONFIG")
    if named:
        return Path(named)
    home = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    candidates = (Path(home) / "strongroom" / "strongroom.toml", Path("/etc/strongroom/strongroom.toml"))
    return next((c for c in candidates if _is_file(c)), None)


def _is_file(path: Path) -> bool:
    """Whether it is there. What may not be looked into may hold settings, so it is not passed over."""
    try:
        return path.is_file()
    except OSError as e:
        why = (e.strerror or "an error").lower()
        raise Unreadable(str(path), why, "a configuration file, or none", "name one with --config") from None


def _override(table: dict[str, object], environment: Mapping[str, str]) -> None:
    """`STRONGROOM_LIMITS__MEMORY_MIB=512` is `[limits] memory_mib = 512`."""
    for name, value in environment.items():
        section, found, key = name.removeprefix(_PREFIX).partition("__")
        if name.startswith(_PREFIX) and found:
            part = table.setdefault(section.lower(), {})
            if isinstance(part, dict):
                part[key.lower()] = value.split(",") if key.lower() in _LISTS else value
