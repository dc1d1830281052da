"""A broker's keys: where they are, how old they are, who may do what with them, and to whom they were opened."""

from datetime import UTC, datetime

from strongroom.assess.checks._listed import none_of
from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

_BROKER, _KEY = (Kind.KEY_VAULT,), (Kind.KEY,)
_AGAIN = "strongroom assess broker:FILE no longer lists it"
_USUAL, _TIER0 = 365, 90  # days, ART-06


@check(
    id="art.broker-key.attested-only",
    title="The key was unwrapped for attested workloads alone",
    clause="ART-03.unwrap-attested-only",
    kinds=_KEY,
    needs=("release.unattested", "release.break_glass_taken"),
    severity=Severity.HIGH,
    fix=Fix(
        "Deposit a new secret, and end break-glass for it.",
        command="strongroom release replay ID",
        verify=_AGAIN,
    ),
    broken="unwrapped without attestation: {which}",
)
def attested_only(v: View) -> bool | Answer:
    """Each time that a person took the key without a machine that proves itself, a copy of it may have stayed outside."""
    found = none_of(v, "release.unattested")
    taken = v.number("release.break_glass_taken")
    return broken(which=f"{taken:g} times by break-glass") if taken else found


@check(
    id="art.broker-key.not-exportable",
    title="The wrapping key cannot be had in the clear",
    clause="ART-03.key-not-exportable",
    kinds=_KEY,
    needs=("key.backend", "key.exportable"),
    severity=Severity.HIGH,
    fix=Fix(
        "Deposit the resource in a back end whose key never leaves it: PKCS#11, a cloud's key service, transit.",
        command="strongroom release put NAME --backend NAME",
        verify=_AGAIN,
        effort=Effort.MEDIUM,
    ),
    broken="the back end {backend} opens its key in memory",
)
def not_exportable(v: View) -> bool | Answer:
    """A key that comes into the memory or the files of a machine is its administrator's as well."""
    return broken(backend=v.text("key.backend")) if v.flag("key.exportable") else holds()


@check(
    id="art.broker-key.rotation",
    title="The newest version is no older than its tier allows",
    clause="ART-06.rotation",
    kinds=_KEY,
    needs=("key.newest",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Deposit a new version, and wrap what it opens again.",
        command="strongroom release put NAME --generate 32",
        verify=_AGAIN,
    ),
    broken="its newest version is {days} days old, of {most}",
)
def rotation(v: View) -> bool | Answer:
    """A secret that never changes opens everything that was ever under it, to whoever got it once."""
    try:
        made = datetime.fromisoformat(v.text("key.newest"))
    except ValueError:
        return unknown(Unknown(GapCode.MALFORMED, "its time of deposit is no time"))
    days = (v.now - (made if made.tzinfo else made.replace(tzinfo=UTC))).total_seconds() / 86_400
    if days > _USUAL:
        return broken(days=f"{days:.0f}", most=str(_USUAL))
    if days <= _TIER0:
        return holds()
    return holds() if v.number("key.tier") > 0 else broken(days=f"{days:.0f}", most=str(_TIER0))


@check(
    id="art.broker-key.hsm",
    title="A key of tier 0 lives in an HSM or a TPM",
    clause="ART-06.hsm-tier0",
    kinds=_KEY,
    needs=("key.hsm", "key.tier"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Deposit it in a back end in hardware, and name the tiers of resources in [broker] tiers.",
        command="strongroom release put NAME --backend pkcs11",
        verify=_AGAIN,
        effort=Effort.MEDIUM,
    ),
    broken="it is of tier 0, and its key is held in software",
)
def hsm(v: View) -> bool | Answer:
    """What opens the weights should be in no memory that an operator can dump."""
    if v.raw("key.hsm") is True:
        return holds()
    if v.number("key.tier") > 0:
        return not_applicable("it is of no tier that has to be in hardware")
    return holds() if v.flag("key.hsm") else broken()


@check(
    id="iam.broker.roles-apart",
    title="Nobody deposits keys and also brings policies or reads decisions",
    clause="ART-06.admin-not-user",
    kinds=_BROKER,
    needs=("broker.admins", "broker.oidc"),
    severity=Severity.HIGH,
    fix=Fix(
        "Give key-admin to other people than policy-admin and auditor.",
        verify=_AGAIN,
    ),
    broken="both: {who}",
)
def roles_apart(v: View) -> bool | Answer:
    """Who deposits a key and writes the policy of its release decides alone who has it, and an auditor who does audits himself."""
    listed = (*v.texts("broker.admins"), *v.texts("broker.oidc_words"))
    roles: dict[str, set[str]] = {}
    for text in listed:
        name, _, words = text.rpartition(": ")
        roles.setdefault(name, set()).update(words.split())
    both = [n for n, held in roles.items() if "key-admin" in held and held & {"policy-admin", "auditor"}]
    if both:
        return broken(who=", ".join(both))
    if v.raw("broker.oidc") is not None and v.text("broker.oidc"):
        return unknown(Unknown(GapCode.NOT_FETCHED, f"who has which role is known to {v.text('broker.oidc')}"))
    return holds() if roles else not_applicable("nobody administers it but by its files")


CHECKS = (attested_only, not_exportable, rotation, hsm, roles_apart)
