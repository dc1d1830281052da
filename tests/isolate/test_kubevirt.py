"""Machines of KubeVirt by the one rule: what their devices are, and whether their memory is theirs."""

import json
from pathlib import Path

import clusters as a
import pytest
from clusters import Json

from strongroom.app.isolation import Cluster, load_state, simulate
from strongroom.isolate.state import State
from strongroom.model.errors import Malformed

A100, T4, SLICE, NIC, ODD = (
    "nvidia.com/A100",
    "nvidia.com/T4",
    "example.com/slice-vgpu",
    "example.com/nic",
    "lab.example/card",
)
PERMITTED: Json = {
    "pciHostDevices": [
        {"pciVendorSelector": "10DE:20B5", "resourceName": A100, "externalResourceProvider": True},
        {"pciVendorSelector": "1002:74A1", "resourceName": ODD},
        {"pciVendorSelector": "15B3:1021", "resourceName": NIC},
    ],
    "mediatedDevices": [
        {"mdevNameSelector": "GRID T4-8Q", "resourceName": T4},
        {"mdevNameSelector": "NVIDIA A100-1-5C", "resourceName": SLICE},
    ],
}


def kubevirt(permitted: Json = PERMITTED, name: str = "kubevirt") -> Json:
    """How KubeVirt is set up."""
    spec = {"configuration": {"permittedHostDevices": permitted}}
    return {"apiVersion": "kubevirt.io/v1", "kind": "KubeVirt", "metadata": a.meta(name, "kubevirt"), "spec": spec}


CC = {"pool": "vm-cc", **a.CC}
OFFERS: Json = {A100: "8", T4: "8", SLICE: "7", ODD: "4"}
NODES = (
    a.node("vm-whole", {"pool": "vm", "nvidia.com/gpu.workload.config": "vm-passthrough"}, OFFERS),
    a.node("vm-vgpu", {"pool": "vm-vgpu", "nvidia.com/gpu.workload.config": "vm-vgpu"}, OFFERS),
    a.node("vm-cc", CC, OFFERS),
)


def held(*more: Json) -> State:
    """The cluster with KubeVirt and its nodes."""
    return a.state(kubevirt(), *NODES, *more)


def instance(
    space: str, *names: str, launch: Json | None = None, pool: str = "vm", kind: str = "gpus", **spec: object
) -> Json:
    """A VirtualMachineInstance that is given devices."""
    domain: Json = {"devices": {kind: [{"name": f"d{n}", "deviceName": name} for n, name in enumerate(names)]}}
    if launch is not None:
        domain["launchSecurity"] = launch
    body: Json = {"domain": domain, "nodeSelector": {"pool": pool}, **spec}
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstance",
        "metadata": a.meta("vm", space),
        "spec": body,
    }


def clauses(found: Json, state: State | None = None) -> set[str]:
    """The clauses by which a machine is denied."""
    return a.clauses(a.verdict(state or held(), a.asked(found)))


SNP, TDX, SEV = {"snp": {}}, {"tdx": {}}, {"sev": {}}
CASES: dict[str, tuple[Json, set[str]]] = {
    "a whole card": (instance("red", A100), set()),
    "a whole card as a host device": (instance("red", A100, kind="hostDevices"), set()),
    "a card of another vendor": (instance("red", ODD), set()),
    "a share of a card": (instance("red", T4), {"2.2"}),
    "a share of a card as a host device": (instance("red", T4, kind="hostDevices"), {"2.2"}),
    "a share for the public": (instance("open", T4), set()),
    "a slice": (instance("red", SLICE), set()),
    "a slice for the confidential": (instance("secret", SLICE, launch=SNP, pool="vm-cc"), {"2.2"}),
    "a card where cards are cut": (instance("red", A100, pool="vm-vgpu"), {"2.2"}),
    "a card beside a share": (instance("red", A100, T4), {"2.2"}),
    "a NIC": (instance("red", NIC, pool="cpu"), set()),
    "a name that nobody permitted": (instance("red", "nvidia.com/H100"), {"2.1"}),
    "no label": (instance("bare", A100), {"1.6"}),
    "confidential": (instance("secret", A100, launch=SNP, pool="vm-cc"), set()),
    "confidential by TDX": (instance("secret", A100, launch=TDX, pool="vm-cc"), set()),
    "confidential with open memory": (instance("secret", A100, pool="vm-cc"), {"2.2"}),
    "confidential with SEV alone": (instance("secret", A100, launch=SEV, pool="vm-cc"), {"2.2"}),
    "confidential on another node": (instance("secret", A100, launch=SNP), {"2.2"}),
    "a machine without a GPU": (instance("secret", pool="cpu"), set()),
    "by its resources": (
        instance("red", domain={"resources": {"limits": {T4: "1"}}}), {"2.2"},
    ),
    "every tenant's nodes": (
        instance("red", A100, tolerations=[{"operator": "Exists"}]), {"3.3"},
    ),
    "a disk of the node": (
        instance("open", volumes=[{"name": "d", "hostDisk": {"path": "/var/lib/kubelet/disk.img", "type": "Disk"}}]), {"4.2"},
    ),
    "the node's root as a disk": (instance("open", volumes=[{"name": "d", "hostDisk": {"path": "/disk.img"}}]), {"4.2"}),
    "a disk elsewhere": (instance("open", volumes=[{"name": "d", "hostDisk": {"path": "/data/vms/disk.img"}}]), set()),
    "a claim that is not there": (
        instance("red", resourceClaims=[{"name": "g", "resourceClaimName": "gone"}]), {"2.1"},
    ),
    "a device of a claim": (
        {**instance("red", resourceClaims=[{"name": "g", "resourceClaimTemplateName": "t"}])}, {"2.1"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_machine_is_judged_by_what_it_is_given(case: tuple[Json, set[str]]) -> None:
    """Whole cards, slices, shares, cards of nodes that cut them, memory and places: each has its clause."""
    found, expected = case
    assert clauses(found) == expected


def maker(kind: str, inner: Json) -> Json:
    """What makes such machines."""
    template = {"metadata": {}, "spec": inner["spec"]}
    body: Json = {"template": template}
    version = "kubevirt.io/v1"
    if kind == "VirtualMachinePool":
        body, version = {"virtualMachineTemplate": {"spec": body}, "selector": {}}, "pool.kubevirt.io/v1beta1"
    space = inner["metadata"]["namespace"]  # type: ignore[index]
    return {"apiVersion": version, "kind": kind, "metadata": a.meta("m", space), "spec": body}


@pytest.mark.parametrize("kind", ["VirtualMachine", "VirtualMachineInstanceReplicaSet", "VirtualMachinePool"])
@pytest.mark.parametrize(
    "name", ["a whole card", "a share of a card", "confidential with open memory", "a disk of the node"]
)
def test_what_makes_machines_is_judged_as_they_are(kind: str, name: str) -> None:
    """A machine that would be denied is denied to its maker."""
    found, expected = CASES[name]
    assert clauses(maker(kind, found)) == expected


def launcher(space: str, name: str, device: str, node: str) -> Json:
    """The pod that KubeVirt makes of a machine."""
    return a.pod(space, name, {device: "1"}, nodeName=node, status={"phase": "Running"})


@pytest.mark.parametrize(
    ("device", "node", "expected"),
    [
        (A100, "vm-whole", set()),
        (A100, "vm-vgpu", {"2.2"}),
        (T4, "vm-whole", {"2.2"}),
        (SLICE, "vm-whole", set()),
        (ODD, "vm-whole", set()),
    ],
)
def test_the_pod_of_a_machine_is_judged_too(device: str, node: str, expected: set[str]) -> None:
    """Whoever makes the pod himself gets no further than with a machine."""
    assert clauses(launcher("red", "l", device, node)) == expected


def test_without_kubevirt_the_names_are_unknown() -> None:
    """A name of NVIDIA's that nothing explains is denied to the sensitive, as before."""
    assert clauses(instance("red", A100), a.state(*NODES)) == {"2.1"}


def test_one_name_for_a_card_and_for_a_share_is_a_share() -> None:
    """Two setups that name one resource differently: the worse counts."""
    other = kubevirt({"mediatedDevices": [{"mdevNameSelector": "GRID T4-8Q", "resourceName": A100}]}, "other")
    assert clauses(instance("red", A100), held(other)) == {"2.2"}


def test_a_node_with_cards_for_machines_has_gpus() -> None:
    """A privileged pod there is denied, also where the cards have a name that says nothing."""
    node = a.node("vm-odd", {"pool": "odd"}, {ODD: "4"})
    pod = a.pod("open", "p", nodeName="vm-odd", hostPID=True)
    assert clauses(pod, held(node)) == {"4.1"}
    assert clauses(pod, a.state(node)) == set()


def test_a_change_of_the_setup_is_seen() -> None:
    """What a name is follows the setup as it is now."""
    state = held()
    assert clauses(instance("red", A100), state) == set()
    changed = kubevirt({"mediatedDevices": [{"mdevNameSelector": "GRID T4-8Q", "resourceName": A100}]})
    state.add(json.dumps(changed).encode(), "the state")
    assert clauses(instance("red", A100), state) == {"2.2"}


def test_slices_of_machines_meet_their_like_alone() -> None:
    """A slice beside another label's on a node is denied as a slice of a pod is."""
    beside = launcher("open", "o", SLICE, "vm-whole")
    found = launcher("red", "r", SLICE, "vm-whole")
    assert clauses(found, held(beside)) == {"3.1"}
    assert clauses(found, held(launcher("red-two", "o", SLICE, "vm-whole"))) == set()


@pytest.mark.parametrize(
    "body",
    [
        {}, {"spec": None}, {"spec": {"domain": 5}}, {"spec": {"domain": {"devices": {"gpus": "x"}}}},
        {"spec": {"domain": {"devices": {"gpus": [5]}}}}, {"spec": {"domain": {"resources": {"limits": {T4: "lots"}}}}},
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["VirtualMachineInstance", "VirtualMachine"])
def test_what_is_no_machine_is_denied(kind: str, body: Json) -> None:
    """A machine that cannot be read is denied as malformed."""
    if kind == "VirtualMachine" and isinstance(body.get("spec"), dict):
        body = {"spec": {"template": body}}
    found = {"apiVersion": "kubevirt.io/v1", "kind": kind, "metadata": a.meta("m", "red"), **body}
    assert clauses(found) == {"7"}


def test_a_setup_that_cannot_be_read_is_no_state() -> None:
    """Nobody knows then what the names are: it is an error, and not a setup of nothing."""
    with pytest.raises(Malformed):
        held({**kubevirt(), "spec": {"configuration": {"permittedHostDevices": {"pciHostDevices": "x"}}}})


def test_machines_of_a_dump_are_simulated(tmp_path: Path) -> None:
    """Machines and their makers in a dump are judged as if they were made again."""
    machines = [instance("red", T4), maker("VirtualMachine", instance("open", T4))]
    items = [*a.CLUSTER, *NODES, kubevirt(), *machines]
    (tmp_path / "s.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": items}))
    cluster: Cluster = load_state([str(tmp_path / "s.json")])
    found = {(j.kind, j.namespace): j.verdict.allowed for j in simulate(a.RULE, cluster)}
    assert found == {("VirtualMachineInstance", "red"): False, ("VirtualMachine", "open"): True}
