"""What reaches what in a cluster of 2,000 pods and 200 policies: every line, and the answer for one workload.

Goal: at most 10 s CPU with pods of 400 workloads, reading and writing included. The other shapes have no goal: as many
workloads as pods, which is four million pairs, and policies of administrators beside.
"""

import argparse
import json
import random
import tempfile
from pathlib import Path

from kubernetes import meta, spec
from measure import as_row, best, save, strongroom

PODS, POLICIES, SPACES = 2000, 200, 40
Object = dict[str, object]


def policy(i: int, workloads: int, r: random.Random) -> Object:
    """A policy as teams write them: some pods may talk to some others on some ports."""
    space = i % SPACES
    peers: list[Object] = [
        {"podSelector": {"matchLabels": {"app": f"d-{r.randrange(workloads)}"}}, "namespaceSelector": {}},
        {"namespaceSelector": {"matchLabels": {"tier": f"t{r.randrange(4)}"}}},
        {"ipBlock": {"cidr": f"10.{r.randrange(64)}.0.0/16", "except": [f"10.{r.randrange(64)}.7.0/24"]}},
    ]
    rule: Object = {"ports": [{"port": r.choice([80, 443, 8080])}, {"port": 9000, "endPort": 9000 + r.randrange(100)}]}
    subject: Object = {"matchLabels": {"tier": f"t{i % 4}"}} if i % 5 else {}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": meta(f"np-{i}", f"team-{space}"),
        "spec": {
            "podSelector": subject,
            "policyTypes": ["Ingress", "Egress"] if i % 3 else ["Ingress"],
            "ingress": [{**rule, "from": r.sample(peers, 2)}],
            "egress": [{"to": r.sample(peers, 2)}, {"ports": [{"port": 53, "protocol": "UDP"}]}],
        },
    }


def admin(i: int) -> Object:
    """A policy of administrators: one tier is kept from another, and the rest is left to the teams."""
    return {
        "apiVersion": "policy.networking.k8s.io/v1alpha1",
        "kind": "AdminNetworkPolicy",
        "metadata": {"name": f"anp-{i}"},
        "spec": {
            "priority": i,
            "subject": {"namespaces": {"matchLabels": {"tier": f"t{i % 4}"}}},
            "ingress": [
                {
                    "action": "Deny",
                    "from": [{"namespaces": {"matchLabels": {"tier": f"t{(i + 1) % 4}"}}}],
                    "ports": [{"portNumber": {"protocol": "TCP", "port": 22 + i}}],
                },
                {"action": "Pass", "from": [{"namespaces": {}}]},
            ],
        },
    }


def cluster(workloads: int, admins: int) -> Object:
    """The dump of a cluster."""
    r = random.Random(7)
    items: list[Object] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"team-{s}", "labels": {"tier": f"t{s % 4}"}}}
        for s in range(SPACES)
    ]
    for p in range(PODS):
        w = p % workloads
        labels = {"app": f"d-{w}", "tier": f"t{w % 4}", "pod-template-hash": f"{w:x}"}
        owner = ("ReplicaSet", f"d-{w}-{w:x}")
        items.append({"apiVersion": "v1", "kind": "Pod", "metadata": meta(f"d-{w}-{p}", f"team-{w % SPACES}", labels, owner), "spec": spec(p, live=True), "status": {"phase": "Running"}})  # fmt: skip
    for s in range(SPACES):
        for w in range(s, workloads, SPACES * 4):
            front = {"type": "LoadBalancer", "selector": {"app": f"d-{w}"}, "ports": [{"port": 80, "targetPort": 8080}]}
            items += [{"apiVersion": "v1", "kind": "Service", "metadata": meta(f"d-{w}", f"team-{s}"), "spec": front}]
    items += [policy(i, workloads, r) for i in range(POLICIES)]
    items += [admin(i) for i in range(admins)]
    return {"apiVersion": "v1", "kind": "List", "items": items}


SHAPES = {"400 workloads": (400, 0), "400 workloads, 50 admin policies": (400, 50), "2000 workloads": (2000, 0)}


def main() -> None:
    """Print one line a shape and question, and write benchmarks/results/reach_k8s.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="*", choices=list(SHAPES), default=list(SHAPES))
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for shape in options.shapes:
            file, out = Path(scratch) / "cluster.json", Path(scratch) / "out"
            file.write_text(json.dumps(cluster(*SHAPES[shape]), indent=4), encoding="utf-8")
            asked = {"connlist": ["--format", "connlist"], "one workload": ["team-1/Pod/d-1-1", "--format", "json"]}
            for question, words in asked.items():
                argv = [strongroom(), "assess", "reach", f"k8s:{file}", *words, "-o", str(out)]
                ours = best(argv, Path(scratch), runs=2)
                lines = out.read_bytes().count(b"\n")
                row = {"shape": shape, "pods": PODS, "policies": POLICIES, "question": question, "lines": lines}
                rows.append({**row, "strongroom": as_row(ours)})
                print(
                    f"{shape:>34} {question:>13} {lines:>9,} lines {ours.cpu_s:>7.2f} s {ours.peak_mib:>6.0f} MiB, "
                    f"exit {ours.status}",
                    flush=True,
                )
    print(f"written: {save('reach_k8s', rows)}")


if __name__ == "__main__":
    main()
