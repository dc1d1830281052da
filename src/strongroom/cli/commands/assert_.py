"""Assert what no machine can see."""

import click


@click.command("assert", short_help="Vouch for a clause that no machine can see.")
@click.argument("subject", metavar="CONTROL[.CLAUSE]")
@click.option("--statement", required=True, help="What is asserted, in a sentence.")
@click.option("--evidence", required=True, metavar="FILE", help="What it rests on; a copy is kept, by its SHA-256.")
@click.option("--owner", required=True, help="Who vouches for it.")
@click.option("--approver", required=True, help="Who approved it; never the owner.")
@click.option("--expires", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The last day: 13 months at most.")
@click.option("--asset", default="", metavar="ADDRESS", help="Only this asset; the clause itself then stays open.")
@click.option("--key", "key_file", required=True, metavar="FILE", help="The key file that signs it.")
@click.option("--seal", multiple=True, metavar="NAME", help="Only commit to this field in the log.")
@click.option("--state", metavar="PATH", help="The state database (a path or a database URL).")
@click.option("--log", "log_", metavar="PATH|URL", help="The log [default: beside the state].")
@click.option("--at", metavar="TIME", help="The time that counts as now (ISO 8601).")
@click.option("--offline", is_flag=True, help="Open no socket: a log's witnesses are not asked.")
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    subject: str,
    statement: str,
    evidence: str,
    owner: str,
    approver: str,
    expires: object,
    asset: str,
    key_file: str,
    seal: tuple[str, ...],
    state: str | None,
    log_: str | None,
    at: str | None,
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """Vouch for the clauses of a control that no machine can see, until a day; signed and logged.

    `assess` shows such a clause as `attested`, while what the machines see stands whatever is asserted. The signer's
    key has to be named in [assert] keys; `strongroom log keygen NAME --type log -o FILE` makes one.
    """
    from datetime import datetime
    from pathlib import Path

    from strongroom.app.assertions import Wish, make, places
    from strongroom.app.config import load
    from strongroom.assess.people_prose import vouched
    from strongroom.cli.run import finish, moment

    def work() -> int:
        settings = load(config)
        assert isinstance(expires, datetime)
        wish = Wish(subject, statement, Path(evidence), owner, approver, expires.date(), asset)
        where = places(settings, state, log_)
        made = make(wish, Path(key_file), where, moment(at), offline=offline, seal=seal)
        for a in made:
            click.echo(f"{a.id[:12]}  {a.clause}  entry {a.entry} of the log {a.log}")
        click.echo(f"  {vouched(made[0])}")
        if not any(k.startswith(f"{made[0].key}+") for k in settings.assert_.keys):
            click.echo(f"note: it counts for nothing until [assert] keys names the key {made[0].key}", err=True)
        return 0

    finish(work, debug=debug)
