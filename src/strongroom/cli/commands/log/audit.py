"""Audit a log."""

import click

from strongroom.cli.commands.log._place import place, reads_log


@click.command("audit", short_help="Verify the whole log.")
@click.option(
    "--key", "keys", multiple=True, metavar="VKEY", help="The log's public key [default: the policy's, or its own]."
)
@click.option(
    "--checkpoint",
    "others",
    multiple=True,
    metavar="FILE",
    help="An earlier or other copy's checkpoint to hold against it.",
)
@click.option("--offline", is_flag=True, help="Ask no witness what it has seen.")
@click.option("--at", metavar="TIME", help="The time that counts as now (ISO 8601).")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to standard output.")
@reads_log
def COMMAND(
    keys: tuple[str, ...],
    others: tuple[str, ...],
    offline: bool,
    at: str | None,
    format_: str,
    output: str | None,
    log_: str | None,
    policy: str | None,
    config: str | None,
    debug: bool,
) -> None:
    """Verify every entry, every tile, every signature, and say how many independent witnesses vouch.

    --log may be an http(s) URL or a copied folder too: the audit of somebody else's log is the one that counts. What
    other checkpoints of the log say (files, and the policy's witnesses) is held against it: two that cannot both be
    true are a split view.

    \b
    Exit: 0 intact, 1 something must not be, 2 it could not be read.
    """  # noqa: D301 - the escape is click's mark for lines that stay as they are
    from pathlib import Path

    from strongroom.app.log_audit import Ask, audit_log
    from strongroom.cli.log_audit_views import audit_json, audit_lines
    from strongroom.cli.run import finish, moment, progress, write
    from strongroom.kit.tlog.keys import parse_verifier_key

    def work() -> int:
        known = tuple(parse_verifier_key(key) for key in keys)
        asked = Ask(place(log_, policy, config), known, tuple(map(Path, others)), offline)
        with progress() as tell:
            found = audit_log(asked, moment(at), tell)
        write([audit_json(found)] if format_ == "json" else audit_lines(found), output)
        return 1 if found.broken else 0

    finish(work, debug=debug)
