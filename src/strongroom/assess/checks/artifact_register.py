"""The register of artifacts: what is in it and not there, what is there and not in it, and whether it can be believed."""

from datetime import date

from strongroom.assess.checks._artifacts import KINDS, known, some
from strongroom.model.codes import GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, unknown
from strongroom.model.values import Unknown

_DAYS = 365  # INV-04: reviewed within twelve months
_SIGN = "strongroom artifacts define --register FILE"


@check(
    id="inv.artifact.registered",
    title="The artifact is registered",
    clause="INV-03.nothing-unregistered",
    kinds=KINDS,
    needs=("artifact.registered",),
    severity=Severity.HIGH,
    fix=Fix(
        "Register it with its class and owner, move it to where it belongs, or delete it.",
        command="strongroom artifacts register PATH --class weights --owner TEAM",
        verify="strongroom artifacts list names it",
    ),
    broken="it is in no entry of the register",
)
def registered(v: View) -> bool | Answer:
    """Nobody protects, deletes or rotates what nobody knows of; copies are made in minutes and stay for years."""
    return v.flag("artifact.registered")


@check(
    id="inv.artifact.digest",
    title="The artifact is the one that was registered",
    clause="INV-03.stores-registered",
    kinds=KINDS,
    needs=("artifact.digest_matches",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Take it out of use, compare it with the copy it was made from, and register it anew only when the change is known.",
        command="strongroom artifacts verify",
        verify="strongroom artifacts verify says that it is the same",
    ),
    broken="its bytes are not those that were registered",
)
def digest(v: View) -> bool | Answer:
    """A model that changed after it was registered is another model, whoever changed it."""
    if v.has("artifact.size_matches") and v.raw("artifact.size_matches") is False:
        return broken()
    return v.flag("artifact.digest_matches")


@check(
    id="inv.register.signed",
    title="The register of artifacts is signed by a trusted key",
    clause="INV-04.signed-policy",
    kinds=(Kind.POLICY,),
    needs=("register.signed",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "See what changed since it was signed, sign it again, and name the public key in [artifacts] keys.",
        command=_SIGN,
        verify="strongroom artifacts list says who signed it",
    ),
    broken="no trusted key has signed it as it is; nothing in it counts",
)
def register_signed(v: View) -> bool | Answer:
    """Whoever can edit an unsigned register can declare a stolen copy registered, or weights harmless."""
    return v.flag("register.signed")


@check(
    id="inv.register.entries-classed",
    title="Every entry of the register has a class that it defines",
    clause="INV-04.every-entry-classed",
    kinds=(Kind.POLICY,),
    needs=("register.unclassed",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Define the class, or give the entry one that is defined.", command=_SIGN, verify="strongroom artifacts list"
    ),
    broken="without a class that is defined: {entries}",
)
def entries_classed(v: View) -> bool | Answer:
    """What an artifact demands follows from its class; without one it demands nothing."""
    found = known(v, "register.unclassed")
    if found:
        return broken(entries=some(found))
    v.texts("register.unclassed")
    return holds()


@check(
    id="inv.register.entries-complete",
    title="Every entry of the register has owner, class and digest",
    clause="INV-03.stores-registered",
    kinds=(Kind.POLICY,),
    needs=("register.incomplete",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Register the artifact again, with an owner; its digest is taken then.",
        command="strongroom artifacts register PATH --class weights --owner TEAM --replace",
        verify="strongroom artifacts verify",
    ),
    broken="incomplete: {entries}",
)
def entries_complete(v: View) -> bool | Answer:
    """Without a digest nobody sees that it was exchanged, and without an owner nobody is asked."""
    found = known(v, "register.incomplete")
    if found:
        return broken(entries=some(found))
    v.texts("register.incomplete")
    return holds()


@check(
    id="inv.register.entries-found",
    title="Every registered artifact of the searched places is there",
    clause="INV-03.stores-registered",
    kinds=(Kind.POLICY,),
    needs=("register.not_found",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Find out whether it was moved, deleted or taken; correct the entry, or treat it as a loss.",
        command="strongroom artifacts verify",
        verify="strongroom artifacts verify finds every entry",
    ),
    broken="registered and not found: {entries}",
)
def entries_found(v: View) -> bool | Answer:
    """An artifact that is gone from its place is somewhere else: moved without a word, or carried off."""
    found = known(v, "register.not_found")
    if found:
        return broken(entries=some(found))
    v.texts("register.not_found")
    return holds()


@check(
    id="inv.register.reviewed",
    title="The register was reviewed within a year",
    clause="INV-04.reviewed",
    kinds=(Kind.POLICY,),
    needs=("register.reviewed",),
    severity=Severity.LOW,
    fix=Fix(
        "Go through classes, tiers and owners with whoever answers for them, set `reviewed`, and sign again.",
        command=_SIGN,
        verify="the date in the register is less than a year old",
    ),
    broken="{when}",
)
def reviewed(v: View) -> bool | Answer:
    """Classes age: what was a toy last year serves customers now, under last year's demands."""
    said = v.text("register.reviewed")
    if not said:
        return broken(when="it says of no review")
    try:
        day = date.fromisoformat(said)
    except ValueError:
        return unknown(Unknown(GapCode.MALFORMED, f"register.reviewed: found {said[:40]!r}, wanted a day"))
    age = (v.now.date() - day).days
    if age < 0:
        return broken(when=f"it says that it was reviewed on {said}, which is still to come")
    return holds() if age <= _DAYS else broken(when=f"it was last reviewed on {said}")


CHECKS = (registered, digest, register_signed, entries_classed, entries_complete, entries_found, reviewed)
