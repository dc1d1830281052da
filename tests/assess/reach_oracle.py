"""One packet at a time, straight from the definitions of the policies: the slow and plain way, as an oracle for the sets.

It reads the objects as dictionaries and shares nothing with what it checks. Sources: Kubernetes, "Network Policies" and
networking/v1; network-policy-api, "API overview" (v1alpha1, and v0.1.1 for what compares labels).
"""

import ipaddress
from collections.abc import Iterator

Object = dict[str, object]
Packet = tuple[str, int]
"""Protocol and port of the receiver."""
End = dict[str, object] | str
"""A pod, or an address."""

OUTSIDE_CONTROLLER = {"metadata": {"namespace": "somewhere-else", "labels": {}}, "spec": {"containers": []}}


class Oracle:
    """The objects of a cluster, asked packet by packet."""

    def __init__(self, objects: list[Object]) -> None:
        self.spaces = {
            o["metadata"]["name"]: o["metadata"].get("labels") or {} for o in objects if o["kind"] == "Namespace"
        }
        self.pods = [o for o in objects if o["kind"] == "Pod"]
        self.policies = [o for o in objects if o["kind"] == "NetworkPolicy"]
        self.admin = sorted(
            (o for o in objects if o["kind"] == "AdminNetworkPolicy"),
            key=lambda o: (o["spec"]["priority"], o["metadata"]["name"]),
        )
        self.baseline = [o for o in objects if o["kind"] == "BaselineAdminNetworkPolicy"]

    def passes(self, src: End, dst: End, packet: Packet) -> bool:
        """Whether a packet gets from one end to the other."""
        out = True if isinstance(src, str) else self._decides("egress", src, dst, dst, packet)
        return out and (True if isinstance(dst, str) else self._decides("ingress", dst, src, dst, packet))

    def _decides(self, direction: str, pod: Object, other: End, receiver: End, packet: Packet) -> bool:
        verdict = self._first(self.admin, direction, pod, other, receiver, packet)
        if verdict in ("Allow", "Deny"):
            return verdict == "Allow"
        selecting = [p for p in self.policies if self._selects(p, pod) and direction in _types(p)]
        if selecting:
            rules = [(p, r) for p in selecting for r in p["spec"].get(direction) or []]
            return any(self._rule(p, r, direction, other, receiver, packet) for p, r in rules)
        return self._first(self.baseline, direction, pod, other, receiver, packet) != "Deny"

    def _selects(self, policy: Object, pod: Object) -> bool:
        mine = pod["metadata"]["namespace"] == policy["metadata"]["namespace"]
        return mine and selects(policy["spec"].get("podSelector") or {}, labels_of(pod))

    def _rule(self, policy: Object, rule: Object, direction: str, other: End, receiver: End, packet: Packet) -> bool:
        ports = rule.get("ports") or []
        if ports and not any(_port(p, receiver, packet) for p in ports):
            return False
        peers = rule.get("from" if direction == "ingress" else "to") or []
        return not peers or any(self._peer(p, policy, other) for p in peers)

    def _peer(self, peer: Object, policy: Object, other: End) -> bool:
        if "ipBlock" in peer:
            block = peer["ipBlock"]
            within = isinstance(other, str) and _in(other, block["cidr"])
            return within and not any(_in(other, e) for e in block.get("except") or [])
        if isinstance(other, str):
            return False
        space = other["metadata"]["namespace"]
        if peer.get("namespaceSelector") is not None:
            if not selects(peer["namespaceSelector"], self.labels(space)):
                return False
        elif space != policy["metadata"]["namespace"]:
            return False
        return selects(peer.get("podSelector") or {}, labels_of(other))

    def labels(self, space: str) -> dict[str, str]:
        """The labels of a namespace."""
        return {**self.spaces.get(space, {}), "kubernetes.io/metadata.name": space}

    # Policies of administrators

    def _first(
        self, policies: list[Object], direction: str, pod: Object, other: End, receiver: End, packet: Packet
    ) -> str:
        for policy in policies:
            if not self._among(policy["spec"]["subject"], pod, pod):
                continue
            for rule in policy["spec"].get(direction) or []:
                peers = rule["from" if direction == "ingress" else "to"]
                ports = rule.get("ports")
                if any(self._among(p, other, pod) for p in peers) and (
                    not ports or any(_admin_port(p, receiver, packet) for p in ports)
                ):
                    return rule["action"]
        return "nothing"

    def _among(self, peer: Object, other: End, subject: Object) -> bool:
        if "networks" in peer:
            return isinstance(other, str) and any(_in(other, n) for n in peer["networks"])
        if isinstance(other, str):
            return False
        space = other["metadata"]["namespace"]
        if "namespaces" in peer:
            return self._space(peer["namespaces"], space, subject)
        pods = peer["pods"]
        return selects(pods["namespaceSelector"], self.labels(space)) and selects(pods["podSelector"], labels_of(other))

    def _space(self, wanted: Object, space: str, subject: Object) -> bool:
        theirs, mine = self.labels(space), self.labels(subject["metadata"]["namespace"])
        for keys, same in ((wanted.get("sameLabels"), True), (wanted.get("notSameLabels"), False)):
            if keys is not None:
                if not keys or any(k not in theirs for k in keys):
                    return False
                alike = all(theirs[k] == mine.get(k) for k in keys)
                return alike if same else not alike
        return selects(wanted, theirs)


def labels_of(pod: Object) -> dict[str, str]:
    """The labels of a pod."""
    return pod["metadata"].get("labels") or {}


def selects(selector: Object, labels: dict[str, str]) -> bool:
    """Whether a label selector selects something with these labels."""
    if any(labels.get(k) != v for k, v in (selector.get("matchLabels") or {}).items()):
        return False
    for e in selector.get("matchExpressions") or []:
        value, values = labels.get(e["key"]), e.get("values")
        holds = {
            "In": lambda: value is not None and value in values,  # noqa: B023 - called before the next turn
            "NotIn": lambda: value is None or value not in values,  # noqa: B023 - same
            "Exists": lambda: value is not None,  # noqa: B023 - same
            "DoesNotExist": lambda: value is None,  # noqa: B023 - same
        }[e["operator"]]
        if not holds():
            return False
    return True


def _types(policy: Object) -> set[str]:
    types = policy["spec"].get("policyTypes")
    if types:
        return {t.lower() for t in types}
    return {"ingress", "egress"} if policy["spec"].get("egress") else {"ingress"}


def _in(address: str, cidr: str) -> bool:
    held, within = ipaddress.ip_address(address), ipaddress.ip_network(cidr)
    return held.version == within.version and held in within


def _named(receiver: End, name: str) -> Iterator[Packet]:
    if isinstance(receiver, str):
        return
    for container in receiver["spec"]["containers"]:
        for port in container.get("ports") or []:
            if port.get("name") == name:
                yield port.get("protocol", "TCP"), port["containerPort"]


def _port(given: Object, receiver: End, packet: Packet) -> bool:
    protocol, number = packet
    if protocol != given.get("protocol", "TCP"):
        return False
    port = given.get("port")
    if port is None:
        return True
    if isinstance(port, str):
        return packet in set(_named(receiver, port))
    return port <= number <= given.get("endPort", port)


def _admin_port(given: Object, receiver: End, packet: Packet) -> bool:
    protocol, number = packet
    if "namedPort" in given:
        return packet in set(_named(receiver, given["namedPort"]))
    if "portNumber" in given:
        one = given["portNumber"]
        return protocol == one.get("protocol", "TCP") and number == one["port"]
    some = given["portRange"]
    return protocol == some.get("protocol", "TCP") and some["start"] <= number <= some["end"]
