"""Verify evidence."""

import click

from strongroom.cli.commands.attest import _options as options


@click.command("verify", short_help="Judge evidence by endorsements, reference values and a policy.")
@options.evidence
@click.option(
    "--endorsements",
    multiple=True,
    metavar="PATH",
    help="A certificate, chain, revocation list, collateral, signed dbx list, bundle, or a folder of these.",
)
@click.option("--references", multiple=True, metavar="PATH", help="Signed reference values.")
@click.option("--policy", metavar="FILE", help="The appraisal policy [default: strongroom attest policy].")
@click.option("--nonce", metavar="HEX", help="The challenge that the evidence must answer.")
@click.option("--at", metavar="ISO8601", help="The time that counts as now.")
@click.option("--offline", is_flag=True, help="Fetch nothing; use what is given and what was kept.")
@click.option("--inspect", is_flag=True, help="Only look: what was not checked does not count.")
@click.option("--format", "format_", type=click.Choice(["table", "json", "ear"]), default="table", show_default=True)
@click.option("-o", "--output", metavar="FILE", help="Write the verdict there.")
@click.option("--record", metavar="FILE", help="Keep every input and the verdict in FILE, and log that.")
@click.option("--log", "log_", metavar="PATH|URL", help="The log for --record [default: beside the state database].")
@click.option("--key", "keys", multiple=True, metavar="KEY", help="A verifier key whose signed files count.")
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    evidence: str,
    kind: str | None,
    endorsements: tuple[str, ...],
    references: tuple[str, ...],
    policy: str | None,
    nonce: str | None,
    at: str | None,
    offline: bool,
    inspect: bool,
    format_: str,
    output: str | None,
    record: str | None,
    log_: str | None,
    keys: tuple[str, ...],
    config: str | None,
    debug: bool,
) -> None:
    """Judge EVIDENCE, step by step as its specification numbers them, and say what it is worth.

    EVIDENCE is binary, hexadecimal, base64, or the JSON that attesters write; its kind is recognised.

    Exit 0: affirming and complete. 1: a step failed. 3: nothing failed, and a mandatory step was not checked. 2: it is
    unreadable as any evidence. With --inspect, what was not checked is printed and does not count.
    """
    from strongroom.app.appraising import Asked, verify
    from strongroom.app.config import load
    from strongroom.app.evidence import nonce as octets
    from strongroom.cli.appraisal_views import lines
    from strongroom.cli.run import finish, moment, note, write

    def work() -> int:
        asked = Asked(
            evidence=evidence,
            kind=options.kind_of(kind),
            endorsements=endorsements,
            references=references,
            policy=policy,
            challenge=octets(nonce),
            now=moment(at),
            offline=offline,
            record=record,
            log=log_,
            keys=keys,
        )
        done = verify(asked, load(config))
        write(lines(done.appraisal, format_, inspect=inspect), output)
        for remark in done.remarks:
            note(remark)
        return done.exit_code(inspect=inspect)

    finish(work, debug=debug)
