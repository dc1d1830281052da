"""A log may be edited where no digest looks: whoever vouched for an image must not be hidden that way."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import tpm_minting as m

from strongroom.kit import ccel, secure_boot

STRANGER = m.secure_boot(by=m.certificate("Bootkit CA", 799))
SOUND = m.secure_boot()


def last(**fields: object) -> Callable[[m.Measured], m.Measured]:
    """An event told otherwise, that measured what it had measured."""
    return lambda e: replace(e, of=e.data if e.of is None else e.of, **fields)  # type: ignore[arg-type] # its fields


HIDING: dict[str, Callable[[m.Measured], m.Measured]] = {
    "other words": last(data=bytes(465)),
    "no words": last(data=b""),
    "another authority's words": last(data=SOUND[-1].data),
    "a remark of a boot loader": last(type=0x0D),
    "an action": last(type=0x80000007),
    "a separator": last(type=0x04),
    "a setting": last(type=0x80000001),
    "another type and other words": last(type=0x0D, data=b"grub"),
    "an older shim's form with other words": last(data=STRANGER[-1].data[:-4] + bytes(10)),
}


def faults(events: tuple[m.Measured, ...]) -> tuple[str, ...]:
    """What speaks against a boot."""
    return secure_boot.faults(secure_boot.state(ccel.parse(m.log_of(events)), 0x0B))


def test_a_stranger_is_seen_and_a_sound_boot_is_sound() -> None:
    """An image that was started by what db does not hold is told, and a sound boot has no fault."""
    assert faults(SOUND) == ()
    assert any("what db does not hold" in f for f in faults(STRANGER))


@pytest.mark.parametrize("hide", HIDING.values(), ids=HIDING)
@pytest.mark.parametrize("events", [SOUND, STRANGER], ids=["sound", "stranger"])
def test_an_authority_that_is_told_otherwise_is_a_fault(
    events: tuple[m.Measured, ...], hide: Callable[[m.Measured], m.Measured]
) -> None:
    """An authority under another type, or with words that were not measured, is a fault and never silence."""
    changed = (*events[:-1], hide(events[-1]))
    if m.log_of(changed) != m.log_of(events):
        assert m.extended(changed) == m.extended(events)
        assert faults(changed)


def test_the_form_of_older_shims_is_read() -> None:
    """A certificate as older shims measured it counts as who vouched, and is held against db."""

    def told(der: bytes) -> tuple[m.Measured, ...]:
        whole = m.variable(m._SECURITY, "db", der) + bytes(5) + b"\xaf"
        return (*SOUND[:-1], m.Measured(7, 0x800000E0, whole, of=whole[:-1]))

    assert faults(told(m.DB_KEY)) == ()
    assert any("what db does not hold" in f for f in faults(told(m.certificate("Bootkit CA", 799))))
