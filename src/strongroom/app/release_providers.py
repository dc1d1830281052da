"""Rules in providers' own words, and what is wrong with the words that are there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from strongroom.app.release_policy import Loaded, octets
from strongroom.kit.rooms import room
from strongroom.model.attest import ReferenceValues
from strongroom.model.errors import BadInput, BadUsage, Malformed, NotFound
from strongroom.release.provider import Lint, Provider, Rendered, wanted


@cache
def providers() -> dict[str, Provider]:
    """Every provider, by its name."""
    return {p.name: p for p in room("strongroom.release.providers", "PROVIDER", Provider).values()}


def provider(name: str) -> Provider:
    """The provider of a name. Raises NotFound with the names that there are."""
    found = providers().get(name)
    if found is None:
        raise NotFound(f"provider {name[:80]!r}", "none of that name", ", ".join(providers()))
    return found


def render(
    loaded: Loaded, name: str, resource: str | None, references: ReferenceValues, options: Mapping[str, str]
) -> Rendered:
    """The rule of a resource in the words of a provider.

    Raises:
        NotFound: no provider or no rule of that name.
        BadUsage: an option is missing or unknown, or the policy has several rules and none was named.
        BadInput: the provider has no words for what the rule demands.
    """
    chosen = provider(name)
    rules = {r.resource: r for r in loaded.file.rule}
    if resource is None and len(rules) != 1:
        raise BadUsage("--resource", "nothing", f"one of {', '.join(rules)}"[:400])
    rule = rules.get(resource) if resource is not None else next(iter(rules.values()))
    if rule is None:
        raise NotFound(f"rule {str(resource)[:80]!r}", "none of that pattern", ", ".join(rules)[:400])
    for given in options:
        if given not in chosen.options:
            raise BadUsage("--set", repr(given[:40]), f"one of {', '.join(chosen.options)}")
    for needed, meaning in chosen.options.items():
        if needed not in options:
            raise BadUsage(f"--set {needed}=…", "nothing", meaning)
    return chosen.render(wanted(rule, references), options)


@dataclass(frozen=True, slots=True)
class Linted:
    """A file, whose provider's it is, and what is wrong with it."""

    path: str
    provider: Provider
    found: tuple[Lint, ...]


def lint(paths: Sequence[str], name: str | None) -> tuple[Linted, ...]:
    """What is wrong with existing files; whose they are is seen from what they hold, unless it is said.

    Raises:
        Unreadable, TooLarge, NotFound: a file or a provider is not there.
        Malformed: a file is not text, or of no provider that is known.
    """
    return tuple(_linted(path, name) for path in paths)


def _linted(path: str, name: str | None) -> Linted:
    try:
        text = octets(Path(path), "a policy of a provider").decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed(path, "no UTF-8", "a policy of a provider") from None
    chosen = provider(name) if name else _recognised(path, text)
    return Linted(path, chosen, tuple(chosen.lint(text)))


def _recognised(path: str, text: str) -> Provider:
    best = max(providers().values(), key=lambda p: p.recognises(text))
    if not best.recognises(text):
        raise BadInput(
            path, "a policy of no provider that is known", ", ".join(providers()), "say which: --provider NAME"
        )
    return best
