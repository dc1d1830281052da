"""Get a key on an attested machine."""

from typing import Unpack

import click

from strongroom.cli.commands.release import _options as options


@click.command("get", short_help="Attest this machine to a broker, and get a secret.")
@click.argument("name")
@click.option("-o", "--output", metavar="FILE", help="Put it into a new file, mode 0600, that lies in memory.")
@click.option("--fd", "number", type=click.IntRange(0, 1023), metavar="N", help="Write it to an open descriptor.")
@click.option("--allow-disk", "disk", is_flag=True, help="Let the file lie on a disk, where it can be found later.")
@options.broker
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    name: str, output: str | None, number: int | None, disk: bool, debug: bool, **words: Unpack[options.Words]
) -> None:
    """Attest this machine to a broker, and get the secret NAME: REPOSITORY/TYPE/TAG.

    Nothing is printed: without -o and --fd the secret is wiped, and the exit code says whether it was released.

    Exit 0: released. 1: the broker refused; its operator's log says why. 2: the command, this machine or the answer will
    not do. 3: the broker did not answer, or cannot work now.
    """
    from strongroom.app.release_get import get
    from strongroom.cli.run import finish, moment, note

    def work() -> int:
        import signal

        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        signal.signal(signal.SIGTERM, stop)
        return get(options.asking(words), name, (output, number, disk), lambda: moment(None), note)

    finish(work, debug=debug)
