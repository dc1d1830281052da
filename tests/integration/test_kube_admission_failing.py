"""Admission that fails: killed under load, and with a certificate that has ended. Nothing bad goes by, and nothing hangs."""

import ssl
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import admission_desk as desks
import clusters as a
import kube_server
import pytest
import yaml
from clusters import Json
from kube_server import Cluster

from strongroom.app.admission_open import REVIEWED
from strongroom.app.config import load
from strongroom.app.isolation import load_rule, render
from strongroom.app.log import now
from strongroom.app.log_default import open_or_create, place_of
from strongroom.model.codes import EntryKind
from strongroom.model.isolate import Rendering
from strongroom.model.log import LogEntry

pytestmark = pytest.mark.integration

REPORT = "sha256:" + "7" * 64
LABEL = f"{a.PREFIX}/sensitivity"
SPACES = (
    a.namespace("red", "south", "restricted", **{LABEL: "restricted"}),
    a.namespace("open", "north", "public", **{LABEL: "public"}),
)
BAD = {
    **a.pod("red", "bad", {"nvidia.com/gpu": "1"}),
    "metadata": a.meta("bad", "red", annotations={"gpu-fraction": "0.5"}),
}
GOOD = a.pod("red", "good", {"nvidia.com/gpu": "1"})
PUBLIC = a.pod("open", "public", {"nvidia.com/gpu": "1"})


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """An API server with two tenants, of which one is sensitive."""
    with kube_server.cluster(tmp_path_factory.mktemp("kube")) as made:
        for one in (*SPACES, a.node("n-whole")):
            assert made.create(one)[0] == 201
        kind = "application/merge-patch+json"
        status = {"status": a.node("n-whole")["status"]}
        assert made.ask("PATCH", "/api/v1/nodes/n-whole/status", status, kind=kind)[0] == 200
        assert made.ask("PATCH", "/api/v1/nodes/n-whole", {"spec": {"taints": None}}, kind=kind)[0] == 200
        yield made


def _eventually(work: object, wanted: object) -> object:
    until = time.monotonic() + 60
    while (found := work()) != wanted and time.monotonic() < until:  # type: ignore[operator]
        time.sleep(0.3)
    return found


def _ready(folder: Path) -> Path:
    """A rule that denies, with its review in the log."""
    desks.log_of(folder)
    (folder / "c.toml").write_text(f'[log]\npath = "{folder / "log"}"\n')
    with open_or_create(place_of(load(str(folder / "c.toml"))), made=False, offline=True) as log:
        log.record(
            LogEntry(kind=EntryKind.POLICY_CHANGE, subject=REVIEWED, actor="ann", at=now(), digests={"report": REPORT})
        )
        log.publish()
    return desks.rule_file(folder, default="deny", reviewed=[REPORT])


def _install(cluster: Cluster, url: str, ca: Path) -> None:
    cluster.ask("DELETE", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/gpu-isolation")
    for document in render("webhook", Rendering(load_rule(None), f"{url}/v1/admit", ca.read_text())):
        status, answer = cluster.create(yaml.safe_load(document.text))
        assert status == 201, answer


def test_a_service_that_is_killed_under_load_lets_nothing_bad_by(cluster: Cluster, tmp_path: Path) -> None:
    """While it dies and comes back, a sensitive tenant's pods wait or fail; a bad one is never made, and each is answered."""
    rule, port = _ready(tmp_path), kube_server.free_port()
    found: Counter[tuple[str, int]] = Counter()
    over = threading.Event()

    def load_of(name: str, pod: Json) -> None:
        while not over.is_set():
            found[(name, cluster.create(pod, dry=True)[0])] += 1

    with desks.serving(tmp_path, cluster, rule, port=port) as desk:
        _install(cluster, desk.url, desk.ca)
        assert _eventually(lambda: cluster.create(BAD, dry=True)[0], 403) == 403
        threads = [
            threading.Thread(target=load_of, args=x) for x in (("bad", BAD), ("good", GOOD), ("public", PUBLIC)) * 2
        ]
        for thread in threads:
            thread.start()
        desk.process.kill()
        desk.process.wait(60)
        down = found.total()
        assert _eventually(lambda: found.total() > down + 20, wanted=True)
    with desks.serving(tmp_path, cluster, rule, port=port) as desk:
        assert _eventually(lambda: cluster.create(GOOD, dry=True)[0], 201) == 201
        again = found.total()
        assert _eventually(lambda: found.total() > again + 20, wanted=True)
        over.set()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads)
    assert not found[("bad", 201)], found
    assert found[("bad", 403)], found
    assert found[("good", 500)], found  # while it was down: a sensitive tenant waits
    assert found[("good", 201)], found
    assert {status for name, status in found if name == "public"} == {201}, found


def test_a_certificate_that_has_ended_is_said_and_believed_by_nobody(cluster: Cluster, tmp_path: Path) -> None:
    """The API server refuses it, the sensitive wait, readiness and the operator's lines say why; renewed, it goes on."""
    rule, port = _ready(tmp_path), kube_server.free_port()
    desks.certificate(tmp_path)
    with desks.serving(tmp_path, cluster, rule, port=port) as desk:
        desks.certificate(tmp_path, days=-1)
        assert _eventually(lambda: _blind(desk.url + "/readyz"), 503) == 503
        _install(cluster, desk.url, desk.ca)
        assert _eventually(lambda: "certificate has expired" in str(cluster.create(BAD, dry=True)[1]), wanted=True)
        assert (cluster.create(BAD, dry=True)[0], cluster.create(GOOD, dry=True)[0]) == (500, 500)
        assert cluster.create(PUBLIC, dry=True)[0] == 201
        assert "has ended" in (tmp_path / "admission.log").read_text()
        desks.certificate(tmp_path)
        assert _eventually(lambda: _blind(desk.url + "/readyz"), 200) == 200
        _install(cluster, desk.url, desk.ca)
        assert _eventually(lambda: cluster.create(GOOD, dry=True)[0], 201) == 201
        assert _eventually(lambda: cluster.create(BAD, dry=True)[0], 403) == 403


def _blind(url: str) -> int:
    """The status of an answer, whoever gives it."""
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    try:
        with urllib.request.urlopen(url, context=tls, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as e:
        return e.code
