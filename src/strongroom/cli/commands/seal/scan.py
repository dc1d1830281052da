"""Scan files before they are sealed or loaded."""

import click


@click.command("scan", short_help="Look for code in models before they are sealed or loaded.")
@click.argument("path", metavar="PATH")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "jsonl", "json", "sarif"]),
    help="[default: table on a terminal, jsonl elsewhere]",
)
@click.option("--allow-symlinks", is_flag=True, help="Look into links that leave the folder.")
@click.option("--convert", metavar="DEST", help="Write the tensors of a checkpoint that is safe to DEST (safetensors).")
@click.option(
    "--timeout", type=click.FloatRange(0.1), default=60.0, show_default=True, metavar="S", help="CPU time for one file."
)
@click.option("-o", "--output", metavar="FILE", help="Write to a file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    path: str,
    format_: str | None,
    allow_symlinks: bool,
    convert: str | None,
    timeout: float,
    output: str | None,
    debug: bool,
) -> None:
    """Look into every file below PATH, and say whether loading it is safe.

    Nothing is imported, unpickled or run. The verdict is safe, needs-review, malicious or unreadable, and the exit code
    0 when every file is safe, 1 when one is not, 2 when there is nothing to look at.
    """
    import sys
    from pathlib import Path

    from strongroom.app.seal_scan import refused, scan
    from strongroom.cli.run import finish, note, progress, write
    from strongroom.cli.scan_views import lines, table
    from strongroom.cli.tables import console

    def work() -> int:
        with progress() as bar:
            found = scan(Path(path), follow=allow_symlinks, cpu_seconds=timeout, progress=bar)
        form = format_ or ("table" if sys.stdout.isatty() and output is None else "jsonl")
        if form == "table" and output is None:
            table(console(), found)
        else:
            write(lines(found, "jsonl" if form == "table" else form), output)
        if convert is not None:
            from strongroom.app.seal_convert import convert as converted

            note(converted(Path(path), Path(convert), found))
        return 1 if refused(found) else 0

    finish(work, debug=debug)
