"""Exports of Azure Resource Graph: every form of them, what is told of a resource, and what nobody told."""

import copy
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.collect.azure_estate import (
    CLUSTER,
    GPU,
    GROUP,
    NSG,
    STORE,
    SUB,
    VM,
    WORKSPACE,
    Row,
    closed,
    ident,
    opened,
    row,
)

from strongroom.app.asking_who import judge as who
from strongroom.app.catalogue import catalogue
from strongroom.app.sources import gather
from strongroom.assess.judge import findings
from strongroom.collect.azure.assets import Told, assets, natives, shapes
from strongroom.collect.terraform.assets import tables
from strongroom.model.codes import GapCode, Status
from strongroom.model.errors import Malformed, Unreadable
from strongroom.model.estate import Asset, Estate
from strongroom.model.kinds import Kind
from strongroom.model.values import Key, Unknown
from strongroom.model.who_can import Deed

NOW = datetime(2026, 6, 1, tzinfo=UTC)
_WORSE = {Status.PASS: 3, Status.NOT_APPLICABLE: 2, Status.UNKNOWN: 1, Status.FAIL: 0}


def made(rows: Sequence[Row]) -> dict[str, Asset]:
    """The assets of some rows, by what comes after the resource group in their ids."""
    return {a.address.rpartition("/providers/")[2]: a for a in assets(rows, Told("azure-graph:x", "x"))}


def judged(rows: Sequence[Row]) -> dict[tuple[str, str], Status]:
    """What every check says of every asset."""
    found = findings(assets(rows, Told("azure-graph:x", "x")), catalogue().checks.values(), NOW)
    return {(f.check, f.asset): f.status for f in found}


def read(tmp_path: Path, text: str | bytes) -> Estate:
    """An export as the source reads it."""
    path = tmp_path / "azure.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return gather((f"azure-graph:{path}",), NOW)


# What is told


def test_each_shape_leads_to_a_table() -> None:
    """A type is shaped for tables that exist, and its attributes are some that those tables read."""
    for shape in shapes().values():
        assert natives(shape), shape.type
        assert set(natives(shape)) <= set(tables()), shape.type


def test_facts_of_an_estate_as_it_should_be() -> None:
    """Each setting comes to the fact that the same resource of a plan has."""
    found = made(closed())
    store = found["microsoft.storage/storageaccounts/weights"]
    assert store.value("enc.key") == Key("cmk", "https://v.vault.azure.net/keys/k")
    assert (store.value("net.public"), store.value("net.default_deny"), store.value("auth.local")) == (
        False,
        True,
        False,
    )
    assert (store.value("store.locked"), store.value("net.private_endpoint"), store.account) == (True, True, SUB)
    cluster = found["microsoft.containerservice/managedclusters/k"]
    assert (cluster.value("net.public"), cluster.value("net.policy"), cluster.value("log.enabled")) == (
        False,
        True,
        True,
    )
    pool = found["microsoft.containerservice/managedclusters/k/agentpools/gpu"]
    assert (pool.kind, pool.value("gpu.model"), pool.value("gpu.taints")) == (
        Kind.NODE_POOL,
        "NVIDIA H100",
        ("sku=gpu:NoSchedule",),
    )
    machine = found["microsoft.compute/virtualmachines/vm"]
    assert (machine.value("cc.tech"), machine.value("cc.disk_sealed"), machine.value("net.public")) == (
        "sev-snp",
        True,
        False,
    )
    workspace = found["microsoft.machinelearningservices/workspaces/ml"]
    assert (workspace.value("data.store_public"), workspace.value("net.egress_restricted")) == (False, True)


def test_what_resource_graph_never_tells_is_unknown() -> None:
    """Diagnostic settings are no row of it: what is logged is unknown, not nothing."""
    store = made(closed())["microsoft.storage/storageaccounts/weights"]
    types = store.value("log.types")
    assert isinstance(types, tuple)
    assert all(isinstance(t, Unknown) for t in types)
    assert types


def test_a_diagnostic_setting_that_is_told_counts() -> None:
    """Rows of diagnostic settings, as other exports hold them, complete the resource that they stand under."""
    setting = {"id": f"{ident(STORE, 'weights')}/providers/Microsoft.Insights/diagnosticSettings/d", "name": "d",
               "type": "microsoft.insights/diagnosticsettings", "properties": {"logs": [{"category": "StorageRead", "enabled": True},
                                                                            {"category": "StorageWrite", "enabled": False}]}}  # fmt: skip
    store = made([*closed(), setting])["microsoft.storage/storageaccounts/weights"]
    assert store.value("log.types") == ("StorageRead",)


def test_private_endpoints_are_known_where_they_are_listed() -> None:
    """A resource without a list of its connections has none when endpoints were exported, and perhaps some when none were."""
    bare = row("Microsoft.KeyVault/vaults", "x", {})
    endpoint = row("Microsoft.Network/privateEndpoints", "e", {"privateLinkServiceConnections": [
        {"properties": {"privateLinkServiceId": ident("Microsoft.KeyVault/vaults", "y")}}]})  # fmt: skip
    other = row("Microsoft.KeyVault/vaults", "y", {})
    alone = made([bare])["microsoft.keyvault/vaults/x"].value("net.private_endpoint")
    assert isinstance(alone, Unknown)
    found = made([bare, other, endpoint])
    assert found["microsoft.keyvault/vaults/x"].value("net.private_endpoint") is False
    assert found["microsoft.keyvault/vaults/y"].value("net.private_endpoint") is True


def test_a_type_without_a_table_is_listed() -> None:
    """What no table knows is seen and named; a type that is known by its own words has their facts."""
    found = made([row("Microsoft.Foo/bars", "b", {}), row(f"{WORKSPACE}/onlineEndpoints", "ml/e", {"authMode": "Key"})])
    assert found["microsoft.foo/bars/b"].kind is Kind.OTHER
    endpoint = found["microsoft.machinelearningservices/workspaces/ml/onlineendpoints/e"]
    assert (endpoint.kind, endpoint.value("auth.keys"), endpoint.value("net.public")) == (Kind.ENDPOINT, True, True)


def test_who_reads_a_store_by_the_number_of_an_identity() -> None:
    """A role that is assigned to a principal's number is that of the machine whose identity has it."""
    rows = closed()
    machine = next(r for r in rows if r["name"] == "vm")
    machine["identity"] = {"type": "SystemAssigned", "principalId": "ABC"}
    grant = {"id": f"/subscriptions/{SUB}/providers/Microsoft.Authorization/roleAssignments/g", "name": "g",
             "type": "microsoft.authorization/roleassignments", "properties": {
                 "roleDefinitionId": "/providers/Microsoft.Authorization/RoleDefinitions/2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
                 "principalId": "abc", "scope": GROUP}}  # fmt: skip
    estate = Estate(tuple(assets([*rows, grant], Told("s", "f"))), (), (), NOW)
    told = who(estate, Deed.READ, ident(STORE, "weights").lower(), "azure-graph:x")
    assert {h.principal.rpartition("/")[2]: h.verdict.value for h in told.held} == {"vm": "ALLOW"}


# What nobody told


def test_nothing_looks_better_when_a_column_is_left_out() -> None:
    """A query that projects columns away makes nothing pass that did not pass before."""
    for rows in (closed(), opened()):
        before = judged(rows)
        for column in ("properties", "identity", "tags", "kind", "sku"):
            less = [{k: v for k, v in r.items() if k != column} for r in rows]
            _no_better(before, judged(less), f"without {column}")


def _leaves(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, v in inner:
        yield (*path, key)
        yield from _leaves(v, (*path, key))


def _without(rows: Sequence[Row], n: int, path: tuple[str | int, ...]) -> list[Row]:
    less = copy.deepcopy(list(rows))
    here: object = less[n]["properties"]
    for step in path[:-1]:
        here = here[step]  # type: ignore[index]
    del here[path[-1]]  # type: ignore[attr-defined]
    return less


def _no_better(before: dict[tuple[str, str], Status], after: dict[tuple[str, str], Status], what: str) -> None:
    for key, status in after.items():
        was = before.get(key)
        better = status is Status.PASS and was in (Status.FAIL, Status.UNKNOWN)
        assert not better, f"{what}: {key} was {was} and is {status}"


# What has no address has none: https://learn.microsoft.com/rest/api/container-instances and .../rest/api/virtualnetwork.
_MEANS = frozenset({"ipAddress", "publicIPAddress"})


@pytest.mark.parametrize("n", range(len(opened())), ids=lambda n: str(opened()[n]["type"]))
def test_nothing_looks_better_when_a_property_is_missing(n: int) -> None:
    """Of a resource with everything open, no property can be left out that makes a check pass."""
    rows = [opened()[n]]
    before = judged(rows)
    for path in _leaves(rows[0]["properties"]):
        if isinstance(path[-1], int) or path[-1] in _MEANS:
            continue
        _no_better(before, judged(_without(rows, 0, path)), f"without {path}")


def test_open_and_closed_are_told_apart() -> None:
    """Most checks that pass of the one estate fail of the other: the test of missing properties has something to miss."""
    good, bad = judged(closed()), judged(opened())
    turned = [k for k, s in good.items() if s is Status.PASS and bad.get(k) is Status.FAIL]
    assert len(turned) > 40


# Forms


def _forms() -> dict[str, str | bytes]:
    rows = closed()[:3]
    names = ["id", "name", "type", "kind", "properties", "tags", "identity", "sku"]
    table = {
        "columns": [{"name": n, "type": "string"} for n in names],
        "rows": [[r.get(n) for n in names] for r in rows],
    }
    texts = [{**r, "properties": json.dumps(r["properties"])} for r in rows]
    return {
        "az graph query": json.dumps({"count": 3, "data": rows, "skip_token": None, "total_records": 3}),
        "REST": json.dumps({"totalRecords": 3, "count": 3, "resultTruncated": "false", "data": rows}),
        "REST table": json.dumps({"data": table}),
        "list": json.dumps(rows),
        "pages": json.dumps([{"data": rows[:1]}, {"data": rows[1:]}]),
        "lines": "\n".join(map(json.dumps, rows)),
        "lines with CRLF and BOM": ("\ufeff" + "\r\n".join(map(json.dumps, rows)) + "\r\n").encode(),
        "properties as text": json.dumps(texts),
        "value": json.dumps({"value": rows}),
    }


@pytest.mark.parametrize("form", _forms())
def test_every_form_says_the_same(form: str, tmp_path: Path) -> None:
    """However the rows are written down, the same assets with the same facts come of them, and no gap."""
    estate = read(tmp_path, _forms()[form])
    wanted = made(closed()[:3])
    found = {a.address.rpartition("/providers/")[2]: a for a in estate.assets}
    assert found.keys() == wanted.keys()
    assert {k: {n: f.value for n, f in a.facts.items()} for k, a in found.items()} == {
        k: {n: f.value for n, f in a.facts.items()} for k, a in wanted.items()
    }
    assert not estate.gaps


@pytest.mark.parametrize(
    "more", [{"skip_token": "x"}, {"$skipToken": "x"}, {"resultTruncated": "true"}, {"total_records": 9}]
)
def test_half_of_an_answer_is_a_gap(more: dict[str, object], tmp_path: Path) -> None:
    """Pages that are not in the file are told, whichever way the answer says that there are more."""
    (gap,) = read(tmp_path, json.dumps({"data": closed()[:2], **more})).gaps
    assert gap.code is GapCode.LOST


def test_rows_that_do_not_say_what_they_are_are_a_gap(tmp_path: Path) -> None:
    """A projection without id or type loses resources, and says so."""
    (gap,) = read(tmp_path, json.dumps({"data": [*closed()[:1], {"name": "x"}]})).gaps
    assert "1 of 2 rows" in gap.detail


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"data": []}',
        '{"data": 1}',
        "null",
        "[[[",
        '{"id": 1}',
        "x\ny",
        '{"a":1,"a":2}',
        b"\xff\xfe{",
    ],
)
def test_what_is_no_export_is_refused(text: str | bytes, tmp_path: Path) -> None:
    """A file without a row says what is wanted, and how to get it."""
    with pytest.raises((Malformed, Unreadable)) as caught:
        read(tmp_path, text)
    assert caught.value.hint


def test_hostile_nesting_is_refused(tmp_path: Path) -> None:
    """A hundred thousand brackets end in a refusal."""
    with pytest.raises(Malformed):
        read(tmp_path, "[" * 100_000)


def test_an_export_is_recognised_by_its_content(tmp_path: Path) -> None:
    """The file alone, without the name of the source, is enough."""
    path = tmp_path / "whatever.json"
    path.write_text(json.dumps({"data": closed()[:2]}))
    assert gather((str(path),), NOW).sources[0].scheme == "azure-graph"


def test_odd_rows_are_taken_as_they_are(tmp_path: Path) -> None:
    """Wrong types of values make facts unknown; they are no fault of the reader's."""
    odd: list[Row] = []
    for value in (None, 1, "x", [], {}, [1], {"a": []}):
        for name in (
            "securityRules",
            "agentPoolProfiles",
            "ipConfigurations",
            "networkAcls",
            "encryption",
            "subnets",
            "accessPolicies",
        ):
            for kind in (NSG, CLUSTER, STORE, VM, "Microsoft.KeyVault/vaults", "Microsoft.Network/virtualNetworks"):
                odd.append(row(kind, f"n{len(odd)}", {name: value, "properties": value}, identity=value, tags=value))
    assert len(read(tmp_path, json.dumps(odd)).assets) == len(odd)
    assert GPU
