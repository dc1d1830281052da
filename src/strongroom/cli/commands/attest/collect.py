"""Collect evidence of this machine."""

import click


@click.command("collect", short_help="Ask this machine's hardware for evidence.")
@click.option("--nonce", metavar="HEX", help="The verifier's challenge, which the evidence answers.")
@click.option(
    "--interface",
    metavar="NAME",
    help="configfs-tsm, sev-guest, nsm, tpm or azure-vtpm [default: the first that is there].",
)
@click.option("--vmpl", type=click.IntRange(0, 3), help="The privilege level of SEV-SNP to ask at.")
@click.option(
    "--pcrs", metavar="LIST", help="The registers of a TPM to quote [default: sha256:0,1,2,3,4,5,6,7,8,9,10,14]."
)
@click.option("--state", metavar="DIR", help="Where the attestation key of a TPM is kept [default: beside the state].")
@click.option("-o", "--output", metavar="FILE", help="Write the evidence there.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    nonce: str | None,
    interface: str | None,
    vmpl: int | None,
    pcrs: str | None,
    state: str | None,
    output: str | None,
    debug: bool,
) -> None:
    """Ask the hardware of this machine for evidence: a confidential VM (SEV-SNP, TDX), a Nitro enclave, or a TPM.
    A confidential VM of Azure has a virtual TPM that vouches for it: name it by --interface azure-vtpm.

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
        found = collect(octets(nonce) or b"", interface, vmpl, registers=pcrs, state=state)
        write_bytes(found.octets, output)
        if nonce is None:
            note("no nonce was given: this evidence can be shown again at any time")
        note(f"{found.kind.value} by {found.by}: {', '.join(f'{p.name} {len(p.data)} octets' for p in found.parts)}")
        return 0

    finish(work, debug=debug)
