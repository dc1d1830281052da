"""Who asks Google Cloud: a token by whatever google-auth finds in the surroundings (Application Default Credentials).

Source: https://cloud.google.com/docs/authentication/application-default-credentials. Nobody is asked to sign in.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, cast

from strongroom.model.errors import Unreadable

HOME = "cloudasset.googleapis.com"
# The service takes this scope alone; what may be done is for the role to say (`assets.list`, authorization scopes).
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_HINT = "gcloud auth application-default login, or GOOGLE_APPLICATION_CREDENTIALS"


class SignedIn(NamedTuple):
    """What gets the headers that say who asks, and the project that the credentials are of; empty where they are of none."""

    renew: Callable[[], Mapping[str, str]]
    project: str


class _Credentials(Protocol):
    """What is used of the credentials of google-auth, whose methods have no types."""

    def refresh(self, request: object) -> None: ...
    def apply(self, headers: dict[str, str]) -> None: ...


def signed_in(spec: str) -> SignedIn:
    """The credentials that are there. Raises Unreadable where there are none, or google-auth is not there."""
    try:
        import google.auth  # noqa: PLC0415 - of an extra, and slow to import
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - same
        from google.auth.transport.requests import Request  # noqa: PLC0415 - same
    except ModuleNotFoundError as e:
        raise Unreadable(spec, f"no module {e.name}", "google-auth", "pip install 'strongroom[gcp]'") from None
    wanted = "credentials that Google Cloud takes"
    try:
        found, project = google.auth.default(scopes=[_SCOPE])
    except (GoogleAuthError, OSError, ValueError) as e:
        none = "default credentials were not found" in str(e)
        raise Unreadable(spec, "none" if none else f"no credentials: {_short(e)}", wanted, _HINT) from None

    credentials = cast("_Credentials", found)

    def renew() -> Mapping[str, str]:
        headers: dict[str, str] = {}
        try:
            credentials.refresh(Request())
            credentials.apply(headers)
        except (GoogleAuthError, OSError, ValueError) as e:
            raise Unreadable(spec, f"no token: {_short(e)}", wanted, _HINT) from None
        return headers

    return SignedIn(renew, project or "")


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
