"""Make an emulated card."""

import click


@click.command("emulate", short_help="Make an emulated card, to try scrubbing without a GPU.")
@click.argument("folder")
@click.option("--uuid", default="CPU-1", show_default=True, help="The card's UUID.")
@click.option("--mib", type=click.IntRange(1, 4096), default=8, show_default=True, help="Its memory.")
@click.option("--keeps", is_flag=True, help="Its driver clears nothing for the next process.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(folder: str, uuid: str, mib: int, keeps: bool, debug: bool) -> None:
    """Make an emulated card in FOLDER: memory in a file, and a driver that gives it to processes.

    With --keeps its driver leaves in memory what was there, as drivers that do not clear do.
    """
    from pathlib import Path

    from strongroom.app.scrub import emulate
    from strongroom.cli.run import finish, write

    def work() -> int:
        emulate(Path(folder), uuid, mib, keeps=keeps)
        write([f"{uuid} in {folder}: strongroom scrub run --device cpu --card {folder} --gpu {uuid}\n"], None)
        return 0

    finish(work, debug=debug)
