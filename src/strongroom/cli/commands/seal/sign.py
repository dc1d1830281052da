"""Sign a model."""

import click


@click.command("sign", short_help="Sign a model in the format of OpenSSF Model Signing.")
@click.argument("model", metavar="MODEL")
@click.option("--key", metavar="PEM", help="The private key: ECDSA on P-256, P-384 or P-521.")
@click.option("--password-file", metavar="FILE", help="The password of the key.")
@click.option("--pkcs11", metavar="URI", help="A key in a token: pkcs11:token=…;object=…?module-path=…&pin-source=…")
@click.option("--signature", metavar="FILE", required=True, help="Where the signature is written.")
@click.option("--certificate", metavar="PEM", help="The signer's certificate.")
@click.option("--chain", multiple=True, metavar="PEM", help="The authorities above it.")
@click.option(
    "--method", type=click.Choice(["files", "shards"]), default="files", show_default=True, help="What has a digest."
)
@click.option("--shard-size", type=click.IntRange(1), metavar="N", help="Octets of a shard [default: 1000000000].")
@click.option(
    "--hash",
    "hash_type",
    type=click.Choice(["sha256", "blake2b", "blake3"]),
    default="sha256",
    show_default=True,
    help="The digest of files or shards.",
)
@click.option("--ignore", multiple=True, metavar="PATH", help="Leave a file or folder of the model out.")
@click.option("--allow-symlinks", is_flag=True, help="Follow symbolic links, and sign what they lead to.")
@click.option("--ml-dsa", "ml_dsa", metavar="KEY", help="Sign a second time, by this private key of ML-DSA-65.")
@click.option("--ml-dsa-signature", metavar="FILE", help="Where the second signature is written.")
@click.option("--compat", is_flag=True, help="Name a model of one file so that model-signing 1.1.1 verifies it.")
@click.option("--at", metavar="ISO8601", help="The time that counts as now, for the certificate.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    model: str,
    key: str | None,
    password_file: str | None,
    pkcs11: str | None,
    signature: str,
    certificate: str | None,
    chain: tuple[str, ...],
    method: str,
    shard_size: int | None,
    hash_type: str,
    ignore: tuple[str, ...],
    allow_symlinks: bool,
    ml_dsa: str | None,
    ml_dsa_signature: str | None,
    compat: bool,
    at: str | None,
    debug: bool,
) -> None:
    """Sign MODEL, a folder or a file, and write the signature to a file of its own.

    Every file is signed but the signatures themselves, what --ignore names, and the files of git at the top.
    """
    from strongroom.app.seal_sign import SignOptions
    from strongroom.app.seal_signers import SignerWords
    from strongroom.cli.run import finish, moment
    from strongroom.cli.seal_signing import signed

    def work() -> int:
        outputs = tuple(o for o in (signature, ml_dsa_signature) if o is not None)
        words = SignerWords(key, pkcs11, password_file, certificate, chain)
        size = _shard_size(method, shard_size)
        options = SignOptions(outputs, ignore, allow_symlinks, size, hash_type, compat)
        signed(model, words, ml_dsa, options, moment(at))
        return 0

    finish(work, debug=debug)


def _shard_size(method: str, given: int | None) -> int | None:
    from strongroom.kit.oms import DEFAULT_SHARD
    from strongroom.model.errors import BadUsage

    if method == "files":
        if given is not None:
            raise BadUsage("--shard-size", "--method files", "--method shards")
        return None
    return given or DEFAULT_SHARD
