"""Forget a host."""

import click

from strongroom.cli.commands.attest.hosts import _options


@click.command("forget", short_help="Know a host no more: its standing is over at once.")
@_options.host
def COMMAND(host: str, state: str | None, log_: str | None, offline: bool, config: str | None, debug: bool) -> None:
    """Know HOST no more, by any key. Its standing is over at once; it may enrol again, and waits to be admitted then."""
    from strongroom.app.config import load
    from strongroom.app.watch_hosts import forget
    from strongroom.app.watch_open import Options
    from strongroom.cli.run import finish, note, write

    def work() -> int:
        done = forget(load(config), Options(state=state, log=log_, offline=offline), host)
        write([f"{done.host} is forgotten, with {len(done.keys)} key{'' if len(done.keys) == 1 else 's'}\n"], None)
        for remark in done.remarks:
            note(remark)
        return 0

    finish(work, debug=debug)
