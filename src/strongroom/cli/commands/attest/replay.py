"""Judge a recorded appraisal again."""

import click


@click.command("replay", short_help="Judge a recorded appraisal again, from its own inputs.")
@click.argument("record", metavar="RECORD")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(record: str, format_: str, debug: bool) -> None:
    """Judge the inputs in RECORD again at their own time, and compare with the verdict that was recorded.

    Exit 0 when it is the same byte for byte (but for the version of this program), 1 when it differs.
    """
    from pathlib import Path

    from strongroom.app.appraisal_record import read, replay
    from strongroom.cli.appraisal_views import replay_lines
    from strongroom.cli.run import finish, write

    def work() -> int:
        held, _ = read(Path(record))
        again = replay(held)
        write(replay_lines(again, format_), None)
        return 0 if again.same else 1

    finish(work, debug=debug)
