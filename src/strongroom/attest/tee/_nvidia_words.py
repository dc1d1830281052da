"""What evidence of GPUs and switches says: as claims for programs, as fields for people.

Beside the normalised claims each device has those of NVIDIA's claims version 3, under NVIDIA's names.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from strongroom.attest.steps import Outcome, failed
from strongroom.attest.tee import _nvidia_chain as steps
from strongroom.attest.tee import _nvidia_measured as measured
from strongroom.attest.tee import _nvidia_reading as reading
from strongroom.attest.tee import _nvidia_report as reports
from strongroom.attest.tee._nvidia_case import Case, Gpu
from strongroom.attest.tee._nvidia_report import Report
from strongroom.attest.tee._nvidia_rim import Manifest
from strongroom.attest.verifier import Conclusion, Field
from strongroom.kit.x509.certificate import Certificate
from strongroom.model.attest import Evidence, Json, StepVerdict
from strongroom.model.errors import BadInput

_X, _S = "x-nvidia-gpu", "x-nvidia-switch"
_OEM = "5703"  # NVIDIA's number at IANA
_TEXTS = (reports.DRIVER, reports.CHIP_SKU, reports.PROJECT, reports.PROJECT_SKU)


def conclude(c: Case) -> Conclusion:
    """What is said beside the steps. The verdict ends with the first certificate or answer that ends."""
    ends = [x.not_after for g in c.gpus for x in _certificates(g)]
    ends += [a.next_update for r in c.responses for a in r.answers if a.next_update is not None]
    names = [g.ueid for g in c.gpus if g.ueid]
    claims: dict[str, Json] = {}
    if any(g.report.size for g in c.gpus):
        claims = {
            "hardware": {
                "vendor": "NVIDIA",
                "product": ", ".join(dict.fromkeys(g.product for g in c.gpus if g.product)),
            },
            "ueids": list(names),
            "switches" if c.family.switch else "gpus": [_claims(c, g) for g in c.gpus],
            "nvidia.devices": [_device(c, g) for g in c.gpus],
        }
    kind = "nvswitch" if c.family.switch else "nvidia"
    subject = f"{kind}:{names[0]}" if len(names) == 1 else f"{kind}:{len(c.gpus)} {c.family.nouns}" if names else ""
    return Conclusion(subject, claims, tuple(x for x in ends if x > c.inputs.now))


def _device(c: Case, g: Gpu) -> Json:
    """A device as composition sees it: which one it is, and by which numbers it names those that it is linked to.

    A switch states its own number; a GPU states only those of its switches, so its `pdi` is empty.
    """
    r, switch = g.report, c.family.switch
    return {
        "name": g.name,
        "kind": "switch" if switch else "gpu",
        "ueid": g.ueid,
        "architecture": c.family.chips.get(g.product, ""),
        "mode": "" if switch else r.mode,
        "nonce": r.nonce.hex(),
        "pdi": r.own_number if switch else "",
        "peers": list(r.linked if switch else r.switches),
    }


def _certificates(g: Gpu) -> Iterator[Certificate]:
    yield from g.chain
    for held in (g.driver, g.vbios):
        yield from held.certificates if held else ()


def _claims(c: Case, g: Gpu) -> dict[str, Json]:
    r = g.report
    return {
        "name": g.name,
        "ueid": g.ueid,
        "product": g.product,
        "architecture": c.family.chips.get(g.product, ""),
        **({} if c.family.switch else {"driver": r.driver, "mode": r.mode}),
        "vbios": r.vbios,
        "nonce": r.nonce.hex(),
        "fwid": r.fields.get(reports.FWID, b"").hex(),
        "measurements": {str(n - 1): value.hex() for n, value in sorted(r.measurements.items())},
        "nvidia": _of_switch(c, g) if c.family.switch else _nvidia(c, g),
    }


Judge = Callable[[Case], Outcome]


def _holds(judge: Judge, alone: Case) -> bool | None:
    """What a step comes to for one GPU; None where it was not checked."""
    verdict = _outcome(judge, alone).verdict
    return None if verdict is StepVerdict.NOT_CHECKED else verdict is StepVerdict.PASS


def _outcome(judge: Judge, alone: Case) -> Outcome:
    try:
        return judge(alone)
    except BadInput as e:
        return failed(e.found, e.wanted)


def _nvidia(c: Case, g: Gpu) -> dict[str, Json]:
    """NVIDIA's claims version 3; those of its service, such as issuer and times of a token, are not made up."""
    alone = _alone(c, g)
    found = _common(alone, g, _X) | {
        "oemid": _OEM,
        f"{_X}-driver-version": g.report.driver,
        f"{_X}-vbios-version": g.report.vbios,
        f"{_X}-vbios-index-no-conflict": _holds(measured.conflict, alone) is True,
    }
    for name, held, path, fits in (
        ("driver", g.driver, (measured.driver_chain, measured.driver_time), measured.driver_fits),
        ("vbios", g.vbios, (measured.vbios_chain, measured.vbios_time), measured.vbios_fits),
    ):
        signed = measured.driver if name == "driver" else measured.vbios
        here = f"{_X}-{name}-rim"
        found |= {
            f"{here}-{what}": held is not None for what in ("fetched", "schema-validated", "measurements-available")
        }
        found[f"{here}-signature-verified"] = _holds(signed, alone) is True
        found[f"{here}-version-match"] = _holds(fits, alone) is True
        found[f"{here}-cert-chain"] = _chain(held.certificates if held else (), path, _answers(held), alone)
    return found


def _alone(c: Case, g: Gpu) -> Case:
    return replace(c, gpus=(g,))


def _common(alone: Case, g: Gpu, prefix: str) -> dict[str, Json]:
    """What GPUs and switches have alike, under their own prefixes."""
    matches = _holds(measured.measurement, alone)
    chain = (steps.chain, steps.root_pin, steps.cert_time)
    found: dict[str, Json] = {
        "ueid": g.ueid,
        "hwmodel": g.chain[1].common_name if len(g.chain) > 1 else "",
        "eat_nonce": g.report.nonce.hex(),
        "measres": {True: "success", False: "fail", None: "absent"}[matches],
        "secboot": True if matches else None,
        "dbgstat": "disabled" if matches else None,
        f"{prefix}-attestation-report-cert-chain": _chain(g.chain, chain, steps.revocation, alone),
    }
    return found | {f"{prefix}-{name}": _holds(judge, alone) is True for name, judge in _SIMPLE.items()}


def _of_switch(c: Case, g: Gpu) -> dict[str, Json]:
    """NVIDIA's claims version 3 of a switch. What no firmware states, NVIDIA's service counts as a match."""
    alone, here, held = _alone(c, g), f"{_S}-bios-rim", g.vbios
    available = ("fetched", "schema-validated", "measurements-available")
    path = (measured.vbios_chain, measured.vbios_time)
    return _common(alone, g, _S) | {
        "oemid": None,
        f"{_S}-bios-version": g.report.vbios,
        f"{_S}-pdi": g.report.own_number.upper(),
        f"{_S}-gpu-pdis": [one.upper() for one in g.report.linked],
        f"{_S}-attestation-report-cert-chain-fwid-match": _holds(steps.firmware, alone) is not False,
        **{f"{here}-{what}": held is not None for what in available},
        f"{here}-signature-verified": _holds(measured.vbios, alone) is True,
        f"{here}-version-match": _holds(measured.vbios_fits, alone) is True,
        f"{here}-cert-chain": _chain(held.certificates if held else (), path, _answers(held), alone),
    }


def _answers(held: Manifest | None) -> Judge:
    return lambda alone: steps.stands(alone, held.certificates if held else ())


_SIMPLE: Mapping[str, Judge] = {
    "arch-check": steps.architecture,
    "attestation-report-parsed": steps.report,
    "attestation-report-nonce-match": steps.nonce,
    "attestation-report-signature-verified": steps.signature,
    "attestation-report-cert-chain-fwid-match": steps.firmware,
}


def _chain(chain: Sequence[Certificate], judges: Sequence[Judge], answers: Judge, alone: Case) -> dict[str, Json]:
    """What NVIDIA's claims say of a chain."""
    if not chain:
        return {}
    good = all(_holds(judge, alone) is True for judge in judges)
    said = _outcome(answers, alone)
    status = {StepVerdict.PASS: "good", StepVerdict.FAIL: "revoked"}.get(said.verdict, "unknown")
    if said.verdict is StepVerdict.FAIL and "since" not in said.found:
        status = "unknown"
    expires = min(c.not_after for c in chain)
    return {
        "x-nvidia-cert-status": "valid" if good else "invalid",
        "x-nvidia-cert-ocsp-status": status,
        "x-nvidia-cert-expiration-date": f"{expires:%Y-%m-%dT%H:%M:%SZ}",
        "x-nvidia-cert-revocation-reason": said.found if status == "revoked" else None,
    }


def fields(evidence: Evidence) -> Iterator[Field]:
    """The fields of every report, in the order that they have in it."""
    for part in evidence.parts:
        if part.media_type != reading.MEDIA_TYPE:
            continue
        name = f"{'switch' if evidence.kind == 'nvswitch' else 'gpu'}{part.name.rpartition('.')[2]}"
        try:
            r = reports.parse(part.data)
        except BadInput:
            continue
        yield Field(f"{name}.nonce", 4, reports.NONCE_SIZE, r.nonce.hex(), "the challenge")
        for n, value in sorted(r.measurements.items()):
            yield Field(f"{name}.measurement.{n - 1}", -1, len(value), value.hex(), "" if any(value) else "zeros")
        yield Field(f"{name}.answered_nonce", -1, reports.NONCE_SIZE, r.answered_nonce.hex(), "the GPU's own")
        for kind, value in r.fields.items():
            known = reports.FIELD_NAMES.get(kind, str(kind))
            yield Field(f"{name}.{known}", -1, len(value), value[:48].hex(), _meaning(r, kind))
        yield Field(f"{name}.signature", len(r.signed), reports.SIGNATURE_SIZE, r.signature.hex())


def _meaning(r: Report, kind: int) -> str:
    if kind == reports.VBIOS:
        return r.vbios
    if kind in (reports.PPCIE, reports.FLAG):
        return f"mode {r.mode}"
    return r.text(kind) if kind in _TEXTS else ""
