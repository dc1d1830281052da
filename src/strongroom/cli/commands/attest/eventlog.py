"""What a machine measured when it started."""

import click


@click.command("eventlog", short_help="Replay an event log: registers of every bank, and every event in words.")
@click.argument("log", metavar="LOG")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(log: str, format_: str, debug: bool) -> None:
    """Replay LOG, a TPM's event log or a CCEL, and tell every event.

    On Linux it is /sys/kernel/security/tpm0/binary_bios_measurements, or /sys/firmware/acpi/tables/data/CCEL. A log
    proves nothing by itself: compare the registers with those of a quote (`attest verify`).
    """
    from strongroom.app.event_log import replayed
    from strongroom.cli.event_log_views import lines
    from strongroom.cli.run import finish, write

    def work() -> int:
        write(lines(replayed(log), format_), None)
        return 0

    finish(work, debug=debug)
