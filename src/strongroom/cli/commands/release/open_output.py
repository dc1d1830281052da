"""Open an output that a workload sealed to its owners."""

import click


@click.command("open-output", short_help="Open an output that was sealed to you.")
@click.argument("path", metavar="FILE")
@click.option("--key", metavar="FILE", required=True, help="Your private key, PEM: the one that the policy names.")
@click.option("-o", "--output", metavar="FILE", help="Put it into a new file, mode 0600, that lies in memory.")
@click.option("--fd", "number", type=click.IntRange(0, 1023), metavar="N", help="Write it to an open descriptor.")
@click.option("--allow-disk", "disk", is_flag=True, help="Let the file lie on a disk, where it can be found later.")
@click.option("--log", "log_", metavar="PATH|URL", help="Open only what this log has as handed out.")
@click.option("--config", metavar="FILE", help="The configuration file, for --log.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    path: str,
    key: str,
    output: str | None,
    number: int | None,
    disk: bool,
    log_: str | None,
    config: str | None,
    debug: bool,
) -> None:
    """Open an output that an attested workload sealed to the recipients of its policy, as one of them.

    Anybody can seal something to a public key. With --log it is opened only where the log of the broker has its digest, which
    is there by the word of an attested workload alone. Without -o and --fd it is verified, told of, and wiped.
    """
    from strongroom.app.config import load
    from strongroom.app.log_default import place_of
    from strongroom.app.release_opening import open_output
    from strongroom.cli.lines import line
    from strongroom.cli.run import finish, note, write

    def work() -> int:
        place = place_of(load(config), log_) if log_ is not None else None
        found = open_output(path, key, (output, number, disk), place)
        told = {
            "resource": found.resource,
            "policy": found.policy,
            "recipients": ", ".join(found.recipients),
            "output": f"{found.digest}, {found.octets} octets inside",
        }
        if found.entry is not None:
            told["log"] = f"entry {found.entry}, {found.at:%Y-%m-%dT%H:%M:%SZ}"
        else:
            note("nobody says who made it: name the broker's log with --log")
        if number != 1:
            write((line(n, v) for n, v in told.items()), None)
        return 0

    finish(work, debug=debug)
