"""What the commands that measure print."""

from collections.abc import Iterator

import msgspec

from strongroom.app.references import Desk, Signed
from strongroom.cli.lines import clean, line
from strongroom.kit.reference_file import Reference
from strongroom.model.attest import Json, ReferenceValues


def measured_lines(reference: Reference, form: str) -> Iterator[str]:
    """What something measures to."""
    if form == "json":
        fields: dict[str, Json] = msgspec.to_builtins(reference)
        made = {"schema": "strongroom.measurement/1", **fields}
        yield msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"
        return
    yield line("kind", reference.kind.value)
    yield line("workload", f"{reference.name} {reference.version}".rstrip())
    if reference.image:
        yield line("image", reference.image)
    for one in reference.inputs:
        yield line("from", one)
    yield line("how", reference.about)
    yield line("with", reference.measured_with)
    yield "\n"
    for register, values in reference.values.items():
        for value in values:
            yield f"{clean(register)}\n  {value}\n"


def added_lines(desk: Desk, signed: Signed | None) -> Iterator[str]:
    """What was signed, and what to do with the public key."""
    if signed is None:
        yield f"\n{clean(str(desk.path))} has it already; nothing changed\n"
        return
    yield "\n"
    yield line("references", f"{desk.path}{' (new)' if signed.made_file else ''}")
    yield line("version", str(signed.version))
    yield line("key file", f"{desk.key}{' (new)' if signed.made_key else ''}")
    yield f"public key  {signed.key}\n"
    yield line("logged", f"entry {signed.entry}")
    yield f"\nstrongroom attest verify EVIDENCE --references {clean(str(desk.path))} --key '{signed.key}'\n"


def reference_lines(held: ReferenceValues, form: str) -> Iterator[str]:
    """The references that count, and why others do not."""
    if form == "json":
        fields: dict[str, Json] = msgspec.to_builtins(held)
        made = {"schema": "strongroom.reference-values/1", **fields}
        yield msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"
        return
    if held.signer:
        yield line("signed by", held.signer)
    for r in held.items:
        yield f"\n{r.kind.value}  {clean(r.name)} {clean(r.version)}".rstrip() + f"\n  image {r.image}\n"
        for register, values in r.values.items():
            yield f"  {clean(register)}  {', '.join(v[:16] + '…' for v in values)}\n"
        if r.events:
            loose = f"; may vary: {', '.join(r.may_vary)}" if r.may_vary else ""
            yield f"  {len(r.events)} events of {len({e.register for e in r.events})} registers{clean(loose)}\n"
    if held.trouble:
        yield f"\ntrouble     {clean(held.trouble)}\n"
