"""Sign a release policy."""

import click

from strongroom.cli.commands.release.policy import _options as options


@click.command("sign", short_help="Sign a release policy with one key, offline.")
@click.argument("policy", metavar="FILE")
@click.option("--key", required=True, metavar="KEYFILE", help="The key of an owner, or of a signer of the broker.")
@click.option("-o", "--output", metavar="NOTE", help="Where the signature goes [default: FILE.NAME-KEYID.sig].")
@options.debug
def COMMAND(policy: str, key: str, output: str | None, debug: bool) -> None:
    """Sign FILE as it is now, into a note beside it. Each key has a note of its own, so that several people can sign.

    Read it first: strongroom release policy check FILE. No network and no log is asked.
    """
    from strongroom.app.release_policy import sign
    from strongroom.cli.release_views import signed_lines
    from strongroom.cli.run import finish, write

    def work() -> int:
        write(signed_lines(sign(policy, key, output)), None)
        return 0

    finish(work, debug=debug)
