"""Make a log."""

import click

from strongroom.cli.commands.log._place import place, reads_log


@click.command("init", short_help="Make a log and its keys.")
@click.option(
    "--origin", metavar="NAME", default="", help="Its name, best the URL where it will be served, without https://."
)
@click.option(
    "--key",
    "key_files",
    multiple=True,
    metavar="FILE",
    help="Its key file; made if it is not there [default: LOG.key].",
)
@click.option("--ml-dsa", is_flag=True, help="Sign what is published with ML-DSA-44 too.")
@click.option("--require-quorum", is_flag=True, help="An append waits for the quorum of witnesses of the policy.")
@reads_log
def COMMAND(
    origin: str,
    key_files: tuple[str, ...],
    ml_dsa: bool,
    require_quorum: bool,
    log_: str | None,
    policy: str | None,
    config: str | None,
    debug: bool,
) -> None:
    """Make an empty log: a folder, a database by URL, or s3://bucket/prefix.

    The private key lies beside a log in a folder, not in it, so that a copy of the log holds no key. Keep it safe and
    keep it: without it nothing can be appended.
    """
    from strongroom.app.log import create
    from strongroom.cli.lines import line
    from strongroom.cli.run import finish, write

    def work() -> int:
        where = place(log_, policy, config, key_files)
        made = create(where, origin, ml_dsa=ml_dsa, require_quorum=require_quorum)
        out = [line("log", where.where), line("origin", made.origin)]
        out += [f"public key  {key}\n" for key in made.keys]  # whole, to be copied
        out += [line("key file", str(path)) for path in where.key_files()]
        out.append("\nGive the public key to whoever shall verify the log, and to its witnesses.\n")
        write(out, None)
        return 0

    finish(work, debug=debug)
