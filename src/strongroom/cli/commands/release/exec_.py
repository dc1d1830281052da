"""Run a program with a key that it inherits."""

from typing import Unpack

import click

from strongroom.cli.commands.release import _options as options

_COMMAND = f"{__name__}.command"


class _Wrapper(click.Command):
    """What stands behind `--` is another program's, to the letter."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put it aside before anything is read as an option."""
        at = args.index("--") if "--" in args else len(args)
        ctx.meta[_COMMAND] = args[at + 1 :]
        return super().parse_args(ctx, args[:at])


@click.command("exec", cls=_Wrapper, short_help="Attest this machine, and run a program with secrets over descriptors.")
@click.argument("resources", nargs=-1, metavar="NAME[=FD|VARIABLE]...")
@options.broker
@click.option(
    "--via",
    type=click.Choice(["memfd", "pipe"]),
    default="memfd",
    show_default=True,
    help="A sealed file in memory, which can be read again, or a pipe, which can be read once.",
)
@click.option("--renew", is_flag=True, help="Stay, attest again in time, and end the program when that is refused.")
@click.option(
    "--certificate",
    "certificates",
    multiple=True,
    metavar="NAME=CERT,KEY,CA",
    help="A certificate too: variables for the paths of it, its key and its authorities.",
)
@click.option("--trust", metavar="FILE", help="The authorities that certificates must come from, PEM.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
@click.pass_context
def COMMAND(
    ctx: click.Context,
    resources: tuple[str, ...],
    via: str,
    renew: bool,
    certificates: tuple[str, ...],
    trust: str | None,
    debug: bool,
    **words: Unpack[options.Words],
) -> None:
    """Attest this machine to a broker, and run a program that inherits the secrets: NAME... -- COMMAND [ARGUMENT]...

    STRONGROOM_FD_NAME tells the number of each descriptor, where NAME is the resource's in upper case with _ for what is
    no letter and no digit; NAME=5 makes it 5; NAME=DB_PASSWORD_FILE sets that variable to the path of it. No secret is in
    an argument or in the environment.

    With --certificate it gets a certificate for the attested key, for TLS with other attested workloads: each of the three
    variables holds a path. It ends with the appraisal, and nothing renews it in a program that runs.

    Without --renew the program takes this process's place. The exit code is the program's; 125: it was not run, or was
    ended because it may not have the secrets any more; 126: it cannot be run; 127: there is none of that name.
    """
    from strongroom.app.release_get import Running, run
    from strongroom.app.release_identity import given
    from strongroom.cli.run import finish, moment, note
    from strongroom.model.errors import BadUsage

    command: list[str] = ctx.meta[_COMMAND]

    def work() -> int:
        if not command:
            raise BadUsage("release exec", "no command", "NAME... -- COMMAND [ARGUMENT]...")
        more = given(certificates, trust, lambda: moment(None), renew=renew) if certificates else None
        return run(options.asking(words), Running(resources, command, via, renew, more), lambda: moment(None), note)

    finish(work, debug=debug)
