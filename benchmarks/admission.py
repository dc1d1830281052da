"""Admission under load, and what a simulation of a whole cluster takes.

A service over TLS on loopback, with a cluster of 1,200 GPU nodes and 8,000 pods in its memory, is asked 200 times a second,
each request at its own time whether or not the one before is answered; what counts is from when it was due to its answer.
Goals: p99 at most 5 ms in observe and warn, at most 20 ms for a denial that is in the log first; 10,000 pods simulated a
second. The generator is another process on the same machine.
"""

import argparse
import http.client
import json
import queue
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from measure import save

NODES, PODS, TENANTS = 1200, 8000, 40
LABELS = ("public", "internal", "restricted")
PREFIX = "isolation.example.org"


def cluster() -> list[dict[str, object]]:
    """Objects of a cluster: tenants of three labels, nodes of eight GPUs, pods on them."""
    made: list[dict[str, object]] = []
    for n in range(TENANTS):
        said = {f"{PREFIX}/tenant": f"t{n}", f"{PREFIX}/sensitivity": LABELS[n % 3]}
        made.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"ns{n}", "annotations": said}})
    for n in range(NODES):
        labels = {"pool": f"p{n % 20}", "nvidia.com/gpu.present": "true"}
        if n % 3 != 2:
            labels["nvidia.com/gpu.sharing-strategy"] = "time-slicing"
        status = {"allocatable": {"nvidia.com/gpu": "8", "cpu": "96"}, "capacity": {"nvidia.com/gpu": "8"}}
        made.append(
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"n{n}", "labels": labels}, "status": status}
        )
    return made + [pod(n, node=f"n{n % NODES}") for n in range(PODS)]


def pod(n: int, node: str = "", limits: dict[str, str] | None = None) -> dict[str, object]:
    """A pod of a tenant whose label the node's GPUs suit."""
    space = f"ns{n % TENANTS}"
    spec: dict[str, object] = {
        "containers": [
            {"name": "main", "image": "registry.example/model:1", "resources": {"limits": limits or {"nvidia.com/gpu": "1", "cpu": "4"}},
             "env": [{"name": f"V{i}", "value": "x" * 20} for i in range(20)]}
        ],
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
    }  # fmt: skip
    if node:
        spec["nodeName"] = node
    meta = {"name": f"pod{n}", "namespace": space, "labels": {"app": "model"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": {"phase": "Running"}}


def review(n: int, *, bad: bool) -> bytes:
    """A review of a pod that is to be made."""
    made = pod(n, limits={"nvidia.com/gpumem": "1"} if bad else None)
    request = {
        "uid": f"u{n}", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "namespace": made["metadata"]["namespace"],  # type: ignore[index]
        "name": f"new{n}", "operation": "CREATE", "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller"},
        "object": made, "oldObject": None, "dryRun": False,
    }  # fmt: skip
    return json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}).encode()


SERVER = """
import json, sys
from pathlib import Path
import msgspec
from strongroom.app.admission import Admission, Sight
from strongroom.app.admission_log import Journal
from strongroom.app.admission_open import digest_of
from strongroom.app.isolation import load_rule, load_state
from strongroom.app.log import Log, Place, now
from strongroom.model.isolate import Mode, Rollout
from strongroom.serve.listening import Listen
from strongroom.serve.routes.admission import Served, serve
folder, mode = Path(sys.argv[1]), Mode(sys.argv[2])
rule = msgspec.structs.replace(load_rule(None), rollout=Rollout(mode))
sight = Sight(); sight.state = load_state([str(folder / "state.json")]).state
with Log.open(Place(str(folder / "log")), offline=True) as log:
    log.keep_publishing()
    made = Admission(rule, sight, Journal(log, "bench", digest_of(rule)), now, None, reviewed=True)
    serve(made, Served(Listen("127.0.0.1", 0, (folder / "tls.crt", folder / "tls.key"))))
"""


def certificate(folder: Path) -> None:
    """A certificate for this machine."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests/integration"))
    from admission_desk import certificate as made  # noqa: PLC0415 - the tests' own

    made(folder)


def load(folder: Path, mode: str, rate: int, seconds: int, *, bad: bool) -> list[float]:
    """Latencies of requests, in seconds, from when each was due."""
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(folder), mode], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        line = ""
        while "listening on" not in line:
            line = process.stderr.readline()
            if not line:
                raise SystemExit("the service did not come up")
        port = int(line.strip().rpartition(":")[2])
        threading.Thread(target=process.stderr.read, daemon=True).start()
        _drive(folder, port, [review(n * 3 + (2 if bad else 0), bad=bad) for n in range(rate)], rate, 2)
        return _drive(folder, port, [review(n * 3 + (2 if bad else 0), bad=bad) for n in range(rate)], rate, seconds)
    finally:
        process.terminate()
        process.wait(30)


def _drive(folder: Path, port: int, bodies: list[bytes], rate: int, seconds: int) -> list[float]:
    tls = ssl.create_default_context(cafile=str(folder / "tls.crt"))
    waiting: queue.SimpleQueue[tuple[float, bytes] | None] = queue.SimpleQueue()
    found: list[float] = []

    def work() -> None:
        held = http.client.HTTPSConnection("127.0.0.1", port, context=tls)
        held.connect()
        while (item := waiting.get()) is not None:
            due, body = item
            held.request("POST", "/v1/admit", body, {"Content-Type": "application/json"})
            answer = held.getresponse().read()
            found.append(time.perf_counter() - due)
            assert b'"response"' in answer
        held.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    begun = time.perf_counter()
    for n in range(rate * seconds):
        due = begun + n / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        waiting.put((due, bodies[n % len(bodies)]))
    for _ in threads:
        waiting.put(None)
    for thread in threads:
        thread.join()
    return found


def percentile(found: list[float], share: float) -> float:
    """The value below which a share of all lies, in milliseconds."""
    return sorted(found)[min(len(found) - 1, int(len(found) * share))] * 1e3


def simulated(folder: Path) -> float:
    """Pods a second that a simulation judges, with what it takes to read them."""
    from strongroom.app.isolation import load_rule, load_state, simulate  # noqa: PLC0415 - timed without its imports

    rule = load_rule(None)
    begun = time.process_time()
    held = load_state([str(folder / "state.json")])
    read = time.process_time()
    count = sum(1 for _ in simulate(rule, held))
    done = time.process_time()
    print(f"  simulate: {count} pods, read {read - begun:.2f} s, judged {done - read:.2f} s CPU")
    return count / (done - begun)


def main() -> None:
    """Run it, print it, keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=20)
    args = parser.parse_args()
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "state.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": cluster()}))
        certificate(folder)
        init = [sys.executable, "-m", "strongroom", "log", "init", "--log", str(folder / "log")]
        subprocess.run(init, check=True, capture_output=True)
        for mode, bad, goal in (
            ("observe", False, 5),
            ("observe", True, 5),
            ("warn", True, 5),
            ("deny", False, 20),
            ("deny", True, 20),
        ):
            found = load(folder, mode, args.rate, args.seconds, bad=bad)
            p50, p99 = percentile(found, 0.5), percentile(found, 0.99)
            what = f"{mode}, {'denied' if bad else 'allowed'}"
            print(
                f"  {what:18} p50 {p50:6.2f} ms  p99 {p99:6.2f} ms  goal {goal} ms  {'met' if p99 <= goal else 'MISSED'}"
            )
            rows.append(
                {"what": what, "p50_ms": round(p50, 3), "p99_ms": round(p99, 3), "goal_ms": goal, "rate": args.rate}
            )
        rate = simulated(folder)
        print(
            f"  simulated with reading: {rate:,.0f} pods a second of CPU, goal 10,000  {'met' if rate >= 10_000 else 'MISSED'}"
        )
        rows.append({"what": "simulate", "pods_per_second": round(rate), "goal": 10_000})
    print(save("admission", rows))


if __name__ == "__main__":
    main()
