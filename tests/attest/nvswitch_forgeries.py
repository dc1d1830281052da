"""Forged, stale and wanting evidence of switches: each differs from genuine evidence in one thing."""

from collections.abc import Callable, Mapping

import minted_x509 as x
import nvidia_minting as gpu
from nvidia_forgeries import _LONG_AGO, _USAGE
from nvswitch_minting import OWN, Minted, device, of_bios, one, stated

from strongroom.attest.policy import NvidiaPolicy

GOOD = Minted()
_BROM, _RIM = device().subjects[1:3], gpu.signer().subjects[:2]


def _leaf(**fields: object) -> Minted:
    return GOOD.gpu(tree=device().but(0, **fields))


def _unsigned() -> Minted:
    tree = device()
    made = x.certificate(x.changed(tree.subjects[0], key=x.ec_key(667)), tree.subjects[1], x.ec_key(667))
    return GOOD.gpu(key=x.ec_key(667)).but(certificates=b"".join((made, *tree.certificates[1:])))


def _said(about: x.Subject, issuer: x.Subject, **fields: object) -> Minted:
    answer = gpu.Answer(about, issuer, **fields)  # type: ignore[arg-type] # the fields of a dataclass by name
    return GOOD.but(answers=(answer,), without=(about.serial,))


def _bios(**fields: object) -> Minted:
    return GOOD.but(vbios=of_bios().but(**fields))


FORGERIES: Mapping[str, tuple[str, Callable[[], Minted]]] = {
    "octets behind": ("nvswitch.report", lambda: GOOD.gpu(behind=b"\0\0")),
    "no number of its own": ("nvswitch.report", lambda: GOOD.gpu(fields=stated(own=b""))),
    "half a number": ("nvswitch.report", lambda: GOOD.gpu(fields=stated(own=OWN[:4]))),
    "no measurement": ("nvswitch.report", lambda: GOOD.gpu(blocks=0)),
    "a leaf that its issuer did not sign": ("nvswitch.chain", _unsigned),
    "a leaf that is for other uses": (
        "nvswitch.chain",
        lambda: _leaf(extensions=(x.extension("2.5.29.15", x.tlv(0x03, b"\x05\x20"), critical=True), gpu.fwid())),
    ),
    "another root": ("nvswitch.root_pin", lambda: GOOD.gpu(tree=device().but(4, key=x.ec_key(666)))),
    "a leaf that has ended": ("nvswitch.cert_time", lambda: _leaf(**_LONG_AGO)),
    "a GPU": ("nvswitch.arch", lambda: GOOD.gpu(tree=gpu.device()).but(vbios=of_bios().but(product="GH100"))),
    "another architecture declared": ("nvswitch.arch", lambda: GOOD.gpu(architecture="HOPPER")),
    "another key": ("nvswitch.signature", lambda: GOOD.gpu(key=x.ec_key(668))),
    "another firmware, where it is stated": ("nvswitch.fwid", lambda: GOOD.gpu(fields={**stated(), 20: bytes(48)})),
    "a firmware that no certificate has": (
        "nvswitch.fwid",
        lambda: GOOD.gpu(fields={**stated(), 20: gpu.FIRMWARE}, tree=device().but(0, extensions=(_USAGE,))),
    ),
    "another challenge": ("nvswitch.nonce", lambda: GOOD.gpu(nonce=bytes(32))),
    "one switch twice": ("nvswitch.devices", lambda: GOOD.but(gpus=(one(), one()))),
    "a switch missing": ("nvswitch.devices", lambda: GOOD.but(policy=NvidiaPolicy(switches=4))),
    "a revoked chip": ("nvswitch.ocsp", lambda: _said(*_BROM, status=gpu.revoked(x.NOW - x.DAY))),
    "a chip on hold": ("nvswitch.ocsp", lambda: _said(*_BROM, status=gpu.revoked(x.NOW - x.DAY, 6))),
    "an edited manifest": (
        "nvswitch.vbios_rim",
        lambda: _bios(edit=lambda t: t.replace('edition="GPU"', 'edition="G"')),
    ),
    "a self-made manifest": ("nvswitch.vbios_rim_chain", lambda: _bios(tree=gpu.signer().but(3, key=x.ec_key(670)))),
    "a signer that has ended": ("nvswitch.vbios_rim_time", lambda: _bios(tree=gpu.signer().but(0, **_LONG_AGO))),
    "the manifest of another chip": ("nvswitch.vbios_rim_match", lambda: _bios(product="GH100")),
    "the manifest of another VBIOS": ("nvswitch.vbios_rim_match", lambda: _bios(version="96.10.55.00.02")),
    "a revoked signer": ("nvswitch.rim_ocsp", lambda: _said(*_RIM, status=gpu.revoked(x.NOW - x.DAY))),
    "a measurement that differs": ("nvswitch.measurement", lambda: GOOD.gpu(measurements={12: bytes(48)})),
    "a measurement that is not there": ("nvswitch.measurement", lambda: GOOD.gpu(blocks=12)),
}

GAPS: Mapping[str, tuple[str, Callable[[], Minted]]] = {
    "no certificate": ("nvswitch.chain", lambda: GOOD.but(chains=False)),
    "no challenge": ("nvswitch.nonce", lambda: GOOD.but(challenge=None)),
    "no answer about the chip": ("nvswitch.ocsp", lambda: GOOD.but(without=(_BROM[0].serial,))),
    "no answer about the signer": ("nvswitch.rim_ocsp", lambda: GOOD.but(without=(_RIM[0].serial,))),
    "no manifest": ("nvswitch.vbios_rim", lambda: GOOD.but(vbios=None)),
}
