"""Who we are to Entra ID: the machine's managed identity, a client's secret, or a federated token (workload identity).

Exactly one is named, and each host comes from the configuration: where a vault's challenge says to log in is not read.
"""

import re
from urllib.parse import urlencode

import msgspec

from strongroom.keys import _inputs
from strongroom.keys._cloud import FORM, Lease, Leased, form, only, place, token
from strongroom.keys._https import Client
from strongroom.model.errors import BadInput
from strongroom.model.release import KeySettings

_SECRET, _ASSERTION = "client-secret", "assertion"  # names of options
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,127}")
_ASSERTED = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
OPTIONS = {
    "imds": "address of the machine's metadata service (managed identity), http://169.254.169.254",
    "client": "id of the application, or of a managed identity where the machine has several",
    "tenant": "id of the tenant, where a secret or a federated token logs in",
    "login-url": "address of Entra ID, usually https://login.microsoftonline.com",
    "client-secret-file": "the application's secret, in a file that is its owner's alone",
    "client-secret-fd": "the same, on this open descriptor",
    "client-secret-credential": "the same, in a systemd credential of this name",
    "assertion-file": "a federated token in place of a secret, in a file that is its owner's alone",
    "assertion-credential": "the same, by its name in the folder `credentials`",
    "credentials": "the folder of systemd credentials, /run/credentials/UNIT.service, or of a pod's token",
}


class _Token(msgspec.Struct, frozen=True):
    """RFC 6749, section 5.1; the metadata service writes the number as text. It is never printed."""

    access_token: str
    expires_in: int | str = 0

    def __repr__(self) -> str:
        return "_Token(…)"


class Login:
    """An access token for one audience, as it is now. Threads share it."""

    def __init__(self, client: Client, settings: KeySettings, audience: str) -> None:
        """Raises BadInput, Unreadable."""
        options = settings.options
        self._settings, self._audience = settings, audience
        ways = {
            "imds": bool(options.get("imds")),
            "client-secret": _inputs.given(settings, _SECRET),
            "assertion": _inputs.given(settings, _ASSERTION),
        }
        self._way = only(ways, "login to Entra ID")
        self._tenant, self._app = options.get("tenant", ""), options.get("client", "")
        self._once = _inputs.secret(settings, _SECRET) if options.get(f"{_SECRET}-fd") else None
        needed = self._way != "imds"
        for name, value in (("tenant", self._tenant), ("client", self._app)):
            if (needed or value) and not _ID.fullmatch(value):
                raise BadInput(f"option {name}", repr(value[:80]), "an id, or a domain of the tenant")
        if self._way == "imds":
            self.other = place(settings, options["imds"], local=True)
        else:
            self.other = place(settings, options.get("login-url", "") or "https://login.microsoftonline.com")
        fetch = self._from_machine if self._way == "imds" else self._from_entra
        self.leased: Leased[str] = Leased(client, fetch)

    def _from_machine(self) -> Lease[str]:
        asked = {"api-version": "2018-02-01", "resource": self._audience}
        if self._app:
            asked["client_id"] = self._app
        reply = self.other.ask("GET", f"metadata/identity/oauth2/token?{urlencode(asked)}", None, {"Metadata": "true"})
        return token(reply, _Token, self.other.subject, _read)

    def _from_entra(self) -> Lease[str]:
        told = {"client_id": self._app, "scope": f"{self._audience}/.default", "grant_type": "client_credentials"}
        secret = (
            self._once
            if self._once is not None
            else _inputs.secret(self._settings, _SECRET if self._way == "client-secret" else _ASSERTION)
        )
        text = secret.reveal().decode("utf-8", "replace")
        if self._way == "client-secret":
            told["client_secret"] = text
        else:
            told |= {"client_assertion_type": _ASSERTED, "client_assertion": text}
        reply = self.other.ask("POST", f"{self._tenant}/oauth2/v2.0/token", form(told), FORM)
        return token(reply, _Token, self.other.subject, _read)

    def close(self) -> None:
        """Forget it."""
        self.leased.close()
        if self._once is not None:
            self._once.wipe()
        self.other.close()


def _read(found: _Token) -> Lease[str]:
    try:
        return Lease(found.access_token, float(found.expires_in))
    except ValueError:
        return Lease(found.access_token, 0.0)
