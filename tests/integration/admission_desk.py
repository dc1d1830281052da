"""`strongroom serve admission` as a process of its own, asked by a real API server."""

import datetime as dt
import ipaddress
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from kube_server import Cluster, free_port

from strongroom.isolate import rule

UP = 90.0  # seconds


def certificate(folder: Path, name: str = "admission", days: int = 2) -> tuple[Path, Path]:
    """A certificate for this machine that is its own authority, and its key; it ends in so many days, or has ended."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - a certificate that is valid now
    made = (
        x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=9)).not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    cert, secret = folder / "tls.crt", folder / "tls.key"
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    cert.write_bytes(made.public_bytes(Encoding.PEM))
    return cert, secret


def rule_file(folder: Path, **rollout: object) -> Path:
    """The default rule, enforced as it is said here."""
    path = folder / "rule.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(rule.DEFAULT), "rollout": rollout}))
    return path


class Desk:
    """A service that is up."""

    def __init__(self, port: int, folder: Path, process: subprocess.Popen[bytes], ca: Path) -> None:
        self.port, self.folder, self.process, self.ca = port, folder, process, ca
        self.url = f"https://127.0.0.1:{port}"

    def get(self, path: str, data: bytes | None = None) -> tuple[int, bytes]:
        """Status and body of an answer."""
        tls = ssl.create_default_context(cafile=str(self.ca))
        try:
            request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, context=tls, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as e:
            return e.code, e.read()


@contextmanager
def serving(folder: Path, cluster: Cluster, rule_: Path, *more: str, port: int = 0) -> Iterator[Desk]:
    """The service over a cluster, once that is in sight."""
    port = port or free_port()
    cert, key = folder / "tls.crt", folder / "tls.key"
    if not cert.exists():
        certificate(folder)
    argv = [
        sys.executable, "-P", "-m", "strongroom.serve", "admission", "--listen", f"127.0.0.1:{port}", "--tls-cert", str(cert),
        "--tls-key", str(key), "--rule", str(rule_), "--kubeconfig", str(cluster.kubeconfig()), "--log", str(folder / "log"),
        "--offline", *more,
    ]  # fmt: skip
    env = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}  # noqa: TID251 - as it is
    with (folder / "admission.log").open("ab") as out:
        process = subprocess.Popen(argv, stdout=out, stderr=out, env=env)
    desk = Desk(port, folder, process, cert)
    try:
        until = time.monotonic() + UP
        while process.poll() is None and time.monotonic() < until:
            try:
                if desk.get("/readyz")[0] == 200:
                    break
            except OSError:
                pass
            time.sleep(0.2)
        else:
            raise AssertionError((folder / "admission.log").read_text()[-2000:])
        yield desk
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def log_of(folder: Path) -> None:
    """A log for the service."""
    argv = [sys.executable, "-P", "-m", "strongroom", "log", "init", "--log", str(folder / "log")]
    subprocess.run(argv, check=True, capture_output=True)
