"""Help that lists what lies in the rooms, so that a new source or format is in it without an edit."""

import click

from strongroom.cli.rooms import Rooms


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


class AskingCommand(AssessCommand):
    """A command that reads sources, unless its first word is a question: a file of the folder `questions`.

    A source of that name is written as a path: `./who-can`.
    """

    questions = Rooms(package="strongroom.cli.commands._assess")

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        """The context of the question that the first word names, else of the command itself."""
        asked = self.questions.get_command(click.Context(self), args[0]) if args else None
        if asked is None:
            return super().make_context(info_name, args, parent, **extra)
        return asked.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The questions, before the sources and the formats."""
        found = [(n, self.questions.get_command(ctx, n)) for n in self.questions.list_commands(ctx)]
        if found:
            with formatter.section("Questions"):
                formatter.write_dl([(name, c.get_short_help_str(80)) for name, c in found if c is not None])
        super().format_epilog(ctx, formatter)


class PlanCommand(AssessCommand):
    """A command that reads sources and has formats of its own."""

    reports = False
