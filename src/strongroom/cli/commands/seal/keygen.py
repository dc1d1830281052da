"""Make an identity."""

import click


@click.command("keygen", short_help="Make an identity that sealed artifacts can be opened with.")
@click.option("-o", "--output", metavar="FILE", help="The identity's file to make, mode 0600; it must not exist.")
@click.option(
    "--recipient", "public", metavar="FILE", help="Write the recipient to a file, and not to standard output."
)
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(output: str | None, public: str | None, debug: bool) -> None:
    """Make an identity of ML-KEM-768 with X25519, and print its recipient: that is what artifacts are sealed to.

    Without -o the identity itself goes to standard output, and the recipient to standard error.
    """
    from pathlib import Path

    from strongroom.app.seal_keys import generate, keep
    from strongroom.cli.lines import line
    from strongroom.cli.run import finish, moment, note, write

    def work() -> int:
        text, recipient = generate(moment(None))
        if output is None or output == "-":
            write([text], None)
            if public is None:
                note(f"recipient: {recipient}")
            else:
                write([f"{recipient}\n"], public)
            return 0
        keep(Path(output), text)
        write([f"{recipient}\n"], public)
        if public is not None:
            write([line("identity", f"{output}: keep it as you keep the weights"), line("recipient", public)], None)
        return 0

    finish(work, debug=debug)
