"""The rule itself."""

import click

from strongroom.cli.commands.isolate import _options as options


@click.command("rule", short_help="Print the built-in rule, or check one of yours.")
@click.argument("path", required=False, metavar="[FILE]")
@options.DEBUG
def COMMAND(path: str | None, debug: bool) -> None:
    """Print the rule that stands where nobody wrote another; with FILE, say whether that is one.

    \b
      strongroom isolate rule > rule.yaml
      strongroom isolate rule rule.yaml
    """  # noqa: D301 - the escape is click's mark for lines that stay as they are
    from strongroom.app.isolation import DEFAULT, load_rule
    from strongroom.cli.isolation_views import rule_lines
    from strongroom.cli.run import finish, write

    def work() -> int:
        write([DEFAULT] if path is None else rule_lines(load_rule(path)), None)
        return 0

    finish(work, debug=debug)
