"""Learn a known boot."""

import click


@click.command("learn", short_help="Learn a known boot from golden machines, event by event, and sign it.")
@click.argument("evidence", nargs=-1, required=True, metavar="EVIDENCE...")
@click.option("-o", "--output", metavar="FILE", help="Put it into this file of reference values, sign it, log that.")
@click.option("--name", default="boot", show_default=True, help="The name of the known boot.")
@click.option("--version", default="", metavar="TEXT", help="Its version, such as the image's.")
@click.option("--image", default="", metavar="DIGEST", help="The digest of the image that it started, sha256:… .")
@click.option("--may-vary", multiple=True, metavar="CLASS", help="A class of events not to compare, such as initrd.")
@click.option("--policy", metavar="FILE", help="The appraisal policy: registers, bank, enrolled keys.")
@click.option("--replace", is_flag=True, help="Replace a known boot of that name and version.")
@click.option("--key", metavar="KEYFILE", help="The key file that signs [default: FILE.key, made if absent].")
@click.option("--state", metavar="PATH", help="The state database, for the log beside it.")
@click.option("--log", "log_", metavar="PATH|URL", help="The log [default: beside the state database].")
@click.option("--at", metavar="TIME", help="The time that counts as now (ISO 8601).")
@click.option("--offline", is_flag=True, help="Ask no witness of the log now.")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    evidence: tuple[str, ...],
    output: str | None,
    name: str,
    version: str,
    image: str,
    may_vary: tuple[str, ...],
    policy: str | None,
    replace: bool,
    key: str | None,
    state: str | None,
    log_: str | None,
    at: str | None,
    offline: bool,
    format_: str,
    config: str | None,
    debug: bool,
) -> None:
    """Learn what a known boot starts from EVIDENCE of machines that are as they should be: quotes with their event logs.

    A boot is learned only once it is proven: its quote verifies, its log replays to it, Secure Boot was on. Of several
    boots each digest that one of them had is accepted, at its place. Then `strongroom attest verify EVIDENCE
    --references FILE --key KEY` says in words what another boot does otherwise.

    What differs from machine to machine, such as the boot menu and the partition table, is not compared; the file says
    so, with the reason. It is TOML: what is changed by hand counts once it is signed again (`strongroom attest measure
    sign FILE`).
    """
    from strongroom.app.attest_policy import load as load_policy
    from strongroom.app.config import load
    from strongroom.app.learning import Asked, learn
    from strongroom.app.references import add
    from strongroom.attest.policy import Policy
    from strongroom.cli.commands.attest.measure._options import desk
    from strongroom.cli.learn_views import taught_lines
    from strongroom.cli.measure_views import added_lines
    from strongroom.cli.run import finish, moment, write

    def work() -> int:
        chosen = policy or load(config).attest.policy
        told = load_policy(chosen) if chosen else Policy()
        taught = learn(Asked(evidence, name, version, image, may_vary, told, moment(at)))
        where = desk(output, key, state, log_, at, config, offline=offline) if output else None
        signed = add(where, taught.reference, replace=replace) if where else None
        write(taught_lines(taught, format_), None)
        if where is not None and format_ == "table":
            write(added_lines(where, signed), None)
        return 0

    finish(work, debug=debug)
