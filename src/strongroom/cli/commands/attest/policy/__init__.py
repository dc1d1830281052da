"""Appraisal policies."""

import click

from strongroom.cli.rooms import Rooms


@click.command("policy", cls=Rooms, package=__name__, short_help="Print the default appraisal policy, or check one.")
@click.pass_context
def COMMAND(context: click.Context) -> None:
    """Print the default appraisal policy: every field with its meaning and its default.

    Write it to a file, change that, and name it: strongroom attest verify EVIDENCE --policy FILE
    """
    if context.invoked_subcommand is not None:
        return
    from strongroom.app.attest_policy_words import template
    from strongroom.cli.run import finish, write

    def work() -> int:
        write([template()], None)
        return 0

    finish(work)


COMMAND.invoke_without_command = True
COMMAND.no_args_is_help = False
