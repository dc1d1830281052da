"""Who we are to AWS: an access key from a file, of the machine (IMDSv2), or of the container (ECS, EKS pod identity).

Exactly one is named, with its address where it has one: nobody looks around for credentials, so that a broker on a machine
with another role does not become somebody else. The environment is not read, as for every secret of this room.
"""

import configparser
import re

import msgspec

from strongroom.keys import _inputs
from strongroom.keys._cloud import Lease, Leased, only, place, until, whole
from strongroom.keys._https import Client, Reply
from strongroom.kit.sigv4 import Credentials
from strongroom.model.errors import BadInput, KeyUnavailable
from strongroom.model.release import KeySettings

_ACCESS, _TOKEN = "access", "container-token"
_ROLES = "latest/meta-data/iam/security-credentials/"
_ROLE = re.compile(r"[A-Za-z0-9+=,.@_-]{1,64}")
_FILE_SECONDS = 900.0  # a file is read again this often: others replace it
OPTIONS = {
    "access-file": "an access key as AWS's shared credentials file has it, in a file that is its owner's alone",
    "access-fd": "the same, on this open descriptor",
    "access-credential": "the same, in a systemd credential of this name",
    "profile": "the section of that file, usually default",
    "imds": "address of the machine's metadata service (IMDSv2), http://169.254.169.254",
    "container": "address that gives the container's credentials, as AWS_CONTAINER_CREDENTIALS_FULL_URI has it",
    "container-token-file": "the token for it, in a file that is its owner's alone",
    "container-token-credential": "the token for it, by its name in the folder `credentials`",
    "credentials": "the folder of systemd credentials, /run/credentials/UNIT.service, or of a pod's token",
}


class _Given(msgspec.Struct, frozen=True):
    """What both metadata services answer. It is never printed."""

    AccessKeyId: str
    SecretAccessKey: str
    Token: str
    Expiration: str

    def __repr__(self) -> str:
        return "_Given(…)"


class Login:
    """Credentials, as they are now. Threads share it."""

    def __init__(self, client: Client, settings: KeySettings) -> None:
        """Raises BadInput, Unreadable."""
        options = settings.options
        self._settings = settings
        ways = {"access": _inputs.given(settings, _ACCESS)}
        ways |= {name: bool(options.get(name)) for name in ("imds", "container")}
        self._way = only(ways, "credentials of AWS")
        self._once = _inputs.secret(settings, _ACCESS) if options.get(f"{_ACCESS}-fd") else None
        local = {"imds": options.get("imds", ""), "container": options.get("container", "")}.get(self._way, "")
        # The container's address is one of a path, and stays as it is, without a slash at its end.
        where, self._path = _split(local, settings) if self._way == "container" else (local, "")
        self.local = place(settings, where, local=True) if local else None
        fetch = {"access": self._from_file, "imds": self._from_machine, "container": self._from_container}[self._way]
        self.leased: Leased[Credentials] = Leased(client, fetch)
        if self._way == "access":
            self._from_file()

    def _from_file(self) -> Lease[Credentials]:
        secret = self._once if self._once is not None else _inputs.secret(self._settings, _ACCESS)
        found = configparser.ConfigParser(interpolation=None)
        profile = self._settings.options.get("profile", "") or "default"
        try:
            found.read_string(secret.reveal().decode())
            part = found[profile]
            held = Credentials(
                part["aws_access_key_id"], part["aws_secret_access_key"], part.get("aws_session_token", "")
            )
        except (configparser.Error, KeyError, UnicodeDecodeError):
            wanted = f"[{profile[:64]}] with aws_access_key_id and aws_secret_access_key"
            raise BadInput("credentials of AWS", "a file of another form", wanted) from None
        return Lease(held, _FILE_SECONDS)

    def _from_machine(self) -> Lease[Credentials]:
        """IMDSv2: a token by PUT first, so that a request which somebody else has us make gets nothing."""
        asked = self._ask("PUT", "latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "300"})
        told = {"X-aws-ec2-metadata-token": self._text(asked)}
        role = self._text(self._ask("GET", _ROLES, told))
        if not _ROLE.fullmatch(role):
            raise KeyUnavailable(self._where().subject, "no role of this machine", "an instance profile")
        return self._given(self._ask("GET", _ROLES + role, told))

    def _from_container(self) -> Lease[Credentials]:
        headers = {}
        if _inputs.given(self._settings, _TOKEN):
            headers["Authorization"] = _inputs.secret(self._settings, _TOKEN).reveal().decode("latin-1")
        return self._given(self._ask("GET", self._path, headers))

    def _where(self) -> Client:
        assert self.local is not None
        return self.local

    def _ask(self, method: str, path: str, headers: dict[str, str]) -> Reply:
        reply = self._where().ask(method, path, None, headers)
        if reply.status != 200:
            found = f"no credentials (status {reply.status})"
            raise KeyUnavailable(self._where().subject, found, "credentials", "has this machine a role?")
        return reply

    def _text(self, reply: Reply) -> str:
        try:
            text = reply.raw.decode("ascii").strip()
        except UnicodeDecodeError:
            text = ""
        if not text or not text.isprintable():
            raise KeyUnavailable(self._where().subject, "an answer of another form", "one line")
        return text

    def _given(self, reply: Reply) -> Lease[Credentials]:
        found = whole(reply, _Given, self._where().subject)
        return Lease(Credentials(found.AccessKeyId, found.SecretAccessKey, found.Token), until(found.Expiration))

    def close(self) -> None:
        """Forget them."""
        self.leased.close()
        if self._once is not None:
            self._once.wipe()
        if self.local is not None:
            self.local.close()


def _split(url: str, settings: KeySettings) -> tuple[str, str]:
    """Where a service is, and the path there. Raises BadInput."""
    place(settings, url, local=True).close()  # what is no address is refused whole
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    return f"{scheme}://{host}", path
