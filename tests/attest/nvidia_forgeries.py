"""Forged, stale and wanting GPU evidence: each differs from genuine evidence in one thing, and one step says so."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import minted_x509 as x
from nvidia_minting import BOOTED, Answer, Gpu, Minted, device, fwid, measured, of_driver, of_vbios, revoked, signer

from strongroom.attest.policy import NvidiaPolicy

GOOD = Minted()
_LONG_AGO = {"begins": x.NOW - 700 * x.DAY, "ends": x.NOW - x.DAY}
_BROM, _RIM = device().subjects[1:3], signer().subjects[:2]
_USAGE = x.extension("2.5.29.15", x.tlv(0x03, b"\x07\x80"), critical=True)


def leaf(**fields: object) -> Minted:
    """The evidence of a GPU whose leaf differs."""
    return GOOD.gpu(tree=device().but(0, **fields))


def foreign_root() -> Minted:
    """A chain that is whole, to a root of somebody else."""
    return GOOD.gpu(tree=device().but(4, key=x.ec_key(666)))


def unsigned_leaf() -> Minted:
    """A leaf that names the chip as its issuer, which has not signed it."""
    tree = device()
    made = x.certificate(x.changed(tree.subjects[0], key=x.ec_key(667)), tree.subjects[1], x.ec_key(667))
    return _with_certificates(made, *tree.certificates[1:])


def _with_certificates(*held: bytes) -> Minted:
    return GOOD.gpu(key=x.ec_key(667)).but(certificates=b"".join(held))


def edited(text: str) -> str:
    """A manifest in which one value was changed for what the GPU measures."""
    return (
        text.replace(bytes(48).hex()[:96], measured(60).hex(), 1)
        if "550" in text
        else text.replace('edition="GPU"', 'edition="G"')
    )


FORGERIES: Mapping[str, tuple[str, Callable[[], Minted]]] = {
    "octets behind": ("nvidia.report", lambda: GOOD.gpu(behind=b"\0\0")),
    "an octet behind that is no zero": ("nvidia.report", lambda: GOOD.gpu(behind=b"\1")),
    "a measurement short": ("nvidia.report", lambda: GOOD.gpu(blocks=63)),
    "a leaf that its issuer did not sign": ("nvidia.chain", unsigned_leaf),
    "a leaf that is for other uses": (
        "nvidia.chain",
        lambda: leaf(extensions=(x.extension("2.5.29.15", x.tlv(0x03, b"\x05\x20"), critical=True), fwid())),
    ),
    "another root": ("nvidia.root_pin", foreign_root),
    "a leaf that has ended": ("nvidia.cert_time", lambda: leaf(**_LONG_AGO)),
    "a switch": ("nvidia.arch", lambda: leaf(common="LS10 A01 FSP")),
    "another architecture declared": ("nvidia.arch", lambda: GOOD.gpu(architecture="BLACKWELL")),
    "another key": ("nvidia.signature", lambda: GOOD.gpu(key=x.ec_key(668))),
    "another firmware": ("nvidia.fwid", lambda: GOOD.gpu(fields={20: bytes(48)})),
    "another challenge": ("nvidia.nonce", lambda: GOOD.gpu(nonce=bytes(32))),
    "a challenge that begins alike": ("nvidia.nonce", lambda: GOOD.but(challenge=GOOD.challenge[:31])),
    "one GPU twice": ("nvidia.devices", lambda: GOOD.but(gpus=(Gpu(), Gpu()))),
    "a GPU missing": ("nvidia.devices", lambda: GOOD.but(policy=NvidiaPolicy(gpus=2))),
    "a revoked chip": ("nvidia.ocsp", lambda: said(*_BROM, status=revoked(x.NOW - x.DAY))),
    "a chip on hold": ("nvidia.ocsp", lambda: said(*_BROM, status=revoked(x.NOW - x.DAY, 6))),
    "a chip that nobody knows": ("nvidia.ocsp", lambda: said(*_BROM, status=x.tlv(0x82))),
    "an answer that has ended": ("nvidia.ocsp", lambda: said(*_BROM, ends=x.NOW - timedelta(hours=1))),
    "an answer to come": ("nvidia.ocsp", lambda: said(*_BROM, begins=x.NOW + timedelta(hours=1))),
    "an answer without an end": ("nvidia.ocsp", lambda: said(*_BROM, ends=None)),
    "an answer of somebody else": ("nvidia.ocsp", lambda: said(*_BROM, signer=x.ec_key(669))),
    "links in the clear": ("nvidia.mode", lambda: GOOD.gpu(fields={36: b"\2\0"})),
    "an unknown mode": ("nvidia.mode", lambda: GOOD.gpu(fields={36: b"\7\0"})),
    "an edited manifest of the driver": ("nvidia.driver_rim", lambda: GOOD.but(driver=of_driver().but(edit=edited))),
    "an edited manifest of the VBIOS": ("nvidia.vbios_rim", lambda: GOOD.but(vbios=of_vbios().but(edit=edited))),
    "a self-made manifest of the driver": (
        "nvidia.driver_rim_chain",
        lambda: GOOD.but(driver=of_driver().but(tree=signer().but(3, key=x.ec_key(670)))),
    ),
    "a self-made manifest of the VBIOS": (
        "nvidia.vbios_rim_chain",
        lambda: GOOD.but(vbios=of_vbios().but(tree=signer().but(3, key=x.ec_key(670)))),
    ),
    "a signer of the driver that has ended": (
        "nvidia.driver_rim_time",
        lambda: GOOD.but(driver=of_driver().but(tree=signer().but(0, **_LONG_AGO))),
    ),
    "a signer of the VBIOS that has ended": (
        "nvidia.vbios_rim_time",
        lambda: GOOD.but(vbios=of_vbios().but(tree=signer().but(0, **_LONG_AGO))),
    ),
    "the driver's manifest of another chip": (
        "nvidia.driver_rim_match",
        lambda: GOOD.but(driver=of_driver().but(product="GB100")),
    ),
    "the manifest of another driver": (
        "nvidia.driver_rim_match",
        lambda: GOOD.but(driver=of_driver().but(version="550.90.08")),
    ),
    "the VBIOS's manifest of another chip": (
        "nvidia.vbios_rim_match",
        lambda: GOOD.but(vbios=of_vbios().but(product="GB100")),
    ),
    "a revoked signer": ("nvidia.rim_ocsp", lambda: said(*_RIM, status=revoked(x.NOW - x.DAY))),
    "an index in both manifests": (
        "nvidia.rim_conflict",
        lambda: GOOD.but(vbios=of_vbios().but(values={i: [measured(i)] for i in (*BOOTED, 7)})),
    ),
    "a measurement of the driver": ("nvidia.measurement", lambda: GOOD.gpu(measurements={22: bytes(48)})),
    "a measurement of the VBIOS": ("nvidia.measurement", lambda: GOOD.gpu(measurements={12: bytes(48)})),
}


def said(about: x.Subject, issuer: x.Subject, **fields: object) -> Minted:
    """The evidence with another answer about a certificate in place of the good one."""
    answer = Answer(about, issuer, **fields)  # type: ignore[arg-type] # the fields of a dataclass by name
    return GOOD.but(answers=(answer,), without=(about.serial,))


GAPS: Mapping[str, tuple[str, Callable[[], Minted]]] = {
    "no certificate": ("nvidia.chain", lambda: GOOD.but(chains=False)),
    "no challenge": ("nvidia.nonce", lambda: GOOD.but(challenge=None)),
    "no answer about the chip": ("nvidia.ocsp", lambda: GOOD.but(without=(_BROM[0].serial,))),
    "no answer about the signer": ("nvidia.rim_ocsp", lambda: GOOD.but(without=(_RIM[0].serial,))),
    "a driver that states no firmware": ("nvidia.fwid", lambda: GOOD.gpu(fields={20: b""})),
    "a driver that states no mode": ("nvidia.mode", lambda: GOOD.gpu(fields={36: b""})),
    "nobody says that developer tools are off": ("nvidia.dev_tools", lambda: GOOD.but(unchecked={})),
    "no manifest of the driver": ("nvidia.driver_rim", lambda: GOOD.but(driver=None)),
    "no manifest of the VBIOS": ("nvidia.vbios_rim", lambda: GOOD.but(vbios=None)),
}
