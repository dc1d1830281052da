"""How getting a key ends when it does not end well."""

from strongroom.model.errors import Denied, ReleaseError


class TurnedAway(Denied):
    """The broker answered, and said no. `kind` is its own word (`AttestationError`, `PolicyDeny`, `TokenNotFound`)."""

    exit_code = 1

    def __init__(self, subject: str, kind: str, detail: str) -> None:
        hint = "the broker's operator can read in its log which condition failed"
        super().__init__(subject, f"{kind or 'a refusal'}: {detail}", "a release", hint)
        self.kind = kind


class OutOfReach(ReleaseError):
    """The broker did not answer, or cannot work now; later it may."""

    exit_code = 3
