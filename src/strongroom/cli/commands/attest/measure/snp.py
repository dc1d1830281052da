"""Measure an SEV-SNP guest."""

import click

from strongroom.cli.commands.attest.measure import _options as options

_FEATURES = "SEV_FEATURES of the guest, hexadecimal; each that may occur [default: 0x1]."


@click.command("snp", short_help="Compute the launch digest of an SEV-SNP guest.")
@click.option("--ovmf", required=True, metavar="FILE", help="The guest's firmware, built for SEV-SNP.")
@click.option("--kernel", default="", metavar="FILE", help="The kernel, where the firmware measures it.")
@click.option("--initrd", default="", metavar="FILE", help="The initial ramdisk that goes with it.")
@click.option("--append", default="", metavar="TEXT", help="The kernel's command line.")
@click.option(
    "--vcpus", multiple=True, required=True, type=click.IntRange(1, 4096), help="How many; each that may occur."
)
@click.option("--vcpu-type", default="", metavar="TYPE", help="QEMU's type of vCPU, such as EPYC-Milan.")
@click.option("--guest-features", multiple=True, default=("0x1",), metavar="HEX", help=_FEATURES)
@click.option("--vmm", default="qemu", show_default=True, metavar="NAME", help="The hypervisor: qemu, ec2 or gce.")
@options.keeps
def COMMAND(
    ovmf: str,
    kernel: str,
    initrd: str,
    append: str,
    vcpus: tuple[int, ...],
    vcpu_type: str,
    guest_features: tuple[str, ...],
    vmm: str,
    **rest: object,
) -> None:
    """Compute the MEASUREMENT that reports of a guest will have, for each number of vCPUs with each set of features.

    It needs the extra [measure]. Without --kernel the digest covers the firmware alone: what that boots is not in it.
    """
    from strongroom.app.measure import sev_snp
    from strongroom.cli.run import finish

    to = options.kept(rest)

    def work() -> int:
        features = tuple(options.hexadecimal("--guest-features", f) for f in guest_features)
        measured = sev_snp(
            ovmf=ovmf,
            kernel=kernel,
            initrd=initrd,
            append=append,
            vcpu_type=vcpu_type,
            vmm=vmm,
            vcpus=vcpus,
            features=features,
        )
        return options.keep(measured.only(to.register), to)

    finish(work, debug=to.debug)
