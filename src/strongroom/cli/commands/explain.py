"""Why a control or a check exists, and how to meet it."""

import click


@click.command("explain", short_help="Explain a control, a check, or a step of an appraisal.")
@click.argument("ident", metavar="ID")
@click.option(
    "--rules", "rules_", multiple=True, metavar="FILE|DIR", help="Rules of your own, beside the built-in checks."
)
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(ident: str, rules_: tuple[str, ...], config: str | None, debug: bool) -> None:
    """Print what a control (NET-02) or a check (net.notebook.direct-internet) asks, why, how to fix it, its limits.

    A check may be a rule of your own, from --rules or from the configuration. A step of an appraisal (snp.tcb_ext) is
    explained too: what it demands, by which document, and what it stands on.
    """
    from strongroom.app.config import load
    from strongroom.app.evidence import verifier_of_step
    from strongroom.app.rules import catalogue_for
    from strongroom.cli.appraisal_views import step_page
    from strongroom.cli.listing import explain
    from strongroom.cli.run import finish, write

    def work() -> int:
        verifier = verifier_of_step(ident)
        if verifier is not None:
            write(step_page(verifier, ident), None)
            return 0
        write(explain(catalogue_for(ident, load(config), rules_), ident), None)
        return 0

    finish(work, debug=debug)
