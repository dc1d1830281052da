"""What a device measures to, by the manifests of its driver and its VBIOS, step by step."""

from collections.abc import Callable

from strongroom.attest import matching
from strongroom.attest.steps import Outcome, failed, passed, unchecked
from strongroom.attest.tee import _nvidia_rim as rims
from strongroom.attest.tee._nvidia_case import Case, Gpu, each
from strongroom.attest.tee._nvidia_chain import stands
from strongroom.attest.tee._nvidia_rim import Manifest
from strongroom.kit import xmldsig
from strongroom.kit.x509.chains import verify_chain
from strongroom.model.attest import StepVerdict

_RIM = "give the manifest, which rim.attestation.nvidia.com publishes, with --endorsements"
_DECODER = 35  # the video decoder's firmware, which is measured only where the decoder is on

Rule = Callable[[Case, Gpu, Manifest], Outcome]


def _of(gpu: Gpu, kind: str) -> tuple[Manifest | None, str]:
    """The manifest of a GPU's driver or VBIOS, and the version that it should be of."""
    return (gpu.driver, gpu.report.driver) if kind == rims.DRIVER else (gpu.vbios, gpu.report.vbios)


def _with(kind: str, rule: Rule) -> Callable[[Case], Outcome]:
    """A step on the manifest of a kind; not checked where there is none."""

    def judge(c: Case, g: Gpu) -> Outcome:
        held, version = _of(g, kind)
        if held is None:
            why = f"unknown reference: no manifest of {kind} {version or 'unknown'} among {c.named} at hand"
            return unchecked(why, f"the signed manifest of {kind} {version}", _RIM)
        return rule(c, g, held)

    return each(judge)


def _signed(_: Case, __: Gpu, held: Manifest) -> Outcome:
    xmldsig.verified(held.data)
    return passed(f"{held.product} {held.version}", "a manifest that its signer has signed")


def _chain(c: Case, _: Gpu, held: Manifest) -> Outcome:
    wanted = "a chain from the signer to the pinned root of NVIDIA's manifests"
    verify_chain(held.certificates)
    root = held.certificates[-1]
    if root.fingerprint not in c.rim_roots:
        found = f"{root.common_name}, sha256 {root.fingerprint}"
        return failed(found, wanted, "it is not NVIDIA's: whoever made it can make any manifest")
    return passed(" < ".join(x.common_name for x in held.certificates), wanted)


def _time(c: Case, _: Gpu, held: Manifest) -> Outcome:
    return matching.valid_now(held.certificates, c.inputs.now)


def _fits(kind: str) -> Rule:
    def rule(_: Case, g: Gpu, held: Manifest) -> Outcome:
        version = _of(g, kind)[1]
        wanted = f"the manifest of {g.product} {version}"
        if held.version.lower() != version.lower() or held.product != g.product:
            return failed(f"one of {held.product} {held.version}", wanted, _RIM)
        return passed(f"{held.product} {held.version}", wanted)

    return rule


def _revocation(c: Case, g: Gpu) -> Outcome:
    """No certificate of the manifests has been revoked."""
    held = [m for m in (g.driver, g.vbios) if m is not None]
    if not held:
        return unchecked("no manifest at hand", "current answers about its certificates", _RIM)
    outcomes = [stands(c, m.certificates) for m in held]
    return next((o for o in outcomes if o.verdict is not StepVerdict.PASS), outcomes[0])


def _conflict(_: Case, g: Gpu) -> Outcome:
    """No measurement is both the driver's and the VBIOS's: one could stand in for the other."""
    wanted = "every index in one manifest only"
    if g.driver is None or g.vbios is None:
        return unchecked("a manifest is missing", wanted, _RIM)
    both = sorted(g.driver.measured.keys() & g.vbios.measured.keys())
    if both:
        return failed(f"index {', '.join(map(str, both))} in both", wanted)
    return passed("none in both", wanted)


def differing(gpu: Gpu, held: Manifest) -> tuple[int, ...]:
    """The numbers of a manifest that the report has with none of its values. The report numbers from 1."""
    measured = gpu.report.measurements
    skipped = {_DECODER} if gpu.report.decoder_off else set()
    return tuple(
        i for i, values in sorted(held.measured.items()) if i not in skipped and measured.get(i + 1) not in values
    )


def _measurement(c: Case, g: Gpu) -> Outcome:
    """Every measurement that a manifest speaks of is one of its values. A switch has no driver that it measures."""
    wanted = (
        f"every measurement as the manifest{' of VBIOS has' if c.family.switch else 's of driver and VBIOS have'} it"
    )
    held = [(kind, m) for kind, m in ((rims.DRIVER, g.driver), (rims.VBIOS, g.vbios)) if m is not None]
    wrong = [f"{kind} index {i}" for kind, m in held for i in differing(g, m)]
    if wrong:
        named = ", ".join(wrong[:12])
        return failed(
            f"{len(wrong)} differ: {named}", wanted, "what runs is not what NVIDIA published for these versions"
        )
    if len(held) < (1 if c.family.switch else 2):
        return unchecked("unknown reference: a manifest is missing", wanted, _RIM)
    return passed(f"{sum(len(m.measured) for _, m in held)} measurements", wanted)


driver, vbios = _with(rims.DRIVER, _signed), _with(rims.VBIOS, _signed)
driver_chain, vbios_chain = _with(rims.DRIVER, _chain), _with(rims.VBIOS, _chain)
driver_time, vbios_time = _with(rims.DRIVER, _time), _with(rims.VBIOS, _time)
driver_fits, vbios_fits = _with(rims.DRIVER, _fits(rims.DRIVER)), _with(rims.VBIOS, _fits(rims.VBIOS))
revocation, conflict, measurement = each(_revocation), each(_conflict), each(_measurement)
