"""Approve a release."""

import click

from strongroom.cli.commands.release._desk import administers


@click.command("approve", short_help="Approve releases of a resource to one key, signed.")
@click.argument("resource")
@click.option("--requester", required=True, metavar="THUMBPRINT", help="The key that may have it (RFC 7638, hex).")
@click.option("--key", required=True, metavar="KEYFILE", help="Your key; the rule must name it as an approver.")
@click.option("--until", required=True, metavar="TIME", help="When the approval ends (ISO 8601).")
@click.option("--reason", required=True, help="Why, in a line.")
@administers
def COMMAND(
    resource: str,
    requester: str,
    key: str,
    until: str,
    reason: str,
    log_: str | None,
    at: str | None,
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """Approve releases of RESOURCE to one key, until a time. The word is a signed note; the broker verifies it each time."""
    from strongroom.app.release_admin import approve
    from strongroom.cli.commands.release._desk import desk
    from strongroom.cli.release_admin_views import approved_lines
    from strongroom.cli.run import finish, moment, write

    def work() -> int:
        ends = moment(until, "--until")
        with desk(log_, at, config, offline=offline) as at_desk:
            approval, entry = approve(at_desk, resource, requester, key, ends, reason)
        write(approved_lines(approval, entry), None)
        return 0

    finish(work, debug=debug)
