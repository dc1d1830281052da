"""What a machine's accelerator driver opens beside its memory: device files, channels, archives, options on disk."""

from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

_MODPROBE = "/etc/modprobe.d/nvidia-strongroom.conf"
_REBOOT = "update-initramfs -u || dracut --force; systemctl reboot"


@check(
    id="gpu.host.device-files-restricted",
    title="Not every user of the machine may open its GPUs",
    clause="GPU-07.only-approved-manage",
    kinds=(Kind.HOST,),
    needs=("gpu.device_mode",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Give the device files to a group, or have the scheduler constrain devices by cgroup.",
        (
            (_MODPROBE, "options nvidia NVreg_DeviceFileMode=0660 NVreg_DeviceFileGID=<gid of the group>"),
            ("/etc/slurm/cgroup.conf", "ConstrainDevices=yes"),
        ),
        command=_REBOOT,
        verify="ls -l /dev/nvidia* shows no right for others, or a job without a GPU cannot open them",
        effort=Effort.MEDIUM,
    ),
    broken="the driver gives its device files the rights {mode}, and no scheduler keeps jobs from them",
)
def device_files(v: View) -> Answer:
    """Who can open the device file can use the GPU around the scheduler, beside the job that it was given to. A cgroup
    of a job that lists its devices closes them whatever their rights are; containers have one.
    """
    if v.raw("gpu.device_mode") is None:
        return not_applicable("the driver does not make its device files")
    mode = v.text("gpu.device_mode")
    if not mode or not set(mode) <= set("01234567"):
        return unknown(Unknown(GapCode.MALFORMED, f"gpu.device_mode: {mode[:20]!r} are no rights in octal"))
    if not int(mode, 8) & 0o006:
        return holds()
    kept = v.raw("slurm.constrains_devices") if v.has("slurm.constrains_devices") else False
    if isinstance(kept, Unknown):
        v.flag("slurm.constrains_devices")
    schedulers = v.raw("host.schedulers") if v.has("host.schedulers") else ()
    if isinstance(schedulers, Unknown):
        v.texts("host.schedulers")
    by_container = isinstance(schedulers, tuple) and "kubernetes" in schedulers and "slurm" not in schedulers
    return holds() if kept or by_container else broken(mode=mode)


@check(
    id="gpu.host.no-default-channel",
    title="The driver makes no memory channel that all users share",
    clause="GPU-07.only-approved-manage",
    kinds=(Kind.HOST,),
    needs=("gpu.imex_channel0",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Let the scheduler make a channel for each job (Slurm's switch plugin, the DRA driver's compute domains).",
        ((_MODPROBE, "options nvidia NVreg_CreateImexChannel0=0"),),
        command=_REBOOT,
        verify="grep CreateImexChannel0 /proc/driver/nvidia/params prints 0",
    ),
    broken="IMEX channel 0 is made at every load, for everybody: users of one fabric can import each other's memory",
)
def default_channel(v: View) -> bool:
    """Channels are how the driver keeps users apart who export GPU memory across NVLink between machines; all who can
    open channel 0 are one user to it.
    """
    return not v.flag("gpu.imex_channel0")


@check(
    id="gpu.host.no-bug-reports",
    title="No archive of nvidia-bug-report.sh lies on the machine",
    clause="GPU-05.dumps-off-or-encrypted",
    kinds=(Kind.HOST,),
    needs=("dump.bug_reports",),
    severity=Severity.LOW,
    fix=Fix(
        "Hand the archives to whoever asked for them over a channel that you trust, and delete them.",
        command="rm -f /root/nvidia-bug-report*.gz /var/log/nvidia-bug-report*.gz",
        verify="ls /nvidia-bug-report* /root/nvidia-bug-report* /tmp/nvidia-bug-report* /var/log/nvidia-bug-report* finds nothing",
    ),
    broken="archives that hold logs, settings and processes of every tenant: {files}",
)
def bug_reports(v: View) -> Answer:
    """The script gathers the kernel's log, the driver's state, processes with their arguments and dumps of registers,
    and leaves them where it was run.
    """
    files = v.texts("dump.bug_reports")
    more = f" and {len(files) - 4} more" if len(files) > 4 else ""
    return broken(files=", ".join(files[:4]) + more) if files else holds()


@check(
    id="gpu.host.library-of-driver",
    title="NVIDIA's library is of the driver that is loaded",
    clause="GPU-06.patched",
    kinds=(Kind.HOST,),
    needs=("gpu.library", "gpu.driver"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Drain the machine and reboot it; where only the library is old, update its package.",
        command="systemctl reboot",
        verify="nvidia-smi --version shows one version for NVML and the driver",
    ),
    broken="the library is of {library}, the loaded driver is {driver}: nothing on the machine can ask its GPUs",
)
def library_of_driver(v: View) -> Answer:
    """An update that was installed and not loaded leaves a library that the driver refuses; until the reboot the old
    driver runs, and no tool sees the GPUs any more.
    """
    library, driver = v.text("gpu.library"), v.text("gpu.driver")
    if not driver:
        return not_applicable("no NVIDIA driver is loaded")
    # The library leaves out the last part of its version in some branches: 580.65 is of 580.65.06.
    short, whole = library.split("."), driver.split(".")
    return holds() if short == whole[: len(short)] else broken(library=library, driver=driver)


@check(
    id="gpu.host.options-sound",
    title="The driver's options on disk do not weaken it",
    clause="GPU-07.only-approved-manage",
    kinds=(Kind.HOST,),
    needs=("gpu.options_weak",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Take the options out, and write the initial file system again.",
        command="grep -rn 'options nvidia' /etc/modprobe.d /usr/lib/modprobe.d; update-initramfs -u || dracut --force",
        verify="grep -rn NVreg_ /etc/modprobe.d /usr/lib/modprobe.d shows none of them",
    ),
    broken="when the driver is loaded next it gets {options}",
)
def options_sound(v: View) -> Answer:
    """The loaded driver shows what holds now; a file of modprobe decides what holds after the next reboot, when nobody
    looks.
    """
    options = v.texts("gpu.options_weak")
    return broken(options=", ".join(options)) if options else holds()


CHECKS = (device_files, default_channel, bug_reports, library_of_driver, options_sound)
