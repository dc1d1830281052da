"""What the internet reaches in Google Cloud: each hop by name, what nobody knows, and the same from what runs."""

import copy
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from gcp_networks import Net, Route, Rule, state
from tests.collect.gcp_estate import COMPUTE, Record, record

from strongroom.app.reaching import Asked, reach
from strongroom.assess.reach.gcp import REACH
from strongroom.collect.gcp.assets import Told, assets
from strongroom.kit.kleene import Tri
from strongroom.model.estate import Estate
from strongroom.model.reach import Reached, Scene
from strongroom.model.values import Unknown

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ALLOW = Rule(out=False, allow=True, priority=1000, peer="0.0.0.0/0", protocol="tcp", span="443", tag="", disabled=False)


def _rule(**changes: object) -> Rule:
    return Rule(**{**{k: getattr(ALLOW, k) for k in ALLOW.__dataclass_fields__}, **changes})  # type: ignore[arg-type]


def net(**changes: object) -> Net:
    """A machine with an address outside, and a rule that lets HTTPS in."""
    usual: dict[str, object] = {
        "rules": [ALLOW], "routes": [], "default_route": True, "address_4": True, "address_6": False, "tags": (), "nat": "",
    }  # fmt: skip
    return Net(**{**usual, **changes})  # type: ignore[arg-type]


def asked(tmp_path: Path, of: Net) -> Reached:
    """What is said of the machine of a network."""
    path = tmp_path / "net.tfstate"
    path.write_bytes(state(of))
    return reach(Asked(f"state:{path}"), "google_compute_instance.m", NOW)


def said(answer: Tri) -> object:
    """An answer for a table: unknown by its word."""
    return "unknown" if isinstance(answer, Unknown) else answer


CASES: dict[str, tuple[dict[str, object], object, object]] = {
    "an address and a rule": ({}, True, True),
    "no rule": ({"rules": []}, False, True),
    "a denial of the same priority": ({"rules": [ALLOW, _rule(allow=False)]}, False, True),
    "a denial that comes later": ({"rules": [ALLOW, _rule(allow=False, priority=2000)]}, True, True),
    "a rule for another tag": ({"rules": [_rule(tag="web")]}, False, True),
    "a rule for its tag": ({"rules": [_rule(tag="web")], "tags": ("web",)}, True, True),
    "no address": ({"address_4": False}, False, False),
    "a NAT gateway": ({"address_4": False, "nat": "all"}, False, True),
    "a NAT gateway of another region": ({"address_4": False, "nat": "elsewhere"}, False, False),
    "a private NAT gateway": ({"address_4": False, "nat": "private"}, False, False),
    "no route": ({"default_route": False}, False, False),
    "a route for another tag": (
        {"default_route": False, "routes": [Route("0.0.0.0/0", internet=True, priority=1, tag="web")]},
        False,
        False,
    ),
    "a route to a machine": (
        {"routes": [Route("0.0.0.0/0", internet=False, priority=1, tag="")]},
        "unknown",
        "unknown",
    ),
    "no way out": ({"rules": [ALLOW, _rule(out=True, allow=False, protocol="all", span="")]}, True, False),
}


@pytest.mark.parametrize("case", CASES)
def test_what_reaches_a_machine(case: str, tmp_path: Path) -> None:
    """Each hop alone decides, and what is not worked out is unknown, not absent."""
    changes, into, out = CASES[case]
    found = asked(tmp_path, net(**changes))
    assert (said(found.ingress), said(found.egress)) == (into, out)


def test_a_yes_names_its_hops_and_a_no_what_stops_it(tmp_path: Path) -> None:
    """The machine and the rule that lets in stand in the path; of a no, the first hop behind which nothing is left."""
    yes = [w.by for w in asked(tmp_path, net()).witness if w.direction == "ingress"]
    assert yes == ["google_compute_instance.m", "firewall rule google_compute_firewall.f0"]
    by = {
        c: next(w.by for w in asked(tmp_path, net(**CASES[c][0])).witness if w.direction == "ingress")
        for c in CASES
        if CASES[c][1] is False
    }
    assert by["no rule"] == "its firewall rules"
    assert by["no address"] == "its addresses"
    assert by["no route"] == "the routes of google_compute_network.n"


# What runs

P, Z = "projects/p", "projects/p/zones/z"


def _running() -> list[Record]:
    network = f"{COMPUTE}{P}/global/networks/n"
    card = {
        "network": network,
        "subnetwork": f"{COMPUTE}{P}/regions/r/subnetworks/s",
        "accessConfigs": [{"natIP": "34.1.1.1"}],
    }
    return [
        record("compute.googleapis.com/Instance", f"{Z}/instances/m", {"name": "m", "networkInterfaces": [card], "tags": {"items": ["web"]}}),
        record("compute.googleapis.com/Network", f"{P}/global/networks/n", {"name": "n"}),
        record("compute.googleapis.com/Subnetwork", f"{P}/regions/r/subnetworks/s", {
            "network": network, "region": f"{COMPUTE}{P}/regions/r", "ipCidrRange": "10.0.0.0/24"}),
        record("compute.googleapis.com/Firewall", f"{P}/global/firewalls/f", {
            "network": network, "direction": "INGRESS", "priority": 1000, "sourceRanges": ["0.0.0.0/0"], "targetTags": ["web"],
            "allowed": [{"IPProtocol": "tcp", "ports": ["443"]}]}),
        record("compute.googleapis.com/Route", f"{P}/global/routes/d", {
            "network": network, "destRange": "0.0.0.0/0", "priority": 1000,
            "nextHopGateway": f"{COMPUTE}{P}/global/gateways/default-internet-gateway"}),
    ]  # fmt: skip


def _answers(records: Sequence[Record]) -> tuple[object, object]:
    estate = Estate(tuple(assets(records, Told("gcp-assets:x", "x", policies=True))), (), (), NOW)
    machine = next(a for a in estate.assets if a.address.endswith("/instances/m"))
    found = REACH.reach(Scene(estate))(machine)
    return said(found.ingress), said(found.egress)


def test_what_runs_is_answered_like_a_plan() -> None:
    """Cards, tags, rules and routes of Cloud Asset Inventory lead to the same answers."""
    assert _answers(_running()) == (True, True)
    shut = _running()
    shut[3]["resource"]["data"]["targetTags"] = ["other"]  # type: ignore[index]
    assert _answers(shut) == (False, True)
    private = _running()
    private[0]["resource"]["data"]["networkInterfaces"][0].pop("accessConfigs")  # type: ignore[index]
    assert _answers(private) == (False, False)


def test_a_network_that_was_not_read_is_no_wall() -> None:
    """Without the network among the records its rules are not known, and the answer is no denial."""
    assert False not in _answers([r for r in _running() if "/Network" not in str(r["assetType"])])


def test_a_policy_that_is_not_worked_out_leaves_it_open(tmp_path: Path) -> None:
    """A firewall policy of the organisation decides before the rules of the network: nothing is sure any more."""
    path = tmp_path / "main.tf"
    path.write_text(_POLICY)
    found = reach(Asked(f"tf:{tmp_path}"), "google_compute_instance.m", NOW)
    assert isinstance(found.ingress, Unknown)
    assert "firewall policies" in found.ingress.detail


_POLICY = """
resource "google_compute_network" "n" { name = "n" }
resource "google_compute_subnetwork" "s" {
  name = "s"
  network = google_compute_network.n.id
  ip_cidr_range = "10.0.0.0/24"
  region = "r"
}
resource "google_compute_firewall" "f" {
  name = "f"
  network = google_compute_network.n.id
  source_ranges = ["0.0.0.0/0"]
  allow { protocol = "all" }
}
resource "google_compute_instance" "m" {
  name = "m"
  machine_type = "n2-standard-2"
  network_interface {
    subnetwork = google_compute_subnetwork.s.id
    access_config {}
  }
}
resource "google_compute_firewall_policy_association" "a" {
  name = "a"
  attachment_target = "organizations/1"
  firewall_policy = "p"
}
"""

# What has none of these has none (compute v1): no address outside, and no rule that is narrowed or switched off.
_MEANS = frozenset({"networkInterfaces", "tags", "allowed", "nextHopGateway"})


def test_a_property_that_is_left_out_is_no_denial() -> None:
    """Of each record, no property can be left out that turns a yes into a no, but those whose absence has that meaning."""
    for n, one in enumerate(_running()):
        data = one["resource"]["data"]  # type: ignore[index]
        for name in data:
            records = copy.deepcopy(_running())
            del records[n]["resource"]["data"][name]  # type: ignore[attr-defined]
            if name not in _MEANS:
                assert False not in _answers(records), f"{one['assetType']} without {name}"
