"""Make a decision again."""

import click


@click.command("replay", short_help="Make a recorded decision again, and compare.")
@click.argument("ident", metavar="ID")
@click.option("--log", "log_", metavar="PATH|URL", help="The log [default: [log] path].")
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(ident: str, log_: str | None, config: str | None, debug: bool) -> None:
    """Make the decision ID again from the log and from what was kept: the terms, then the appraisal from its evidence.

    Exit 1: something comes out otherwise, or is not kept any more; it is named.
    """
    from strongroom.app.broker_open import open_state
    from strongroom.app.config import load
    from strongroom.app.log_default import place_of
    from strongroom.app.release_replay import replay
    from strongroom.cli.release_admin_views import replayed_lines
    from strongroom.cli.run import finish, write

    def work() -> int:
        held = load(config)
        store = open_state(held)
        with store:
            done = replay(store, place_of(held, log_), ident)
        write(replayed_lines(done), None)
        return 1 if done.differs else 0

    finish(work, debug=debug)
