"""Why a control or a check exists, and how to meet it."""

import click


@click.command("explain", short_help="Explain a control or a check.")
@click.argument("ident", metavar="ID")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(ident: str, debug: bool) -> None:
    """Print what a control (NET-02) or a check (net.notebook.direct-internet) asks, why, how to fix it, its limits."""
    from strongroom.app.catalogue import catalogue
    from strongroom.cli.listing import explain
    from strongroom.cli.run import finish, write

    def work() -> int:
        write(explain(catalogue(), ident), None)
        return 0

    finish(work, debug=debug)
