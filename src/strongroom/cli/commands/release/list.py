"""List resources."""

import click


@click.command("list", short_help="List resources, their rule and what stands in the way.")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(format_: str, config: str | None, debug: bool) -> None:
    """List every resource of the broker's state: version, back end, rule in force, and whether it was revoked."""
    from strongroom.app.broker_open import open_state
    from strongroom.app.config import load
    from strongroom.app.release_admin import listed
    from strongroom.app.release_desk import policy_of
    from strongroom.cli.release_admin_views import listed_lines
    from strongroom.cli.run import finish, write

    def work() -> int:
        held = load(config)
        store = open_state(held)
        with store:
            write(listed_lines(tuple(listed(store, policy_of(held))), format_), None)
        return 0

    finish(work, debug=debug)
