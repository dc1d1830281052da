"""Test whether GPUs leak."""

import click

from strongroom.cli.commands.scrub import _options as options


@click.command("leak-test", short_help="Test whether one process can read what another left.")
@options.names_gpus
@options.logs
def COMMAND(
    gpus: tuple[str, ...],
    device: str,
    card: str | None,
    seconds: float,
    format_: str,
    debug: bool,
    log_: str | None,
    offline: bool,
    config: str | None,
) -> None:
    """Plant canaries in one process and look for them in another: after its exit, its kill, its free, in shared memory.

    Beside these stand controls within one process, where nothing clears: they must find. A control that finds nothing makes
    the whole test one that cannot tell.

    Exit 0: clean. 1: a leak, with its octets and cases. 3: it cannot be told. 2: it could not be logged.
    """
    from strongroom.app.scrub import Desk, exit_code, leak_test
    from strongroom.cli.run import finish, write
    from strongroom.cli.scrub_views import leak_json, leak_lines

    def work(desk: Desk) -> int:
        found = leak_test(options.asked(gpus, device, card, seconds), desk)
        write(leak_json(found) if format_ == "json" else leak_lines(found), None)
        return exit_code([t.verdict.remains for t in found])

    finish(lambda: options.logged(work, log_, config, offline=offline), debug=debug)
