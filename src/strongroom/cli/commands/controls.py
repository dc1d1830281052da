"""The catalogue of controls."""

import click

VERBS = ["assess", "plan", "attest", "isolate", "seal", "log", "watch", "respond"]


@click.command("controls", short_help="List the catalogue of controls.")
@click.option("--phase", type=click.Choice(["30", "60", "90"]), help="Only the controls of this phase.")
@click.option("--verb", type=click.Choice(VERBS, case_sensitive=False), help="Only the controls of this verb.")
@click.option("--format", "format_", type=click.Choice(["table", "json", "oscal"]), default="table", show_default=True)
@click.option("--at", metavar="TIME", help="The time that the OSCAL catalog counts as made (ISO 8601).")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(phase: str | None, verb: str | None, format_: str, at: str | None, debug: bool) -> None:
    """List every control with its phase, its verb, and how many of its clauses this build can measure."""
    from strongroom.app.catalogue import catalogue
    from strongroom.cli.listing import control_lines
    from strongroom.cli.run import finish, moment, write

    def work() -> int:
        write(control_lines(catalogue(), format_, int(phase) if phase else None, verb, moment(at)), None)
        return 0

    finish(work, debug=debug)
