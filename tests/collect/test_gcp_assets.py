"""Exports of Cloud Asset Inventory: every form of them, what is told of a resource, and what nobody told."""

import copy
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.collect.gcp_estate import ACCOUNT, KEY, P, Record, closed, opened, record

from strongroom.app.asking_who import judge as who
from strongroom.app.catalogue import catalogue
from strongroom.app.sources import gather
from strongroom.assess.judge import findings
from strongroom.collect.gcp.assets import Told, assets, natives, shapes
from strongroom.collect.gcp.reading import policies
from strongroom.collect.terraform.assets import tables
from strongroom.model.codes import GapCode, Status
from strongroom.model.errors import Malformed, Unreadable
from strongroom.model.estate import Asset, Estate
from strongroom.model.kinds import Kind
from strongroom.model.values import Key, Unknown
from strongroom.model.who_can import Deed

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def told(records: Sequence[Record]) -> Told:
    """Where they are from."""
    return Told("gcp-assets:x", "x", policies(list(records)))


def made(records: Sequence[Record]) -> dict[str, Asset]:
    """The assets of some records, by their addresses."""
    return {a.address: a for a in assets(records, told(records))}


def judged(records: Sequence[Record]) -> dict[tuple[str, str], Status]:
    """What every check says of every asset."""
    found = findings(assets(records, told(records)), catalogue().checks.values(), NOW)
    return {(f.check, f.asset): f.status for f in found}


def read(tmp_path: Path, text: str | bytes) -> Estate:
    """An export as the source reads it."""
    path = tmp_path / "assets.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return gather((f"gcp-assets:{path}",), NOW)


# What is told


def test_each_shape_leads_to_a_table() -> None:
    """A type is shaped for tables that exist."""
    for shape in shapes().values():
        assert natives(shape), shape.type
        assert set(natives(shape)) <= set(tables()), shape.type


def test_facts_of_an_organisation_as_it_should_be() -> None:
    """Each setting comes to the fact that the same resource of a plan has."""
    found = made(closed())
    bucket = found["weights"]
    assert bucket.value("enc.key") == Key("cmk", KEY)
    assert (bucket.value("acl.off"), bucket.value("public.prevented"), bucket.value("public.granted")) == (
        True,
        True,
        (),
    )
    machine = found[f"{P}/zones/europe-west4-a/instances/i"]
    assert (machine.value("net.public"), machine.value("cc.tech"), machine.value("gpu.model")) == (
        False,
        "tdx",
        "NVIDIA H100",
    )
    assert (machine.value("enc.volume_key"), machine.account, machine.value("identity.own")) == (
        Key("cmk", KEY),
        "ai-prod",
        True,
    )
    cluster = found[f"{P}/locations/europe-west4/clusters/c"]
    assert (cluster.value("net.public"), cluster.value("net.policy"), cluster.value("net.listed_only")) == (
        False,
        True,
        True,
    )
    pool = found[f"{P}/locations/europe-west4/clusters/c/nodePools/gpu"]
    assert (pool.kind, pool.value("gpu.count"), pool.value("cc.tech")) == (Kind.NODE_POOL, 8.0, "sev")
    endpoint = found[f"{P}/locations/europe-west4/endpoints/e"]
    assert (endpoint.value("net.public"), endpoint.name) == (False, "serving")
    network = found[f"{P}/global/networks/n"]
    assert network.value("net.egress_restricted") is True


def test_numbers_of_projects_are_their_ids() -> None:
    """A service that names projects by number is still in the project of that id, where the export tells it."""
    assert f"{P}/locations/europe-west4/endpoints/e" in made(closed())
    assert "projects/123/locations/europe-west4/endpoints/e" in made(closed()[1:])


def test_a_network_without_exported_routes_is_open() -> None:
    """What routes there are is not known: that none leads out is not taken from silence."""
    less = [r for r in closed() if r["assetType"] != "compute.googleapis.com/Route"]
    assert made(less)[f"{P}/global/networks/n"].value("net.egress_restricted") is not True


def test_grants_without_policies_are_unknown() -> None:
    """An export of resources alone says nothing of who may read a bucket."""
    less = [{k: v for k, v in r.items() if k != "iamPolicy"} for r in closed()]
    granted = made(less)["weights"].value("public.granted")
    assert isinstance(granted, tuple)
    assert any(isinstance(g, Unknown) for g in granted)


def test_two_exports_in_one_file_are_one_asset(tmp_path: Path) -> None:
    """The resource and the policy of one name come in lines of their own and belong together, in either style of names."""
    bucket = record(
        "storage.googleapis.com/Bucket", "b", {"iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}}}
    )
    policy = {"name": "//storage.googleapis.com/b", "asset_type": "storage.googleapis.com/Bucket",
              "iam_policy": {"bindings": [{"role": "roles/storage.objectViewer", "members": ["allUsers"]}]}}  # fmt: skip
    estate = read(tmp_path, json.dumps(bucket) + "\n" + json.dumps(policy) + "\n")
    (asset,) = (a for a in estate.assets if a.kind is Kind.BUCKET)
    assert asset.value("public.granted") == ("allUsers as roles/storage.objectViewer",)


def test_who_reads_a_bucket() -> None:
    """A binding of the export is one for `who-can`, by the account that it names."""
    estate = Estate(tuple(assets(closed(), told(closed()))), (), (), NOW)
    found = {h.principal: h.verdict.value for h in who(estate, Deed.READ, "weights", "gcp-assets:x").held}
    assert found[f"{P}/serviceAccounts/{ACCOUNT}"] == "ALLOW"
    assert found.get("user:a@example.com", "DENY") != "ALLOW"


def test_who_reads_in_another_project_is_kept_apart() -> None:
    """A role on one project lets nobody into the resources of another."""
    project = record("cloudresourcemanager.googleapis.com/Project", "projects/456", {"projectId": "other", "projectNumber": "456"},
                     [{"role": "roles/owner", "members": ["user:b@example.com"]}])  # fmt: skip
    estate = Estate(tuple(assets([*closed(), project], told(closed()))), (), (), NOW)
    found = {h.principal: h.verdict.value for h in who(estate, Deed.DECRYPT, KEY, "gcp-assets:x").held}
    assert found.get("user:b@example.com", "DENY") == "DENY"


# What nobody told


def _no_better(before: dict[tuple[str, str], Status], after: dict[tuple[str, str], Status], what: str) -> None:
    for key, status in after.items():
        was = before.get(key)
        better = status is Status.PASS and was in (Status.FAIL, Status.UNKNOWN)
        assert not better, f"{what}: {key} was {was} and is {status}"


def test_nothing_looks_better_when_a_content_was_not_asked_for() -> None:
    """Without resources, or without policies, nothing passes that did not pass before."""
    for records in (closed(), opened()):
        before = judged(records)
        for content in ("resource", "iamPolicy", "ancestors"):
            _no_better(
                before, judged([{k: v for k, v in r.items() if k != content} for r in records]), f"without {content}"
            )
        bare = [{k: v for k, v in r.items() if k != "resource"} | {"resource": {"version": "v1"}} for r in records]
        _no_better(before, judged(bare), "without data")


def _leaves(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, v in inner:
        yield (*path, key)
        yield from _leaves(v, (*path, key))


def _without(one: Record, path: tuple[str | int, ...]) -> Record:
    less = copy.deepcopy(one)
    here: object = less["resource"]["data"]  # type: ignore[index]
    for step in path[:-1]:
        here = here[step]  # type: ignore[index]
    del here[path[-1]]  # type: ignore[attr-defined]
    return less


# The APIs leave out what is empty or off; what has no such part has none of it.
_MEANS = frozenset(
    {
        "accessConfigs",
        "networkInterfaces",
        "masterAuth",
        "clientCertificate",
        "allowed",
        "accelerators",
        "serviceAccounts",
    }
)


@pytest.mark.parametrize("n", range(len(opened())), ids=lambda n: str(opened()[n]["assetType"]))
def test_nothing_looks_better_when_a_property_is_missing(n: int) -> None:
    """Of a resource with everything open, no property can be left out that makes a check pass."""
    one = opened()[n]
    before = judged([one])
    data = one["resource"]["data"]  # type: ignore[index]
    for path in _leaves(data):
        if not isinstance(path[-1], int) and path[-1] not in _MEANS:
            _no_better(before, judged([_without(one, path)]), f"without {path}")


def test_open_and_closed_are_told_apart() -> None:
    """Most checks that pass of the one fail of the other: the test of missing properties has something to miss."""
    good, bad = judged(closed()), judged(opened())
    turned = [k for k, s in good.items() if s is Status.PASS and bad.get(k) is Status.FAIL]
    assert len(turned) > 30


# Forms


def _forms() -> dict[str, str | bytes]:
    records = closed()
    snake = [
        {"asset_type" if k == "assetType" else "iam_policy" if k == "iamPolicy" else k: v for k, v in r.items()}
        for r in records
    ]
    return {
        "lines": "\n".join(map(json.dumps, records)),
        "lines with CRLF and BOM": ("\ufeff" + "\r\n".join(map(json.dumps, records)) + "\r\n").encode(),
        "list": json.dumps(records),
        "page": json.dumps({"readTime": "x", "assets": records}),
        "pages": json.dumps([{"assets": records[:2]}, {"assets": records[2:]}]),
        "names with underscores": "\n".join(map(json.dumps, snake)),
    }


@pytest.mark.parametrize("form", _forms())
def test_every_form_says_the_same(form: str, tmp_path: Path) -> None:
    """However the assets are written down, the same facts come of them, and no gap."""
    estate = read(tmp_path, _forms()[form])
    wanted, found = made(closed()), {a.address: a for a in estate.assets}
    assert found.keys() == wanted.keys()
    assert {k: {n: f.value for n, f in a.facts.items()} for k, a in found.items()} == {
        k: {n: f.value for n, f in a.facts.items()} for k, a in wanted.items()
    }
    assert not estate.gaps


def test_half_of_an_answer_is_a_gap(tmp_path: Path) -> None:
    """A page with a token for the next one, which is not there, is told."""
    (gap,) = read(tmp_path, json.dumps({"assets": closed()[:2], "nextPageToken": "x"})).gaps
    assert gap.code is GapCode.LOST


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"assets": []}',
        "null",
        "[[[",
        '{"name": 1}',
        "x\ny",
        '{"a":1,"a":2}',
        b"\xff\xfe{",
        "[" * 100_000,
    ],
)
def test_what_is_no_export_is_refused(text: str | bytes, tmp_path: Path) -> None:
    """A file without an asset says what is wanted, and how to get it."""
    with pytest.raises((Malformed, Unreadable)) as caught:
        read(tmp_path, text)
    assert caught.value.hint


def test_an_export_is_recognised_by_its_content(tmp_path: Path) -> None:
    """The file alone, without the name of the source, is enough."""
    path = tmp_path / "whatever.json"
    path.write_text("\n".join(map(json.dumps, closed())))
    assert gather((str(path),), NOW).sources[0].scheme == "gcp-assets"


def test_odd_values_are_no_fault(tmp_path: Path) -> None:
    """Wrong types of values make facts unknown, whatever property they stand in."""
    odd: list[Record] = []
    for n, one in enumerate(closed()):
        data = one["resource"]["data"]  # type: ignore[index]
        for name in data:
            odd += [
                record(str(one["assetType"]), f"{P}/x/{n}-{name}-{m}", {**data, name: value}, bindings)
                for m, (value, bindings) in enumerate(
                    ((None, None), (1, [1]), ("x", ["x"]), ([], []), ({}, [{}]), ([1], [{"members": 1}]))
                )
            ]
    estate = read(tmp_path, json.dumps(odd))
    assert len([a for a in estate.assets if a.kind is not Kind.GRANT]) >= len(odd)
