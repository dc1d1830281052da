"""Run the examples that stand in rules files."""

import click


@click.command("test", short_help="Run the tests that stand in rules files.")
@click.argument("paths", nargs=-1, required=True, metavar="FILE|DIR...")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--at", metavar="TIME", help="The time that counts as now (ISO 8601).")
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(paths: tuple[str, ...], format_: str, at: str | None, config: str | None, debug: bool) -> None:
    """Ask each rule of the assets that its tests describe, and compare the answers with what they expect.

    Exit 1 when one differs, 2 when a rule cannot be used.
    """
    from strongroom.app.config import load
    from strongroom.app.rules import load as load_rules
    from strongroom.app.rules import run_tests
    from strongroom.cli.rule_views import test_lines
    from strongroom.cli.run import finish, moment, write

    def work() -> int:
        limits = load(config).bounds()
        tried = run_tests(load_rules(paths, limits), moment(at), limits)
        write(test_lines(tried, format_), None)
        return 0 if all(t.passed for t in tried) else 1

    finish(work, debug=debug)
