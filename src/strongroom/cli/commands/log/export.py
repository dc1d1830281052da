"""Export a log."""

import click

from strongroom.cli.commands.log._place import place, reads_log


@click.command("export", short_help="Write entries, or a whole copy that verifies.")
@click.option("--format", "format_", type=click.Choice(["jsonl", "csv", "tree"]), default="jsonl", show_default=True)
@click.option("--kind", "kinds", multiple=True, help="Only entries of this kind (jsonl, csv).")
@click.option("--from", "start", type=click.IntRange(min=0), default=0, help="From this index on (jsonl, csv).")
@click.option("-o", "--output", metavar="PATH", help="A file [default: standard output]; a new folder for tree.")
@reads_log
def COMMAND(
    format_: str,
    kinds: tuple[str, ...],
    start: int,
    output: str | None,
    log_: str | None,
    policy: str | None,
    config: str | None,
    debug: bool,
) -> None:
    """Write the entries of the published log as JSON lines or CSV, or copy its tree into a folder.

    `tree` is for an auditor: checkpoint, tiles and entries with their standard names. `strongroom log audit --log FOLDER
    --key VKEY` verifies it, and so does any reader of c2sp.org/tlog-tiles. No disclosure of a sealed field is in it.
    """
    from pathlib import Path

    from strongroom.app.log_entries import copy, entries
    from strongroom.cli.log_views import as_json, csv_lines
    from strongroom.cli.run import finish, progress, write
    from strongroom.model.errors import BadUsage

    def work() -> int:
        where = place(log_, policy, config)
        with progress() as tell:
            if format_ == "tree":
                if output is None or kinds or start:
                    raise BadUsage("log export", "a tree in part or without a folder", "--format tree -o FOLDER")
                head = copy(where, Path(output), tell)
                click.echo(f"{head.size} entries of {head.origin}: {output}")
                return 0
            found = entries(where, kinds, start, tell)
            write(csv_lines(found) if format_ == "csv" else map(as_json, found), output)
        return 0

    finish(work, debug=debug)
