"""The rule for the engines that enforce it."""

import click

from strongroom.cli.commands.isolate import _options as options


@click.command("render", short_help="Give the rule to an engine: policies, scripts, objects.")
@click.argument("target", required=False, metavar="[TARGET]")
@click.option("-o", "--output", metavar="DIR", help="Write the files there [default: print them].")
@click.option("--url", default="", metavar="URL", help="Where the API server asks admission [default: its service].")
@click.option("--ca", metavar="FILE", help="The authorities of its certificate, as PEM.")
@options.RULE
@options.DEBUG
def COMMAND(target: str | None, output: str | None, url: str, ca: str | None, rule_: str | None, debug: bool) -> None:
    """Render the rule for TARGET; without one, list the targets and what each can hold."""
    from pathlib import Path

    from strongroom.app.isolation import MOST_RULE, load_rule, octets, put, render, targets
    from strongroom.cli.lines import line
    from strongroom.cli.run import finish, note, write
    from strongroom.model.isolate import Rendering

    def work() -> int:
        if target is None:
            write((line(t.name, f"{t.title}: {t.kept}") for t in targets().values()), None)
            return 0
        pem = octets(ca, MOST_RULE).decode("ascii", "replace") if ca else ""
        made = render(target, Rendering(load_rule(rule_), url, pem))
        if output is None:
            several = len(made) > 1
            write((f"# {d.name}\n{d.text}" if several else d.text for d in made), None)
        else:
            put(made, Path(output))
            note(f"wrote {', '.join(d.name for d in made)} into {output}")
        return 0

    finish(work, debug=debug)
