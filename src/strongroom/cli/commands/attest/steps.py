"""The steps of the verifiers."""

import click


@click.command("steps", short_help="List the steps by which evidence is judged.")
@click.argument("kind", metavar="[KIND]", required=False)
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(kind: str | None, format_: str, debug: bool) -> None:
    """List every step of every verifier, or of KIND, in its order, with the document that demands it."""
    from strongroom.app.evidence import verifier_of, verifiers
    from strongroom.cli.appraisal_views import step_lines
    from strongroom.cli.commands.attest._options import kind_of
    from strongroom.cli.run import finish, write

    def work() -> int:
        wanted = kind_of(kind)
        write(step_lines([verifier_of(wanted)] if wanted else list(verifiers().values()), format_), None)
        return 0

    finish(work, debug=debug)
