"""Admit a host."""

import click

from strongroom.cli.commands.attest.hosts import _options


@click.command("admit", short_help="Let a host be trusted from its next answer on.")
@_options.host
@click.option(
    "--key", metavar="HEX", help="The beginning of the name of its attestation key, where several have asked."
)
def COMMAND(
    host: str,
    key: str | None,
    state: str | None,
    log_: str | None,
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """Let HOST be trusted from its next answer on. Of several keys the one that --key names counts; the others are refused.

    Compare the key with what the agent says on the host itself: it tells its attestation key when it is enrolled.
    """
    from strongroom.app.config import load
    from strongroom.app.watch_hosts import admit
    from strongroom.app.watch_open import Options
    from strongroom.cli.run import finish, write

    def work() -> int:
        done = admit(load(config), Options(state=state, log=log_, offline=offline), host, key)
        write([f"{done.host} is admitted, by the attestation key {done.keys[0]}\n"], None)
        return 0

    finish(work, debug=debug)
