"""Back up a broker's state."""

import click

from strongroom.cli.commands.release._desk import administers


@click.command("backup", short_help="Write one archive of the broker's state.")
@click.argument("archive", metavar="FILE")
@administers
def COMMAND(archive: str, log_: str | None, at: str | None, offline: bool, config: str | None, debug: bool) -> None:
    """Write database and policy into FILE, in a consistent copy while the broker runs.

    Not in it: key-encryption keys, without which nothing in it opens, the key of tokens, and the log. Keep those apart.
    """
    from pathlib import Path

    from strongroom.app.config import load
    from strongroom.app.release_backup import backup
    from strongroom.cli.commands.release._desk import desk
    from strongroom.cli.release_admin_views import kept_lines
    from strongroom.cli.run import finish, write

    def work() -> int:
        held = load(config)
        policy = Path(held.broker.policy) if held.broker.policy else None
        with desk(log_, at, config, offline=offline) as at_desk:
            done = backup(at_desk, policy, Path(archive))
        write(kept_lines(done), None)
        return 0

    finish(work, debug=debug)
