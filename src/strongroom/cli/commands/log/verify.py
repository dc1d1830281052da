"""Verify a proof."""

import click


@click.command("verify", short_help="Verify a .tlog-proof offline.")
@click.argument("proof", metavar="PROOF")
@click.option("--entry", required=True, metavar="FILE", help="The bytes of the entry that it is to prove.")
@click.option(
    "--key", "keys", multiple=True, metavar="VKEY", help="The log's public key, as its operator published it."
)
@click.option("--policy", metavar="FILE", help="A trust policy (c2sp.org/tlog-policy): logs, witnesses, quorum.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(proof: str, entry: str, keys: tuple[str, ...], policy: str | None, debug: bool) -> None:
    """Verify that an entry was logged. Nothing is asked of the log or of any network.

    With --policy, its quorum of witnesses must have cosigned. Exit 2: it proves nothing.
    """
    from pathlib import Path

    from strongroom.app.log import read_policy
    from strongroom.app.log_entries import verify
    from strongroom.cli.log_views import logged_lines
    from strongroom.cli.run import finish, write
    from strongroom.kit.tlog.keys import parse_verifier_key

    def work() -> int:
        trusted = read_policy(Path(policy)) if policy is not None else None
        known = [parse_verifier_key(key) for key in keys]
        write(logged_lines(verify(Path(proof), Path(entry), trusted, known)), None)
        return 0

    finish(work, debug=debug)
