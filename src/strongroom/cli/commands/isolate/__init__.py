"""Isolate: one rule for GPUs, judged on every road."""

import click

from strongroom.cli.rooms import Rooms


@click.command("isolate", cls=Rooms, package=__name__, short_help="Judge and enforce who may share which GPU.")
def COMMAND() -> None:
    """Judge pods, claims and jobs by one rule of GPU isolation, and give the rule to the engines that enforce it.

    Start with:  kubectl get ns,sa,no,po,cm -A -o json > state.json; strongroom isolate simulate --state state.json
    """
