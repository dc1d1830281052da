"""Check an appraisal policy."""

import click


@click.command("check", short_help="Check an appraisal policy, and say in words what it demands.")
@click.argument("policy", metavar="FILE")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(policy: str, format_: str, debug: bool) -> None:
    """Say in words what the policy in FILE demands, allows and leaves unchecked.

    Exit 2: a field or a step is unknown, a step may not be unchecked, or an expression is none.
    """
    from strongroom.app.attest_policy import check
    from strongroom.cli.policy_views import demand_lines
    from strongroom.cli.run import finish, write

    def work() -> int:
        found = check(policy)
        write(demand_lines(found, format_), None)
        return 0

    finish(work, debug=debug)
