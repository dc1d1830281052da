"""A tenant of Azure that runs on this machine: Resource Manager's wire, over an estate that is made up."""

import time
from collections.abc import Callable, Mapping, Sequence

from tests.collect.azure_estate import ACCOUNT, GROUP, STORE, SUB, VAULT, WORKSPACE, Row, closed, ident, opened, row
from tests.collect.cloud_server import Answer, Asked, Cloud, as_list

from strongroom.collect.azure import calls

TOKEN = "a-token"
_GRAPH_PAGE, _LIST_PAGE = 6, 1
_CONTAINERS, _KEYS = f"{STORE}/blobServices/containers", "Microsoft.KeyVault/vaults/keys"
_IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
_SETTINGS = "Microsoft.Insights/diagnosticSettings"
Faulty = Callable[[str], Answer | None]


def contained() -> list[Row]:
    """The subscription, its group, an identity, a role: what other tables than the one of resources hold."""
    return [
        {"id": f"/subscriptions/{SUB}", "name": "ai", "type": "microsoft.resources/subscriptions", "properties": {}},
        {"id": GROUP, "name": "AI", "type": "microsoft.resources/subscriptions/resourcegroups", "properties": {}, "location": "westeurope"},
    ]  # fmt: skip


def _extra(*, good: bool) -> list[Row]:
    """What Resource Graph has no rows of."""
    release = {"data": "eyJ2ZXJzaW9uIjoiMS4wLjAifQ"}
    turn = {"lifetimeActions": [{"action": {"type": "rotate" if good else "notify"}}]}
    key = {
        "kty": "RSA-HSM" if good else "RSA",
        "keyOps": ["wrapKey"],
        "attributes": {"exp": 1900000000} if good else {},
        "rotationPolicy": turn,
    }
    state = {
        "immutabilityPolicy": {"properties": {"state": "Locked" if good else "Unlocked"}},
        "hasImmutabilityPolicy": True,
    }
    compute = {
        "computeType": "AmlCompute",
        "disableLocalAuth": good,
        "properties": {
            "vmSize": "Standard_NC24ads_A100_v4",
            "enableNodePublicIp": not good,
            "remoteLoginPortPublicAccess": "Disabled" if good else "Enabled",
        },
    }
    logs = [{"category": c, "enabled": good} for c in ("StorageRead", "AuditEvent", "AmlComputeClusterEvent", "Audit")]
    owners = [r for r in closed() if str(r["type"]) in {b.of for b in calls.lists() if b.type == calls.SETTINGS}]
    return [
        row(_CONTAINERS, "weights/default/models", {"publicAccess": "None" if good else "Blob", "metadata": None, **state}),
        row(_KEYS, "v/k", {**key, **({"release_policy": release} if good else {})}),
        row("Microsoft.KeyVault/vaults/secrets", "v/s", {}),
        row(f"{WORKSPACE}/computes", "ml/gpu", compute),
        row(f"{ACCOUNT}/deployments", "ai/gpt", {"model": {"name": "gpt", "version": "1"}, "raiPolicyName": "strict" if good else None}),
        row(f"{_IDENTITY}/federatedIdentityCredentials", "id/f", {"issuer": "https://issuer.example.com", "subject": "system:serviceaccount:a:b"}),
        *({"id": f"{o['id']}/providers/{_SETTINGS}/d", "name": "d", "type": _SETTINGS.lower(), "properties": {"logs": logs}} for o in owners),
    ]  # fmt: skip


def identity() -> Row:
    """An identity that machines may have."""
    return row(_IDENTITY, "id", {"principalId": "99999999-0000-0000-0000-000000000009"})


class Tenant:
    """A tenant and its answers. `fault` names what a call answers instead, by what the call is called."""

    def __init__(self, *, good: bool, fault: Faulty = lambda _: None) -> None:
        self.resources = [*(closed() if good else opened()), identity()]
        self.below = _extra(good=good)
        self.held: list[Mapping[str, object]] = [{"actions": ["*/read"], "notActions": []}]
        self.fault = fault
        self.cloud: Cloud | None = None
        self.calls: set[str] = set()

    def __call__(self, asked: Asked) -> Answer:
        """The answer to a request."""
        if asked.path == "/token":
            ends = str(int(time.time()) + 86_400)  # noqa: TID251 - the server of tokens has a clock of its own
            return Answer(
                {"access_token": TOKEN, "expires_on": ends, "resource": asked.query["resource"], "token_type": "Bearer"}
            )
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer({"error": {"code": "AuthenticationFailed"}}, 401)
        name = self.named(asked)
        self.calls.add(name)
        return self.fault(name) or self._told(asked, name)

    def named(self, asked: Asked) -> str:
        """What a call is called in the tests."""
        if asked.path == calls.GRAPH:
            return f"table {str(asked.body['query']).split(' ')[0]}"
        if asked.path.lower().endswith(calls.PERMISSIONS.lower()):
            return "rights"
        if (alone := self._row(asked.path)) is not None:
            return f"one {alone['type']}"
        return f"list {self._kind(asked.path)}"

    def _kind(self, path: str) -> str:
        low = path.lower()
        of = [
            (b, o)
            for b in calls.lists()
            for o in self.resources
            if low == f"{o['id']}/{b.path}".lower() and o["type"] == b.of
        ]
        return f"{of[0][0].type} of {of[0][0].of}" if of else f"nothing at {path}"

    def _row(self, path: str) -> Row | None:
        return next((r for r in self.below if str(r["id"]).lower() == path.lower()), None)

    def _told(self, asked: Asked, name: str) -> Answer:
        kind, _, what = name.partition(" ")
        if kind == "table":
            return self._table(asked, what)
        if kind == "rights":
            return self._page(asked, self.held)
        alone = self._row(asked.path)
        if alone is not None:
            return Answer(alone)
        below = next((b for b in calls.lists() if f"{b.type} of {b.of}" == what), None)
        if below is None:
            return Answer({"error": {"code": "NoRegisteredProviderFound", "message": what}}, 404)
        assert asked.query["api-version"] == below.version
        owner = asked.path.lower().removesuffix(f"/{below.path.lower()}")
        inside = [r for r in self.below if r["type"] == below.type and str(r["id"]).lower().startswith(f"{owner}/")]
        return self._page(asked, [_listed(r, below) for r in inside])

    def _table(self, asked: Asked, name: str) -> Answer:
        assert asked.verb == "POST"
        assert asked.query == {"api-version": calls.GRAPH_VERSION}
        rows = {"resources": self.resources, "resourcecontainers": contained()}.get(name, [])
        options = asked.body["options"]
        assert isinstance(options, dict)
        start = int(options.get("$skipToken", "0"))
        page = rows[start : start + _GRAPH_PAGE]
        following = {"$skipToken": str(start + _GRAPH_PAGE)} if start + _GRAPH_PAGE < len(rows) else {}
        return Answer(
            {"totalRecords": len(rows), "count": len(page), "resultTruncated": "false", "data": page, **following}
        )

    def _page(self, asked: Asked, rows: Sequence[Mapping[str, object]]) -> Answer:
        start = int(asked.query.get("$skip", "0"))
        following = {}
        if start + _LIST_PAGE < len(rows):
            assert self.cloud is not None
            version = asked.query["api-version"]
            link = f"http://{self.cloud.host}{asked.path}?api-version={version}&$skip={start + _LIST_PAGE}"
            following = {"nextLink": link}
        return Answer({"value": as_list([*rows[start : start + _LIST_PAGE]]), **following})


def _listed(one: Row, below: calls.Below) -> Mapping[str, object]:
    """A row as its list tells it: of a key no more than its attributes, of a container no policy."""
    properties = one["properties"]
    assert isinstance(properties, dict)
    if below.each is None:
        return one
    return {
        **one,
        "properties": {
            k: properties[k] for k in ("attributes", "publicAccess", "hasImmutabilityPolicy") if k in properties
        },
    }


__all__ = ["GROUP", "SUB", "VAULT", "Tenant", "ident", "identity"]
