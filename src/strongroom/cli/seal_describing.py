"""What the commands that describe models do around their use cases: the signer, the log, standard output."""

import sys
from contextlib import ExitStack
from datetime import datetime

from strongroom.app import seal_bom, seal_log, seal_provenance, seal_signers
from strongroom.app.config import load
from strongroom.app.seal_provenance import Stated
from strongroom.app.seal_signers import SignerWords
from strongroom.cli.lines import line
from strongroom.cli.run import moment, progress, write_bytes

Place = tuple[str | None, str | None, bool]  # the configuration, the log, and whether no witness is asked


def provenance_made(model: str, stated: Stated, words: SignerWords, output: str | None, place: Place) -> None:
    """Write a provenance, once its digest is in the log, where one is named or configured."""
    with ExitStack() as stack:
        signer = stack.enter_context(seal_signers.opened(words, moment(None)))
        tell = stack.enter_context(progress())
        octets = seal_provenance.made(model, stated, signer, tell)
        logged(stack, "provenance", octets, place)
    write_bytes(octets, output)


def bom_made(model: str, words: SignerWords | None, output: str | None, now: datetime, place: Place) -> None:
    """Write a bill of materials, signed where a key is named, once its digest is in the log."""
    with ExitStack() as stack:
        tell = stack.enter_context(progress())
        octets = seal_bom.document(model, now, tell)
        if words is not None:
            octets = seal_bom.signed(octets, stack.enter_context(seal_signers.opened(words, now)))
        logged(stack, "bom", octets, place)
    write_bytes(octets, output)


def logged(stack: ExitStack, what: str, octets: bytes, place: Place) -> None:
    """Put the digest of a document into the log, where one is named or configured. Raises LogUnavailable."""
    path, where, offline = place
    config = load(path)
    if where or config.log.path:
        log = stack.enter_context(seal_log.opened(config, where, offline=offline))
        seal_log.described(log, what, octets, moment(None))


def provenance_verified(file: str, model: str, key: str, builder: str | None) -> int:
    """Say whether a provenance is a model's: 0, or 1 with the reasons."""
    with ExitStack() as stack:
        reasons = seal_provenance.verify(file, model, key, builder, stack.enter_context(progress()))
    sys.stdout.write(line("provenance", file))
    sys.stdout.write(line("verdict", "valid" if not reasons else "NOT VALID"))
    sys.stdout.writelines(f"  {reason}\n" for reason in reasons)
    return 1 if reasons else 0
