"""Measure a trust domain."""

import click

from strongroom.cli.commands.attest.measure import _options as options


@click.command("tdx", short_help="Compute MRTD of a firmware, RTMR0-3 of an event log.")
@click.option("--firmware", metavar="FILE", help="The firmware that the host loads: OVMF with TDX metadata.")
@click.option("--event-log", metavar="FILE", help="The log of a trusted guest: /sys/firmware/acpi/tables/data/CCEL.")
@click.option(
    "--order", type=click.Choice(["page", "section"]), default="page", show_default=True, help="How the host measures."
)
@options.keeps
def COMMAND(firmware: str | None, event_log: str | None, order: str, **rest: object) -> None:
    """Compute MRTD from the firmware that a host loads, and RTMR0 to RTMR3 by replaying an event log.

    Hosts with some early patches of KVM measure section by section: name --order section for them.
    """
    from strongroom.app.measure import tdx
    from strongroom.cli.run import finish
    from strongroom.kit.tdvf import Order

    to = options.kept(rest)
    finish(lambda: options.keep(tdx(firmware, event_log, Order(order)).only(to.register), to), debug=to.debug)
