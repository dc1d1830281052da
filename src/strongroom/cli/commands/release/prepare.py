"""Make the first key of a back end."""

import click

from strongroom.cli.commands.release._desk import administers


@click.command("prepare", short_help="Make the first key of a back end.")
@click.argument("backend")
@administers
def COMMAND(backend: str, log_: str | None, at: str | None, offline: bool, config: str | None, debug: bool) -> None:
    """Make what BACKEND needs before a secret can be deposited in it: its folder, its first key.

    Its options are in [broker.keys.BACKEND] of the configuration. Preparing again changes nothing that is there.
    """
    from strongroom.app.config import load
    from strongroom.app.release_desk import opened
    from strongroom.app.release_prepare import prepare
    from strongroom.cli.release_admin_views import prepared_lines
    from strongroom.cli.run import finish, moment, write

    def work() -> int:
        with opened(config, log_, moment(at), offline=offline, keyless=True) as at_desk:
            done = prepare(at_desk, load(config), backend)
        write(prepared_lines(done), None)
        return 0

    finish(work, debug=debug)
