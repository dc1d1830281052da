"""The kernel's log as it is read: drivers' errors, marks, and what was lost."""

from pathlib import Path

import pytest

from strongroom.model.errors import GpuError
from strongroom.model.handover import Mark
from strongroom.scrub import kernel_log

LOG = """\
6,100,5000,-;usb 1-1: new device
4,101,5001,-;NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.
3,102,5002,-;amdgpu 0000:83:00.0: amdgpu: GPU reset begin!
4,103,5003,-;NVRM: Xid (PCI:00000000:86:00 GPU-I:01): 31, pid=77, name=python, Ch 00000008
 SUBSYSTEM=pci
4,104,5004,-;something that says NVRM: Xid but no number
what is no record
"""


def test_errors_are_found_after_a_mark(tmp_path: Path) -> None:
    """Numbers and devices of both vendors; what was read up to a mark of the same boot is not told again."""
    log = tmp_path / "kmsg"
    log.write_text(LOG)
    read = kernel_log.since(Mark(), "b1", log)
    assert [(x.bus, x.number) for x in read.xids] == [("0000:3b:00", 79), ("0000:83:00", 0), ("0000:86:00", 31)]
    assert read.mark == Mark("b1", 104)
    assert kernel_log.since(read.mark, "b1", log) == ((), Mark("b1", 104), "")
    assert len(kernel_log.since(Mark("b1", 102), "b1", log).xids) == 1
    assert len(kernel_log.since(read.mark, "b2", log).xids) == 3  # another boot counts from the beginning


def test_records_that_were_overwritten_are_told(tmp_path: Path) -> None:
    """A log that goes on after a hole may have had errors in it."""
    log = tmp_path / "kmsg"
    log.write_text(LOG)
    assert "records 41 to 99" in kernel_log.since(Mark("b1", 40), "b1", log).lost
    assert kernel_log.since(Mark("b1", 99), "b1", log).lost == ""


def test_a_log_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """No log is not a log without errors."""
    with pytest.raises(GpuError, match="the kernel's log"):
        kernel_log.since(Mark(), "b1", tmp_path / "none")
    with pytest.raises(GpuError, match="the boot's own id"):
        kernel_log.boot(tmp_path / "none")


def test_this_machine_has_a_boot() -> None:
    """The kernel names each boot."""
    assert len(kernel_log.boot()) == 36
