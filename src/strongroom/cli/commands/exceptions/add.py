"""Add an exception."""

import click

from strongroom.cli.commands.exceptions._options import logging, of_file


@click.command("add", short_help="Add an exception to the file, and log it.")
@click.argument("what", required=False, metavar="[CHECK|CONTROL]")
@click.option("--asset", default="", help="The address as reports print it, an alias, or a glob with * and ?.")
@click.option("--fingerprint", default="", help="One finding, by its fingerprint.")
@click.option("--owner", default="", help="Who answers for the risk.")
@click.option("--approver", default="", help="Who approved it; of a critical finding never the owner.")
@click.option("--reason", default="", help="Why it may stay so long.")
@click.option("--expires", type=click.DateTime(["%Y-%m-%d"]), help="The last day, in UTC.")
@click.option("--ticket", default="", help="Where it is followed up.")
@click.option("--all", "everything", is_flag=True, help="Say that an --asset which names everything is meant.")
@click.option("--no-log", is_flag=True, help="Do not log it now; the first run that applies it does.")
@logging
@of_file
def COMMAND(
    what: str | None,
    asset: str,
    fingerprint: str,
    owner: str,
    approver: str,
    reason: str,
    expires: object,
    ticket: str,
    everything: bool,
    no_log: bool,
    log_: str | None,
    seal: tuple[str, ...],
    offline: bool,
    exceptions: str | None,
    state: str | None,
    at: str | None,
    config: str | None,
    debug: bool,
) -> None:
    """Add an exception for the findings of a CHECK (or of a CONTROL) on an asset, or for one fingerprint.

    \b
      strongroom exceptions add net.notebook.direct-internet --asset aws_sagemaker_notebook_instance.lab \\
        --owner "Ada Lovelace" --approver "Grace Hopper" --reason "no data is reachable" --expires 2027-01-31
    """  # noqa: D301 - the escape is click's mark for lines that stay as they are
    from datetime import datetime

    from msgspec.structs import replace

    from strongroom.app.catalogue import catalogue
    from strongroom.app.config import load
    from strongroom.app.exceptions import add, file_of
    from strongroom.app.log_people import checked_seal
    from strongroom.assess.people_prose import names, terms
    from strongroom.cli.run import finish, moment
    from strongroom.model.people import RiskException

    def work() -> int:
        settings = load(config)
        sealed = checked_seal(seal or settings.assess.seal)
        ident = "control" if what in catalogue().controls else "check"
        day = expires.date() if isinstance(expires, datetime) else None
        words = {"asset": asset, "fingerprint": fingerprint, "owner": owner, "approver": approver}
        words |= {"reason": reason, "ticket": ticket, ident: what or ""}
        wish = replace(RiskException("", False, everything=everything, expires=day), **words)
        file, now = file_of(settings, exceptions), moment(at)
        done = add(settings, file, wish, now, state=state, log=log_, logged=not no_log, offline=offline, seal=sealed)
        click.echo(f"{done.where}: {names(done)}")
        click.echo(f"  {terms(done)}")
        return 0

    finish(work, debug=debug)
