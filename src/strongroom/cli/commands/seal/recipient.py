"""Name a broker as who opens artifacts."""

from typing import Unpack

import click

from strongroom.cli.commands.release import _options as release


@click.command("recipient", short_help="Make the file by which artifacts are sealed to what a broker attests.")
@click.argument("resource", metavar="RESOURCE")
@click.option("--to", "to", required=True, metavar="RECIPIENT", help="Whose identity is deposited as RESOURCE.")
@click.option("--policy", required=True, metavar="ID", help="The id of the policy that gives it out.")
@click.option("--signer", metavar="HEX", help="The thumbprint of the key of the broker's tokens [default: ask it].")
@release.broker
@click.option("-o", "--output", metavar="FILE", help="Write to a file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    resource: str,
    to: str,
    policy: str,
    signer: str | None,
    output: str | None,
    debug: bool,
    **words: Unpack[release.Words],
) -> None:
    """Make the file that seal create --to-broker takes: the broker, its RESOURCE, and the recipient whose identity that is.

    Make the identity with seal keygen, and deposit it with release put RESOURCE --from-file FILE.
    """
    from strongroom.app.seal_recipient import made
    from strongroom.cli.run import finish, moment, write_bytes

    def work() -> int:
        write_bytes(made(resource, to, policy, signer, release.asking(words), lambda: moment(None)), output)
        return 0

    finish(work, debug=debug)
