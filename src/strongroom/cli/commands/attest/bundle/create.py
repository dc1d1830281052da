"""Make a bundle."""

import click


@click.command("create", short_help="Write what evidence is judged by into one signed file.")
@click.option("-o", "--output", default="endorsements.bundle", show_default=True, metavar="FILE", help="The bundle.")
@click.option("--for", "evidence", multiple=True, metavar="EVIDENCE", help="Put in all that this evidence needs.")
@click.option("--endorsements", multiple=True, metavar="PATH", help="Put in what this file or folder holds.")
@click.option("--name", default="endorsements", show_default=True, help="What its versions are known by.")
@click.option("--key", metavar="FILE", help="The key file that signs [default: bundle.key beside the state].")
@click.option("--trust", "keys", multiple=True, metavar="KEY", help="A verifier key whose bundles may be put in.")
@click.option("--at", metavar="TIME", help="The time that counts as now (ISO 8601).")
@click.option("--offline", is_flag=True, help="Fetch nothing; use what is named and what was kept.")
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    output: str,
    evidence: tuple[str, ...],
    endorsements: tuple[str, ...],
    name: str,
    key: str | None,
    keys: tuple[str, ...],
    at: str | None,
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """Fetch what --for needs, add what --endorsements names, and sign all of it as one file.

    The same endorsements, name, time and key give the same octets. Exit 3: something that --for needs is not in it.
    """
    from strongroom.app.attest_bundle import Order, create
    from strongroom.app.config import load
    from strongroom.cli.bundle_views import made
    from strongroom.cli.run import finish, moment, note, write

    def work() -> int:
        now = moment(at)
        done = create(Order(output, evidence, endorsements, name, key, keys, offline), now, load(config))
        write(made(done, now), None)
        for remark in done.remarks:
            note(remark)
        return 3 if done.missing else 0

    finish(work, debug=debug)
