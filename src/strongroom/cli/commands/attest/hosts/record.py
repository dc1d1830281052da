"""The record of a host's last answer."""

import click


@click.command("record", short_help="Write the record of a host's last answer, for attest replay.")
@click.argument("host", metavar="HOST")
@click.option("--failed", is_flag=True, help="The last answer that failed, instead of the last that passed.")
@click.option("-o", "--output", metavar="FILE", help="Where to write it [default: standard output].")
@click.option("--state", metavar="PATH|URL", help="The database of hosts [default: watch.db beside the state].")
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(host: str, failed: bool, output: str | None, state: str | None, config: str | None, debug: bool) -> None:
    """Write what the last answer of HOST was judged by, with the verdict, as `strongroom attest replay` reads it.

    Exit 0 when it is judged as it was then, 1 when it is not: by other code, or because something was changed.
    """
    from strongroom.app.appraisal_record import encode
    from strongroom.app.config import load
    from strongroom.app.watch_hosts import record
    from strongroom.cli.run import finish, note, write_bytes

    def work() -> int:
        found = record(load(config), state, host, failed=failed)
        write_bytes(encode(found.record), output)
        if not found.same:
            note("it is judged otherwise now than it was then")
        return int(not found.same)

    finish(work, debug=debug)
