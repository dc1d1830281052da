"""What hostile input for GPU evidence is made from: sound reports, lists, manifests and answers, and who reads them."""

import base64
import json
from dataclasses import replace

import minted_x509 as x
import nvidia_minting as gpu
import nvswitch_minting as switch

from strongroom.attest.verifier import Inputs, Verifier
from strongroom.kit import ocsp, xmldsig
from strongroom.kit.x509 import certificate
from strongroom.model.attest import Evidence
from strongroom.model.errors import BadInput


def reports() -> tuple[bytes, ...]:
    """A sound report."""
    return (gpu.Gpu().report(),)


def manifests() -> tuple[bytes, ...]:
    """A sound manifest of a driver."""
    return (gpu.of_driver().text(),)


def verified(octets: bytes) -> object:
    """The document of a manifest."""
    return xmldsig.verified(octets)


def answer(octets: bytes) -> object:
    """An answer about a certificate."""
    return ocsp.parse(octets)


def by_report(octets: bytes) -> tuple[Verifier, Inputs]:
    """Any report with the chain, the manifests and the answers of a sound one."""
    case = gpu.Minted(report=octets)
    return case.verifier(), case.inputs()


def switches() -> tuple[bytes, ...]:
    """A sound report of a switch."""
    return (switch.one().report(),)


def by_switch(octets: bytes) -> tuple[Verifier, Inputs]:
    """Any report with what is given beside a sound one of a switch."""
    case = switch.Minted(report=octets)
    return case.verifier(), case.inputs()


def by_list(octets: bytes) -> tuple[Verifier, Inputs]:
    """Any list with what is given beside a sound one."""
    case = gpu.Minted()
    parts = case.verifier().read(octets)
    return case.verifier(), replace(case.inputs(), evidence=Evidence(case.verifier().kind, parts, gpu.CHALLENGE))


def lists() -> tuple[bytes, ...]:
    """A sound list of one GPU."""
    one = gpu.Gpu()
    chain = b"".join(map(x.pem, one.tree.certificates))
    item = {"arch": "HOPPER", "evidence": base64.b64encode(one.report()).decode()}
    return (json.dumps([item | {"certificate": base64.b64encode(chain).decode()}]).encode(),)


def by_manifest(octets: bytes) -> tuple[Verifier, Inputs]:
    """A manifest in the place of the driver's; the caches of sound ones stay."""
    case = gpu.Minted(driver=None, manifests=(octets,))
    return case.verifier(), case.inputs()


def answers() -> tuple[bytes, ...]:
    """Sound answers: by the issuer, by a responder, of a revocation."""
    leaf, issuer = gpu.device().subjects[1:3]
    made = [gpu.Answer(leaf, issuer), gpu.Answer(leaf, issuer, responder=gpu.responder(), nonce=bytes(16))]
    return (*(a.octets() for a in made), gpu.Answer(leaf, issuer, status=gpu.revoked(x.NOW, 6)).octets())


def judged_answer(found: object) -> None:
    """Ask an answer all that a verifier asks it."""
    assert isinstance(found, ocsp.Response)
    leaf, issuer = map(certificate.parse, gpu.device().certificates[1:3])
    for answer in found.answers:
        answer.is_about(leaf, issuer)
        ocsp.trouble(answer, x.NOW)
    try:
        ocsp.verify_response(found, issuer, x.NOW)
    except BadInput:
        return
