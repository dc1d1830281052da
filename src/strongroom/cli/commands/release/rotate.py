"""Rotate the key of a back end."""

import click

from strongroom.cli.commands.release._desk import administers


@click.command("rotate", short_help="Make a new key-encryption key, and wrap everything again.")
@click.argument("backend")
@administers
def COMMAND(backend: str, log_: str | None, at: str | None, offline: bool, config: str | None, debug: bool) -> None:
    """Make a new key in BACKEND and put every resource that it wrapped under it. No secret is opened.

    Exit 1: a resource stayed under its old key; it is named. Run it again.
    """
    from strongroom.app.release_admin import rotate
    from strongroom.cli.commands.release._desk import desk
    from strongroom.cli.release_admin_views import rotated_lines
    from strongroom.cli.run import finish, write

    def work() -> int:
        with desk(log_, at, config, offline=offline) as at_desk:
            done = rotate(at_desk, backend)
        write(rotated_lines(done), None)
        return 1 if done.stayed else 0

    finish(work, debug=debug)
