"""What uses the GPUs of a node."""

import click

from strongroom.cli.commands.isolate import _options as options


@click.command("uses", short_help="Measure what uses the GPUs of this node.")
@click.option("--node", default="", metavar="NAME", help="The node's name for its scheduler [default: the host's].")
@click.option("--output", "-o", "out", metavar="FILE", help="Where to write it [default: standard output].")
@click.option(
    "--service", "services", multiple=True, metavar="NAME", help="A service of the platform that may use GPUs."
)
@click.option(
    "--smi", default="", metavar="FILE", help="What nvidia-smi -q -x printed, where it is not to be run here."
)
@click.option("--list", "listed", default="", metavar="FILE", help="What nvidia-smi -L printed.")
@click.option(
    "--conf-compute", "cc", default="", metavar="FILE", help="What nvidia-smi conf-compute -q and -d printed."
)
@click.option("--jobs", default="", metavar="FILE", help="What scontrol -d show job printed.")
@click.option("--root", default="/", metavar="DIR", help="The root of the node's file system.", show_default=True)
@options.DEBUG
def COMMAND(
    node: str,
    out: str | None,
    services: tuple[str, ...],
    smi: str,
    listed: str,
    cc: str,
    jobs: str,
    root: str,
    debug: bool,
) -> None:
    """Tell which pods, jobs and services have which GPU of this node, and whose each process on it is. Run it as root.

    Processes are the driver's word, their owners the kernel's (control groups), allocations the kubelet's and Slurm's. The
    document is for isolate drift.

    Exit 0: written. 2: there is no driver to ask. 3: written, and something could not be seen; the document says what.
    """
    from strongroom.app.isolation_uses import Asked, measure
    from strongroom.cli.release_views import formatted
    from strongroom.cli.run import finish, moment, write

    def work() -> int:
        found = measure(Asked(node, root, smi, listed, cc, jobs, services), moment(None))
        write([formatted(found)], out)
        for text in found.blind:
            click.echo(f"not seen: {text}", err=True)
        return 3 if found.blind else 0

    finish(work, debug=debug)
