"""Look for what is wrong in rules files."""

import click


@click.command("check", short_help="Look for what is wrong in rules files.")
@click.argument("paths", nargs=-1, required=True, metavar="FILE|DIR...")
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(paths: tuple[str, ...], config: str | None, debug: bool) -> None:
    """Say everything that is wrong in rules files, with its line: form, ids, facts, kinds, expressions.

    Exit 2 when something is.
    """
    from strongroom.app.config import load
    from strongroom.app.rules import look, remarks
    from strongroom.cli.rule_views import check_lines
    from strongroom.cli.run import finish, write

    def work() -> int:
        found = look(paths, load(config).bounds())
        write(check_lines(found, remarks(found.rules.rules)), None)
        return 2 if found.problems else 0

    finish(work, debug=debug)
