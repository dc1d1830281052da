"""Who we are to Google Cloud: a workload identity, the machine's service account, or a service account's key in a file.

A workload identity is federated (RFC 8693): a token of somebody else, such as the attestation token of Confidential Space,
is exchanged at the Security Token Service for one of Google's, and that, where a service account is named, for one of the
account. Exactly one way is named, and each host comes from the configuration: what a credential file says about hosts is
not read.
"""

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from strongroom.keys import _inputs
from strongroom.keys._cloud import FORM, Lease, Leased, b64url, form, now, only, place, token, until
from strongroom.keys._https import Client
from strongroom.model.errors import BadInput
from strongroom.model.release import KeySettings

SCOPE = "https://www.googleapis.com/auth/cloudkms"
_AUDIENCE = "https://oauth2.googleapis.com/token"
_ACCOUNT, _SUBJECT_TOKEN = "account", "subject-token"  # names of options
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ACCESS = "urn:ietf:params:oauth:token-type:access_token"
_JWT = "urn:ietf:params:oauth:token-type:jwt"
OPTIONS = {
    "audience": "the workload identity provider, //iam.googleapis.com/projects/N/locations/global/…/providers/NAME",
    "subject-token-file": "the token that is exchanged, in a file that is its owner's alone",
    "subject-token-credential": "the same, by its name in the folder `credentials`",
    "impersonate": "the service account whose token the exchanged one gets, where it is not used itself",
    "sts-url": "address of the Security Token Service, usually https://sts.googleapis.com",
    "iam-url": "address of the service account credentials, usually https://iamcredentials.googleapis.com",
    "imds": "address of the machine's metadata service, http://169.254.169.254",
    "account-file": "a service account's key in JSON, in a file that is its owner's alone",
    "account-fd": "the same, on this open descriptor",
    "account-credential": "the same, in a systemd credential of this name",
    "oauth-url": "where that key gets a token, usually https://oauth2.googleapis.com",
    "credentials": "the folder of systemd credentials, /run/credentials/UNIT.service, or of the attestation token",
}


class _Token(msgspec.Struct, frozen=True):
    """RFC 6749, section 5.1. It is never printed."""

    access_token: str
    expires_in: int = 0
    token_type: str = "Bearer"  # noqa: S105 - the type of a token

    def __repr__(self) -> str:
        return "_Token(…)"


class _Impersonated(msgspec.Struct, frozen=True, rename="camel"):
    access_token: str
    expire_time: str

    def __repr__(self) -> str:
        return "_Impersonated(…)"


class _Account(msgspec.Struct, frozen=True):
    client_email: str
    private_key: str
    private_key_id: str = ""

    def __repr__(self) -> str:
        return "_Account(…)"


class Login:
    """An access token, as it is now. Threads share it."""

    def __init__(self, client: Client, settings: KeySettings) -> None:
        """Raises BadInput, Unreadable."""
        options = settings.options
        self._settings = settings
        ways = {
            "audience": bool(options.get("audience")),
            "imds": bool(options.get("imds")),
            "account": _inputs.given(settings, _ACCOUNT),
        }
        way = only(ways, "login to Google Cloud")
        self.others: list[Client] = []
        self._once = _inputs.secret(settings, _ACCOUNT) if options.get(f"{_ACCOUNT}-fd") else None
        if way == "audience":
            self._first = self._client("sts-url", "https://sts.googleapis.com")
            self._second = self._client("iam-url", "https://iamcredentials.googleapis.com")
            fetch = self._federated
        elif way == "imds":
            self._first = place(settings, options["imds"], local=True)
            self.others.append(self._first)
            fetch = self._from_machine
        else:
            self._first = self._client("oauth-url", "https://oauth2.googleapis.com")
            fetch = self._from_account
            self._read_account()
        self.leased: Leased[str] = Leased(client, fetch)

    def _client(self, option: str, usual: str) -> Client:
        client = place(self._settings, self._settings.options.get(option, "") or usual)
        self.others.append(client)
        return client

    def _federated(self) -> Lease[str]:
        subject = _inputs.secret(self._settings, _SUBJECT_TOKEN).reveal().decode("ascii", "replace")
        account = self._settings.options.get("impersonate", "")
        told = {
            "grantType": _EXCHANGE,
            "audience": self._settings.options["audience"],
            "scope": "https://www.googleapis.com/auth/iam" if account else SCOPE,
            "requestedTokenType": _ACCESS,
            "subjectTokenType": _JWT,
            "subjectToken": subject,
        }
        lease = token(self._first.ask("POST", "v1/token", told, {}), _Token, self._first.subject, _read)
        return self._impersonated(lease.what, account) if account else lease

    def _impersonated(self, held: str, account: str) -> Lease[str]:
        if not account.isascii() or not account.replace("@", "").replace(".", "").replace("-", "").isalnum():
            raise BadInput("option impersonate", repr(account[:80]), "the address of a service account")
        path = f"v1/projects/-/serviceAccounts/{account}:generateAccessToken"
        told = {"scope": [SCOPE], "lifetime": "900s"}
        reply = self._second.ask("POST", path, told, {"Authorization": f"Bearer {held}"})
        return token(reply, _Impersonated, self._second.subject, lambda t: Lease(t.access_token, until(t.expire_time)))

    def _from_machine(self) -> Lease[str]:
        path = "computeMetadata/v1/instance/service-accounts/default/token"
        reply = self._first.ask("GET", path, None, {"Metadata-Flavor": "Google"})
        return token(reply, _Token, self._first.subject, _read)

    def _read_account(self) -> tuple[_Account, rsa.RSAPrivateKey]:
        secret = self._once if self._once is not None else _inputs.secret(self._settings, _ACCOUNT)
        try:
            account = msgspec.json.decode(secret.reveal(), type=_Account)
            key = load_pem_private_key(account.private_key.encode(), None)
        except (msgspec.MsgspecError, ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise BadInput("account of Google Cloud", "a file of another form", "a service account's key in JSON")
        return account, key

    def _from_account(self) -> Lease[str]:
        """RFC 7523: an assertion that the account's key has signed, for a token."""
        account, key = self._read_account()
        at = int(now().timestamp())
        claims = {"iss": account.client_email, "scope": SCOPE, "aud": _AUDIENCE, "iat": at, "exp": at + 600}
        head = {"alg": "RS256", "typ": "JWT", "kid": account.private_key_id}
        signed = ".".join(b64url(msgspec.json.encode(part)) for part in (head, claims))
        made = b64url(key.sign(signed.encode(), padding.PKCS1v15(), SHA256()))
        told = form({"grant_type": _BEARER, "assertion": f"{signed}.{made}"})
        return token(self._first.ask("POST", "token", told, FORM), _Token, self._first.subject, _read)

    def close(self) -> None:
        """Forget it."""
        self.leased.close()
        if self._once is not None:
            self._once.wipe()
        for client in self.others:
            client.close()


def _read(found: _Token) -> Lease[str]:
    return Lease(found.access_token, float(found.expires_in))
