"""Nodes and volumes of a cluster, and what other sources say of the same things."""

import json
from pathlib import Path

import pytest

import host_records as hosts
from kubernetes_objects import NOW, by_address, read
from strongroom.app.catalogue import catalogue
from strongroom.app.sources import gather
from strongroom.assess.judge import findings
from strongroom.kit.identity import hashed, key_of
from strongroom.model.codes import Status
from strongroom.model.estate import Asset, Estate
from strongroom.model.kinds import Kind
from strongroom.model.values import Key, Unknown

MACHINE = "0123456789abcdef0123456789abcdef"
UUID = "ec2f1f0e-7d0c-4b1a-9c55-0242ac120002"
INSTANCE = "i-0123456789abcdef0"
LABELS = {
    "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",
    "nvidia.com/gpu.count": "1",
    "nvidia.com/cuda.driver-version.full": "580.159.03",
}


def node(name: str = "gpu01", labels: object = None, **info: str) -> dict[str, object]:
    """A node as the API shows it."""
    said = {"kubeletVersion": "v1.34.1", "kernelVersion": "6.17.0", "osImage": "Rocky Linux 10.1", **info}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": LABELS if labels is None else labels},
        "spec": {"providerID": f"aws:///eu-west-1a/{INSTANCE}"},
        "status": {"capacity": {"nvidia.com/gpu": "1"}, "nodeInfo": {"machineID": MACHINE, "systemUUID": UUID, **said}},
    }


def host_record(folder: Path) -> Path:
    """The record that the collector wrote on the same machine."""
    identity = hosts.ok("hostname gpu01", "kernel Linux 6.17.0 x86_64", f"machine-id {hashed(MACHINE)}")
    path = folder / "gpu01.txt"
    path.write_bytes(hosts.write(hosts.good() | {"identity": identity}))
    return path


def cluster(folder: Path, *objects: object) -> Path:
    """A file of objects."""
    path = folder / "cluster.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    return path


def machines(estate: Estate) -> list[Asset]:
    """The machines of an estate."""
    return [a for a in estate.assets if a.kind in (Kind.HOST, Kind.INSTANCE)]


def agree(estate: Estate, asset: Asset) -> tuple[Status, str]:
    """What the check of agreement says of an asset."""
    found = next(
        f
        for f in findings(estate.assets, catalogue().checks.values(), NOW)
        if (f.check, f.asset) == ("inv.asset.sources-agree", asset.id)
    )
    return found.status, dict(found.arguments).get("differences", "")


def test_a_node_and_its_machine_are_one(tmp_path: Path) -> None:
    """The cluster's record and the machine's own become one asset with the facts of both, which agree."""
    record, dump = host_record(tmp_path), cluster(tmp_path, node())
    both = gather([f"k8s:{dump}", f"host:{record}"], NOW)
    (one,) = machines(both)
    assert (one.id, one.kind) == ("k8s:-/core/Node/gpu01", Kind.HOST)
    assert {f"host:{hashed(MACHINE)}", f"dmi:{UUID}", INSTANCE} <= set(one.aliases)
    assert {"kernel.lockdown", "version.kubelet", "gpu.taints"} <= one.facts.keys()
    assert agree(both, one) == (Status.PASS, "")
    assert {r.id for a in both.assets if a.kind is Kind.GPU for r in a.refs} == {one.id}


def test_the_machine_id_itself_is_kept_nowhere(tmp_path: Path) -> None:
    """Only the hash with our prefix leaves, as from the machine itself."""
    assert MACHINE not in repr(gather([f"k8s:{cluster(tmp_path, node())}"], NOW))


def test_a_node_that_differs_from_its_machine_is_a_finding(tmp_path: Path) -> None:
    """A driver that the labels still name after it was replaced is told with who says what, and judged by nobody."""
    record = host_record(tmp_path)
    dump = cluster(tmp_path, node(labels=LABELS | {"nvidia.com/cuda.driver-version.full": "535.104.05"}))
    both = gather([f"k8s:{dump}", f"host:{record}"], NOW)
    (one,) = machines(both)
    status, differences = agree(both, one)
    assert status is Status.FAIL
    assert differences == f"gpu.driver: 535.104.05 in k8s:{dump}, 580.159.03 in host:{record}"
    assert isinstance(one.value("gpu.driver"), Unknown)


def test_the_clouds_record_of_a_node_names_it(tmp_path: Path) -> None:
    """An instance of a Terraform state is the same machine, by its id; inside and outside stay two views of it."""
    attributes = {"id": INSTANCE, "arn": f"arn:aws:ec2:eu-west-1:1:instance/{INSTANCE}", "instance_type": "p5.48xlarge"}
    instance = {"schema_version": 1, "attributes": attributes, "sensitive_attributes": []}
    provider = 'provider["registry.terraform.io/hashicorp/aws"]'
    resource = {
        "mode": "managed",
        "type": "aws_instance",
        "name": "n",
        "provider": provider,
        "instances": [instance],
    }
    state = tmp_path / "s.tfstate"
    state.write_text(json.dumps({"version": 4, "terraform_version": "1.9.0", "serial": 1, "lineage": "x", "outputs": {}, "resources": [resource]}))  # fmt: skip
    found = {a.id: a for a in machines(gather([f"k8s:{cluster(tmp_path, node())}", f"state:{state}"], NOW))}
    assert {i: [(r.rel, r.id) for r in a.refs if r.rel == "same-machine"] for i, a in found.items()} == {
        "terraform:aws_instance.n": [("same-machine", "k8s:-/core/Node/gpu01")],
        "k8s:-/core/Node/gpu01": [("same-machine", "terraform:aws_instance.n")],
    }


@pytest.mark.parametrize(
    ("given", "key"),
    [
        (f"aws:///eu-west-1a/{INSTANCE}", INSTANCE),
        ("aws:///eu-west-1a/0A1B2C/fargate-ip-10-0-0-1", "aws:///eu-west-1a/0a1b2c/fargate-ip-10-0-0-1"),
        ("gce://p/europe-west4-a/n-1", "projects/p/zones/europe-west4-a/instances/n-1"),
        (
            "azure:///subscriptions/S/resourceGroups/r/providers/Microsoft.Compute/virtualMachines/N",
            "/subscriptions/s/resourcegroups/r/providers/microsoft.compute/virtualmachines/n",
        ),
        ("kind://docker/kind/kind-control-plane", ""),
        ("gce://p", ""),
        ("", ""),
    ],
)
def test_names_that_clouds_give(tmp_path: Path, given: str, key: str) -> None:
    """Each cloud's id of a machine becomes the name by which that cloud's own records know it, anything else none."""
    made = node(machineID="x", systemUUID="x")
    made["spec"] = {"providerID": given}
    found = by_address(read(tmp_path, json.dumps(made)))["Node/gpu01"]
    assert [k for a in found.aliases if (k := key_of(a))] == ([key] if key else [])


def test_numbers_that_nobody_set_name_no_machine(tmp_path: Path) -> None:
    """Zeros, fillers and fields of another type make no alias that could join two machines."""
    for machine, uuid in (("0" * 32, "0" * 8), ("", ""), ("Not Settable", "Not Settable")):
        made = node(machineID=machine, systemUUID=uuid)
        made["spec"] = {"providerID": 7}
        asset = by_address(read(tmp_path, json.dumps(made)))["Node/gpu01"]
        assert [k for a in asset.aliases if (k := key_of(a))] == []


@pytest.mark.parametrize(
    ("labels", "capacity", "count", "model", "sharing"),
    [
        ({}, {"nvidia.com/gpu": "8"}, 8, None, "none"),
        ({"nvidia.com/gpu.count": "4", "nvidia.com/gpu.product": "NVIDIA-L4-SHARED", "nvidia.com/gpu.replicas": "4"}, {"nvidia.com/gpu": "16"}, 4, "NVIDIA-L4", "time-slicing"),
        ({"nvidia.com/gpu.count": "7", "nvidia.com/gpu.product": "NVIDIA-A100-MIG-1g.5gb", "nvidia.com/mig.strategy": "single"}, {"nvidia.com/gpu": "7"}, None, "NVIDIA-A100", "mig"),
        ({"cloud.google.com/gke-accelerator": "nvidia-l4", "cloud.google.com/gke-gpu-sharing-strategy": "time-sharing"}, {"nvidia.com/gpu": "8"}, None, None, "time-slicing"),
        ({"cloud.google.com/gke-accelerator": "a100", "cloud.google.com/gke-gpu-partition-size": "1g.5gb"}, {"nvidia.com/gpu": "7"}, None, None, "mig"),
        ({}, {"amd.com/gpu": "8", "nvidia.com/hostdev": "2"}, 8, None, "none"),
    ],
)  # fmt: skip
def test_cards_are_counted_and_shares_are_not(
    tmp_path: Path, labels: object, capacity: object, count: int | None, model: str | None, sharing: str
) -> None:
    """What the plugin makes of a card by sharing or slicing is not taken for cards, so that the machine can disagree."""
    made = node(labels=labels)
    made["status"] = {"capacity": capacity}
    asset = by_address(read(tmp_path, json.dumps(made)))["Node/gpu01"]
    found = asset.value("gpu.count")
    assert (None if isinstance(found, Unknown) else found) == count
    assert (asset.value("gpu.model"), asset.value("gpu.sharing")) == (model, sharing)


def storage(driver: str, given: dict[str, str], volume_driver: str = "") -> list[dict[str, object]]:
    """A storage class and a volume that was made from it."""
    return [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "c"},
            "provisioner": driver,
            "parameters": given,
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": "v", "annotations": {"pv.kubernetes.io/provisioned-by": driver}},
            "spec": {
                "storageClassName": "c",
                "csi": {"driver": volume_driver or driver, "volumeHandle": "vol-0123456789abcdef0"},
            },
        },
    ]


@pytest.mark.parametrize(
    ("driver", "given", "key"),
    [
        ("ebs.csi.aws.com", {"encrypted": "true", "kmsKeyId": "arn:k"}, Key("cmk", "arn:k")),
        ("ebs.csi.aws.com", {"Encrypted": "true"}, Key("provider", "alias/aws/ebs")),
        ("ebs.csi.aws.com", {"encrypted": "false", "kmsKeyId": "arn:k"}, Key("none")),
        ("ebs.csi.aws.com", {}, None),
        ("pd.csi.storage.gke.io", {"disk-encryption-kms-key": "k"}, Key("cmk", "k")),
        ("pd.csi.storage.gke.io", {"type": "pd-ssd"}, Key("provider")),
        ("disk.csi.azure.com", {"diskEncryptionSetID": "s"}, Key("cmk", "s")),
        ("disk.csi.azure.com", {}, Key("provider")),
        ("rook-ceph.rbd.csi.ceph.com", {"encrypted": "true", "encryptionKMSID": "vault"}, Key("cmk", "vault")),
        ("rook-ceph.rbd.csi.ceph.com", {}, None),
        ("efs.csi.aws.com", {}, None),
        ("csi.example.com", {"encrypted": "true"}, None),
    ],
)
def test_keys_of_volumes(tmp_path: Path, driver: str, given: dict[str, str], key: Key | None) -> None:
    """A class says whose key its volumes have, by the parameters of its driver; what they do not say nobody guesses."""
    found = by_address(read(tmp_path, *map(json.dumps, storage(driver, given))))
    for address in ("StorageClass/c", "PersistentVolume/v"):
        value = found[address].value("volume.key")
        assert (None if isinstance(value, Unknown) else value) == key
    default = found["StorageClass/c"].facts["volume.key"].default_of
    assert default.startswith("https://") == (key is not None and key == Key("provider"))


def test_a_volume_without_its_class_is_unknown(tmp_path: Path) -> None:
    """One whose class is missing, was made again for another driver, or that somebody made by hand says nothing."""
    made, volume = storage("ebs.csi.aws.com", {"encrypted": "true", "kmsKeyId": "k"})
    alone = by_address(read(tmp_path / "a", json.dumps(volume)))["PersistentVolume/v"]
    assert "the storage class c" in str(alone.value("volume.key"))
    assert alone.aliases == ("vol-0123456789abcdef0",)
    other = storage("ebs.csi.aws.com", {"encrypted": "true", "kmsKeyId": "k"}, "csi.example.com")
    found = by_address(read(tmp_path / "b", *map(json.dumps, other)))["PersistentVolume/v"]
    assert isinstance(found.value("volume.key"), Unknown)
    by_hand = json.dumps(volume | {"metadata": {"name": "v"}})
    found = by_address(read(tmp_path / "c", json.dumps(made), by_hand))["PersistentVolume/v"]
    assert isinstance(found.value("volume.key"), Unknown)
