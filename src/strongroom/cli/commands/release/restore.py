"""Restore a broker's state, or prove that it could be."""

import click

from strongroom.cli.commands.release._desk import administers


@click.command("restore", short_help="Restore an archive into a new folder, or prove that it opens.")
@click.argument("archive", metavar="FILE")
@click.option("--into", metavar="DIR", help="A new folder for database, records and policy.")
@click.option("--verify", is_flag=True, help="A drill: open every resource by its back end, and show none.")
@administers
def COMMAND(
    archive: str,
    into: str | None,
    verify: bool,
    log_: str | None,
    at: str | None,
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """Put what FILE holds into a new folder, to be named as [broker] state; or, with --verify, drill it.

    A drill restores into a scratch folder and has every resource opened by its back end; each is in the log as such.
    Exit 1: a resource did not open.
    """
    from pathlib import Path

    from strongroom.app.release_backup import drill, restore
    from strongroom.cli.commands.release._desk import desk
    from strongroom.cli.release_admin_views import drilled_lines, restored_lines
    from strongroom.cli.run import finish, write
    from strongroom.model.errors import BadUsage

    def work() -> int:
        if verify == (into is not None):
            raise BadUsage("release restore", "neither or both", "--into DIR or --verify")
        if into is not None:
            write(restored_lines(restore(Path(archive), Path(into)), into), None)
            return 0
        with desk(log_, at, config, offline=offline) as at_desk:
            done = drill(at_desk, Path(archive))
        write(drilled_lines(done), None)
        return 1 if done.closed else 0

    finish(work, debug=debug)
