"""Render a rule for a provider of keys."""

import click

from strongroom.cli.commands.release.policy import _options as options


@click.command("render", short_help="Print a rule as a provider's own attestation conditions.")
@click.argument("provider")
@click.argument("policy", metavar="FILE")
@click.option("--resource", metavar="PATTERN", help="The rule that is meant [default: the only one].")
@click.option(
    "--references", multiple=True, metavar="FILE", help="Signed reference values [default: [attest] references]."
)
@click.option("--key", "keys", multiple=True, metavar="VKEY", help="Whose references count [default: [attest] keys].")
@click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help="What the provider must be told.")
@click.option("-o", "--output", metavar="FILE", help="Write it there.")
@options.config
@options.debug
def COMMAND(
    provider: str,
    policy: str,
    resource: str | None,
    references: tuple[str, ...],
    keys: tuple[str, ...],
    given: tuple[str, ...],
    output: str | None,
    config: str | None,
    debug: bool,
) -> None:
    """Print the rule of a resource in FILE as conditions of PROVIDER: aws-kms, azure-skr, gcp-wif or openbao.

    What of the rule the provider has no words for is said on standard error: it does not hold there.
    """
    from strongroom.app.config import load as load_config
    from strongroom.app.references import load as load_references
    from strongroom.app.release_policy import load
    from strongroom.app.release_providers import render
    from strongroom.cli.release_views import options_of
    from strongroom.cli.run import finish, note, write

    def work() -> int:
        held = load_config(config)
        known = load_references(references or held.attest.references, held, keys or held.attest.keys)
        note(known.trouble)
        made = render(load(policy), provider, resource, known, options_of(given))
        write([made.text], output)
        for text in made.left:
            note(f"not said there: {text}")
        return 0

    finish(work, debug=debug)
