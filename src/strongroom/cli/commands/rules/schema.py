"""The form of a rules file, for editors."""

import click


@click.command("schema", short_help="Print the JSON Schema of rules files.")
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to standard output.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(output: str | None, debug: bool) -> None:
    """Print the form of a rules file as a JSON Schema, with which editors complete and check it."""
    import msgspec

    from strongroom.app.rules_file import json_schema
    from strongroom.cli.run import finish, write

    def work() -> int:
        write([msgspec.json.format(msgspec.json.encode(json_schema()), indent=2).decode() + "\n"], output)
        return 0

    finish(work, debug=debug)
