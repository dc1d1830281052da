"""Sign a file of reference values."""

import click

from strongroom.cli.commands.attest.measure import _options as options


@click.command("sign", short_help="Sign a file of reference values that was changed by hand.")
@click.argument("references", metavar="FILE")
@options.signs
def COMMAND(
    references: str,
    key: str | None,
    state: str | None,
    log_: str | None,
    at: str | None,
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """Check FILE, raise its version above the one that was signed last, log it, and sign it."""
    from strongroom.app.references import sign
    from strongroom.cli.measure_views import added_lines
    from strongroom.cli.run import finish, write

    def work() -> int:
        where = options.desk(references, key, state, log_, at, config, offline=offline)
        write(added_lines(where, sign(where)), None)
        return 0

    finish(work, debug=debug)
