"""What the commands that seal and rewrap do around their use cases: open the log, the signer and the desk; tell."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from strongroom.app import seal_create, seal_log, seal_reencrypt, seal_rewrap, seal_signers, seal_slots, seal_unlock
from strongroom.app.config import load
from strongroom.app.seal_signers import SignerWords
from strongroom.cli.lines import line
from strongroom.cli.run import moment, note, progress
from strongroom.kit import slots
from strongroom.kit.slots import AnySlot
from strongroom.model.errors import BadUsage

if TYPE_CHECKING:
    from strongroom.app.release_admin import Desk

Place = tuple[str | None, str | None, bool]  # the configuration, the log, and whether no witness is asked


def created(asked: seal_create.Asked, words: SignerWords, place: Place) -> None:
    """Seal, and say what was made."""
    asked.wanted.check("seal create")
    signs = words.key is not None or words.pkcs11 is not None
    if not signs and (words.certificate or words.chain or words.password_file):
        raise BadUsage("--certificate", "nobody who signs", "--sign-key or --sign-pkcs11")
    with ExitStack() as stack:
        signer = stack.enter_context(seal_signers.opened(words, asked.now)) if signs else None
        desk = _desk(stack, asked.wanted.backend, place)
        config, where, offline = place
        log = desk.log if desk else stack.enter_context(seal_log.opened(load(config), where, offline=offline))
        tell = stack.enter_context(progress())
        made = seal_create.create(asked, seal_create.Hands(log, signer, desk, tell, note))
    sys.stdout.writelines(_created_lines(asked.target, made))


def rewrapped(asked: seal_rewrap.Asked, hands: seal_unlock.Hands, place: Place) -> None:
    """Write the slots anew, and say who can open it now."""
    asked.check()
    with ExitStack() as stack:
        desk = _desk(stack, asked.wanted.backend, place)
        config, where, offline = place
        log = desk.log if desk else stack.enter_context(seal_log.opened(load(config), where, offline=offline))
        done = seal_rewrap.rewrap(asked, hands, log, desk)
    sys.stdout.writelines(_rewrapped_lines(asked, done))
    gone = {s.id for s in done.before.slots} - {s.id for s in done.after.slots}
    if gone:
        note("whoever has opened it before, or has a copy with the old slots, still has its key (--reencrypt)")


def reencrypted(asked: seal_reencrypt.Asked, unlocking: seal_unlock.Hands, words: SignerWords, place: Place) -> None:
    """Seal anew, and say what was made."""
    with ExitStack() as stack:
        signer = stack.enter_context(seal_signers.opened(words, moment(None))) if words.key else None
        desk = _desk(stack, asked.wanted.backend, place)
        config, where, offline = place
        log = desk.log if desk else stack.enter_context(seal_log.opened(load(config), where, offline=offline))
        tell = stack.enter_context(progress())
        made = seal_reencrypt.reencrypt(asked, unlocking, seal_create.Hands(log, signer, desk, tell, note))
    sys.stdout.writelines(_created_lines(asked.target, made))
    note(f"{asked.path} is still there, and opens for whoever it opened for")


def _desk(stack: ExitStack, backend: str, place: Place) -> "Desk | None":
    """The broker's desk, where a back end is to wrap."""
    if not backend:
        return None
    from strongroom.app.release_desk import opened as desk_opened  # noqa: PLC0415 - whoever names no back end pays nothing

    config, where, offline = place
    return stack.enter_context(desk_opened(config, where, moment(None), offline=offline))


def _created_lines(target: Path, made: seal_create.Created) -> Iterator[str]:
    yield line("sealed", f"{target}: {made.files} files, {made.octets} octets")
    yield line("artifact", made.artifact.id)
    yield line("boundary", made.artifact.boundary.value)
    for slot in made.slots:
        yield line("slot", slot_line(slot))
    yield line("signed", "outside and inside" if made.signed else "no: anybody could have sealed it")
    yield line("log entry", str(made.entry))


def _rewrapped_lines(asked: seal_rewrap.Asked, done: seal_rewrap.Rewrapped) -> Iterator[str]:
    yield line("artifact", f"{asked.path} ({done.after.artifact[:16]}…)")
    yield line("generation", str(done.after.generation))
    before = {s.id for s in done.before.slots}
    for slot in done.after.slots:
        yield line("slot" if slot.id in before else "slot, new", slot_line(slot))
    for slot in done.before.slots:
        if slot.id not in {s.id for s in done.after.slots}:
            yield line("gone", slot_line(slot))
    yield line("log entry", str(done.entry))


def slot_line(slot: AnySlot) -> str:
    """A slot in a line."""
    policy = f", policy {slot.policy}" if slot.policy else ""
    return f"{slot.id} ({slots.type_of(slot)}{policy}) {seal_slots.who(slot)}"
