"""Try a release policy on recorded appraisals."""

import click

from strongroom.cli.commands.release.policy import _options as options


@click.command("test", short_help="Say who of recorded appraisals would have been allowed.")
@click.argument("policy", metavar="FILE")
@options.recorded
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@options.config
@options.debug
def COMMAND(
    policy: str,
    appraisals: tuple[str, ...],
    broker: bool,
    resources: tuple[str, ...],
    format_: str,
    config: str | None,
    debug: bool,
) -> None:
    """Say for each resource of FILE who of what was recorded would have got it, and who not, by which condition.

    The policy is taken as if everybody had signed it. Nothing is released. Exit 0, whatever the answers are.
    """
    from strongroom.app.config import load as load_config
    from strongroom.app.release_apply import recorded
    from strongroom.app.release_policy import load, supposed
    from strongroom.app.release_trial import resources_of, tried
    from strongroom.cli.release_trial_views import tried_lines
    from strongroom.cli.run import finish, write
    from strongroom.model.errors import BadUsage

    def work() -> int:
        if not appraisals and not broker:
            raise BadUsage("release policy test", "nothing to try it on", "--appraisals PATH or --broker-state")
        held = supposed(load(policy))
        given, known = recorded(load_config(config), appraisals, broker=broker)
        found = tuple(tried(held, given, resources_of([held], resources), known))
        write(tried_lines(found, len(given), format_), None)
        return 0

    finish(work, debug=debug)
