"""Scrub GPUs."""

import click

from strongroom.cli.commands.scrub import _options as options


@click.command("run", short_help="Read, overwrite, verify and log the memory of GPUs.")
@options.names_gpus
@click.option("--job", "jobs", multiple=True, metavar="ID", help="A job that the handover is between; may be repeated.")
@click.option("--canary", "canaries", multiple=True, metavar="HEX", help="A tag that was planted; may be repeated.")
@click.option("--reached", type=click.FloatRange(1, 99.9), default=98, show_default=True, help="Percent of all memory.")
@options.logs
def COMMAND(
    gpus: tuple[str, ...],
    device: str,
    card: str | None,
    seconds: float,
    format_: str,
    debug: bool,
    jobs: tuple[str, ...],
    canaries: tuple[str, ...],
    reached: float,
    log_: str | None,
    offline: bool,
    config: str | None,
) -> None:
    """Scrub the GPUs that are named, all at the same time.

    Everything that can be had is read first; then a keyed pattern and zeros are written, and both are verified. A GPU with
    processes on it, with MPS alive, or in MIG mode as a whole is not touched. Every outcome is an entry of the log.

    Exit 0: all are scrubbed, and logged. 1: one is not, each reason named: keep its node from new jobs. 2: it could not be
    logged or was asked for wrongly; nothing counts as scrubbed.
    """
    from strongroom.app.scrub import Desk, scrub
    from strongroom.cli.run import finish, write
    from strongroom.cli.scrub_views import scrub_json, scrub_lines
    from strongroom.isolate.scrubbing import TERMS

    wanted = options.asked(gpus, device, card, seconds)._replace(
        jobs=jobs, canaries=canaries, terms=TERMS._replace(reached=round(reached * 10))
    )

    def work(desk: Desk) -> int:
        found = scrub(wanted, desk)
        write(scrub_json(found) if format_ == "json" else scrub_lines(found), None)
        return 0 if all(s.good for s in found) else 1

    finish(lambda: options.logged(work, log_, config, offline=offline), debug=debug)
