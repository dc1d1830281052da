"""The use cases behind `release certificate` and `release exec --certificate`: where a certificate and its key may go."""

import contextlib
import fcntl
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from strongroom.app import release_certificate, release_descriptors, release_sinks
from strongroom.app.release_certificate import Certificate, Roots
from strongroom.app.release_client import Client
from strongroom.app.release_evidence import Tell
from strongroom.app.release_get import Asking, Clock, client, who
from strongroom.app.release_secret import Secret, protect
from strongroom.model.errors import BadUsage
from strongroom.model.release import resource_name
from strongroom.seal import memory

KEY, CERTIFICATE, AUTHORITIES = "key.pem", "certificate.pem", "authorities.pem"
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,127}")
_FROM = 200  # descriptors that are handed on begin here, away from those that somebody names
_DISK = "name a folder on a tmpfs such as /run or /dev/shm, or say --allow-disk"


@dataclass(frozen=True, slots=True)
class Places:
    """Where the key and the certificate are put: a folder, two descriptors, or nowhere."""

    folder: str | None = None
    key: int | None = None
    certificate: int | None = None
    disk: bool = False


@contextlib.contextmanager
def _opened(places: Places) -> Iterator[tuple[tuple[str, release_sinks.Sink], ...]]:
    """The places, looked at before anything is asked for. Raises BadUsage, Unreadable."""
    numbers = (places.key, places.certificate)
    if places.folder is not None and numbers != (None, None):
        raise BadUsage("--folder and --key-fd", "both", "one of them")
    if (places.key is None) != (places.certificate is None):
        raise BadUsage("--key-fd and --certificate-fd", "one of them", "both, or neither")
    with contextlib.ExitStack() as held:
        if places.folder is not None:
            _fit(Path(places.folder), disk=places.disk)
            names = (KEY, CERTIFICATE, AUTHORITIES)
            files = [str(Path(places.folder) / name) for name in names]
            at = tuple(held.enter_context(release_sinks.opened(f, None, disk=places.disk)) for f in files)
            yield tuple(zip(names, at, strict=True))
        elif places.key is not None:
            at = tuple(held.enter_context(release_sinks.opened(None, n, disk=places.disk)) for n in numbers)
            yield tuple(zip((KEY, CERTIFICATE), at, strict=True))
        else:
            yield ()


def _fit(folder: Path, *, disk: bool) -> None:
    try:
        device = folder.stat().st_dev
    except OSError as e:
        raise BadUsage("--folder", f"{folder}: {(e.strerror or 'an error').lower()}", "a folder that exists") from None
    if not folder.is_dir():
        raise BadUsage("--folder", f"{folder}, a file", "a folder that exists")
    if not disk and not memory.in_memory(device):
        raise BadUsage("--folder", f"{folder}, on a disk", "a folder in memory", _DISK)


def obtain(asking: Asking, name: str, trust: str, places: Places, clock: Clock, tell: Tell) -> Certificate:
    """Attest, get a certificate, and put it with its key where they are wanted.

    Raises as `release_certificate.certificate` and `release_sinks.opened`.
    """
    resource_name(name)
    by = release_certificate.roots(trust)
    with _opened(places) as sinks:
        for trouble in protect():
            tell(trouble)
        with client(asking, clock, tell) as made:
            found = release_certificate.certificate(made, name, by, clock)
            who(made, tell)
        for part, sink in sinks:
            with _part(found, part) as octets:
                sink.put(octets)
    return found


def _part(found: Certificate, part: str) -> Secret:
    if part == KEY:
        return found.key()
    text = (found.chain if part == CERTIFICATE else found.authorities).encode()
    held = Secret(len(text))
    held.view[:] = text
    return held


# For a program


@dataclass(frozen=True, slots=True)
class Wanted:
    """A certificate for a program: the variables that are to hold the paths of certificate, key and authorities."""

    name: str
    certificate: str
    key: str
    authorities: str


def read(words: Sequence[str]) -> tuple[Wanted, ...]:
    """What `NAME=CERTIFICATE,KEY,AUTHORITIES` asks for, each a variable. Raises BadUsage, Malformed."""
    found = tuple(_one(word) for word in words)
    variables = [v for w in found for v in (w.certificate, w.key, w.authorities)]
    if len(set(variables)) != len(variables):
        raise BadUsage("--certificate", "two with the same variable", "each with variables of its own")
    return found


def _one(word: str) -> Wanted:
    name, _, rest = word.partition("=")
    resource_name(name)
    variables = rest.split(",")
    if len(variables) != 3 or not all(_VARIABLE.fullmatch(v) for v in variables):
        wanted = "NAME=VARIABLE,VARIABLE,VARIABLE: of the certificate, its key, its authorities"
        raise BadUsage("--certificate", repr(word[:200]), wanted)
    return Wanted(name, *variables)


def given(words: Sequence[str], trust: str | None, clock: Clock, *, renew: bool) -> Callable[[Client], dict[str, str]]:
    """What gets the certificates of a command once the machine was attested. Raises BadUsage, Malformed, Unreadable."""
    wanted = read(words)
    if renew:
        found = "--renew with --certificate"
        raise BadUsage("release exec", found, "one of them: a program that runs cannot be handed another certificate")
    if trust is None:
        raise BadUsage("--certificate", "no --trust", "a file of the authorities that certificates must come from")
    by = release_certificate.roots(trust)
    return lambda made: handed(made, wanted, by, clock)


def handed(made: Client, wanted: Sequence[Wanted], by: Roots, clock: Clock) -> dict[str, str]:
    """Variables for the program: paths of sealed files in memory, which it inherits. Raises as `certificate`."""
    told = {}
    for each in wanted:
        found = release_certificate.certificate(made, each.name, by, clock)
        for variable, part in ((each.certificate, CERTIFICATE), (each.key, KEY), (each.authorities, AUTHORITIES)):
            with _part(found, part) as octets:
                told[variable] = f"/dev/fd/{_inherited(octets)}"
    return told


def _inherited(octets: Secret) -> int:
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    try:
        number = fcntl.fcntl(nothing, fcntl.F_DUPFD_CLOEXEC, _FROM)
    finally:
        os.close(nothing)
    release_descriptors.put(octets, number, release_descriptors.MEMFD)
    return number
