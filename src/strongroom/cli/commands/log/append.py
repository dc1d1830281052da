"""Put entries into the log."""

import click

from strongroom.cli.commands.log._place import place, writes_log


@click.command("append", short_help="Put an entry into the log.")
@click.argument("kind", required=False)
@click.option("--subject", default="", help="What it is about.")
@click.option("--actor", help="Who did it [default: the user of this command].")
@click.option(
    "--field", "fields", multiple=True, metavar="NAME=VALUE", help="A small fact; true, 5 and lists as in JSON."
)
@click.option("--digest", "digests", multiple=True, metavar="NAME=FILE", help="The SHA-256 of a file (or sha256:HEX).")
@click.option("--seal", "sealed", multiple=True, metavar="NAME", help="Commit to this field (or subject, actor) only.")
@click.option("--at", metavar="TIME", help="When it happened (ISO 8601) [default: now].")
@click.option("--from", "source", metavar="FILE", help="Entries from a file of JSON lines, or - for standard input.")
@click.option("--proof", "proof_", metavar="FILE", help="Write the receipt there, as a .tlog-proof.")
@writes_log
def COMMAND(
    kind: str | None,
    subject: str,
    actor: str | None,
    fields: tuple[str, ...],
    digests: tuple[str, ...],
    sealed: tuple[str, ...],
    at: str | None,
    source: str | None,
    proof_: str | None,
    log_: str | None,
    policy: str | None,
    config: str | None,
    key_files: tuple[str, ...],
    offline: bool,
    debug: bool,
) -> None:
    """Put an entry of a KIND into the log: decision, release, denial, scrub, policy-change, exception, promotion,
    drill, snapshot, assertion.

    It is answered when the entry is durable; exit 2 means that there is no receipt, and nothing may rely on it. A field
    that is sealed stands in the log as a salted commitment, and can be erased later with every proof unharmed.
    """
    from strongroom.app.log import Log
    from strongroom.app.log import actor as default_actor
    from strongroom.app.log_input import Given, from_lines, from_words
    from strongroom.cli.run import finish, moment, write
    from strongroom.kit.tlog.proof import LogProof, encode
    from strongroom.model.errors import BadUsage

    def work() -> int:
        if (kind is None) == (source is None):
            raise BadUsage("log append", "neither or both", "a KIND, or --from FILE")
        now = moment(at)
        who = actor if actor is not None else default_actor()
        if source is not None:
            given = from_lines(source, now, who)
        else:
            given = [from_words(Given(kind or "", subject, who, now, fields, digests, sealed))]
        if proof_ is not None and len(given) != 1:
            raise BadUsage("--proof", f"{len(given)} entries", "one entry")
        with Log.open(place(log_, policy, config, key_files), offline=offline) as log:
            done = [a for i in range(0, len(given), 1000) for a in log.append(given[i : i + 1000])]
            if proof_ is not None:
                text = encode(LogProof(done[0].index, done[0].proof, done[0].checkpoint))
                write([text.decode()], proof_)
            cosigned = log.publish()
            for repaired in log.sequencer.repaired:
                click.echo(f"repaired: {repaired}", err=True)
        for appended in done:
            click.echo(f"{appended.index} {appended.leaf.hex()}")
        if cosigned is not None and cosigned.said:
            click.echo(f"witnessed by {cosigned.summary()}", err=True)
        return 0

    finish(work, debug=debug)
