"""What is inside evidence."""

import click

from strongroom.cli.commands.attest import _options as options


@click.command("inspect", short_help="Show evidence field by field; nothing is verified.")
@options.evidence
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(evidence: str, kind: str | None, format_: str, debug: bool) -> None:
    """Show every field of EVIDENCE with its place and its meaning. Nothing is verified: anybody can write a field."""
    from strongroom.app.evidence import load, verifier_of
    from strongroom.cli.appraisal_views import field_lines
    from strongroom.cli.run import finish, moment, write

    def work() -> int:
        found = load(evidence, options.kind_of(kind), None, moment(None))
        write(field_lines(verifier_of(found.kind), found, format_), None)
        return 0

    finish(work, debug=debug)
