"""Collect evidence of this machine."""

import click


@click.command("collect", short_help="Ask this machine's hardware for evidence.")
@click.option("--nonce", metavar="HEX", help="The verifier's challenge, which the evidence answers.")
@click.option("--interface", metavar="NAME", help="configfs-tsm, sev-guest or nsm [default: the one that is there].")
@click.option("--vmpl", type=click.IntRange(0, 3), help="The privilege level of SEV-SNP to ask at.")
@click.option("-o", "--output", metavar="FILE", help="Write the evidence there.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(nonce: str | None, interface: str | None, vmpl: int | None, output: str | None, debug: bool) -> None:
    """Ask the hardware of this machine for evidence, in a confidential VM (SEV-SNP, TDX) or a Nitro enclave.

    Take the nonce from whoever verifies, each time a new one: evidence without it proves nothing about now. Exit 2: this
    machine has no device that gives evidence, or that refuses.
    """
    from strongroom.app.attest_collect import collect
    from strongroom.app.evidence import nonce as octets
    from strongroom.cli.run import finish, note, write_bytes
    from strongroom.model.errors import BadUsage

    def work() -> int:
        import sys

        if output is None and sys.stdout.isatty():
            raise BadUsage("evidence", "a terminal", "a file or a pipe", "name one with -o")
        found = collect(octets(nonce) or b"", interface, vmpl)
        write_bytes(found.octets, output)
        if nonce is None:
            note("no nonce was given: this evidence can be shown again at any time")
        note(f"{found.kind.value} by {found.by}: {', '.join(f'{p.name} {len(p.data)} octets' for p in found.parts)}")
        return 0

    finish(work, debug=debug)
