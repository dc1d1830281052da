"""One review of the API server, judged here."""

import click

from strongroom.cli.commands.isolate import _options as options


@click.command("admit", short_help="Judge one AdmissionReview against a cluster's state.")
@click.option("--request", required=True, metavar="FILE", help="The AdmissionReview, as JSON; - reads standard input.")
@click.option(
    "--mode",
    type=click.Choice(["observe", "warn", "deny"]),
    default="deny",
    show_default=True,
    help="What a denial does.",
)
@options.judged
def COMMAND(request: str, mode: str, states: tuple[str, ...], rule_: str | None, debug: bool) -> None:
    """Print the AdmissionReview that answers --request, by the judge that `serve admission` has. Nothing is changed.

    Exit 0: allowed by the rule. 1: denied by it. 2: the rule or the state cannot be read; a review that cannot be is denied.
    """
    from strongroom.app.isolation import MOST_REVIEW, admit, load_rule, load_state, octets
    from strongroom.cli.release_views import formatted
    from strongroom.cli.run import finish, write
    from strongroom.model.isolate import Mode

    def work() -> int:
        rule = load_rule(rule_)
        data = octets(request, MOST_REVIEW)
        answer, verdict = admit(rule, load_state(states).state, data, Mode(mode))
        write([formatted(answer)], None)
        return 0 if verdict.allowed else 1

    finish(work, debug=debug)
