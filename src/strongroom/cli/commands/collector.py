"""The script that other machines run to be assessed."""

import click


@click.command("collector", short_help="Print the script that reads other machines.")
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to standard output.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(output: str | None, debug: bool) -> None:
    """Print the collector: one read-only POSIX shell script that needs nothing but a shell.

    \b
      strongroom collector | ssh gpu-01 sudo sh -s > hosts/gpu-01.txt
      strongroom assess host:hosts

    It writes nothing but its output and uses no network. Without root it says of each thing that it was denied.
    """  # noqa: D301 - the escape is click's mark for lines that stay as they are
    from strongroom.app.collector import script
    from strongroom.cli.run import finish, write

    def work() -> int:
        write([script()], output)
        return 0

    finish(work, debug=debug)
