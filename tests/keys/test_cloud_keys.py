"""The clouds' key services: each way that one fails is a key that is unavailable, in time, and in words without secrets."""

import base64
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aws_case
import azure_case
import gcp_case
import pytest
from cloud_server import Answer, Asked, Cloud, pki, serving
from key_harness import CANARY, NOW, RESOURCE, decision, log_in, part, with_options

from strongroom.keys.aws_kms import _host
from strongroom.kit import jose
from strongroom.model.errors import BadInput, KeyUnavailable, Malformed, StrongroomError, Unreadable
from strongroom.model.release import Keys, KeySettings, Rotates, Secret, Wrapped
from strongroom.model.trust import Receipt


@dataclass(frozen=True)
class Kind:
    """One service: how it is served, what its requests look like, and how it says what is wrong."""

    name: str
    served: Callable[[Path, float], AbstractContextManager[tuple[Cloud, KeySettings]]]
    url: str  # the option with its address
    opens: Callable[[Asked], bool]
    wraps: Callable[[Asked], bool]
    looks: Callable[[Asked], bool]
    secrets: tuple[str, ...]


def target(name: str) -> Callable[[Asked], bool]:
    return lambda a: a.headers.get("x-amz-target") == f"TrentService.{name}"


def ending(*ends: str, method: str = "POST") -> Callable[[Asked], bool]:
    return lambda a: a.path.endswith(ends) and a.method == method


KINDS = (
    Kind(
        "aws_kms",
        aws_case.served,
        "url",
        target("Decrypt"),
        target("Encrypt"),
        target("DescribeKey"),
        (aws_case.SECRET, aws_case.ACCESS),
    ),
    Kind(
        "azure",
        azure_case.served,
        "vault",
        ending("/unwrapkey"),
        ending("/wrapkey"),
        ending("/keys/strongroom", method="GET"),
        (azure_case.SECRET, azure_case.TOKEN),
    ),
    Kind(
        "gcp_kms",
        gcp_case.served,
        "url",
        ending(":decrypt"),
        ending(":encrypt"),
        ending("/strongroom", method="GET"),
        (gcp_case.SUBJECT, gcp_case.TOKEN, gcp_case.EXCHANGED),
    ),
)
AWS, AZURE, GCP = KINDS
every = pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.name)


@dataclass
class Rig:
    """A service, a back end over it, and a resource."""

    kind: Kind
    cloud: Cloud
    settings: KeySettings
    keys: Keys
    receipt: Callable[[], Receipt]
    wrapped: Wrapped

    def unwrap(self) -> bytes:
        return self.keys.unwrap(self.receipt(), self.wrapped, NOW).reveal()

    def wrap(self) -> Wrapped:
        return self.keys.wrap(Secret(CANARY), RESOURCE, 1, ())


@contextmanager
def rigged(kind: Kind, folder: Path, seconds: float = 5.0, **options: str) -> Iterator[Rig]:
    """The whole of it; `options` come on top."""
    with kind.served(folder, seconds) as (cloud, settings), log_in(folder) as (log, gate):
        held = with_options(settings, **options)
        keys = part(kind.name).open(held, gate)
        wrapped = keys.wrap(Secret(CANARY), RESOURCE, 1, ())
        try:
            yield Rig(kind, cloud, held, keys, lambda: log.decide(decision()), wrapped)
        finally:
            keys.close()


def opened(rig: Rig, **options: str) -> None:
    """Open it once more with other options."""
    with log_in(Path(rig.settings.options["ca"]).parent) as (_, gate):
        part(rig.kind.name).open(with_options(rig.settings, **options), gate).close()


def answering(rig: Rig, which: Callable[[Asked], bool], answer: Answer) -> None:
    rig.cloud.fault = lambda asked: answer if which(asked) else None


def aws(code: str, status: int = 400) -> Answer:
    return status, {"__type": code, "message": f"made-up words with {CANARY.decode()} and {aws_case.SECRET}"}


PLAIN = base64.b64encode(bytes(32)).decode()
FAULTS: dict[str, tuple[Kind, Answer, str]] = {
    "aws: access denied": (AWS, aws("AccessDeniedException"), "access denied"),
    "aws: throttled": (AWS, aws("ThrottlingException"), "too many requests"),
    "aws: disabled": (AWS, aws("DisabledException"), "disabled"),
    "aws: pending deletion": (AWS, aws("KMSInvalidStateException"), "pending deletion"),
    "aws: no such key": (AWS, aws("com.amazonaws.kms#NotFoundException"), "no such key"),
    "aws: key unavailable": (AWS, aws("KeyUnavailableException", 500), "cannot use now"),
    "aws: internal": (AWS, aws("KMSInternalException", 500), "a fault of its own"),
    "aws: another region": (AWS, aws("InvalidSignatureException"), "another region"),
    "aws: unknown": (AWS, aws(f"Strange{CANARY.decode()}"), "status 400"),
    "aws: html": (AWS, (503, "<html>"), "status 503"),
    "aws: another key": (AWS, (200, {"KeyId": aws_case.KEY[:-1] + "1", "Plaintext": PLAIN}), "for another key"),
    "aws: a recipient": (
        AWS,
        (200, {"KeyId": aws_case.KEY, "CiphertextForRecipient": PLAIN}),
        "a ciphertext for somebody else",
    ),
    "aws: nothing": (AWS, (200, {"KeyId": aws_case.KEY}), "no data key"),
    "aws: a short key": (AWS, (200, {"KeyId": aws_case.KEY, "Plaintext": "AAAA"}), "no data key"),
    "aws: no base64": (AWS, (200, {"KeyId": aws_case.KEY, "Plaintext": "?"}), "no base64"),
    "azure: forbidden": (AZURE, azure_case.error(403, "Forbidden", "ForbiddenByRbac"), "access denied"),
    "azure: throttled": (AZURE, azure_case.error(429, "Throttled"), "too many requests"),
    "azure: disabled": (AZURE, azure_case.error(403, "Forbidden", "KeyDisabled"), "disabled"),
    "azure: deleted": (AZURE, azure_case.error(409, "Conflict", "ObjectIsDeletedButRecoverable"), "deleted"),
    "azure: no such key": (AZURE, azure_case.error(404, "KeyNotFound"), "no such key"),
    "azure: internal": (AZURE, azure_case.error(500, "InternalServerError"), "a fault of its own"),
    "azure: unknown": (AZURE, azure_case.error(418, CANARY.decode()), "status 418"),
    "azure: unauthorized": (AZURE, azure_case.error(401, "Unauthorized"), "a token that it does not take"),
    "azure: another key": (AZURE, (200, {"kid": "https://localhost/keys/other/1", "value": "AA"}), "for another key"),
    "azure: nothing": (AZURE, (200, {}), "an answer of another form"),
    "gcp: denied": (GCP, gcp_case.error(403, "PERMISSION_DENIED"), "permission denied"),
    "gcp: throttled": (GCP, gcp_case.error(429, "RESOURCE_EXHAUSTED"), "too many requests"),
    "gcp: disabled": (GCP, gcp_case.error(400, "FAILED_PRECONDITION"), "disabled, destroyed"),
    "gcp: no such key": (GCP, gcp_case.error(404, "NOT_FOUND"), "no such key"),
    "gcp: unavailable": (GCP, gcp_case.error(503, "UNAVAILABLE"), "no service now"),
    "gcp: unauthenticated": (GCP, gcp_case.error(401, "UNAUTHENTICATED"), "a token that it does not take"),
    "gcp: unknown": (GCP, gcp_case.error(500, CANARY.decode()), "status 500"),
    "gcp: a wrong checksum": (GCP, (200, {"plaintext": PLAIN, "plaintextCrc32c": "1"}), "their checksum"),
    "gcp: no checksum": (GCP, (200, {"plaintext": PLAIN}), "an answer of another form"),
    "gcp: a short key": (GCP, (200, {"plaintext": "AAAA", "plaintextCrc32c": "1383945041"}), "checksum|no data key"),
}


@pytest.fixture(scope="module")
def rigs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Rig]]:
    """One of each; tests leave it as it was."""
    with (
        rigged(AWS, tmp_path_factory.mktemp("aws")) as one,
        rigged(AZURE, tmp_path_factory.mktemp("azure")) as two,
        rigged(GCP, tmp_path_factory.mktemp("gcp")) as three,
    ):
        yield {rig.kind.name: rig for rig in (one, two, three)}


@pytest.mark.parametrize("name", FAULTS)
def test_a_service_that_fails_releases_nothing(rigs: dict[str, Rig], name: str) -> None:
    """Each error and each strange answer is unavailable in our own words, without theirs, and afterwards all is well."""
    kind, answer, words = FAULTS[name]
    rig = rigs[kind.name]
    answering(rig, kind.opens, answer)
    with pytest.raises(KeyUnavailable, match=words) as caught:
        rig.unwrap()
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert not [s for s in (CANARY.decode(), "made-up words", *kind.secrets) if s in told]
    rig.cloud.fault = lambda _: None
    assert rig.unwrap() == CANARY


@every
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(rigs: dict[str, Rig], kind: Kind, status: int) -> None:
    """An answer that points elsewhere ends the request: nobody is asked there."""
    rig = rigs[kind.name]
    answering(rig, kind.opens, (status, {}))
    with pytest.raises(KeyUnavailable, match="a redirect"):
        rig.unwrap()
    rig.cloud.fault = lambda _: None
    assert not [a for a in rig.cloud.seen if a.path == "/elsewhere"]


@every
def test_a_data_key_of_another_resource_does_not_open(rigs: dict[str, Rig], kind: Kind) -> None:
    """A service that answers with other octets, and one asked with another context, open nothing."""
    rig = rigs[kind.name]
    other = rig.keys.wrap(Secret(b"of somebody else"), "models/key/other", 1, ())
    start = 38
    sizes = [int.from_bytes(w.blob[36:38], "big") for w in (rig.wrapped, other)]
    mine, theirs = (w.blob[start : start + n] for w, n in zip((rig.wrapped, other), sizes, strict=True))
    swapped = rig.wrapped.blob[:36] + other.blob[36:38] + theirs + rig.wrapped.blob[start + len(mine) :]
    held = Wrapped(RESOURCE, 1, kind.name, rig.wrapped.key, swapped, ())
    with pytest.raises(Malformed):
        rig.keys.unwrap(rig.receipt(), held, NOW)


@every
def test_a_blob_under_the_key_of_somebody_else_asks_nobody(rigs: dict[str, Rig], kind: Kind) -> None:
    """A blob that names another key, account or vault is unavailable without a request."""
    rig = rigs[kind.name]
    for name in (
        "arn:aws:kms:eu-central-1:999999999999:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        f"other/{'0' * 32}",
        f"strongroom/{'0' * 31}?",
        f"{gcp_case.KEY}/cryptoKeyVersions/1:destroy",
        "projects/evil/locations/x/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1",
    ):
        before = len(rig.cloud.seen)
        with pytest.raises(KeyUnavailable, match="no key"):
            rig.keys.unwrap(
                rig.receipt(), Wrapped(RESOURCE, 1, kind.name, name, rig.wrapped.blob, rig.wrapped.owners), NOW
            )
        assert len(rig.cloud.seen) == before


@every
def test_a_stranger_with_a_certificate_of_his_own_is_told_nothing(tmp_path: Path, kind: Kind) -> None:
    """TLS under another authority is refused before anything is sent, credentials included."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    _, certificate = pki("strangers").files(theirs)
    stranger = Cloud()
    refused = pytest.raises(KeyUnavailable, match="the certificate of another")
    with rigged(kind, tmp_path) as rig, serving(stranger, certificate) as url, refused:
        opened(rig, **{kind.url: url})
    assert stranger.seen == []


@every
@pytest.mark.parametrize("trickle", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"])
def test_a_slow_service_is_unavailable_in_time(tmp_path: Path, kind: Kind, trickle: bytes) -> None:
    """A service that does not answer, or answers for ever, is given up once the time of the whole work is over."""
    with rigged(kind, tmp_path, seconds=5.0) as rig, socket.create_server(("127.0.0.1", 0)) as listening:
        held: list[socket.socket] = []

        def accept() -> None:
            try:
                while True:
                    connection, _ = listening.accept()
                    held.append(connection)
                    connection.sendall(trickle)
            except OSError:
                return

        threading.Thread(target=accept, daemon=True).start()
        slow = KeySettings(
            with_options(rig.settings, **{kind.url: f"http://127.0.0.1:{listening.getsockname()[1]}"}).options, 0.5
        )
        start = time.monotonic()
        with pytest.raises(KeyUnavailable, match=r"within 0\.5 seconds"), log_in(tmp_path) as (_, gate):
            part(kind.name).open(slow, gate)
        assert time.monotonic() - start < 30  # it ends at all
        for connection in held:
            connection.close()


@every
def test_a_service_that_is_gone_is_unavailable(tmp_path: Path, kind: Kind) -> None:
    """A refused connection is unavailable."""
    with rigged(kind, tmp_path) as rig:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
        with pytest.raises(KeyUnavailable):
            opened(rig, **{kind.url: f"https://localhost:{port}"})


UNFIT: dict[str, tuple[Kind, Callable[[Cloud], None], str]] = {
    "aws: disabled": (AWS, lambda c: vars(c).update(metadata={"KeyState": "Disabled"}), "disabled"),
    "aws: going": (AWS, lambda c: vars(c).update(metadata={"KeyState": "PendingDeletion"}), "pending deletion"),
    "aws: signs": (AWS, lambda c: vars(c).update(metadata={"KeyUsage": "SIGN_VERIFY"}), "another use"),
    "aws: RSA": (AWS, lambda c: vars(c).update(metadata={"KeySpec": "RSA_2048"}), "another use"),
    "aws: another": (AWS, lambda c: vars(c).update(metadata={"Arn": aws_case.KEY[:-1]}), "for another key"),
    "azure: disabled": (AZURE, lambda c: vars(c).update(attributes={"enabled": False}), "disabled"),
    "azure: exportable": (AZURE, lambda c: vars(c).update(attributes={"exportable": True}), "exported"),
    "azure: EC": (AZURE, lambda c: vars(c).update(kind="EC-HSM"), "another kind"),
    "azure: another": (AZURE, lambda c: vars(c).update(url="https://other.vault.azure.net"), "for another key"),
    "gcp: disabled": (GCP, lambda c: vars(c).update(state="DISABLED"), "disabled, destroyed"),
    "gcp: going": (GCP, lambda c: vars(c).update(state="DESTROY_SCHEDULED"), "disabled, destroyed"),
    "gcp: signs": (GCP, lambda c: vars(c).update(key={"purpose": "ASYMMETRIC_SIGN"}), "another use"),
    "gcp: another": (GCP, lambda c: vars(c).update(key={"name": gcp_case.KEY[:-1]}), "for another key"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_a_key_that_is_not_fit_wraps_nothing(tmp_path: Path, name: str) -> None:
    """A key in another state, of another kind or use, exportable, or another one than was asked for, is refused."""
    kind, change, words = UNFIT[name]
    with rigged(kind, tmp_path) as rig:
        change(rig.cloud)
        with pytest.raises(KeyUnavailable, match=words):
            rig.wrap()
        with pytest.raises(KeyUnavailable, match=words):
            opened(rig)


def test_google_must_have_verified_the_checksums(rigs: dict[str, Rig]) -> None:
    """An encryption whose checksums the service has not verified is not kept."""
    rig = rigs["gcp_kms"]
    told = {"name": f"{gcp_case.KEY}/cryptoKeyVersions/1", "ciphertext": "AAAA", "ciphertextCrc32c": "1"}
    answering(rig, GCP.wraps, (200, told))
    with pytest.raises(KeyUnavailable, match="not verified"):
        rig.wrap()
    verified = {"verifiedPlaintextCrc32c": True, "verifiedAdditionalAuthenticatedDataCrc32c": True}
    answering(rig, GCP.wraps, (200, {**told, **verified}))
    with pytest.raises(KeyUnavailable, match="their checksum"):
        rig.wrap()
    rig.cloud.fault = lambda _: None


# Logins


def metadata(cloud: Cloud) -> AbstractContextManager[str]:
    """The same answers over plain http on loopback, as metadata services have it."""
    return serving(cloud)


LOGINS: dict[str, tuple[Kind, dict[str, str]]] = {
    "aws: machine": (AWS, {"access_file": "", "imds": "{url}"}),
    "aws: container": (
        AWS,
        {
            "access_file": "",
            "container": "{url}/v2/credentials/here",
            "container_token_file": "{folder}/pod",
        },
    ),
    "azure: machine": (AZURE, {"client_secret_file": "", "tenant": "", "login_url": "", "client": "", "imds": "{url}"}),
    "azure: one of several identities": (AZURE, {"client_secret_file": "", "imds": "{url}"}),
    "azure: federated": (
        AZURE,
        {"client_secret_file": "", "credentials": "{folder}", "assertion_credential": "assertion"},
    ),
    "azure: AES in a managed HSM": (AZURE, {"algorithm": "A256KW", "audience": "https://vault.azure.net"}),
    "gcp: machine": (GCP, {"audience": "", "imds": "{url}"}),
    "gcp: federated, no account": (GCP, {"impersonate": ""}),
    "gcp: account": (GCP, {"audience": "", "account_file": "{folder}/account.json", "oauth_url": "{tls}"}),
}


@pytest.mark.parametrize("name", LOGINS)
def test_every_login_leads_to_the_key(tmp_path: Path, name: str) -> None:
    """Machine, container, federation, secret and key each open the back end, which then wraps and opens."""
    kind, options = LOGINS[name]
    (tmp_path / "pod").write_text("made-up-pod-token\n")
    (tmp_path / "pod").chmod(0o600)
    (tmp_path / "assertion").write_text("made.up.assertion")
    key = pki().key
    gcp_case.account_file(tmp_path, gcp_case.pem(key))
    with kind.served(tmp_path, 5.0) as (cloud, settings), metadata(cloud) as url, log_in(tmp_path) as (log, gate):
        if name.endswith("HSM"):
            vars(cloud)["kind"] = "oct-HSM"
        tls = settings.options[kind.url]
        told = {n: v.format(url=url, folder=tmp_path, tls=tls) for n, v in options.items()}
        keys = part(kind.name).open(with_options(settings, **told), gate)
        wrapped = keys.wrap(Secret(CANARY), RESOURCE, 1, ())
        assert keys.unwrap(log.decide(decision()), wrapped, NOW).reveal() == CANARY
        keys.close()


def test_googles_assertion_is_signed_for_the_pinned_host(tmp_path: Path) -> None:
    """The assertion of a service account verifies with its key, and names the scope and the audience; its file's host is not asked."""
    key = pki().key
    with rigged(GCP, tmp_path) as rig:
        path = gcp_case.account_file(tmp_path, gcp_case.pem(key))
        opened(rig, audience="", account_file=path, oauth_url=rig.settings.options["url"])
        assert isinstance(rig.cloud, gcp_case.Kms)
        token = jose.read(rig.cloud.assertions[-1]["assertion"].encode())
        claims = jose.verify(token, jose.Algorithm.RS256, gcp_case.spki(key))
        assert b'"aud":"https://oauth2.googleapis.com/token"' in claims
        assert b"auth/cloudkms" in claims


def test_metadata_services_are_asked_only_where_they_are_named(rigs: dict[str, Rig]) -> None:
    """With credentials from a file or a federation, no request goes to a metadata service."""
    for rig in rigs.values():
        assert not [a for a in rig.cloud.seen if "meta" in a.path.lower() or a.method == "PUT"]


WRONG: dict[str, tuple[Kind, dict[str, str], type[StrongroomError], str]] = {
    "aws: an alias": (AWS, {"key": "arn:aws:kms:eu-central-1:111122223333:alias/x"}, BadInput, "the ARN of a key"),
    "aws: nothing to log in with": (AWS, {"access_file": ""}, BadInput, "one of access, imds, container"),
    "aws: two ways": (AWS, {"imds": "http://169.254.169.254"}, BadInput, "one of access"),
    "aws: another profile": (AWS, {"profile": "other"}, BadInput, "a file of another form"),
    "aws: plain http": (AWS, {"url": "http://kms.eu-central-1.amazonaws.com"}, BadInput, "https"),
    "aws: metadata elsewhere": (AWS, {"access_file": "", "imds": "http://10.0.0.1"}, BadInput, "loopback"),
    "azure: no vault": (AZURE, {"vault": ""}, BadInput, "no option vault"),
    "azure: an algorithm": (AZURE, {"algorithm": "RSA1_5"}, BadInput, "RSA-OAEP-256"),
    "azure: a tenant": (AZURE, {"tenant": "../x"}, BadInput, "option tenant"),
    "azure: a link-local vault": (AZURE, {"vault": "http://169.254.169.254"}, BadInput, "https"),
    "gcp: a key": (GCP, {"key": "projects/p/../q"}, BadInput, "cryptoKeys"),
    "gcp: an account": (GCP, {"impersonate": "a/b:c@x"}, KeyUnavailable, "option impersonate"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_the_options_is_told(rigs: dict[str, Rig], name: str) -> None:
    """Aliases, two logins or none, plain http, hosts elsewhere and strange words are refused."""
    kind, options, error, words = WRONG[name]
    with pytest.raises(error, match=words):
        opened(rigs[kind.name], **options)


def test_credentials_that_others_can_read_are_refused(tmp_path: Path) -> None:
    """A file of credentials that is open to others is not used."""
    with rigged(AWS, tmp_path) as rig:
        Path(rig.settings.options["access-file"]).chmod(0o644)
        with pytest.raises(Unreadable, match="which others can use"):
            opened(rig)


def test_new_credentials_are_taken_up(tmp_path: Path) -> None:
    """When AWS no longer knows the access key, the file is read again, once, and the request is made anew."""
    with rigged(AWS, tmp_path) as rig:
        assert isinstance(rig.cloud, aws_case.Kms)
        rig.cloud.known = {"AKIDSECOND": "second-made-up-secret"}
        with pytest.raises(KeyUnavailable, match="does not know"):
            rig.unwrap()
        path = Path(rig.settings.options["access-file"])
        path.write_text("[default]\naws_access_key_id=AKIDSECOND\naws_secret_access_key=second-made-up-secret\n")
        assert rig.unwrap() == CANARY


@pytest.mark.parametrize("kind", [AZURE, GCP], ids=lambda k: k.name)
def test_a_token_that_was_withdrawn_is_fetched_again(tmp_path: Path, kind: Kind) -> None:
    """A token that is refused is fetched once more; what is refused again is unavailable."""
    with rigged(kind, tmp_path) as rig:
        refusals: list[Answer] = [azure_case.error(401, "Unauthorized")]
        rig.cloud.fault = lambda asked: refusals.pop() if kind.opens(asked) and refusals else None
        logins = sum(a.path.endswith("/token") for a in rig.cloud.seen)
        assert rig.unwrap() == CANARY
        assert sum(a.path.endswith("/token") for a in rig.cloud.seen) == logins + 1
        vars(rig.cloud)["tokens"] = set()
        with pytest.raises(KeyUnavailable, match="does not take"):
            rig.unwrap()


@pytest.mark.parametrize("kind", [AZURE, GCP], ids=lambda k: k.name)
@pytest.mark.parametrize(
    "answer",
    [
        (401, {"error": CANARY.decode()}),
        (200, {}),
        (200, {"access_token": ""}),
        (200, {"access_token": "a\r\nX-Evil: 1"}),
        (302, {}),
    ],
)
def test_no_token_is_no_key(tmp_path: Path, kind: Kind, answer: Answer) -> None:
    """A login that is refused, empty, strange or redirected is unavailable, in words without the login's."""
    with kind.served(tmp_path, 5.0) as (cloud, settings), log_in(tmp_path) as (_, gate):
        cloud.fault = lambda asked: answer if asked.path.endswith("/token") else None
        with pytest.raises(KeyUnavailable) as caught:
            part(kind.name).open(settings, gate)
        told = "".join(traceback.format_exception(caught.value))
        assert not [s for s in (CANARY.decode(), *kind.secrets) if s in told]


def test_a_rotation_that_is_not_seen_yet_is_told(tmp_path: Path) -> None:
    """Where AWS has not made the new material visible, the rotation is under way and not done."""
    with rigged(AWS, tmp_path) as rig:
        assert isinstance(rig.cloud, aws_case.Kms)
        rig.cloud.metadata = {"CurrentKeyMaterialId": "00"}
        assert isinstance(rig.keys, Rotates)
        with pytest.raises(KeyUnavailable, match="under way"):
            rig.keys.rotate()


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://KMS.eu-central-1.amazonaws.com", "kms.eu-central-1.amazonaws.com"),
        ("https://kms.example:443", "kms.example"),
        ("https://kms.example:8443", "kms.example:8443"),
        ("http://127.0.0.1:80", "127.0.0.1"),
        ("https://[::1]:8443", "[::1]:8443"),
    ],
)
def test_the_host_that_is_signed_is_the_one_that_is_sent(url: str, wanted: str) -> None:
    """Without the scheme's own port, in lower case, with the brackets of IPv6: as the connection writes it."""
    assert _host(urlsplit(url)) == wanted
