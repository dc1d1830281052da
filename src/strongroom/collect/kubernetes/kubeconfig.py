"""How a cluster is reached: a kubeconfig file, or what a pod is given in it (Kubernetes, "Organizing Cluster Access")."""

import base64
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import yaml

from strongroom.kit.nets import is_loopback
from strongroom.model.errors import Malformed, TooLarge, Unreadable

IN_CLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_MOST = 4 << 20
_HINT = "kubectl config view --minify --raw"
_PROOF = "a token, a token file or a client certificate"
# What would be passed over in silence, and change who asks, or whom: why it is refused, and what is wanted.
_USER = {
    "exec": ("a user by exec, which would run a program", _PROOF),
    "auth-provider": ("a user by auth-provider, which would run a program", _PROOF),
    "username": ("a user by name and password", _PROOF),
    "password": ("a user by name and password", _PROOF),
    "as": ("a user who acts as another", "a user of its own"),
    "as-uid": ("a user who acts as another", "a user of its own"),
    "as-groups": ("a user who acts as another", "a user of its own"),
    "as-user-extra": ("a user who acts as another", "a user of its own"),
}
_CLUSTER = {
    "insecure-skip-tls-verify": ("insecure-skip-tls-verify", "the authorities of the cluster"),
    "tls-server-name": ("tls-server-name", "a server that is called what its certificate says"),
    "proxy-url": ("proxy-url", "a server that is reached without a proxy"),
}


class Connection(NamedTuple):
    """An API server and who asks it. The token is read from its file each time: it is renewed there."""

    host: str
    port: int
    prefix: str
    tls: ssl.SSLContext | None
    token: str = ""
    token_file: Path | None = None
    namespace: str = ""

    def headers(self) -> dict[str, str]:
        """Who asks. Raises Unreadable, TooLarge, Malformed."""
        token = self.bearer()
        return {"Authorization": f"Bearer {token}"} if token else {}

    def bearer(self) -> str:
        """The token as it is now; empty where there is none. Raises Unreadable, TooLarge, Malformed."""
        if self.token_file is None:
            return _token(self.token, "the kubeconfig") if self.token else ""
        return _token(_bytes(self.token_file).decode("ascii", "replace").strip(), str(self.token_file))


def in_cluster(host: str, port: str, folder: Path = IN_CLUSTER) -> Connection:
    """The API server of the cluster that this runs in, by the pod's service account. Raises Unreadable, Malformed."""
    if not host or not port.isdigit():
        raise Malformed(
            "this pod", "no KUBERNETES_SERVICE_HOST and _PORT", "a pod in a cluster, or --kubeconfig", _HINT
        )
    tls = _tls(_bytes(folder / "ca.crt"), str(folder / "ca.crt"))
    namespace = _bytes(folder / "namespace").decode("ascii", "replace").strip()
    return Connection(host, int(port), "", tls, token_file=folder / "token", namespace=namespace)


def read(path: Path, context: str = "") -> Connection:
    """What a kubeconfig says of a context; of the current one where none is named. Raises Unreadable, TooLarge, Malformed."""
    try:
        table = yaml.safe_load(_bytes(path))
    except (yaml.YAMLError, RecursionError, ValueError, UnicodeDecodeError) as e:
        raise Malformed(str(path), " ".join(str(e).split())[:120].lower(), "a kubeconfig", _HINT) from None
    whole = _map(table, path)
    found = _named(whole, "contexts", "context", context or _text(whole, "current-context", path), path)
    cluster = _named(whole, "clusters", "cluster", _text(found, "cluster", path), path)
    user = _named(whole, "users", "user", _text(found, "user", path), path) if found.get("user") else {}
    for table, words in ((user, _USER), (cluster, _CLUSTER)):
        for word, (why, wanted) in words.items():
            if table.get(word):
                raise Malformed(str(path), why, wanted, _HINT)
    return _connection(cluster, user, path)._replace(namespace=_text(found, "namespace", path))


def _connection(cluster: Mapping[str, object], user: Mapping[str, object], path: Path) -> Connection:
    try:
        url = urlsplit(_text(cluster, "server", path))
        host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    except ValueError:
        host, port, url = "", 0, urlsplit("")
    if (
        not host
        or url.scheme not in {"https", "http"}
        or (url.scheme == "http" and not is_loopback(host))
        or "@" in url.netloc
        or url.query
        or url.fragment
    ):
        # Without what may stand before an @: that would be a password.
        raise Malformed(str(path), f"server {url.scheme}://{host}"[:100], "https://HOST:PORT", _HINT)
    tls = None
    if url.scheme == "https":
        ca = _either(cluster, "certificate-authority", path)
        tls = _tls(ca, str(path)) if ca else ssl.create_default_context()
        certificate, key = _either(user, "client-certificate", path), _either(user, "client-key", path)
        if bool(certificate) != bool(key):
            raise Malformed(str(path), "half of a client certificate and its key", "both, or none", _HINT)
        if certificate and key:
            _present(tls, certificate, key, path)
    token_file = _text(user, "tokenFile", path)
    place = path.parent / token_file if token_file else None
    return Connection(host, port, url.path.rstrip("/"), tls, _text(user, "token", path), place)


def _text(table: Mapping[str, object], name: str, path: Path) -> str:
    """A text, empty where it is not given: what else stands there is not made one, for it may be endless aliases."""
    found = table.get(name)
    if found is None or isinstance(found, str):
        return found or ""
    raise Malformed(str(path), f"{name} that is no text", "a text", _HINT)


def _token(token: str, shown: str) -> str:
    """A token as a header carries it (RFC 6750 section 2.1). One that is not whole yet is no reason to ask as nobody."""
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise Malformed(shown, "what is no token", "a token on one line")
    return token


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as f:
            data = f.read(_MOST + 1)
    except ValueError:
        raise Malformed(str(path), "what is no path", "a file that can be read", _HINT) from None
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), "a file that can be read", _HINT) from None
    if len(data) > _MOST:
        raise TooLarge(str(path), f"more than {_MOST} octets", "less")
    return data


def _map(value: object, path: Path) -> dict[str, object]:
    if not isinstance(value, dict):
        raise Malformed(str(path), "no map", "a kubeconfig", _HINT)
    return value


def _named(whole: Mapping[str, object], many: str, one: str, name: str, path: Path) -> dict[str, object]:
    listed = whole.get(many)
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and entry.get("name") == name:
            return _map(entry.get(one), path)
    raise Malformed(str(path), f"no {one} {name[:80]!r}", f"one of its {many}", "kubectl config get-contexts")


def _either(table: Mapping[str, object], name: str, path: Path) -> bytes:
    """What stands in the file, or in a file beside it; empty where there is neither."""
    data, file = _text(table, f"{name}-data", path), _text(table, name, path)
    if data:
        try:
            return base64.b64decode(data, validate=True)
        except ValueError:
            raise Malformed(str(path), f"{name}-data that is not base64", "base64") from None
    return _bytes(path.parent / file) if file else b""


def _tls(ca: bytes, shown: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cadata=ca.decode("ascii"))
    except (ssl.SSLError, UnicodeDecodeError, ValueError):
        raise Malformed(shown, "what is no certificate", "the authorities of the cluster in PEM") from None


def _present(tls: ssl.SSLContext, certificate: bytes, key: bytes, path: Path) -> None:
    """Load a client certificate; OpenSSL takes files alone, and a key is not written to one that others could find."""
    held = os.memfd_create("client", os.MFD_CLOEXEC)
    try:
        os.write(held, certificate + b"\n" + key)
        tls.load_cert_chain(f"/proc/self/fd/{held}", password=lambda: "")
    except (ssl.SSLError, OSError):
        raise Malformed(str(path), "a client certificate that cannot be used", "one in PEM, and its key") from None
    finally:
        os.close(held)
