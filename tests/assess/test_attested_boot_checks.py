"""The checks of measured boot and of attested GPUs, each where it passes, fails, cannot tell and does not apply."""

import pytest

import synthetic
from strongroom.app.catalogue import catalogue
from strongroom.assess.judge import judge
from strongroom.model.codes import Status
from strongroom.model.kinds import Kind
from strongroom.model.values import Value

P, F, U, N = Status.PASS, Status.FAIL, Status.UNKNOWN, Status.NOT_APPLICABLE
A = "attest."
TPM = tuple(
    f"tpm.{s}"
    for s in [
        "signature",
        "ak_certified",
        "ak_attributes",
        "extra_data",
        "pcr_digest",
        "event_log",
        "secure_boot",
        "dbx",
        "measurement",
    ]
)
GPU = tuple(
    f"nvidia.{s}"
    for s in ["chain", "root_pin", "signature", "nonce", "ocsp", "mode", "driver_rim", "vbios_rim", "measurement"]
)
NODE = tuple(f"composite.{s}" for s in ("root_bound", "devices_bound", "unique", "count", "topology"))
BOOT: dict[str, Value] = {
    A + "kind": "tpm",
    A + "kinds": ("tpm",),
    A + "failed": (),
    A + "not_checked": (),
    A + "checked": TPM,
    A + "secure_boot": True,
    A + "at": synthetic.NOW.isoformat(),
    A + "devices": (),
}
WHOLE: dict[str, Value] = {
    A + "kind": "composite",
    A + "kinds": ("nvidia", "nvswitch", "snp"),
    A + "failed": (),
    A + "not_checked": (),
    A + "checked": (*GPU, *NODE, "snp.root_pin", "nvswitch.root_pin"),
    A + "devices": ("gpu 1", "gpu 2", "switch 3"),
}


def but(base: dict[str, Value], **changes: Value) -> dict[str, Value]:
    """The facts with others."""
    return base | {A + name: value for name, value in changes.items()}


def without(steps: tuple[str, ...], name: str) -> tuple[str, ...]:
    """The steps but one."""
    return tuple(s for s in steps if s != name)


SNP = {"kinds": ("snp",), "checked": ("snp.root_pin",)}
CASES: list[tuple[str, dict[str, Value], Status]] = [
    ("boot.attested.secure-boot", BOOT, P),
    ("boot.attested.secure-boot", but(BOOT, secure_boot=False), F),
    ("boot.attested.secure-boot", but(BOOT, failed=("tpm.secure_boot",)), F),
    ("boot.attested.secure-boot", but(BOOT, failed=("tpm.event_log",)), F),
    ("boot.attested.secure-boot", but(BOOT, kinds=("snp",)), N),
    ("boot.attested.secure-boot", {k: v for k, v in BOOT.items() if k != A + "secure_boot"}, U),
    ("boot.attested.dbx", BOOT, P),
    ("boot.attested.dbx", but(BOOT, failed=("tpm.dbx",)), F),
    ("boot.attested.dbx", but(BOOT, checked=without(TPM, "tpm.dbx")), U),
    ("boot.attested.dbx", but(BOOT, **SNP), N),
    ("boot.attested.quote", BOOT, P),
    ("boot.attested.quote", but(BOOT, failed=("tpm.ak_certified",)), F),
    ("boot.attested.quote", but(BOOT, checked=without(TPM, "tpm.extra_data")), U),
    ("boot.attested.quote", but(BOOT, **SNP), N),
    ("boot.attested.log", BOOT, P),
    ("boot.attested.log", but(BOOT, failed=("tpm.event_log",)), F),
    ("boot.attested.log", but(BOOT, checked=without(TPM, "tpm.event_log")), U),
    ("boot.attested.log", but(BOOT, **SNP), N),
    ("boot.attested.ima", but(BOOT, checked=(*TPM, "tpm.ima")), P),
    ("boot.attested.ima", but(BOOT, failed=("tpm.ima",)), F),
    ("boot.attested.ima", but(BOOT, not_checked=("tpm.ima",)), F),
    ("boot.attested.ima", BOOT, N),
    ("boot.attested.known", BOOT, P),
    ("boot.attested.known", but(BOOT, failed=("tpm.measurement",)), F),
    ("boot.attested.known", but(BOOT, failed=("tpm.boot_events",)), F),
    ("boot.attested.known", but(BOOT, checked=without(TPM, "tpm.measurement")), U),
    ("boot.attested.known", but(BOOT, **SNP), N),
    ("boot.attested.fresh", BOOT, P),
    ("boot.attested.fresh", but(BOOT, at="2020-01-01T00:00:00+00:00"), F),
    ("boot.attested.fresh", but(BOOT, at="2099-01-01T00:00:00+00:00"), F),
    ("boot.attested.fresh", but(BOOT, at="yesterday"), U),
    ("boot.attested.fresh", but(BOOT, kinds=("nvidia",)), N),
    ("tee.gpu.attested", WHOLE, P),
    ("tee.gpu.attested", but(WHOLE, failed=("nvidia.mode",)), F),
    ("tee.gpu.attested", but(WHOLE, checked=without(GPU, "nvidia.ocsp")), U),
    ("tee.gpu.attested", but(WHOLE, kinds=("snp",)), N),
    ("tee.gpu.bound", WHOLE, P),
    ("tee.gpu.bound", but(WHOLE, kind="nvidia", kinds=("nvidia",)), F),
    ("tee.gpu.bound", but(WHOLE, kinds=("nvidia", "tpm")), F),
    ("tee.gpu.bound", but(WHOLE, failed=("composite.devices_bound",)), F),
    ("tee.gpu.bound", but(WHOLE, checked=GPU), U),
    ("tee.gpu.bound", but(WHOLE, devices=()), N),
    ("tee.gpu.fabric", WHOLE, P),
    ("tee.gpu.fabric", but(WHOLE, devices=("gpu 1", "gpu 2")), F),
    ("tee.gpu.fabric", but(WHOLE, failed=("composite.topology",)), F),
    ("tee.gpu.fabric", but(WHOLE, checked=GPU), U),
    ("tee.gpu.fabric", but(WHOLE, devices=("gpu 1",)), N),
    ("art.component.vendor-root", WHOLE, P),
    ("art.component.vendor-root", but(WHOLE, failed=("nvidia.root_pin",)), F),
    ("art.component.vendor-root", but(WHOLE, checked=GPU), U),
    ("art.component.vendor-root", BOOT, N),
]


@pytest.mark.parametrize(("check", "values", "status"), CASES)
def test_a_recorded_boot_is_judged(check: str, values: dict[str, Value], status: Status) -> None:
    """What was verified passes, a step that failed fails, and one that nobody checked is no pass."""
    asset = synthetic.asset(Kind.HOST, values)
    assert judge(catalogue().checks[check], asset, synthetic.NOW).status is status
