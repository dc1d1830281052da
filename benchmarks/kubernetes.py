"""Assess a dump of a cluster as `kubectl get -A -o json` writes it. No peer reads such a dump without the cluster.

Goal: 100,000 objects in at most 30 s CPU and 1.2 GB as JSON. The same objects are read as YAML too, one document each
and as the one list that `kubectl get -o yaml` writes; YAML has no goal of its own.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml
from measure import as_row, best, save, strongroom

SIZES = (1_000, 10_000, 100_000)
Object = dict[str, object]


class Plain(yaml.CSafeDumper):
    """Writes what stands twice twice, as kubectl does, which knows no aliases."""

    def ignore_aliases(self, _: object) -> bool:
        """Never an alias."""
        return True


def meta(name: str, space: str, labels: dict[str, str] | None = None, owner: tuple[str, str] | None = None) -> Object:
    """Metadata as the API server writes it."""
    made: Object = {
        "name": name,
        "namespace": space,
        "uid": f"00000000-0000-4000-8000-{abs(hash(name)) % 10**12:012d}",
        "resourceVersion": "123456",
        "creationTimestamp": "2026-11-01T08:00:00Z",
        "labels": labels or {"app": name},
        "annotations": {"deployment.kubernetes.io/revision": "3", "note": "x" * 120},
    }
    if owner is not None:
        made["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": owner[0], "name": owner[1], "controller": True}]
    return made


def spec(i: int, *, live: bool) -> Object:
    """A pod spec; a live one carries what admission adds."""
    mounts = [{"name": "data", "mountPath": "/data"}]
    volumes: list[Object] = [{"name": "data", "persistentVolumeClaim": {"claimName": f"claim-{i % 500}"}}]
    made: Object = {
        "serviceAccountName": f"account-{i % 100}",
        "securityContext": {
            "runAsNonRoot": i % 3 != 0,
            "runAsUser": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "nodeSelector": {"pool": f"p{i % 9}"},
    }
    if live:
        mounts.append({"name": "kube-api-access-x7k2p", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"})
        volumes.append(
            {"name": "kube-api-access-x7k2p", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
        )
        made["nodeName"] = f"node-{i % 1000}"
        made["tolerations"] = [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}]
    resources: Object = {"requests": {"cpu": "4", "memory": "16Gi"}, "limits": {"memory": "16Gi"}}
    if i % 4 == 0:
        resources["limits"] = {"memory": "16Gi", "nvidia.com/gpu": "1"}
    made["containers"] = [
        {
            "name": name,
            "image": f"registry.example.com/team/{name}:v{i % 20}",
            "env": [{"name": f"SETTING_{n}", "value": f"value-{n}"} for n in range(5)],
            "ports": [{"containerPort": 8080, "protocol": "TCP"}],
            "resources": resources,
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": i % 2 == 0,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": mounts,
            "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080}},
        }
        for name in ("serve", "proxy")
    ]
    made["volumes"] = volumes
    return made


def objects(size: int) -> Iterator[Object]:
    """A cluster of about this many objects: mostly pods of deployments, and what stands around them."""
    for i in range(size // 100):
        space = f"team-{i % 200}"
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"team-{i}", "labels": {"team": "a"}}}
        yield {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"node-{i}", "labels": {"nvidia.com/gpu.count": "8"}}, "spec": {"taints": [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}]}, "status": {"allocatable": {"nvidia.com/gpu": "8"}, "images": [{"names": [f"image-{n}"], "sizeBytes": n} for n in range(50)]}}  # fmt: skip
        yield {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta(f"np-{i}", space), "spec": {"podSelector": {"matchLabels": {"app": f"d-{i}-1"}}, "policyTypes": ["Ingress"]}}  # fmt: skip
        for d in range(6):
            name = f"d-{i}-{d}"
            labels, template = (
                {"app": name, "team": space},
                {"metadata": {"labels": {"app": name, "team": space}}, "spec": spec(i + d, live=False)},
            )
            yield {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": meta(name, space, labels),
                "spec": {"replicas": 8, "template": template},
            }
            for old in range(2):
                yield {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta(f"{name}-{old}", space, labels, ("Deployment", name)), "spec": {"template": template}}  # fmt: skip
            for p in range(8):
                yield {"apiVersion": "v1", "kind": "Pod", "metadata": meta(f"{name}-0-{p}", space, labels, ("ReplicaSet", f"{name}-0")), "spec": spec(i + d, live=True), "status": {"phase": "Running", "conditions": [{"type": f"c{n}", "status": "True"} for n in range(5)]}}  # fmt: skip
            yield {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": meta(name, space, labels),
                "spec": {"type": "ClusterIP", "selector": {"app": name}},
            }
        for n in range(10):
            yield {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": meta(f"c-{i}-{n}", space),
                "data": {f"key{k}": "some text of a setting " * 20 for k in range(4)},
            }
        for n in range(8):
            yield {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": meta(f"s-{i}-{n}", space),
                "data": {"token": "QUJD" * 200},
            }
        for n in range(5):
            yield {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": meta(f"b-{i}-{n}", space), "subjects": [{"kind": "Group", "name": "team"}], "roleRef": {"kind": "ClusterRole", "name": "edit"}}  # fmt: skip
            yield {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": meta(f"e-{i}-{n}", space),
                "endpoints": [{"addresses": ["10.0.0.1"]}],
            }


def as_json(size: int, file: Path) -> int:
    """Write the dump as kubectl does, indented by four; the number of its objects."""
    count = 0
    with file.open("w", encoding="utf-8") as f:
        f.write('{\n    "apiVersion": "v1",\n    "items": [\n')
        for count, one in enumerate(objects(size), start=1):
            f.write(("" if count == 1 else ",\n") + json.dumps(one, indent=4))
        f.write('\n    ],\n    "kind": "List",\n    "metadata": {"resourceVersion": ""}\n}\n')
    return count


def as_documents(size: int, file: Path) -> int:
    """Write one YAML document an object; their number."""
    with file.open("w", encoding="utf-8") as f:
        return sum(1 for one in objects(size) if f.write("---\n" + yaml.dump(one, Dumper=Plain)))


def as_list(size: int, file: Path) -> int:
    """Write the one YAML list of `kubectl get -o yaml`; the number of its objects."""
    with file.open("w", encoding="utf-8") as f:
        f.write("apiVersion: v1\nitems:\n")
        count = sum(1 for one in objects(size) if f.write(yaml.dump([one], Dumper=Plain)))
        f.write('kind: List\nmetadata:\n  resourceVersion: ""\n')
    return count


FORMS = {"json": as_json, "yaml-documents": as_documents, "yaml-list": as_list}


def main() -> None:
    """Print one line a size and form, and write benchmarks/results/kubernetes.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--forms", nargs="*", choices=list(FORMS), default=list(FORMS))
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for size, form in ((s, f) for s in options.sizes for f in options.forms):
            file = Path(scratch) / f"cluster.{form[:4]}"
            count = FORMS[form](size, file)
            argv = [strongroom(), "assess", f"k8s:{file}", "--format", "jsonl", "-o", str(Path(scratch) / "out.jsonl")]
            state = str(Path(scratch) / f"state-{size}-{form}.db")
            ours = best([*argv, "--state", state], Path(scratch), runs=1)
            rows.append({"objects": count, "form": form, "file_bytes": file.stat().st_size, "strongroom": as_row(ours)})
            print(
                f"{count:>9,} objects {form:>14} {file.stat().st_size >> 20:>5} MiB {ours.cpu_s:>8.2f} s "
                f"{ours.peak_mib:>6.0f} MiB, exit {ours.status}",
                flush=True,
            )
    print(f"written: {save('kubernetes', rows)}")


if __name__ == "__main__":
    main()
