"""Describe a model."""

from typing import Unpack

import click

from strongroom.cli.commands.seal import _options as options


class _Words(options.Opening, options.Demanding):
    """All options but its own."""


@click.command("bom", short_help="Describe a model: its bill of materials (CycloneDX 1.7), or verify one.")
@click.argument("model", metavar="MODEL")
@click.option("-o", "--output", metavar="FILE", help="Where the bill is written [default: standard output].")
@click.option("--key", metavar="PEM", help="Sign by this private key (ECDSA); --signed says where.")
@click.option("--pkcs11", metavar="URI", help="Sign by a key in a token.")
@click.option("--password-file", metavar="FILE", help="The password of --key.")
@click.option("--signed", metavar="FILE", help="Where the signed statement with the bill is written.")
@click.option("--verify", "file", metavar="FILE", help="Hold this bill, or signed statement, against MODEL.")
@click.option("--bom-key", metavar="PEM", help="The key that must have signed it, for --verify.")
@options.opens
@options.demands
@options.logs
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    model: str,
    output: str | None,
    key: str | None,
    pkcs11: str | None,
    password_file: str | None,
    signed: str | None,
    file: str | None,
    bom_key: str | None,
    log_: str | None,
    offline: bool,
    debug: bool,
    **words: Unpack[_Words],
) -> None:
    """List what MODEL is made of: a folder, a file, or a sealed artifact that --identity or --attest opens.

    Files with their digests, tensors and their types from the headers, what configurations, the README and the licence
    say. What the model does not say is not in the bill. With --verify: exit 0 when it lists MODEL's files, 1 when it does
    not, each reason named, 2 when something cannot be read.
    """
    from pathlib import Path

    from strongroom.app.seal_open import Asked
    from strongroom.app.seal_signers import SignerWords
    from strongroom.cli.run import finish
    from strongroom.cli.seal_billing import Wanted, made, verified
    from strongroom.model.errors import BadUsage

    def work() -> int:
        way = options.maybe(words)
        opening = Asked(Path(model), way, options.demanded(words)) if way is not None else None
        wanted = Wanted(model, opening, output, signed, SignerWords(key, pkcs11, password_file))
        place = (words["config"], log_, offline)
        if file is not None:
            return verified(file, wanted, bom_key, place)
        if (signed is None) != (key is None and pkcs11 is None):
            raise BadUsage("seal bom", "half of a signature", "--signed FILE with --key PEM or --pkcs11 URI")
        made(wanted, place)
        return 0

    finish(work, debug=debug)
