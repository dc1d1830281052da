"""Firmware, images and the feed itself: what the feed says becomes a verdict, and what nobody says is unknown."""

from datetime import UTC, datetime

import pytest

import synthetic
from strongroom.app.catalogue import catalogue
from strongroom.app.config import FirmwareName
from strongroom.app.feeds_join import FeedLook, join_feeds
from strongroom.assess.judge import judge
from strongroom.model.advisory import Asked, Claim, Document, Feed, Patience
from strongroom.model.codes import Status
from strongroom.model.estate import Asset, Estate
from strongroom.model.kinds import Kind
from strongroom.model.values import Value

P, F, U, N = Status.PASS, Status.FAIL, Status.UNKNOWN, Status.NOT_APPLICABLE
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64


def status(check: str, asset: Asset) -> Status:
    """The verdict of one check."""
    return judge(catalogue().checks[check], asset, NOW).status


def document(*claims: Claim, publisher: str = "Vendor", day: str = "2026-05-30", since: str = "2026-01-01") -> Document:
    """An advisory."""
    return Document(f"D-{publisher}", "t", day, DIGEST, claims, publisher=publisher, since=since)


def before(product: str, fix: str, cve: str = "CVE-2026-1", score: float = 9.8, system: str = "") -> Claim:
    """All before a fix."""
    return Claim(cve, product, os=system, high=fix, fixed=(fix,), score=score, text=f"before {fix}")


FEED = Feed(
    (
        document(before("poweredge-xe9680-bios", "2.5.4"), before("dgx-h100-bmc", "23.08.18"), before("connectx", "28.40.1000"),
                 before("triton", "25.08"), before("dcgm-exporter", "4.8.2", "CVE-2026-2", 5.0)),
        document(before("pypi/vllm", "0.6.3"), before("pypi/torch", "2.9", "CVE-2026-3", 5.0), publisher="OSV PyPI", since="2026-04-01"),
        document(before("deb/openssl", "3.0.11-1~deb12u3", system="12"), publisher="OSV Debian"),
    )
)  # fmt: skip


def joined(kind: Kind, facts: dict[str, Value], look: FeedLook | None = None) -> Asset:
    """An asset once the feed was asked."""
    asset = synthetic.asset(kind, facts)
    return join_feeds(Estate((asset,), (), (), NOW), look or FeedLook(FEED), NOW).assets[0]


def host(bios: str = "", bmc: str = "", vendor: str = "Dell Inc.", model: str = "PowerEdge XE9680") -> dict[str, Value]:
    """A host's firmware."""
    return {"host.vendor": vendor, "host.product": model, "version.bios": bios, "version.bmc": bmc}


@pytest.mark.parametrize(
    ("check", "facts", "wanted"),
    [
        ("host.bios.patched", host(bios="2.5.3"), F), ("host.bios.patched", host(bios="2.5.4"), P),
        ("host.bios.patched", host(bios="2.5.4", model="PowerEdge R750"), U), ("host.bios.patched", host(bios="next"), U),
        ("host.bmc.patched", host(bmc="23.08.17", vendor="NVIDIA", model="DGX H100"), F),
        ("host.bmc.patched", host(bmc="23.08.18", vendor="NVIDIA", model="DGX H100"), P),
        ("host.bmc.patched", host(bmc="7.0", vendor="NVIDIA", model="DGX B300"), U),
    ],
)  # fmt: skip
def test_firmware_of_machines(check: str, facts: dict[str, Value], wanted: Status) -> None:
    """By maker and model; what no document names is not taken as good."""
    assert status(check, joined(Kind.HOST, facts)) is wanted


def test_a_name_of_the_configuration_counts_first() -> None:
    """An OEM's machine whose controller is another's."""
    look = FeedLook(FEED, names=(FirmwareName("bmc", "dgx-h100-bmc", "ACME*", "GPU-8*"),))
    facts = host(bmc="23.08.17", vendor="ACME Corp", model="GPU-8000")
    assert status("host.bmc.patched", joined(Kind.HOST, facts, look)) is F
    assert status("host.bmc.patched", joined(Kind.HOST, facts)) is U


def test_without_a_feed_firmware_is_not_measured() -> None:
    """Nothing is added, and a virtual machine's mainboard is its host's."""
    assert not {n for n in joined(Kind.HOST, host(bios="1"), FeedLook(None)).facts if n.startswith("patch.")}
    virtual = {**host(bios="1"), "host.virtual": True}
    assert not {n for n in joined(Kind.HOST, virtual).facts if n.startswith("patch.bios")}


@pytest.mark.parametrize(("firmware", "driver", "wanted"), [
    ("28.39.1002 (MT_0000000838)", "mlx5_core", F), ("28.39.1002", "mlx5_core", F), ("28.40.1000", "mlx5_core", P), ("1.0", "ice", U),
])  # fmt: skip
def test_firmware_of_network_cards(firmware: str, driver: str, wanted: Status) -> None:
    """By the card's driver."""
    assert status("host.nic.patched", joined(Kind.NIC, {"nic.firmware": firmware, "nic.driver": driver})) is wanted


@pytest.mark.parametrize(
    ("images", "wanted"),
    [
        (("nvcr.io/nvidia/tritonserver:25.07-py3",), F), (("nvcr.io/nvidia/tritonserver:25.08-py3",), P),
        (("nvcr.io/nvidia/k8s/dcgm-exporter:4.4.2-4.7.0-ubi9",), F), (("nvcr.io/nvidia/gpu-operator:v25.3.0",), U),
        (("vllm/vllm-openai:v0.6.2",), F), (("vllm/vllm-openai:v0.6.3",), P), (("busybox:1.36",), None),
    ],
)  # fmt: skip
def test_images_of_work(images: tuple[str, ...], wanted: Status | None) -> None:
    """By the version in the tag; of one that is not known nothing is said."""
    found = joined(Kind.WORKLOAD, {"pod.images": images})
    assert (status("gpu.workload.image-patched", found) if "patch.images" in found.facts else None) is wanted


def test_a_fix_that_is_due_is_no_failure_before_its_time() -> None:
    """A hole of score 5 may be open for 90 days, and of what is exploited for 15."""
    young = Feed((document(before("poweredge-xe9680-bios", "2.5.4", score=5.0), since="2026-05-01"),))
    facts = host(bios="2.5.3")
    assert status("host.bios.patched", joined(Kind.HOST, facts, FeedLook(young))) is P
    assert status("host.bios.patched", joined(Kind.HOST, facts, FeedLook(young, patience=Patience(other=7)))) is F


def image(*packages: str, **more: Value) -> dict[str, Value]:
    """An image by its bill."""
    return {"image.packages": packages, "image.package_count": len(packages), "image.unversioned": 0, "image.digest": DIGEST,
            "image.built_at": "2026-05-20T00:00:00Z", **more}  # fmt: skip


DEB = "pkg:deb/debian/libssl3@{}?distro=debian-{}&upstream=openssl"


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        (image("pkg:pypi/vllm@0.6.3", "pkg:pypi/numpy@2.0"), P), (image("pkg:pypi/vllm@0.6.2"), F), (image("pkg:pypi/torch@2.8"), P),
        (image(DEB.format("3.0.11-1~deb12u2", "12")), F), (image(DEB.format("3.0.11-1~deb12u3", "12")), P),
        (image("pkg:deb/debian/openssl@3.0.11-1"), U), (image("pkg:npm/x@1.0.0"), U), (image("pkg:generic/x@1"), U),
        (image("pkg:pypi/vllm@not-one"), U), (image("pkg:pypi/vllm@0.6.3", **{"image.unversioned": 2}), U), (image(), U),
        (image("pkg:pypi/vllm@0.6.2", "pkg:npm/x@1.0.0"), F),
    ],
)  # fmt: skip
def test_packages_of_images(facts: dict[str, Value], wanted: Status) -> None:
    """One that is open for too long fails; an ecosystem without a database, or a component without a version, is unknown."""
    assert status("tee.image.packages-patched", joined(Kind.IMAGE, facts)) is wanted


def test_an_old_database_clears_no_package() -> None:
    """What it does not name may have been found since."""
    old = Feed((document(before("pypi/vllm", "0.6.3"), publisher="OSV PyPI", day="2026-01-01"),))
    facts = image("pkg:pypi/numpy@2.0")
    assert status("tee.image.packages-patched", joined(Kind.IMAGE, facts, FeedLook(old))) is U
    asked = Asked("https://osv.example/all.zip", "2026-06-01T00:00:00Z", ("OSV PyPI",))
    fresh = Feed(old.documents, asked=(asked,))
    assert status("tee.image.packages-patched", joined(Kind.IMAGE, facts, FeedLook(fresh))) is P


def test_without_a_feed_packages_are_unknown() -> None:
    """A bill alone proves nothing."""
    assert status("tee.image.packages-patched", synthetic.asset(Kind.IMAGE, image("pkg:pypi/x@1"))) is U


@pytest.mark.parametrize(
    ("check", "facts", "budget", "wanted"),
    [
        ("tee.image.named-by-digest", image(), 0, P), ("tee.image.named-by-digest", image(**{"image.digest": ""}), 0, F),
        ("tee.image.package-budget", image("pkg:pypi/a@1", "pkg:pypi/b@1"), 2, P),
        ("tee.image.package-budget", image("pkg:pypi/a@1", "pkg:pypi/b@1"), 1, F), ("tee.image.package-budget", image(), 0, U),
        ("tee.image.built-recently", image(), 0, P), ("tee.image.built-recently", image(**{"image.built_at": "2026-02-01T00:00:00Z"}), 0, F),
        ("tee.image.built-recently", image(**{"image.built_at": "2026-06-09T00:00:00Z"}), 0, U),
        ("tee.image.built-recently", image(**{"image.built_at": ""}), 0, U),
    ],
)  # fmt: skip
def test_what_a_bill_says_of_an_image(check: str, facts: dict[str, Value], budget: int, wanted: Status) -> None:
    """Its digest, its size and its age."""
    assert status(check, joined(Kind.IMAGE, facts, FeedLook(FEED, budget=budget))) is wanted


def feed(as_of: str, asked: str = "", trouble: str = "", doubted: tuple[str, ...] = ()) -> Asset:
    """A publisher's feed."""
    facts: dict[str, Value] = {"feed.publisher": "V", "feed.as_of": as_of, "feed.asked_at": asked, "feed.trouble": trouble,
                               "feed.doubted": doubted}  # fmt: skip
    return synthetic.asset(Kind.DETECTOR, facts)


@pytest.mark.parametrize(
    ("asset", "wanted"),
    [
        (feed("2026-01-01", "2026-06-01T00:00:00Z"), P),
        (feed("2026-06-01", "2026-05-30T00:00:00Z"), F),
        (feed("2026-06-01", "2026-05-30T00:00:00Z", "it hung"), F),
        (feed("2026-05-20"), P),
        (feed("2026-04-20"), F),
        (feed(""), U),
        (feed("2026-06-09"), U),
        (feed("2026-01-01", "soon"), U),
        (feed("2026-01-01", "2026-06-09T00:00:00Z"), U),
    ],
)
def test_a_feed_is_fresh_or_not(asset: Asset, wanted: Status) -> None:
    """Asked in full within 24 hours; from files, with its age; a time that lies ahead proves nothing."""
    assert status("gpu.feed.fresh", asset) is wanted


def test_a_feed_with_doubts_is_told() -> None:
    """A wrong digest, or a signature that is missing."""
    assert status("gpu.feed.trusted", feed("2026-06-01")) is P
    assert status("gpu.feed.trusted", feed("2026-06-01", doubted=("5703",))) is F
