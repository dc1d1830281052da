"""Verify a model."""

import click


@click.command("verify", short_help="Verify a model against its signature, and name every reason against it.")
@click.argument("model", metavar="MODEL")
@click.option(
    "--signature", metavar="FILE", required=True, help="The signature, as `seal sign` or model-signing writes it."
)
@click.option("--public-key", metavar="PEM", help="The key that must have signed.")
@click.option(
    "--certificate-chain",
    multiple=True,
    metavar="PEM",
    help="The authorities that are trusted, and no others. A root alone trusts all that it issued.",
)
@click.option(
    "--identity", metavar="X", help="Whose certificate it must be: an address, a domain, a URI, a common name."
)
@click.option("--trust-config", metavar="FILE", help="The trust configuration for a signature of Sigstore; offline.")
@click.option("--identity-provider", metavar="Y", help="The issuer that knew the identity, for --trust-config.")
@click.option("--ignore", multiple=True, metavar="PATH", help="A file or folder of the model that need not be signed.")
@click.option("--ignore-unsigned", is_flag=True, help="Let every file pass that is not signed.")
@click.option(
    "--allow-symlinks", is_flag=True, help="Follow symbolic links, where they were followed when it was signed."
)
@click.option("--ml-dsa-public-key", metavar="PEM", help="The key of the second signature, which must be there then.")
@click.option("--ml-dsa-signature", metavar="FILE", help="The second signature.")
@click.option("--at", metavar="ISO8601", help="The time that counts as now, for certificates.")
@click.option("--compat", is_flag=True, help="Read the signatures of model-signing before 1.0 too.")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("-o", "--output", metavar="FILE", help="Write the verdict there.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    model: str,
    signature: str,
    public_key: str | None,
    certificate_chain: tuple[str, ...],
    identity: str | None,
    trust_config: str | None,
    identity_provider: str | None,
    ignore: tuple[str, ...],
    ignore_unsigned: bool,
    allow_symlinks: bool,
    ml_dsa_public_key: str | None,
    ml_dsa_signature: str | None,
    at: str | None,
    compat: bool,
    format_: str,
    output: str | None,
    debug: bool,
) -> None:
    """Verify MODEL, a folder or a file, against a signature of OpenSSF Model Signing.

    Exit 0: valid. 1: not valid; every file and reason is named. 2: the model, the signature or what is to be trusted
    cannot be read.
    """
    from strongroom.app.seal_verify import Asked, Trust, verify
    from strongroom.cli.run import finish, moment, progress, write
    from strongroom.cli.seal_signing import lines

    def work() -> int:
        trust = Trust(public_key, certificate_chain, trust_config, identity, identity_provider, ml_dsa_public_key)
        asked = Asked(
            model,
            signature,
            trust,
            moment(at),
            ignore,
            allow_symlinks,
            ignore_unsigned,
            compat,
            ml_dsa_signature,
        )
        with progress() as tell:
            verdict = verify(asked, tell)
        write(lines(verdict, format_), output)
        return 0 if verdict.valid else 1

    finish(work, debug=debug)
