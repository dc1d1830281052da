"""Take a bundle in."""

import click


@click.command("import", short_help="Keep what a trusted bundle holds, for verifiers to use.")
@click.argument("bundle", metavar="FILE")
@click.option(
    "--key", "keys", multiple=True, metavar="KEY", help="A verifier key that is trusted [default: configured]."
)
@click.option("--at", metavar="TIME", help="The time that counts as now (ISO 8601).")
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(bundle: str, keys: tuple[str, ...], at: str | None, config: str | None, debug: bool) -> None:
    """Keep what FILE holds where `attest verify` looks, once a trusted key has signed it as it is.

    A bundle that is unsigned, signed by somebody else, changed, or older than one of that name that was imported before
    is refused (exit 2), and nothing of it is kept.
    """
    from strongroom.app.attest_bundle import take_in
    from strongroom.app.config import load
    from strongroom.cli.bundle_views import imported
    from strongroom.cli.run import finish, moment, note, write

    def work() -> int:
        done = take_in(bundle, moment(at), load(config), keys)
        write(imported(done), None)
        for remark in done.remarks:
            note(remark)
        return 0

    finish(work, debug=debug)
