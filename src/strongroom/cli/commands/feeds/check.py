"""What a version is."""

import click


@click.command("check", short_help="Say whether a version is patched.")
@click.argument("product")
@click.argument("version")
@click.option(
    "--os", "system", type=click.Choice(["linux", "windows", "hypervisor"]), default="linux", show_default=True
)
@click.option(
    "--family", default="", metavar="NAME", help="The line of cards of a driver: tesla, rtx, geforce [default: any]."
)
@click.option("--config", metavar="FILE", help="The configuration file, with [feeds].")
@click.option("--format", "format_", type=click.Choice(["text", "json", "vex"]), default="text", show_default=True)
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    product: str, version: str, system: str, family: str, config: str | None, format_: str, debug: bool
) -> None:
    """Judge a VERSION of a PRODUCT (nvidia-driver, nvidia-container-toolkit, dcgm, triton, …) by the feeds that were imported.

    It is affected, conditional (a setting decides, or the vendor contradicts himself), not-listed (nobody says anything of
    it), stale (nothing speaks against it in a feed that is too old) or fixed. `vex` is a CSAF 2.0 document of the profile VEX.

    Exit 0: fixed. 1: affected. 3: conditional, not-listed or stale. 2: there is no feed.
    """
    from strongroom.app.config import load
    from strongroom.app.feeds import judge
    from strongroom.app.feeds import load as feed_of
    from strongroom.app.feeds_vex import vex
    from strongroom.cli.feed_views import judged_lines
    from strongroom.cli.release_views import formatted
    from strongroom.cli.run import finish, moment, write
    from strongroom.model.advisory import Installed, Patch

    def work() -> int:
        settings, now = load(config), moment(None)
        asked = Installed(product, version, system, family)
        found = judge(settings, feed_of(settings), asked, now.date())
        if format_ == "text":
            write(judged_lines(asked, found), None)
        else:
            made = (
                vex(asked, found, now)
                if format_ == "vex"
                else {"installed": asked._asdict(), "judged": found._asdict()}
            )
            write([formatted(made)], None)
        return {Patch.FIXED: 0, Patch.AFFECTED: 1}.get(found.patch, 3)

    finish(work, debug=debug)
