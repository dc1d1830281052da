"""The least that a reader needs, as a policy of the place that is read: made from the same table that the reader goes by."""

import json
import re
from collections.abc import Callable, Iterator

import yaml

from strongroom.collect.aws import asking
from strongroom.collect.azure import assets as azure_assets
from strongroom.collect.azure import calls as azure_calls
from strongroom.collect.gcp import reading as gcp_reading
from strongroom.collect.kubernetes import listed
from strongroom.model.errors import BadUsage

_SUBJECT = re.compile(
    r"(?P<kind>user|group):(?P<name>\S{1,253})|serviceaccount:(?P<space>[a-z0-9-]{1,63})/(?P<account>[a-z0-9.-]{1,253})"
)
_API = "rbac.authorization.k8s.io"
_WANTED = "user:NAME, group:NAME or serviceaccount:NAMESPACE/NAME"


def kubernetes(subject: str = "") -> Iterator[str]:
    """The ClusterRole that `k8s:CONTEXT` needs, and its binding where somebody is named. Raises BadUsage for no subject."""
    role = listed.cluster_role()
    made = [role]
    if subject:
        made.append(_binding(subject))
    yield yaml.safe_dump_all(made, sort_keys=False, default_flow_style=False)


def _binding(subject: str) -> dict[str, object]:
    found = _SUBJECT.fullmatch(subject)
    if found is None:
        raise BadUsage("--for", repr(subject[:80]), _WANTED)
    if found["kind"]:
        who: dict[str, str] = {"kind": found["kind"].capitalize(), "name": found["name"], "apiGroup": _API}
    else:
        who = {"kind": "ServiceAccount", "name": found["account"], "namespace": found["space"]}
    return {
        "apiVersion": f"{_API}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": listed.ROLE},
        "roleRef": {"apiGroup": _API, "kind": "ClusterRole", "name": listed.ROLE},
        "subjects": [who],
    }


def aws(subject: str = "") -> Iterator[str]:
    """The IAM policy that `aws:` needs; `organisation` adds what reading its accounts needs. Raises BadUsage for others."""
    if subject not in ("", _ORGANISATION):
        raise BadUsage("--for", repr(subject[:80]), f"nothing, or {_ORGANISATION}")
    whole = subject == _ORGANISATION
    statements: list[dict[str, object]] = [
        {"Sid": "Read", "Effect": "Allow", "Action": [*asking.actions()], "Resource": "*"}
    ]
    if whole:
        role: dict[str, object] = {
            "Sid": "Take",
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Resource": f"arn:*:iam::*:role/{asking.ROLE}",
        }
        listed = [a for a in asking.actions(organisation=True) if a.startswith("organizations:ListAccounts")]
        statements += [{"Sid": "Accounts", "Effect": "Allow", "Action": listed, "Resource": "*"}, role]
    yield json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=1) + "\n"


_ORGANISATION = "organisation"

_SCOPE = re.compile(
    r"/subscriptions/[0-9A-Za-z-]{1,64}|/providers/Microsoft\.Management/managementGroups/[\w.()-]{1,90}", re.IGNORECASE
)


def azure(subject: str = "") -> Iterator[str]:
    """The custom role that `azure:` and exports for `azure-graph:` need: Resource Graph shows what one may read.

    Raises BadUsage.
    """
    if not _SCOPE.fullmatch(subject):
        wanted = "/subscriptions/ID or /providers/Microsoft.Management/managementGroups/NAME"
        raise BadUsage("--for", repr(subject[:80]) if subject else "nothing", wanted)
    role = {
        "Name": "Strongroom reader",
        "Description": "Reads the settings of what Strongroom assesses, and no data.",
        "Actions": [*azure_calls.NEEDED, *(f"{kind}/read" for kind in azure_assets.types())],
        "NotActions": [],
        "DataActions": [],
        "NotDataActions": [],
        "AssignableScopes": [subject],
    }
    yield json.dumps(role, indent=1) + "\n"


def gcp(subject: str = "") -> Iterator[str]:
    """The custom role that `gcp:` and exports for `gcp-assets:` need. Raises BadUsage for a subject: whoever exports is given it."""
    if subject:
        raise BadUsage("--for", repr(subject[:80]), "nothing: grant the role to whoever exports")
    role = {
        "title": "Strongroom reader",
        "description": "Exports the metadata of resources and their policies, and no data.",
        "stage": "GA",
        "includedPermissions": [*gcp_reading.PERMISSIONS],
    }
    yield yaml.safe_dump(role, sort_keys=False)


POLICIES: dict[str, Callable[[str], Iterator[str]]] = {"kubernetes": kubernetes, "aws": aws, "azure": azure, "gcp": gcp}
