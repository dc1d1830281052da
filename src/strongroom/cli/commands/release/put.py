"""Deposit a secret."""

import click

from strongroom.cli.commands.release._desk import administers


@click.command("put", short_help="Deposit a secret, wrapped by a key back end.")
@click.argument("name")
@click.option("--from-file", "source", metavar="FILE", help="The octets of a file, as they are.")
@click.option("--generate", type=int, metavar="N", help="Make a secret of N octets here; nobody sees it.")
@click.option("--backend", metavar="NAME", help="Which back end wraps it [default: [broker] backend].")
@click.option("--owner", "owners", multiple=True, metavar="VKEY", help="A key of each owner [default: of its rule].")
@administers
def COMMAND(
    name: str,
    source: str | None,
    generate: int | None,
    backend: str | None,
    owners: tuple[str, ...],
    log_: str | None,
    at: str | None,
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """Deposit a secret as REPOSITORY/TYPE/TAG, in a new version, from standard input unless an option says otherwise.

    It is never taken from the command line, and not typed: a terminal would show it. It is bound to its owners: a later
    policy that leaves one of them out opens nothing.
    """
    from strongroom.app.config import load
    from strongroom.app.release_admin import from_file, generated, put
    from strongroom.cli.commands.release._desk import desk
    from strongroom.cli.release_admin_views import put_lines
    from strongroom.cli.run import finish, piped, write
    from strongroom.model.errors import BadUsage
    from strongroom.model.release import Secret

    def work() -> int:
        if source is not None and generate is not None:
            raise BadUsage("release put", "both --from-file and --generate", "one of them")
        if generate is not None:
            secret = generated(generate)
        else:
            secret = from_file(source) if source else Secret(piped("the secret", "--from-file or --generate"))
        try:
            with desk(log_, at, config, offline=offline) as at_desk:
                done = put(at_desk, name, secret, backend or load(config).broker.backend, owners)
        finally:
            secret.wipe()
        write(put_lines(done), None)
        return 0

    finish(work, debug=debug)
