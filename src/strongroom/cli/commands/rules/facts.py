"""The facts that a rule can read."""

import click


@click.command("facts", short_help="List the facts that rules can read.")
@click.argument("kind", required=False, metavar="[KIND]")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(kind: str | None, format_: str, debug: bool) -> None:
    """List facts with the type of their value: all, or those of a kind of asset (ai.notebook)."""
    import difflib

    from strongroom.app.rules import facts_by_kind
    from strongroom.cli.rule_views import fact_lines
    from strongroom.cli.run import finish, write
    from strongroom.model.errors import NotFound
    from strongroom.model.facts import FACTS
    from strongroom.model.kinds import Kind

    def work() -> int:
        of = facts_by_kind()
        if kind is not None and kind not in set(Kind):
            near = difflib.get_close_matches(kind, list(Kind), 3)
            raise NotFound(
                "kind", repr(kind), f"one of {', '.join(Kind)}", f"did you mean {' or '.join(near)}" if near else ""
            )
        write(fact_lines(FACTS if kind is None else of[Kind(kind)], of, format_), None)
        return 0

    finish(work, debug=debug)
