"""What this installation can do here."""

import click


@click.command("doctor", short_help="Say what works here and what is missing.")
@click.option("--state", metavar="PATH", help="The state database (a path or a database URL).")
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(state: str | None, config: str | None, debug: bool) -> None:
    """Look at this installation and this machine, and say what each missing thing would unlock."""
    from strongroom.app.config import load
    from strongroom.app.doctor import examine
    from strongroom.app.state import state_path
    from strongroom.cli.run import finish, write

    def work() -> int:
        place = state_path(state or load(config).state.path)
        write((f"{x.state:<8} {x.what:<14} {x.detail}\n" for x in examine(place)), None)
        return 0

    finish(work, debug=debug)
