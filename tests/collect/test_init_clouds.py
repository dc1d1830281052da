"""The roles that exports of Azure and Google Cloud need: all that is read, and nothing that holds data."""

import json

import pytest
import yaml

from strongroom.app.init_policies import POLICIES
from strongroom.collect.azure.assets import shapes
from strongroom.collect.gcp.assets import shapes as google
from strongroom.model.errors import BadUsage

SCOPES = ("/subscriptions/0a-1", "/providers/Microsoft.Management/managementGroups/root.1")


@pytest.mark.parametrize("scope", SCOPES)
def test_the_role_of_azure_reads_every_type_that_has_a_shape(scope: str) -> None:
    """Resource Graph leaves out what somebody may not read: a type without a right would be missing without a word."""
    role = json.loads("".join(POLICIES["azure"](scope)))
    assert {f"{kind}/read" for kind in shapes()} <= set(role["Actions"])
    assert role["AssignableScopes"] == [scope]


def test_the_role_of_azure_reads_no_data() -> None:
    """It lists no keys, reads no blobs and writes nothing: each action ends in read, and none is on data."""
    role = json.loads("".join(POLICIES["azure"](SCOPES[0])))
    assert all(a.endswith("/read") and "*" not in a for a in role["Actions"])
    assert role["DataActions"] == []
    assert not [a for a in role["Actions"] if "/blobs/" in a or "secrets/get" in a.lower()]


@pytest.mark.parametrize("scope", ["", "x", "/subscriptions/a/resourceGroups/b", "/subscriptions/../x", "user:a"])
def test_the_role_of_azure_wants_a_scope(scope: str) -> None:
    """Without a subscription or management group Azure takes no role."""
    with pytest.raises(BadUsage):
        "".join(POLICIES["azure"](scope))


def test_the_role_of_google_exports_and_does_no_more() -> None:
    """Each of the contents that are read may be exported and listed; nothing is written, and no object is read."""
    role = yaml.safe_load("".join(POLICIES["gcp"]("")))
    assert all(p.startswith("cloudasset.assets.") for p in role["includedPermissions"])
    wanted = {
        f"cloudasset.assets.{v}{c}" for v in ("export", "list") for c in ("Resource", "IamPolicy", "AccessPolicy")
    }
    assert set(role["includedPermissions"]) == wanted
    assert google()
    with pytest.raises(BadUsage):
        "".join(POLICIES["gcp"]("user:a"))
