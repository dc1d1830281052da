"""Lint providers' own attestation conditions."""

import click

from strongroom.cli.commands.release.policy import _options as options


@click.command("lint", short_help="Say what is wrong with a provider's own attestation conditions.")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--provider", metavar="NAME", help="Whose they are [default: as they look].")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@options.debug
def COMMAND(files: tuple[str, ...], provider: str | None, format_: str, debug: bool) -> None:
    """Say what is wrong with a KMS key policy, a release policy of Azure, a condition of Google, or a role of OpenBao.

    Exit 1: something is. Exit 2: a file is of no provider that is known.
    """
    from strongroom.app.release_providers import lint
    from strongroom.cli.release_views import linted_lines
    from strongroom.cli.run import finish, write

    def work() -> int:
        found = lint(files, provider)
        write(linted_lines(found, format_), None)
        return 1 if any(f.found for f in found) else 0

    finish(work, debug=debug)
