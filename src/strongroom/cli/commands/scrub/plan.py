"""What a scrub would do."""

import click

from strongroom.cli.commands.scrub import _options as options


@click.command("plan", short_help="Show what a scrub would do, and what speaks against it.")
@options.names_gpus
def COMMAND(gpus: tuple[str, ...], device: str, card: str | None, seconds: float, format_: str, debug: bool) -> None:
    """Show how the GPUs stand, what would be done to them, and what a scrub would be refused for. Nothing is touched.

    Exit 0: nothing speaks against it. 1: something does. 3: a GPU or its driver does not answer.
    """
    from strongroom.app.scrub import plan
    from strongroom.cli.run import finish, write
    from strongroom.cli.scrub_views import plan_json, plan_lines

    def work() -> int:
        found = plan(options.asked(gpus, device, card, seconds))
        write(plan_json(found) if format_ == "json" else plan_lines(found), None)
        if any(p.refusals for p in found):
            return 1
        return 3 if any(p.trouble for p in found) else 0

    finish(work, debug=debug)
