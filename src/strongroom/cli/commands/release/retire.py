"""Retire a version of a resource."""

import click

from strongroom.cli.commands.release._desk import administers


@click.command("retire", short_help="Release a version of a resource no more.")
@click.argument("version", metavar="NAME@VERSION")
@click.option("--older", is_flag=True, help="Also every version before it.")
@click.option("--reason", required=True, help="Why, in a sentence: it is in the log, and in every denial.")
@administers
def COMMAND(
    version: str,
    older: bool,
    reason: str,
    log_: str | None,
    at: str | None,
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """Retire a version of a resource: no broker releases it from now on, also to what was attested before.

    An older version never takes the place of a newer one: where the newest is retired, nothing of the resource is released
    until another is deposited. There is no way back.
    """
    from strongroom.app.release_retire import retire
    from strongroom.cli.commands.release._desk import desk
    from strongroom.cli.lines import line
    from strongroom.cli.run import finish, write

    def work() -> int:
        with desk(log_, at, config, offline=offline) as at_desk:
            done = retire(at_desk, version, reason, older=older)
        lines = [line("retired", f"{done.resource}@{number}, log entry {entry}") for number, entry in done.now]
        lines += [line("before", f"{done.resource}@{number} was retired already") for number in done.before]
        told = f"{done.resource}@{done.left}" if done.left is not None else "nothing, until a new version is deposited"
        write([*lines, line("released", told)], None)
        return 0

    finish(work, debug=debug)
