"""Check a release policy."""

import click

from strongroom.cli.commands.release.policy import _options as options


@click.command("check", short_help="Say in words what a release policy demands, and who has signed it.")
@click.argument("policy", metavar="FILE")
@options.signers
@options.threshold
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@options.config
@options.debug
def COMMAND(
    policy: str, signers: tuple[str, ...], threshold: int | None, format_: str, config: str | None, debug: bool
) -> None:
    """Say for each resource what must hold before it leaves, who has signed FILE, and who has not.

    Exit 1: somebody has not signed, so that a part stays closed. Exit 2: the file is no release policy. Exit 3: all its
    owners have signed, and nobody said whom the broker trusts: name its signers with --signer.
    """
    from strongroom.app.config import load as load_config
    from strongroom.app.release_policy import check, load
    from strongroom.cli.release_views import checked_lines
    from strongroom.cli.run import finish, write

    def work() -> int:
        keys, needed = options.trusted(load_config(config), signers, threshold)
        found = check(load(policy), keys, needed)
        write(checked_lines(found, format_), None)
        if not found.whole:
            return 1
        return 3 if found.signers is None else 0

    finish(work, debug=debug)
