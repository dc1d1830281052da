"""Appraisal policies from files: read closely, so that a word that is misspelt never quietly demands nothing."""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import inspect

from strongroom.app import attest_policy_words as words
from strongroom.app.appraisal import ask
from strongroom.app.evidence import verifiers
from strongroom.attest import policy as policies
from strongroom.attest.policy import Policy
from strongroom.model.errors import Malformed, TooLarge, Unreadable

MOST = 1 << 20  # bytes; a policy is some kilobytes
PRODUCTS = ("Milan", "Genoa", "Turin")
# Intel PCS v4, tcbInfo, `tcbStatus`. A status that is never good is a word all the same.
STATUSES = (
    "UpToDate",
    "SWHardeningNeeded",
    "ConfigurationNeeded",
    "ConfigurationAndSWHardeningNeeded",
    "OutOfDate",
    "OutOfDateConfigurationNeeded",
    "Revoked",
)
_NO_EXPRESSION = "it is no expression"  # how `ask` begins its answer where it could not compile one
_HINT = "strongroom attest policy"
_STEPS = "strongroom attest steps"
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_ABI = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}")


def load(path: str | Path) -> Policy:
    """The policy of a file.

    Raises:
        Unreadable, TooLarge: it cannot be opened, or is over 1 MiB.
        Malformed: it is no policy: a field is unknown (the nearest name is told) or of another type, or it names a step
            unchecked that does not exist or that must be checked.
    """
    try:
        with Path(path).open("rb") as f:
            data = f.read(MOST + 1)
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), "an appraisal policy", _HINT) from None
    if len(data) > MOST:
        raise TooLarge(str(path), f"over {MOST >> 20} MiB", "an appraisal policy")
    return parse(data, str(path))


def parse(data: bytes, subject: str) -> Policy:
    """The policy of a file's bytes. Raises Malformed."""
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as e:
        raise Malformed(subject, str(e).lower()[:200], "TOML", _HINT) from None
    _known_fields(table, inspect.type_info(Policy), "", subject)
    if "schema" not in table:
        raise Malformed(subject, "no schema", f'schema = "{policies.SCHEMA}"', _HINT)
    policy = policies.read(table, subject)
    _values(policy, subject)
    _steps(policy, subject)
    return policy


def _known_fields(value: object, kind: inspect.Type, place: str, subject: str) -> None:
    """Refuse the first name that the type does not have. Types of values are left to the conversion."""
    if isinstance(kind, inspect.UnionType):
        for member in kind.types:
            _known_fields(value, member, place, subject)
    elif isinstance(kind, inspect.DictType) and isinstance(value, dict):
        for name, inner in value.items():
            _known_fields(inner, kind.value_type, _below(place, name), subject)
    elif isinstance(kind, inspect.StructType) and isinstance(value, dict):
        fields = {f.encode_name: f.type for f in kind.fields}
        for name, inner in value.items():
            if name not in fields:
                raise _unknown(name, fields, place, subject)
            _known_fields(inner, fields[name], _below(place, name), subject)


def _below(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _unknown(name: str, fields: Mapping[str, inspect.Type], place: str, subject: str) -> Malformed:
    where = f" in [{place}]" if place else ""
    return Malformed(subject, f"the unknown field {name[:60]!r}{where}", _nearest(name, fields), _HINT)


def _nearest(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"perhaps {near[0]!r}" if near else f"one of {', '.join(known)}"


class Checked(NamedTuple):
    """A policy, and what it demands, as (about, sentence)."""

    policy: Policy
    demands: tuple[tuple[str, str], ...]


def check(path: str | Path) -> Checked:
    """A policy in words, once its expressions were compiled too. Raises as `load`, and Malformed for an expression."""
    policy = load(path)
    for expression, answer in zip(policy.require, ask(policy.require, {}), strict=True):
        if isinstance(answer, str) and answer.startswith(_NO_EXPRESSION):
            raise Malformed(str(path), f"{expression[:80]!r}: {answer}", "CEL over claims", "strongroom attest policy")
    return Checked(policy, tuple(words.demands(policy, waivable())))


def waivable() -> dict[str, str]:
    """The steps that a policy may name unchecked, with what holds when they pass."""
    return {s.id: s.title for v in verifiers().values() for s in v.steps if s.waivable}


def _steps(policy: Policy, subject: str) -> None:
    known = {s.id: s.waivable for v in verifiers().values() for s in v.steps}
    for name in policy.unchecked:
        may = known.get(name)
        if may is None:
            raise Malformed(subject, f"the unknown step {name[:60]!r} in [unchecked]", _nearest(name, known), _STEPS)
        if not may:
            found = f"{name} in [unchecked], which must be checked"
            raise Malformed(subject, found, f"one of {', '.join(waivable())}", _STEPS)


def _values(policy: Policy, subject: str) -> None:
    """Refuse values that could match nothing, or that a range forbids: a floor that is misread is no floor."""
    for name, values in _hexes(policy):
        for value in values:
            if not _HEX.fullmatch(value):
                raise Malformed(subject, f"{value[:60]!r} in {name}", "octets in hexadecimal", _HINT)
    if policy.snp.min_abi and not _ABI.fullmatch(policy.snp.min_abi):
        raise Malformed(subject, f"snp.min_abi {policy.snp.min_abi[:60]!r}", "such as '1.55'", _HINT)
    for product, tcb in (policy.snp.min_tcb or {}).items():
        if product not in PRODUCTS:
            found = f"the unknown product {product[:60]!r} in [snp.min_tcb]"
            raise Malformed(subject, found, _nearest(product, dict.fromkeys(PRODUCTS)), _HINT)
        for part, least in msgspec.structs.asdict(tcb).items():
            _within(subject, f"snp.min_tcb.{product}.{part}", least, 255)
    for kind, dcap in (("tdx", policy.tdx), ("sgx", policy.sgx)):
        _within(subject, f"{kind}.grace_days", dcap.grace_days, 3660)
        for status in dcap.tcb_status:
            if status not in STATUSES:
                found = f"the unknown status {status[:60]!r} in {kind}.tcb_status"
                raise Malformed(subject, found, _nearest(status, dict.fromkeys(STATUSES)), _HINT)
    _within(subject, "snp.max_vmpl", policy.snp.max_vmpl, 3)
    _within(subject, "tpm.dbx_days_behind", policy.tpm.dbx_days_behind, 3660)
    _within(subject, "nitro.max_age_minutes", policy.nitro.max_age_minutes, 366 * 24 * 60)


def _within(subject: str, name: str, value: int, most: int) -> None:
    if not 0 <= value <= most:
        raise Malformed(subject, f"{name} = {value}", f"0 to {most}", _HINT)


def _hexes(policy: Policy) -> Iterator[tuple[str, tuple[str, ...]]]:
    snp, tdx, nitro = policy.snp, policy.tdx, policy.nitro
    yield "snp.host_data", snp.host_data
    yield "snp.id_keys", snp.id_keys
    yield "snp.author_keys", snp.author_keys
    yield "tdx.mr_config_id", tdx.mr_config_id
    yield "tdx.mr_owner", tdx.mr_owner
    yield "tdx.mr_owner_config", tdx.mr_owner_config
    yield "tdx.service_td", tdx.service_td
    yield "tdx.xfam", (tdx.xfam,) if tdx.xfam else ()
    yield "nitro.user_data", nitro.user_data
    yield "azure.user_data", policy.azure.user_data
    yield "gcp.keys", policy.gcp.keys
    yield "maa.keys", policy.maa.keys
