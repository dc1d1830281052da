"""Publish and witness."""

import click

from strongroom.cli.commands.log._place import place, writes_log


@click.command("publish", short_help="Publish what was appended, and ask the witnesses.")
@writes_log
def COMMAND(
    log_: str | None, policy: str | None, config: str | None, key_files: tuple[str, ...], offline: bool, debug: bool
) -> None:
    """Write the tiles of what was appended, ask the policy's witnesses to cosign, and publish the checkpoint.

    `append` does so too; this is for a timer, and for after a crash. Exit 3: the quorum was not reached.
    """
    from strongroom.app.log import Log
    from strongroom.cli.lines import line
    from strongroom.cli.run import finish, write

    def work() -> int:
        with Log.open(place(log_, policy, config, key_files), offline=offline) as log:
            done = log.publish()
            out = [line("repaired", repaired) for repaired in log.sequencer.repaired]
            head = log.published().checkpoint
            out += [line("origin", head.origin), line("size", str(head.size)), line("root", head.root.hex())]
            out += [line("witness", f"{s.name}: {s.detail}") for s in (done.said if done else ())]
            write(out, None)
            wanted = log.policy is not None and log.policy.quorum is not None and not offline
            return 3 if wanted and not (done and done.quorum) else 0

    finish(work, debug=debug)
