"""Put a release policy into force."""

import click

from strongroom.cli.commands.release.policy import _options as options


@click.command("apply", short_help="Show what a policy changes, and put it into force.")
@click.argument("policy", metavar="FILE")
@click.option("--appraisals", multiple=True, metavar="PATH", help="More recorded appraisals to show the change on.")
@click.option(
    "--resource", "resources", multiple=True, metavar="NAME", help="Show the change for these resources only."
)
@click.option("--yes", is_flag=True, help="Do not ask; needed where nobody is at a terminal.")
@click.option("--log", "log_", metavar="PATH|URL", help="The log [default: [log] path].")
@click.option("--at", metavar="TIME", help="When it is done (ISO 8601) [default: now].")
@click.option("--offline", is_flag=True, help="Ask no witness now.")
@options.config
@options.debug
def COMMAND(
    policy: str,
    appraisals: tuple[str, ...],
    resources: tuple[str, ...],
    yes: bool,
    log_: str | None,
    at: str | None,
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """Show who gains and who loses by FILE among what the broker has appraised, and put it where [broker] policy says.

    It must be signed by enough of [broker] signers, and newer than any that was in force. The change is in the log
    before it counts. Exit 1: it was not confirmed. Exit 2: it may not come into force.
    """
    from strongroom.app.config import load as load_config
    from strongroom.app.release_apply import apply, ready
    from strongroom.cli.release_trial_views import applied_lines, ready_lines
    from strongroom.cli.run import confirmed, finish, moment, write

    def work() -> int:
        held = load_config(config)
        it = ready(policy, held, appraisals, resources)
        write(ready_lines(it), None)
        if not yes and not confirmed(f"release policy apply {policy}", it.policy.name):
            write(["nothing was changed\n"], None)
            return 1
        write(applied_lines(apply(it, held, log_, moment(at), offline=offline)), None)
        return 0

    finish(work, debug=debug)
