"""Names of facts on versions, feeds and images."""

from typing import Final

_PARTS: Final = {
    "driver": "the accelerator driver",
    "toolkit": "the container toolkit",
    "bios": "the firmware of the mainboard",
    "bmc": "the firmware of the management controller",
    "nic": "the firmware of the network card",
}

PATCH: Final[dict[str, tuple[str, str]]] = {
    **{f"patch.{p}": ("text", f"{what} by the feed: affected, conditional, not-listed, stale or fixed") for p, what in _PARTS.items()},
    **{f"patch.{p}_why": ("text", f"why {what} is that") for p, what in _PARTS.items()},
    **{f"patch.{p}_fix": ("text", f"the version that fixes {what}; empty for none") for p, what in _PARTS.items()},
    **{f"patch.{p}_of": ("text", f"the version of {what} that was judged") for p, what in _PARTS.items()},
    **{f"patch.{p}_overdue": ("text", f"what is open in {what} for too long; empty for nothing") for p, what in _PARTS.items()},
    # images of work
    "patch.images": ("texts", "images whose version the feed can judge, as image: verdict"),
    "patch.images_overdue": ("texts", "images in which something is open for too long, and what"),
    "patch.images_doubt": ("texts", "images of which the feed leaves open what they are, and why"),
    # an image by its bill of materials
    "image.digest": ("text", "the digest by which the image is named; empty where its bill names none"),
    "image.built_at": ("text", "when its bill of materials was made, UTC"),
    "image.packages": ("texts", "its packages, as package URLs"),
    "image.unversioned": ("number", "components that have no version or no package URL"),
    "image.package_count": ("number", "how many packages it has"),
    "image.package_budget": ("number", "how many packages an image may have; not set where nobody said"),
    "image.packages_overdue": ("texts", "packages in which something is open for too long, and what"),
    "image.packages_doubt": ("texts", "packages of which no fresh feed knows anything, and why"),
    # a feed itself
    "feed.publisher": ("text", "who publishes it"),
    "feed.as_of": ("text", "the day of its newest document, or of the last question that was answered in full"),
    "feed.asked_at": ("text", "when its place was last asked in full, UTC; empty where it came from files"),
    "feed.trouble": ("text", "why the last question was not answered in full; empty where it was"),
    "feed.documents": ("number", "documents that are kept"),
    "feed.doubted": ("texts", "documents with a wrong digest, or without the signature that they should have"),
}  # fmt: skip
