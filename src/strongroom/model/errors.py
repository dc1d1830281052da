"""Every error that Strongroom raises on purpose.

    StrongroomError
    ├── BadInput            what was given cannot be used             exit 2
    │   ├── Unreadable      it cannot be opened
    │   ├── Malformed       it was opened and is not what it claims to be
    │   ├── TooLarge        it is over a stated limit
    │   ├── BadProof        it does not prove what it is given for
    │   └── BadSignature    it is not signed by whom it must be
    ├── BadUsage            the command's own words are off           exit 2
    ├── NotFound            an id or a snapshot that does not exist   exit 2
    ├── StateError          the state database cannot be used         exit 2
    ├── LogError            the log cannot do what is asked           exit 2
    │   ├── LogUnavailable  it cannot take an entry now: whoever needs a receipt denies
    │   ├── LogDamaged      what is stored is not what was signed
    │   └── SplitView       two signed checkpoints that cannot both be true
    ├── ReleaseError        a key cannot leave                        exit 2
    │   ├── Denied          it was decided that it may not
    │   └── KeyUnavailable  the back end that holds it cannot be used now
    ├── GpuError            a GPU or its driver does not answer       exit 2
    └── RoomError           a part of this program is built wrongly   exit 4

A message has a subject, what was found and what was wanted, in lower case and without a full stop; the hint names the
next command or step.
"""


class StrongroomError(Exception):
    """The root of the tree. `exit_code` is what the command line answers with."""

    exit_code = 4

    def __init__(self, subject: str, found: str, wanted: str, hint: str = "") -> None:
        super().__init__(subject, found, wanted, hint)
        self.subject = subject
        self.found = found
        self.wanted = wanted
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.subject}: found {self.found}, wanted {self.wanted}"


class BadInput(StrongroomError):
    """What was given cannot be used; the message names the file and, where there is one, the line."""

    exit_code = 2


class Unreadable(BadInput):
    """A file or folder that cannot be opened."""


class Malformed(BadInput):
    """It was opened, and it is not what it claims to be."""


class TooLarge(BadInput):
    """It is over a stated limit of size, depth or number."""


class BadProof(BadInput):
    """A proof of the log does not lead to the root that it is given for, or a checkpoint lacks its witnesses."""


class BadSignature(BadInput):
    """A signature does not verify, or no key that is trusted has signed."""


class BadUsage(StrongroomError):
    """The words of the command do not fit together."""

    exit_code = 2


class NotFound(StrongroomError):
    """An id, a snapshot or a part that does not exist."""

    exit_code = 2


class StateError(StrongroomError):
    """The state database cannot be opened, is of a newer version, or is damaged."""

    exit_code = 2


class LogError(StrongroomError):
    """The log cannot do what is asked of it."""

    exit_code = 2


class LogUnavailable(LogError):
    """The log cannot take an entry now. Whoever needs a receipt has none, and denies."""


class LogDamaged(LogError):
    """What is stored is not what was signed: bytes were lost or changed after they had been acknowledged."""


class SplitView(LogError):
    """Two signed checkpoints that cannot both be true of one log: it showed different trees to different readers."""


class ReleaseError(StrongroomError):
    """A key cannot leave."""

    exit_code = 2


class Denied(ReleaseError):
    """It was decided that it may not, or nothing shows that it may."""


class KeyUnavailable(ReleaseError):
    """The back end that holds the key is down, too slow, or has lost it: nothing is released."""


class GpuError(StrongroomError):
    """A GPU or its driver does not do what is asked of it: nothing about its memory is known."""

    exit_code = 2


class RoomError(StrongroomError):
    """A part of this program does not fit its room: a fault of the build, never of the input."""

    exit_code = 4
