"""The fenced child: looks into one file after the other, and says so line by line.

Before each file it sets the kernel's own alarm on the CPU time that it uses, which ends it in the middle of anything.
"""

import resource
import signal
import sys

import msgspec

from strongroom.seal.scan_wire import Line, Work, line_of
from strongroom.seal.scanning import look


def main() -> None:
    """Read the work from standard input and answer it line by line."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))  # it starts nothing
    work = msgspec.json.decode(sys.stdin.buffer.read(), type=Work)
    limit = work.memory_mib << 20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    for number, target in enumerate(work.targets):
        if number in work.done:
            continue
        _say(Line(number))
        signal.setitimer(signal.ITIMER_PROF, work.cpu_seconds)
        line = line_of(number, look(target))
        signal.setitimer(signal.ITIMER_PROF, 0)
        _say(line)


def _say(line: Line) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
