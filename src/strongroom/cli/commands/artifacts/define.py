"""Make or sign a register."""

import click

from strongroom.cli.commands.artifacts._register import desk, signs_register


@click.command("define", short_help="Write a register of artifacts, or sign the one that is there.")
@click.option("--owner", default="", help="Who answers for the register, in a new one [default: the user].")
@signs_register
def COMMAND(
    owner: str,
    register: str | None,
    key: str | None,
    state: str | None,
    log_: str | None,
    at: str | None,
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """Write a register with the usual classes and tiers where there is none; check, sign and log the one that is there.

    After every change by hand it is signed again with this command. The key is made with the first signature; keep it,
    and give its public half to whoever assesses.
    """
    from strongroom.app.artifacts import define
    from strongroom.app.log import actor
    from strongroom.cli.artifact_views import signed_lines
    from strongroom.cli.run import finish, write

    def work() -> int:
        where = desk(register, key, state, log_, at, config, offline=offline)
        write(signed_lines(where, define(where, owner or actor())), None)
        return 0

    finish(work, debug=debug)
