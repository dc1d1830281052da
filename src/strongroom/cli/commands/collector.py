"""The script that other machines run to be assessed."""

import click


@click.command("collector", short_help="Print the script that reads other machines.")
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to standard output.")
@click.option("--nvml", is_flag=True, help="Record what NVIDIA's library says of this machine's GPUs instead.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(output: str | None, nvml: bool, debug: bool) -> None:
    """Print the collector: one read-only POSIX shell script that needs nothing but a shell.

    \b
      strongroom collector | ssh gpu-01 sudo sh -s > hosts/gpu-01.txt
      strongroom assess host:hosts

    \b
      strongroom collector --nvml -o gpu-01.json       (on a GPU machine, with strongroom[gpu])
      strongroom assess host:gpu-01.json

    The script writes nothing but its output and uses no network. Without root it says of each thing that it was denied.
    """  # noqa: D301 - the escape is click's mark for lines that stay as they are
    from strongroom.app.collector import gpus, script
    from strongroom.cli.run import finish, moment, write

    def work() -> int:
        write([gpus(moment(None)) if nvml else script()], output)
        return 0

    finish(work, debug=debug)
