"""Write the proof of an entry."""

import click

from strongroom.cli.commands.log._place import place, reads_log


@click.command("prove", short_help="Write the proof that an entry is in the log.")
@click.argument("index", type=click.IntRange(min=0))
@click.option("-o", "--output", metavar="FILE", help="The .tlog-proof file [default: standard output].")
@click.option("--entry", "entry_", metavar="FILE", help="Write the entry's bytes there too.")
@reads_log
def COMMAND(
    index: int,
    output: str | None,
    entry_: str | None,
    log_: str | None,
    policy: str | None,
    config: str | None,
    debug: bool,
) -> None:
    """Write the proof that an entry is in the published log (c2sp.org/tlog-proof).

    With the entry's bytes and the log's public key it verifies anywhere, offline, with this program (`log verify`) or
    any other that reads the format.
    """
    from strongroom.app.log_entries import prove
    from strongroom.cli.run import finish, write, write_bytes

    def work() -> int:
        found = prove(place(log_, policy, config), index)
        write([found.proof.decode()], output)
        if entry_ is not None:
            write_bytes(found.data, entry_)
        if output is not None:
            click.echo(f"entry {index} of {found.size}: {output}")
        return 0

    finish(work, debug=debug)
