"""Add artifacts to the register."""

import click

from strongroom.cli.commands.artifacts._register import desk, signs_register


@click.command("register", short_help="Add artifacts to the register, with their digests.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--class", "class_", required=True, help="The class of the artifacts, as the register defines it.")
@click.option("--owner", default="", help="Who answers for them [default: the owner of the class].")
@click.option("--as", "as_", default="", metavar="PATH|URI", help="Record this path, pattern or URI instead.")
@click.option("--note", default="", help="A word for those who read the register.")
@click.option("--replace", is_flag=True, help="Replace an entry that has another digest, class or owner.")
@signs_register
def COMMAND(
    paths: tuple[str, ...],
    class_: str,
    owner: str,
    as_: str,
    note: str,
    replace: bool,
    register: str | None,
    key: str | None,
    state: str | None,
    log_: str | None,
    at: str | None,
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """Read every artifact below the PATHs, digest it, add it to the register, sign that again, and log it.

    A folder may hold many artifacts; each becomes an entry. Exit 3: a part of it could not be looked at.
    """
    from strongroom.app.artifact_finding import Wish, entries
    from strongroom.app.artifacts import add, current
    from strongroom.app.config import load
    from strongroom.cli.artifact_views import added_lines
    from strongroom.cli.run import finish, progress, write

    def work() -> int:
        where = desk(register, key, state, log_, at, config, offline=offline)
        current(where)  # before hours are spent on digests
        with progress() as tell:
            found, gaps = entries(paths, Wish(class_, owner, note, as_), where.now, load(config).bounds(), tell)
        signed, fresh, replaced = add(where, found, replace=replace)
        write(added_lines(where, signed, fresh, replaced, found, gaps), None)
        return 3 if gaps else 0

    finish(work, debug=debug)
