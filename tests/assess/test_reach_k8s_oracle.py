"""The sets that say what reaches what, against an oracle that asks the definitions packet by packet."""

import ipaddress
import os

from hypothesis import given, settings
from reach_clusters import ADDRESSES, NUMBERS, PROTOCOLS, clusters, made
from reach_oracle import OUTSIDE_CONTROLLER, Oracle

from strongroom.assess.network.k8s_matrix import Matrix
from strongroom.assess.network.k8s_rules import EGRESS, INGRESS
from strongroom.kit import intervals

CASES = 10_000 if os.getenv("STRONGROOM_FUZZ") else 300
PACKETS = [(protocol, port) for protocol in PROTOCOLS for port in NUMBERS]


@settings(max_examples=CASES)
@given(clusters())
def test_pods_reach_pods_as_the_definitions_say(objects: list[dict[str, object]]) -> None:
    """Between any two pods exactly those packets pass that the oracle lets pass, in the whole matrix and pair by pair."""
    ready, oracle = made(objects), Oracle(objects)
    network = ready.networks[0]
    pods = {(p["metadata"]["namespace"], p["metadata"]["name"]): p for p in oracle.pods}
    order = [pods[p.workload.namespace, p.workload.name] for p in ready.cluster.pods]
    whole = {(s, d): ports for s, d, ports in Matrix(ready, network).pairs()}
    for s, src in enumerate(order):
        for d, dst in enumerate(order):
            if s == d:
                continue
            found = ready.between(network, s, d)
            held = {p for p in PACKETS if found.contains(*p)}
            assert held == {p for p in PACKETS if oracle.passes(src, dst, p)}, (src, dst)
            ends = (ready.cluster.pods[s].workload, ready.cluster.pods[d].workload)
            assert whole.get(ends, type(found)()) == found


@settings(max_examples=CASES)
@given(clusters())
def test_pods_reach_addresses_as_the_definitions_say(objects: list[dict[str, object]]) -> None:
    """To and from any address exactly those packets pass that the oracle lets pass, and the pieces say it too."""
    ready, oracle = made(objects), Oracle(objects)
    pods = {(p["metadata"]["namespace"], p["metadata"]["name"]): p for p in oracle.pods}
    for n, pod in enumerate(ready.cluster.pods):
        one = pods[pod.workload.namespace, pod.workload.name]
        out = ready.egress[""].program(n).outside(())
        into = ready.ingress[""].program(n).outside(ready.tables[n])
        pieces = {EGRESS: dict(ready.to_outside(n)), INGRESS: dict(ready.from_outside(n))}
        for address in ADDRESSES:
            ip = ipaddress.ip_address(address)
            sent = {p for p in PACKETS if oracle.passes(one, address, p)}
            got = {p for p in PACKETS if oracle.passes(address, one, p)}
            assert {p for p in PACKETS if out.at(ip.version, int(ip)).contains(*p)} == sent
            assert {p for p in PACKETS if into.at(ip.version, int(ip)).contains(*p)} == got
            for direction, wanted in ((EGRESS, sent), (INGRESS, got)) if ip.version == 4 else ():
                (piece,) = [q for at, q in pieces[direction].items() if intervals.contains((at,), int(ip))]
                assert {p for p in PACKETS if piece.contains(*p)} == wanted


@settings(max_examples=CASES // 3)
@given(clusters())
def test_an_unknown_pod_reaches_pods_as_the_definitions_say(objects: list[dict[str, object]]) -> None:
    """The ingress controller counts as a pod without labels in a namespace that nobody described."""
    ready, oracle = made(objects), Oracle(objects)
    pods = {(p["metadata"]["namespace"], p["metadata"]["name"]): p for p in oracle.pods}
    for n, pod in enumerate(ready.cluster.pods):
        one = pods[pod.workload.namespace, pod.workload.name]
        found = ready.between(ready.networks[0], ready.controller, n)
        held = {p for p in PACKETS if found.contains(*p)}
        assert held == {p for p in PACKETS if oracle.passes(OUTSIDE_CONTROLLER, one, p)}
