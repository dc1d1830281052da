"""Measure an enclave image."""

import click

from strongroom.cli.commands.attest.measure import _options as options


@click.command("nitro", short_help="Compute the PCRs of an AWS Nitro enclave image.")
@click.argument("eif", metavar="EIF")
@options.keeps
def COMMAND(eif: str, **rest: object) -> None:
    """Compute PCR0, PCR1, PCR2, and PCR8 of a signed image, from the file EIF."""
    from strongroom.app.measure import nitro
    from strongroom.cli.run import finish

    to = options.kept(rest)
    finish(lambda: options.keep(nitro(eif).only(to.register), to), debug=to.debug)
