"""Compare two release policies on recorded appraisals."""

import click

from strongroom.cli.commands.release.policy import _options as options


@click.command("diff", short_help="Say who gains and who loses between two policies.")
@click.argument("old")
@click.argument("new")
@options.recorded
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@options.config
@options.debug
def COMMAND(
    old: str,
    new: str,
    appraisals: tuple[str, ...],
    broker: bool,
    resources: tuple[str, ...],
    format_: str,
    config: str | None,
    debug: bool,
) -> None:
    """Say who of what was recorded gains a resource by the policy NEW, and who loses one that OLD gave.

    Both are taken as if everybody had signed them.
    """
    from strongroom.app.config import load as load_config
    from strongroom.app.release_apply import recorded
    from strongroom.app.release_policy import load, supposed
    from strongroom.app.release_trial import difference, resources_of
    from strongroom.cli.release_trial_views import difference_lines
    from strongroom.cli.run import finish, write

    def work() -> int:
        before, after = supposed(load(old)), supposed(load(new))
        given, known = recorded(load_config(config), appraisals, broker=broker)
        chosen = resources_of([before, after], resources)
        write(difference_lines(difference(before, after, given, chosen, known), format_), None)
        return 0

    finish(work, debug=debug)
