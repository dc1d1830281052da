"""Erase what an entry seals."""

import click

from strongroom.cli.commands.log._place import place, writes_log


@click.command("redact", short_help="Erase sealed fields of an entry; its proofs still hold.")
@click.argument("index", type=click.IntRange(min=0))
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--reason", required=True, help="Why; it stands in the log.")
@click.option("--actor", help="Who does it [default: the user of this command].")
@writes_log
def COMMAND(
    index: int,
    names: tuple[str, ...],
    reason: str,
    actor: str | None,
    log_: str | None,
    policy: str | None,
    config: str | None,
    key_files: tuple[str, ...],
    offline: bool,
    debug: bool,
) -> None:
    """Erase the values of sealed fields of an entry, for good. The log says that it was done, by whom and why.

    The entry stays, and every proof of it holds. What backups, snapshots of the disk or receipts elsewhere keep is not
    reached.
    """
    from strongroom.app.log import Log
    from strongroom.app.log import actor as default_actor
    from strongroom.app.log_entries import redact
    from strongroom.cli.run import finish

    def work() -> int:
        with Log.open(place(log_, policy, config, key_files), offline=offline) as log:
            done = redact(log, index, names, reason, actor if actor is not None else default_actor())
        gone = f"{done.erased} erased" if done.erased else "nothing was there any more"
        click.echo(f"entry {index}: {', '.join(done.names)}: {gone}; logged as entry {done.logged.index}")
        return 0

    finish(work, debug=debug)
