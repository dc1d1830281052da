"""Bundles: endorsements for machines that may ask no vendor."""

import click

from strongroom.cli.rooms import Rooms


@click.command("bundle", cls=Rooms, package=__name__, short_help="Carry endorsements to where no vendor can be asked.")
def COMMAND() -> None:
    """Carry certificates, revocation lists and collateral to where no vendor can be asked: in one signed file.

    Start with:  strongroom attest bundle create -o FILE --for EVIDENCE
    """
