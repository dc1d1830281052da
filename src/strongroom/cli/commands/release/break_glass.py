"""Take a resource without attestation."""

import click

from strongroom.cli.commands.release._desk import administers


@click.command("break-glass", short_help="Take a resource without attestation, approved and loudly.")
@click.argument("resource")
@click.option("--key", required=True, metavar="FILE", help="The public key to encrypt it to (JSON Web Key).")
@click.option("--reason", required=True, help="Why, in a sentence: it is in the log.")
@click.option("-o", "--output", required=True, metavar="FILE", help="Where the encrypted resource goes (JWE).")
@administers
def COMMAND(
    resource: str,
    key: str,
    reason: str,
    output: str,
    log_: str | None,
    at: str | None,
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """Take RESOURCE without attestation, where its rule has break_glass and enough approvers approved for this key.

    Exit 1: denied, with what speaks against it. Either way it is in the log, with your name.
    """
    from strongroom.app.release_admin import break_glass, jwk_file
    from strongroom.cli.commands.release._desk import desk
    from strongroom.cli.release_admin_views import broken_lines
    from strongroom.cli.run import finish, write, write_bytes

    def work() -> int:
        with desk(log_, at, config, offline=offline) as at_desk:
            done = break_glass(at_desk, resource, jwk_file(key), reason)
        click.echo("".join(broken_lines(done)), err=True, nl=False)
        if done.sealed is None:
            return 1
        write_bytes(done.sealed, output)
        write([f"{output}\n"], None)
        return 0

    finish(work, debug=debug)
