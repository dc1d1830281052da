"""Get a certificate for the key that was attested."""

from typing import Unpack

import click

from strongroom.cli.commands.release import _options as options


@click.command("certificate", short_help="Attest this machine to a broker, and get a certificate.")
@click.argument("name")
@click.option("--trust", metavar="FILE", required=True, help="The authorities that it must come from, PEM.")
@click.option("--folder", metavar="DIR", help="Put key, certificate and authorities into a folder that lies in memory.")
@click.option("--key-fd", "key", type=click.IntRange(0, 1023), metavar="N", help="Write the key to an open descriptor.")
@click.option(
    "--certificate-fd", "chain", type=click.IntRange(0, 1023), metavar="N", help="The same for the certificate."
)
@click.option("--allow-disk", "disk", is_flag=True, help="Let them lie on a disk, where they can be found later.")
@options.broker
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    name: str,
    trust: str,
    folder: str | None,
    key: int | None,
    chain: int | None,
    disk: bool,
    debug: bool,
    **words: Unpack[options.Words],
) -> None:
    """Attest this machine to a broker, and get a certificate for the attested key by the authority NAME: REPOSITORY/TYPE/TAG.

    Who the workload is, its SPIFFE ID, is its owners' word: nothing that this machine says of itself is in the certificate. It
    is verified up to --trust, and told in words. Without --folder and --key-fd the key is gone with this process.

    Exit 0: it was given. 1: the broker refused; its operator's log says why. 2: the command, this machine or the answer will
    not do. 3: the broker did not answer, or cannot work now.
    """
    from strongroom.app.release_identity import Places, obtain
    from strongroom.cli.lines import line
    from strongroom.cli.run import finish, moment, note, write

    def work() -> int:
        places = Places(folder, key, chain, disk)
        found = obtain(options.asking(words), name, trust, places, lambda: moment(None), note)
        told = {
            "workload": found.spiffe,
            "until": f"{found.until:%Y-%m-%dT%H:%M:%SZ}",
            "serial": found.serial,
            "authority": found.issuer,
            "decision": found.decision,
            "policy": found.policy,
        }
        # A descriptor may be standard output: what is told must not stand among what is written there.
        if 1 not in (key, chain):
            write((line(n, v) for n, v in told.items()), None)
        return 0

    finish(work, debug=debug)
