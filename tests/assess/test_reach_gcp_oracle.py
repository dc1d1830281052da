"""What the internet reaches in Google Cloud, against an oracle that asks addresses, ports and protocols one by one."""

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from gcp_networks import Net, comes_in, goes_out, networks, state
from hypothesis import event, given, settings

from strongroom.app.reaching import Asked, reach

CASES = 10_000 if os.getenv("STRONGROOM_FUZZ") else 200
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@settings(max_examples=CASES, deadline=None)
@given(networks())
def test_the_internet_reaches_what_packets_reach(net: Net) -> None:
    """In and out, both families, by addresses, rules of one priority and of several, tags, routes and NAT gateways."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.tfstate"
        path.write_bytes(state(net))
        found = reach(Asked(f"state:{path}"), "google_compute_instance.m", NOW)
    wanted = (comes_in(net), goes_out(net))
    event(f"in {wanted[0]}, out {wanted[1]}")
    assert (found.ingress, found.egress) == wanted
