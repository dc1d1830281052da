"""What `seal sign` and `seal verify` do around their use cases: open the keys, write the bundles, print the verdict."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime

from strongroom.app.seal_sign import Signed, SignOptions, sign
from strongroom.app.seal_signers import SignerWords, opened, second
from strongroom.app.seal_verify import Verdict
from strongroom.cli.lines import clean, line
from strongroom.cli.release_views import formatted
from strongroom.cli.run import note, progress, write_bytes
from strongroom.model.errors import BadUsage


def signed(model: str, words: SignerWords, ml_dsa: str | None, options: SignOptions, now: datetime) -> None:
    """Sign a model and write each bundle. Raises BadUsage where the words do not fit together."""
    if len(options.outputs) != 1 + (ml_dsa is not None):
        raise BadUsage("--ml-dsa", "half of a second signature", "--ml-dsa and --ml-dsa-signature")
    if len(set(options.outputs)) != len(options.outputs):
        raise BadUsage("--ml-dsa-signature", "the file of the first signature", "another file")
    with ExitStack() as stack:
        signers = [stack.enter_context(opened(words, now)), *([second(ml_dsa)] if ml_dsa else [])]
        tell = stack.enter_context(progress())
        made = sign(model, tuple(signers), options, tell)
    for bundle, path in zip(made.bundles, options.outputs, strict=True):
        write_bytes(bundle, path)
    for text in made.notes:
        note(text)
    sys.stdout.writelines(_signed_lines(made, options.outputs))


def _signed_lines(made: Signed, outputs: tuple[str, ...]) -> Iterator[str]:
    yield line("signed", f"{made.model}: {made.files} files, {made.octets} octets")
    for path in outputs:
        yield line("signature", path)


def lines(verdict: Verdict, form: str) -> Iterator[str]:
    """A verdict for a person, or as JSON."""
    if form == "json":
        yield formatted(verdict)
        return
    yield line("model", verdict.model)
    yield line("signature", verdict.signature)
    for s in verdict.signers:
        names = f" of {', '.join(s.names)}" if s.names else ""
        yield line("signed by", f"the {s.method} {s.id}{names} ({s.key})")
    yield line("verdict", f"valid: {verdict.files} files, {verdict.octets} octets" if verdict.valid else "NOT VALID")
    for r in verdict.reasons:
        yield clean(f"  {r.file}: found {r.found}, wanted {r.wanted} [{r.code}]") + "\n"  # whole: scripts look for it
    for text in verdict.notes:
        yield line("note", text)
