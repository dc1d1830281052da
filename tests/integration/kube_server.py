"""A real kube-apiserver over a real etcd, on this machine alone, with users by token; nothing runs pods."""

import json
import os
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import kube_parts
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

Json = dict[str, object]
UP = 90.0  # seconds
# user, groups: each is a token of its own name
USERS = {
    "admin": ("admin", "system:masters"),
    "officer": ("officer", "isolation-admins"),
    "tenant": ("alice", "tenants"),
    "scheduler": ("system:kube-scheduler", ""),
    "kubelet": ("system:node:n-whole", "system:nodes"),
    "auditor": ("auditor", ""),
    "platform": ("system:serviceaccount:gpu-operator:gfd", "system:serviceaccounts"),
}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def until(work: Callable[[], bool]) -> bool:
    """Whether something comes to hold."""
    end = time.monotonic() + UP
    while not work() and time.monotonic() < end:
        time.sleep(0.05)
    return work()


class Cluster:
    """An API server that is up."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port, self.folder = port, folder
        self.ca = folder / "certs/apiserver.crt"
        self._tls = ssl.create_default_context(cafile=str(self.ca))

    def ask(
        self, method: str, path: str, body: object = None, user: str = "admin", kind: str = "application/json"
    ) -> tuple[int, Json]:
        """Status and object of an answer."""
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"Bearer {user}-token", "Content-Type": kind, "Accept": "application/json"}
        request = urllib.request.Request(f"https://127.0.0.1:{self.port}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, context=self._tls, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as e:
            text = e.read()
            try:
                return e.code, json.loads(text)
            except ValueError:
                return e.code, {"message": text.decode("utf-8", "replace")}

    def create(self, found: Json, user: str = "admin", *, dry: bool = False) -> tuple[int, Json]:
        """Create an object where objects of its kind are."""
        return self.ask("POST", path_of(found) + ("?dryRun=All" if dry else ""), found, user)

    def kubeconfig(self, user: str = "admin") -> Path:
        """A kubeconfig of a user."""
        path = self.folder / f"{user}.kubeconfig"
        path.write_text(
            json.dumps(
                {
                    "apiVersion": "v1", "kind": "Config", "current-context": "c",
                    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                    "clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{self.port}", "certificate-authority": str(self.ca)}}],
                    "users": [{"name": "u", "user": {"token": f"{user}-token"}}],
                }
            )
        )  # fmt: skip
        return path


_PLURAL = {
    "RuntimeClass": "runtimeclasses", "DeviceClass": "deviceclasses",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies", "NetworkPolicy": "networkpolicies",
}  # fmt: skip
_WIDE = frozenset({
    "Namespace", "Node", "PersistentVolume", "RuntimeClass", "DeviceClass", "ResourceSlice", "ClusterRole",
    "ClusterRoleBinding", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
    "CustomResourceDefinition",
})  # fmt: skip


def path_of(found: Json) -> str:
    """The path below which objects of its kind are."""
    version, kind = str(found["apiVersion"]), str(found["kind"])
    base = f"/apis/{version}" if "/" in version else f"/api/{version}"
    plural = _PLURAL.get(kind, f"{kind.lower()}s")
    meta: Json = found["metadata"]  # type: ignore[assignment]
    return f"{base}/{plural}" if kind in _WIDE else f"{base}/namespaces/{meta['namespace']}/{plural}"


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """An API server of its own; skips where it was not built."""
    apiserver, etcd = kube_parts.part("kube-apiserver"), kube_parts.part("etcd")
    if apiserver is None or etcd is None:
        pytest.skip("no kube-apiserver or etcd: python3 tests/integration/kube_parts.py builds them, with Go")
    key = rsa.generate_private_key(65537, 2048)
    (folder / "sa.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "sa.pub").write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (folder / "tokens.csv").write_text("".join(f'{n}-token,{u},{n},"{g}"\n' for n, (u, g) in USERS.items()))
    store, peer, port = free_port(), free_port(), free_port()
    url = f"http://127.0.0.1:{store}"
    commands = (
        [str(etcd), "--data-dir", str(folder / "etcd"), "--listen-client-urls", url, "--advertise-client-urls", url,
         "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
         "--initial-cluster", f"default=http://127.0.0.1:{peer}", "--unsafe-no-fsync"],
        [str(apiserver), "--etcd-servers", url, "--bind-address", "127.0.0.1", "--secure-port", str(port),
         "--cert-dir", str(folder / "certs"), "--token-auth-file", str(folder / "tokens.csv"), "--authorization-mode", "RBAC",
         "--service-account-issuer", "https://cluster.test", "--service-account-key-file", str(folder / "sa.pub"),
         "--service-account-signing-key-file", str(folder / "sa.key"), "--service-cluster-ip-range", "10.0.0.0/24",
         "--disable-admission-plugins", "ServiceAccount", "--advertise-address", "127.0.0.1",
         "--anonymous-auth=false", "--allow-privileged", "--endpoint-reconciler-type", "none"],
    )  # fmt: skip
    env = {**os.environ, "HOME": str(folder)}  # noqa: TID251 - as it is
    with (folder / "servers.log").open("wb") as log:
        running = [subprocess.Popen(c, stdout=log, stderr=log, cwd=folder, env=env) for c in commands]
        try:
            yield _up(port, folder, running)
        finally:
            for one in reversed(running):
                one.terminate()
            for one in running:
                try:
                    one.wait(20)
                except subprocess.TimeoutExpired:
                    one.kill()
                    one.wait(20)


def _up(port: int, folder: Path, running: list[subprocess.Popen[bytes]]) -> Cluster:
    until = time.monotonic() + UP
    while time.monotonic() < until and all(p.poll() is None for p in running):
        try:
            found = Cluster(port, folder)
            if found.ask("GET", "/api/v1/namespaces/kube-system")[0] == 200:
                return found
        except (OSError, ssl.SSLError):
            pass
        time.sleep(0.3)
    tail = (folder / "servers.log").read_text(errors="replace")[-3000:]
    raise AssertionError(f"the API server did not come up: {tail}")
