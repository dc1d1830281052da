"""What the internet reaches in Azure, against an oracle that asks addresses, ports and protocols one by one."""

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from azure_networks import Net, comes_in, goes_out, networks, state
from hypothesis import event, given, settings

from strongroom.app.reaching import Asked, reach
from strongroom.model.values import Unknown

CASES = 10_000 if os.getenv("STRONGROOM_FUZZ") else 200
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@settings(max_examples=CASES, deadline=None)
@given(networks())
def test_the_internet_reaches_what_packets_reach(net: Net) -> None:
    """In and out, both families, by addresses, balancers, groups of both levels, routes, NAT gateways and what Azure lends.

    What the tag VirtualNetwork holds, where routes of the owner's name the internet, Microsoft leaves open: there the answer may
    be unknown, and where it is not, it is right either way.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.tfstate"
        path.write_bytes(state(net))
        found = reach(Asked(f"state:{path}"), "azurerm_linux_virtual_machine.m", NOW)
    routed = tuple(p for p, _ in net.routes or ())
    for answer, oracle in ((found.ingress, comes_in), (found.egress, goes_out)):
        wanted = {oracle(net, ()), oracle(net, routed)}
        event(f"{oracle.__name__} {sorted(wanted)} {type(answer).__name__}")
        if isinstance(answer, Unknown):
            assert routed
            assert "VirtualNetwork" in answer.detail
        else:
            assert wanted == {answer}
