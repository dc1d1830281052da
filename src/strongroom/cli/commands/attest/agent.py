"""The agent on a machine with a TPM."""

import click


@click.command("agent", short_help="Enrol this machine by its TPM, and keep its standing.")
@click.option("--server", metavar="URL", required=True, help="The URL of the verifier's server.")
@click.option("--host", metavar="NAME", help="The name of this machine [default: its own].")
@click.option("--ca", metavar="FILE", help="Authorities of the server's certificate, PEM [default: the system's].")
@click.option("--ek-chain", "chain", metavar="FILE", help="Authorities of the TPM's certificate, PEM, if it has none.")
@click.option("--state", metavar="DIR", help="Where the attestation key is kept [default: beside the state].")
@click.option("--once", is_flag=True, help="One round, then leave: exit 0 trusted, 1 not trusted, 3 could not.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    server: str,
    host: str | None,
    ca: str | None,
    chain: str | None,
    state: str | None,
    once: bool,
    debug: bool,
) -> None:
    """Enrol this machine by its TPM, then answer the server's challenges, so that its standing lasts.

    It listens on nothing and holds no secret; the attestation key is the TPM's. It needs tpm2-tools, and leave to open
    /dev/tpmrm0 (or what TPM2TOOLS_TCTI names) and the kernel's logs: run it as root, or as a service. It ends with Ctrl-C or
    SIGTERM; the machine's standing then lapses within one interval.
    """
    from strongroom.app.agent_running import Running, keep_on, run_once
    from strongroom.cli.run import finish, note

    def work() -> int:
        import signal

        def stop(number: int, _: object) -> None:
            for each in (signal.SIGINT, signal.SIGTERM):  # what is being put away is not to be interrupted again
                signal.signal(each, signal.SIG_IGN)
            raise KeyboardInterrupt(signal.Signals(number).name)

        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, stop)
        running = Running(server, host, state, ca, chain)
        try:
            if once:
                return run_once(running, note)
            keep_on(running, note)
        except KeyboardInterrupt as e:
            note(f"stopped by {e}: the standing of this machine lapses within one interval")
            return 3 if once else 0

    finish(work, debug=debug)
