"""Seal a model."""

from typing import Unpack

import click

from strongroom.cli.commands.seal import _options as options


@click.command("create", short_help="Encrypt, sign, scan and describe a model as one artifact.")
@click.argument("source", metavar="SRC")
@click.argument("dest", metavar="DEST")
@options.seals
@click.option(
    "--boundary",
    type=click.Choice(["any", "attested"]),
    default="any",
    show_default=True,
    help="attested: only a broker's slot may open it, and so only what was attested.",
)
@click.option("--sign-key", metavar="PEM", help="Sign it outside and inside by this private key (ECDSA).")
@click.option("--sign-pkcs11", metavar="URI", help="Sign it by a key in a token.")
@click.option("--password-file", metavar="FILE", help="The password of --sign-key.")
@click.option("--certificate", metavar="PEM", help="The signer's certificate.")
@click.option("--chain", multiple=True, metavar="PEM", help="The authorities above it.")
@click.option("--no-scan", is_flag=True, help="Do not scan it; whoever demands a verdict will refuse it.")
@click.option("--accept-review", "review", is_flag=True, help="Seal files that somebody must decide about.")
@click.option("--no-bom", is_flag=True, help="Attach no bill of materials.")
@click.option("--provenance", metavar="FILE", help="Attach a provenance: seal provenance makes one.")
@click.option(
    "--provenance-key", metavar="PEM", help="Refuse a provenance that is not by this key, or of another model."
)
@click.option("--allow-symlinks", is_flag=True, help="Seal what symbolic links lead to.")
@click.option("--resume", is_flag=True, help="Go on with a sealing that was cut off.")
@options.logs
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    source: str,
    dest: str,
    boundary: str,
    sign_key: str | None,
    sign_pkcs11: str | None,
    password_file: str | None,
    certificate: str | None,
    chain: tuple[str, ...],
    no_scan: bool,
    review: bool,
    no_bom: bool,
    provenance: str | None,
    provenance_key: str | None,
    allow_symlinks: bool,
    resume: bool,
    log_: str | None,
    offline: bool,
    config: str | None,
    debug: bool,
    **words: Unpack[options.Sealing],
) -> None:
    """Seal SRC, a folder or a file, as the artifact DEST, a folder of its own.

    Names, shapes and headers are inside. DEST appears when all of it is on the disk and in the log; until then it is
    DEST.unfinished, and --resume goes on with it.
    """
    from pathlib import Path

    from strongroom.app.seal_attachments import Describe
    from strongroom.app.seal_create import Asked
    from strongroom.app.seal_signers import SignerWords
    from strongroom.cli.run import finish, moment
    from strongroom.cli.seal_sealing import created
    from strongroom.kit.sealed import Boundary

    def work() -> int:
        signer = SignerWords(sign_key, sign_pkcs11, password_file, certificate, chain)
        describe = Describe(not no_scan, review, not no_bom, provenance, provenance_key)
        state, bound = options.state_folder(config), Boundary(boundary)
        asked = Asked(
            source, Path(dest), options.wanted(words), state, moment(None), bound, describe, allow_symlinks, resume
        )
        created(asked, signer, (config, log_, offline))
        return 0

    finish(work, debug=debug)
