"""Print a commented release policy."""

import click


@click.command("example", short_help="Print a commented release policy to begin with.")
def COMMAND() -> None:
    """Print a release policy with the meaning of every field. Its keys are to be replaced."""
    from strongroom.app.release_policy_words import EXAMPLE
    from strongroom.cli.run import finish, write

    def work() -> int:
        write([EXAMPLE], None)
        return 0

    finish(work)
