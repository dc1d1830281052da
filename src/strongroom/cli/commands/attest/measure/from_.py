"""Take the registers of evidence."""

import click

from strongroom.cli.commands.attest.measure import _options as options


@click.command("from", short_help="Take the registers of evidence: a golden sample.")
@click.argument("evidence", metavar="EVIDENCE")
@click.option("--kind", metavar="KIND", help="What it is: snp, tdx, sgx, nitro [default: recognised].")
@options.keeps
def COMMAND(evidence: str, kind: str | None, **rest: object) -> None:
    """Take the registers of EVIDENCE as they are. Nothing is verified here, and nothing says which image ran.

    It is worth what that machine was worth. Verify the evidence first, and compute the values from files where you can.
    """
    from strongroom.app.measure import sample
    from strongroom.cli.commands.attest._options import kind_of
    from strongroom.cli.run import finish, moment

    to = options.kept(rest)
    finish(lambda: options.keep(sample(evidence, kind_of(kind), moment(to.at), to.register), to), debug=to.debug)
