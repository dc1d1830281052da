"""What the commands on release policies print: plain lines of at most 80 columns, and the same as JSON."""

import hashlib
import textwrap
from collections.abc import Iterator, Sequence

import msgspec

from strongroom.app.release_policy import Checked, Signed, Signing
from strongroom.app.release_policy_words import of_demand, of_rule
from strongroom.app.release_providers import Linted
from strongroom.cli.lines import clean, line
from strongroom.model.errors import BadUsage
from strongroom.release.provider import Lint

_WIDTH = 80


def item(text: str, indent: int = 2) -> str:
    """A text of a list, wrapped below itself."""
    pad = " " * indent
    wrapped = textwrap.wrap(
        clean(text), _WIDTH, initial_indent=pad, subsequent_indent=f"{pad}  ", break_on_hyphens=False
    )
    return "".join(f"{part}\n" for part in wrapped)


def checked_lines(checked: Checked, form: str) -> Iterator[str]:
    """What a policy demands, and who has signed it."""
    if form == "json":
        yield _json(checked)
        return
    f, digest = checked.loaded.file, hashlib.sha256(checked.loaded.data).hexdigest()
    yield line("policy", f"{f.name} version {f.version}, {len(f.rule)} rules, {len(f.owner)} owners")
    yield line("file", f"sha256:{digest}")
    yield line("signers", _signing(checked.signers) if checked.signers else "not checked: name them with --signer")
    for owner in checked.owners:
        yield line("owner", f"{owner.name}: {_signing(owner)}")
    for text in checked.trouble:
        yield line("signature", text)
    closed = checked.closed()
    for rule in f.rule:
        yield "\n" + item(rule.resource, 0)
        for text in of_rule(rule):
            yield item(text)
        for name, demand in sorted(rule.owners.items()):
            yield item(f"{name} has not signed: closed" if name in closed else f"{name} demands:")
            for text in of_demand(demand):
                yield item(text, 4)


def _signing(s: Signing) -> str:
    state = "signed" if s.holds else "NOT SIGNED"
    who = f" ({', '.join(s.signed)})" if s.signed else ""
    return f"{state}, {s.count} of {s.keys} keys, {s.threshold} needed{who}"


class _Json(msgspec.Struct):
    schema: str
    name: str
    version: int
    digest: str
    whole: bool
    signers: Signing | None
    owners: tuple[Signing, ...]
    trouble: tuple[str, ...]
    rules: list[dict[str, object]]


def _json(checked: Checked) -> str:
    f = checked.loaded.file
    rules: list[dict[str, object]] = [
        {
            "resource": r.resource,
            "terms": list(of_rule(r)),
            "owners": {n: list(of_demand(d)) for n, d in r.owners.items()},
            "closed": sorted(checked.closed() & set(r.owners)),
        }
        for r in f.rule
    ]
    digest = f"sha256:{hashlib.sha256(checked.loaded.data).hexdigest()}"
    made = _Json(
        "strongroom.release-policy-check/1",
        f.name,
        f.version,
        digest,
        checked.whole,
        checked.signers,
        checked.owners,
        checked.trouble,
        rules,
    )
    return formatted(made)


def signed_lines(signed: Signed) -> Iterator[str]:
    """What was signed, by whom."""
    f = signed.loaded.file
    yield line("signed", f"{f.name} version {f.version}, sha256:{hashlib.sha256(signed.loaded.data).hexdigest()}")
    yield line("key", f"{signed.key.name}+{signed.key.key_id:08x}")
    whose = ", ".join(signed.owners) or "no owner of the policy; it counts where the broker has it as a signer"
    yield line("owner", whose)
    yield line("note", str(signed.note))


def options_of(given: tuple[str, ...]) -> dict[str, str]:
    """`NAME=VALUE` as a table. Raises BadUsage."""
    held: dict[str, str] = {}
    for text in given:
        name, found, value = text.partition("=")
        if not found or not name:
            raise BadUsage("--set", repr(text[:60]), "NAME=VALUE")
        held[name] = value
    return held


def linted_lines(found: Sequence[Linted], form: str) -> Iterator[str]:
    """What is wrong with files of providers."""
    if form == "json":
        files = [
            {"file": f.path, "provider": f.provider.name, "findings": [_finding(f, x) for x in f.found]} for f in found
        ]
        yield formatted({"schema": "strongroom.provider-lint/1", "files": files})
        return
    for f in found:
        yield item(f"{f.path}: {f.provider.title}", 0)
        if not f.found:
            yield item("nothing is wrong with it that is looked for")
        for x in f.found:
            yield item(f"{x.id}{f' ({x.where})' if x.where else ''}: {x.found}")
            yield item(f.provider.findings[x.id], 6)


def _finding(f: Linted, x: Lint) -> dict[str, str]:
    return {"id": x.id, "where": x.where, "found": x.found, "why": f.provider.findings[x.id]}


def formatted(made: object) -> str:
    """JSON for a person's eyes too."""
    return msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"
