"""Compare what is registered with what is there."""

import click

from strongroom.cli.commands.artifacts._register import reads_register


@click.command("verify", short_help="Digest every registered artifact and compare.")
@click.option("--root", metavar="DIR", help="Where relative paths of the register begin.")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--at", metavar="TIME", help="The time that counts as now (ISO 8601).")
@reads_register
def COMMAND(
    root: str | None, format_: str, at: str | None, register: str | None, config: str | None, debug: bool
) -> None:
    """Read and digest every registered artifact of this machine, and compare it with the register.

    Exit 1: one differs or is missing; 2: no trusted key has signed the register; 3: one could not be compared.
    """
    from strongroom.app.artifact_finding import verify
    from strongroom.app.artifacts import trusted
    from strongroom.app.config import load
    from strongroom.cli.artifact_views import NO_REGISTER, exit_of, refuse, verified
    from strongroom.cli.run import finish, moment, progress, write

    def work() -> int:
        settings = load(config)
        held = trusted(settings, register)
        if held is None:
            raise NO_REGISTER
        refuse(held)
        with progress() as tell:
            lines = list(verify(held.register, root, moment(at), settings.bounds(), tell))
        write(verified(lines, format_), None)
        return exit_of(lines)

    finish(work, debug=debug)
