"""What is inside of images: known holes by the feed, how much there is, and how old it is."""

from datetime import datetime, timedelta

from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, unknown
from strongroom.model.values import Unknown

_SHOWN = 5
_OLDEST = timedelta(days=90)
_REBUILD = Fix(
    "Build the image again on a patched base, publish its bill of materials and its reference values, and roll it out.",
    command="syft IMAGE -o cyclonedx-json > IMAGE.cdx.json",
    verify="strongroom assess sbom:FOLDER",
    effort=Effort.MEDIUM,
)


def _some(found: tuple[str, ...]) -> str:
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"{'; '.join(found[:_SHOWN])}{more}"


@check(
    id="tee.image.packages-patched",
    title="No known hole in the image is open for too long",
    clause="TEE-05.image-minimal-pinned",
    kinds=(Kind.IMAGE,),
    needs=("image.packages",),
    severity=Severity.HIGH,
    fix=_REBUILD,
    broken="{found}",
)
def packages_patched(v: View) -> Answer:
    """Every library in the image is inside the boundary that attestation vouches for: it proves which hole runs, not that none does."""
    if not v.has("image.packages_overdue"):
        return unknown(Unknown(GapCode.NOT_FETCHED, "no feed says anything: strongroom feeds import"))
    late = v.texts("image.packages_overdue")
    if late:
        return broken(found=_some(late))
    doubt = list(v.texts("image.packages_doubt"))
    lost = v.number("image.unversioned") if v.has("image.unversioned") else 0
    if lost:
        doubt.append(f"{int(lost)} components without a version or a package URL")
    if doubt:
        return unknown(Unknown(GapCode.UNDECIDED, _some(tuple(doubt))))
    if not v.texts("image.packages"):
        return unknown(Unknown(GapCode.ABSENT, "the bill of materials lists no package at all"))
    return holds()


@check(
    id="tee.image.named-by-digest",
    title="The bill of materials names the image by its digest",
    clause="TEE-05.image-minimal-pinned",
    kinds=(Kind.IMAGE,),
    needs=("image.digest",),
    severity=Severity.LOW,
    fix=Fix(
        "Write the bill in the build, of the image by digest.",
        command="syft registry.example.com/serve@sha256:DIGEST -o cyclonedx-json",
        verify="the bill's metadata has a sha256",
    ),
    broken="it names no sha256: of which image it is, nobody can tell",
)
def named_by_digest(v: View) -> Answer:
    """A bill of a tag is of whatever the tag was that day."""
    return holds() if v.text("image.digest") else broken()


@check(
    id="tee.image.package-budget",
    title="The image has no more packages than it may",
    clause="TEE-05.image-minimal-pinned",
    kinds=(Kind.IMAGE,),
    needs=("image.package_count",),
    severity=Severity.LOW,
    fix=Fix(
        "Build from a minimal base and leave out what serving does not need: compilers, shells, notebooks, test data.",
        verify="strongroom assess sbom:FOLDER shows the count",
        effort=Effort.MEDIUM,
    ),
    broken="{count} packages, and {budget} are the most",
)
def package_budget(v: View) -> Answer:
    """What is not there has no holes, and is measured in a moment."""
    if not v.has("image.package_budget"):
        return unknown(
            Unknown(GapCode.ABSENT, "nobody says how many packages an image may have: [feeds] package_budget")
        )
    count, budget = int(v.number("image.package_count")), int(v.number("image.package_budget"))
    return broken(count=str(count), budget=str(budget)) if count > budget else holds()


@check(
    id="tee.image.built-recently",
    title="The image was built within the cadence",
    clause="TEE-06.tcb-current",
    kinds=(Kind.IMAGE,),
    needs=("image.built_at",),
    severity=Severity.MEDIUM,
    fix=_REBUILD,
    broken="its bill is {days} days old, wanted at most 90",
)
def built_recently(v: View) -> Answer:
    """An image that nobody rebuilds keeps the holes of the day on which it was made; that it is sensitive is no reason."""
    text = v.text("image.built_at")
    try:
        made = datetime.fromisoformat(text)
    except ValueError:
        return unknown(Unknown(GapCode.MALFORMED, f"image.built_at: {text[:40]!r} is no time"))
    age = (v.now if made.tzinfo is not None else v.now.replace(tzinfo=None)) - made
    if age < -timedelta(minutes=5):
        return unknown(Unknown(GapCode.CONFLICT, f"image.built_at: {text} lies ahead of this machine's clock"))
    return broken(days=str(age.days)) if age > _OLDEST else holds()


CHECKS = (packages_patched, named_by_digest, package_budget, built_recently)
