"""What `seal bom` does around its use case: the signer, the log, an artifact that is opened first, standard output."""

import sys
from contextlib import ExitStack
from typing import NamedTuple

from strongroom.app import seal_bom, seal_open, seal_provenance, seal_signers
from strongroom.app.seal_signers import SignerWords
from strongroom.cli.lines import line
from strongroom.cli.run import moment, progress, write_bytes
from strongroom.cli.seal_describing import Place, logged
from strongroom.cli.seal_opening import hands
from strongroom.kit import mlbom_checking
from strongroom.model.errors import BadUsage


class Wanted(NamedTuple):
    """What is described, how it is opened where it is sealed, and where the bill and its signed statement go."""

    path: str
    opening: seal_open.Asked | None
    output: str | None
    signed: str | None
    words: SignerWords


def made(wanted: Wanted, place: Place) -> None:
    """Write a bill, and its signed statement where a signer is named, once their digests are in the log."""
    with ExitStack() as stack:
        bill = _bill(wanted, place)
        logged(stack, "bom", bill, place)
        statement = b""
        if wanted.signed is not None:
            signer = stack.enter_context(seal_signers.opened(wanted.words, moment(None)))
            statement = seal_bom.signed(bill, signer)
            logged(stack, "bom-statement", statement, place)
    if wanted.signed is not None:
        write_bytes(statement, wanted.signed)
    if wanted.signed != "-" or wanted.output not in (None, "-"):
        write_bytes(bill, wanted.output)


def _bill(wanted: Wanted, place: Place) -> bytes:
    with ExitStack() as stack:
        if wanted.opening is not None:
            found = stack.enter_context(seal_open.opened(wanted.opening, hands(stack, place)))
            return seal_bom.of_sealed(found.unsealed, moment(None))
        if seal_bom.is_sealed(wanted.path):
            hint = "strongroom seal inspect SEALED shows who can open it"
            raise BadUsage(wanted.path, "a sealed artifact", "--identity FILE, or --attest", hint)
        return seal_bom.document(wanted.path, moment(None), stack.enter_context(progress()))


def verified(file: str, wanted: Wanted, key: str | None, place: Place) -> int:
    """Say whether a bill is a model's: 0, or 1 with the reasons."""
    with ExitStack() as stack:
        if wanted.opening is not None or seal_bom.is_sealed(wanted.path):
            digests = mlbom_checking.files_of(_bill(wanted, place))
        else:
            digests = seal_provenance.digests(wanted.path, stack.enter_context(progress()))
        reasons = seal_bom.verify(file, digests, key)
    sys.stdout.write(line("bom", file))
    sys.stdout.write(line("signed", f"by the key of {key}" if key is not None and not reasons else "not verified"))
    sys.stdout.write(line("verdict", "valid" if not reasons else "NOT VALID"))
    sys.stdout.writelines(f"  {reason}\n" for reason in reasons)
    return 1 if reasons else 0
