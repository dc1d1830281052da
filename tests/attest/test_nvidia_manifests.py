"""Manifests: a Blackwell GPU with its own, and what is no manifest of a device, each told by the step that reads it."""

from collections.abc import Callable
from dataclasses import replace

import minted_x509 as x
import nvidia_minting as m
import pytest

from strongroom.attest.appraise import appraise
from strongroom.attest.tee import _nvidia_rim as rims
from strongroom.model.attest import StepVerdict
from strongroom.model.errors import BadInput

FIELDS = {35: b"GB100\0", 15: b"895\0", 17: b"G525\0", 18: b"0200\0", 6: bytes.fromhex("00a5009701000000")}
FIRMWARE = x.tlv(0xA6, x.tlv(0x30, x.oid("2.16.840.1.101.3.4.2.2"), x.tlv(0x04, m.FIRMWARE)))
_SIGNS = x.extension("2.5.29.15", x.tlv(0x03, b"\x07\x80"), critical=True)


def blackwell() -> m.Minted:
    """A Blackwell GPU: its leaf has its firmware among DICE's claims, and its manifests are of its own chip."""
    dice = x.extension("2.23.133.5.4.1.1", x.tlv(0x30, x.tlv(0x80, b"NVIDIA"), FIRMWARE))
    tree = m.device().but(0, common="GB100 A01 GSP FMC LF", extensions=(_SIGNS, dice))
    held = m.Minted().gpu(tree=tree, fields=FIELDS, architecture="BLACKWELL")
    return held.but(
        driver=m.of_driver().but(product="GB100"),
        vbios=m.of_vbios().but(product="GB100", version="97.00.A5.00.01"),
    )


def failing(case: m.Minted) -> str:
    """The first step that fails."""
    found = appraise(case.verifier(), case.inputs())
    assert not found.opens
    return found.first_failure.id if found.first_failure else ""


def test_a_blackwell_gpu_opens() -> None:
    """A GPU of the newer architecture is affirmed by manifests of its chip."""
    case = blackwell()
    found = appraise(case.verifier(), case.inputs())
    assert found.opens, [s for s in found.steps if s.verdict is not StepVerdict.PASS]


_OTHERS: dict[str, tuple[Callable[[], m.Minted], str]] = {
    "the driver's manifest of Hopper": (lambda: blackwell().but(driver=m.of_driver()), "nvidia.driver_rim_match"),
    "the VBIOS's manifest of Hopper": (lambda: blackwell().but(vbios=m.of_vbios()), "nvidia.vbios_rim_match"),
    "another firmware": (lambda: blackwell().gpu(fields={**FIELDS, 20: bytes(48)}), "nvidia.fwid"),
    "declared as Hopper": (lambda: blackwell().gpu(architecture="HOPPER"), "nvidia.arch"),
    "a manifest whose chain is in another order": (
        lambda: _driver(tree=m.Tree((m.signer().subjects[0], *m.signer().subjects[:0:-1]))),
        "nvidia.driver_rim_chain",
    ),
    "a manifest without its root": (lambda: _driver(tree=m.Tree(m.signer().subjects[:3])), "nvidia.driver_rim_chain"),
    "a manifest by the root of devices": (
        lambda: _driver(tree=m.Tree((m.signer().subjects[0], *m.device().subjects[3:]))),
        "nvidia.driver_rim_chain",
    ),
    "a manifest by a signer to come": (
        lambda: _driver(tree=m.signer().but(0, begins=x.NOW + x.DAY, ends=x.NOW + 9 * x.DAY)),
        "nvidia.driver_rim_time",
    ),
    "a manifest by an authority that has ended": (
        lambda: _driver(tree=m.signer().but(1, begins=x.NOW - 9 * x.DAY, ends=x.NOW - x.DAY)),
        "nvidia.driver_rim_time",
    ),
    "a manifest signed by a leaf of a GPU": (lambda: _driver(tree=m.device()), "nvidia.driver_rim_chain"),
}


def _driver(**fields: object) -> m.Minted:
    return m.Minted(driver=m.of_driver().but(**fields))


@pytest.mark.parametrize(("make", "step"), _OTHERS.values(), ids=_OTHERS)
def test_what_is_of_another_chip_or_chain_is_refused(make: Callable[[], m.Minted], step: str) -> None:
    """A manifest of another product, or under another chain, fails the step that is about just that."""
    assert failing(make()) == step


_NONE: dict[str, Callable[[str], str]] = {
    "another element": lambda t: t.replace("SoftwareIdentity", "Software"),
    "another namespace": lambda t: t.replace("19770/-2/2015", "19770/-2/2016"),
    "no product": lambda t: t.replace('product="GH100"', ""),
    "no version": lambda t: t.replace('colloquialVersion="550.90.07"', ""),
    "a version of neither": lambda t: t.replace("550.90.07", "latest"),
    "two of Meta": lambda t: t.replace("<n:Payload>", "<n:Meta/><n:Payload>"),
    "no payload": lambda t: t.replace("n:Payload", "n:Other"),
    "an index twice": lambda t: t.replace('index="22"', 'index="21"'),
    "an index beyond all": lambda t: t.replace('index="22"', 'index="64"'),
    "an index of other digits": lambda t: t.replace('index="22"', 'index="٢٢"'),
    "neither active nor not": lambda t: t.replace('active="True"', 'active="Maybe"', 1),
    "nothing active": lambda t: t.replace('active="True"', 'active="False"'),
    "fewer values than it says": lambda t: t.replace('alternatives="2"', 'alternatives="3"'),
    "a value of another size": lambda t: t.replace('size="48"', 'size="32"', 1),
    "a value that is cut": lambda t: t.replace(m.measured(7).hex(), m.measured(7).hex()[:-2]),
    "an entity": lambda t: f'<!DOCTYPE x [<!ENTITY a "b">]>{t}',
    "half of it": lambda t: t[: len(t) // 2],
    "no signature": lambda t: t[: t.index("<d:Signature")] + "</SoftwareIdentity>",
    "two signatures": lambda t: t.replace("</SoftwareIdentity>", t[t.index("<d:Signature") :]),
}


@pytest.mark.parametrize("edit", _NONE.values(), ids=_NONE)
def test_what_is_no_manifest_is_told_as_such(edit: Callable[[str], str]) -> None:
    """Each way not to be a manifest is refused when it is read, and the verdict on a GPU lacks its manifest."""
    octets = edit(m.of_driver().text().decode()).encode()
    with pytest.raises(BadInput):
        rims.parse(octets)
    case = m.Minted(driver=None, manifests=(octets,))
    found = appraise(case.verifier(), case.inputs())
    assert next(s for s in found.steps if s.id == "nvidia.driver_rim").verdict is StepVerdict.NOT_CHECKED
    assert not found.opens


def test_a_wrapped_manifest_changes_nothing() -> None:
    """A signed manifest inside of another document is not what that document says."""
    genuine = m.of_driver().text().decode()
    forged = m.of_driver().but(values={7: [bytes(48)]}).text().decode()
    inner = genuine[genuine.index("<d:Signature") : genuine.rindex("</SoftwareIdentity>")]
    outer = forged[: forged.index("<d:Signature")] + inner + "</SoftwareIdentity>"
    case = m.Minted(driver=None, manifests=(outer.encode(),)).gpu(measurements={7: bytes(48)})
    assert failing(case) == "nvidia.driver_rim"


def test_a_hold_that_was_lifted_counts_by_the_newer_answer() -> None:
    """Of two answers that hold, the newer one says whether a certificate is on hold."""
    about, issuer = m.device().subjects[1:3]
    held = m.Answer(about, issuer, status=m.revoked(x.NOW - 2 * x.DAY, 6), begins=x.NOW - x.DAY)
    lifted = m.Answer(about, issuer, begins=x.NOW - x.DAY / 2)
    for first, opens in ((held, True), (replace(lifted, begins=x.NOW - 2 * x.DAY), False)):
        second = lifted if first is held else held
        case = m.Minted(answers=(first, second), without=(about.serial,))
        assert appraise(case.verifier(), case.inputs()).opens is opens
