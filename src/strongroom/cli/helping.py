"""Help that lists what lies in the rooms, so that a new source or format is in it without an edit."""

import click


class AssessCommand(click.Command):
    """A command that reads sources; `reports` says whether it writes the report formats too."""

    reports = True

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The sources and the formats of this build, below the options."""
        # Only who asks for help pays for loading the rooms.
        from strongroom.app.catalogue import collectors, reports  # noqa: PLC0415 - see above

        with formatter.section("Sources"):
            formatter.write_dl([(f"{scheme}:", c.reads) for scheme, c in sorted(collectors().items())])
        if self.reports:
            with formatter.section("Formats"):
                formatter.write_dl([(name, r.title) for name, r in sorted(reports().items())])
        super().format_epilog(ctx, formatter)


class PlanCommand(AssessCommand):
    """A command that reads sources and has formats of its own."""

    reports = False
