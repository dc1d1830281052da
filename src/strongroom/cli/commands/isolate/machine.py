"""One virtual machine, judged here."""

import click

from strongroom.cli.commands.isolate import _options as options


@click.command("machine", short_help="Judge a virtual machine of libvirt or OpenStack.")
@click.option("--facts", required=True, metavar="FILE", help="Projects, hosts, their GPUs and who has them, as JSON.")
@click.option(
    "--machine", required=True, metavar="FILE", help="virsh dumpxml, or a server of OpenStack; - reads standard input."
)
@click.option("--project", default="", help="Whose it is [default: as Nova or OpenStack say].")
@click.option("--host", default="", help="Where it is to run [default: as OpenStack says; else every known host].")
@click.option("--format", "format_", type=click.Choice(["json", "table"]), default="json", show_default=True)
@options.RULE
@options.DEBUG
def COMMAND(facts: str, machine: str, project: str, host: str, format_: str, rule_: str | None, debug: bool) -> None:
    """Judge the machine of --machine: passed-through GPUs, virtual functions, vGPUs, and whom they would be beside.

    A domain is what `virsh dumpxml` prints. A server is what `openstack server show -f json` prints, with `flavor` as
    `openstack flavor show -f json` does, or with `extra_specs`.

    \b
      {"schema": "strongroom.virtual/1",
       "projects": {"patients": "restricted"},
       "aliases": {"h200": "whole"}, "traits": {"CUSTOM_A40_8Q": "NVIDIA A40-8Q"},
       "profiles": {"NVIDIA A40-48Q": {"most": 1}},
       "hosts": {"hv-1": {"cc": "on", "gpus": [
         {"address": "0000:41:00.0", "island": "", "mdevs": {},
          "functions": {"0000:41:00.4": "NVIDIA H100-1-10C"},
          "machines": [{"name": "train", "project": "patients"}]}]}}}

    Exit 0: allowed. 1: denied, each reason named; so is a machine that cannot be read. 2: the facts or the rule cannot be.
    """  # noqa: D301 - the escape is click's mark for lines that stay as they are
    from strongroom.app.isolation import MOST_REVIEW, load_rule, octets
    from strongroom.app.isolation_machine import judge, load_facts
    from strongroom.app.isolation_slurm import told
    from strongroom.cli.isolation_views import job_lines
    from strongroom.cli.release_views import formatted
    from strongroom.cli.run import finish, write

    def work() -> int:
        rule = load_rule(rule_)
        found = judge(rule, load_facts(facts), octets(machine, MOST_REVIEW), project, host)
        write([formatted(told(found))] if format_ == "json" else job_lines(found), None)
        return 0 if found.verdict.allowed else 1

    finish(work, debug=debug)
