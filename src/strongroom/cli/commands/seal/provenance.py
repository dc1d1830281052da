"""State where a model is from."""

import click


@click.command("provenance", short_help="State and sign how a model was made (SLSA v1), or verify that.")
@click.argument("model", metavar="MODEL")
@click.option("--builder", metavar="URI", help="Who built it; with --verify, who must have.")
@click.option("--build-type", metavar="URI", help="How: what the parameters mean.")
@click.option("--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="What the build was told.")
@click.option(
    "--dependency",
    "dependencies",
    multiple=True,
    metavar="URI@ALG:HEX|FILE",
    help="What went into it: data, code, a base model.",
)
@click.option("--started", metavar="ISO8601", help="When the build began.")
@click.option("--finished", metavar="ISO8601", help="When it ended.")
@click.option("--key", metavar="PEM", help="Sign by this private key (ECDSA).")
@click.option("--pkcs11", metavar="URI", help="Sign by a key in a token.")
@click.option("--password-file", metavar="FILE", help="The password of --key.")
@click.option("--verify", "file", metavar="FILE", help="Verify this provenance against MODEL.")
@click.option("--public-key", metavar="PEM", help="The key that must have signed it, for --verify.")
@click.option("-o", "--output", metavar="FILE", help="Where the provenance is written.")
@click.option("--log", "log_", metavar="PATH|URL", help="Put its digest into this log.")
@click.option("--offline", is_flag=True, help="Ask no witness of the log now.")
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    model: str,
    builder: str | None,
    build_type: str | None,
    parameters: tuple[str, ...],
    dependencies: tuple[str, ...],
    started: str | None,
    finished: str | None,
    key: str | None,
    pkcs11: str | None,
    password_file: str | None,
    file: str | None,
    public_key: str | None,
    output: str | None,
    log_: str | None,
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """State how MODEL was made, about each of its files; seal create --provenance attaches it.

    Nothing is filled in that you do not say. With --verify: exit 0 when it is MODEL's and by the key, 1 when it is not,
    each reason named, 2 when something cannot be read.
    """
    from strongroom.app.seal_provenance import Stated
    from strongroom.app.seal_signers import SignerWords
    from strongroom.cli.run import finish, moment
    from strongroom.cli.seal_describing import provenance_made, provenance_verified
    from strongroom.model.errors import BadUsage

    def work() -> int:
        if file is not None:
            if public_key is None:
                raise BadUsage("--verify", "nobody who is trusted", "--public-key PEM")
            return provenance_verified(file, model, public_key, builder)
        if builder is None or build_type is None:
            raise BadUsage("seal provenance", "no builder, or no build type", "--builder URI and --build-type URI")
        times = tuple(moment(t, o) if t else None for t, o in ((started, "--started"), (finished, "--finished")))
        stated = Stated(builder, build_type, parameters, dependencies, *times)
        signer = SignerWords(key, pkcs11, password_file)
        provenance_made(model, stated, signer, output, (config, log_, offline))
        return 0

    finish(work, debug=debug)
