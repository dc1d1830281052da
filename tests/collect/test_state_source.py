"""Terraform state files, version 4."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from terraform import NOW, by_address

from strongroom.app.sources import find, gather
from strongroom.assess.prose import show
from strongroom.collect.resource import Sensitive
from strongroom.collect.sources import plan, state
from strongroom.collect.terraform import state as states
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadInput, Malformed, StrongroomError, TooLarge, Unreadable
from strongroom.model.estate import Estate
from strongroom.model.ports import Limits, Peek, Request
from strongroom.model.values import Unknown

Json = dict[str, object]
NOTEBOOK = "aws_sagemaker_notebook_instance"
ARN = "arn:aws:sagemaker:eu-west-1:111122223333:notebook-instance/n"


def instance(values: object = None, **more: object) -> Json:
    """One instance of a resource, as Terraform writes it."""
    attributes = {"id": "n", "arn": ARN, "direct_internet_access": "Disabled"} if values is None else values
    return {"schema_version": 7, "attributes": attributes, "sensitive_attributes": [], "private": "bnVsbA==", **more}


def resource(*instances: Json, native: str = NOTEBOOK, name: str = "n", mode: str = "managed", **more: object) -> Json:
    """One resource with its instances."""
    provider = 'provider["registry.terraform.io/hashicorp/aws"]'
    return {"mode": mode, "type": native, "name": name, "provider": provider, "instances": list(instances), **more}


def document(*resources: Json, **more: object) -> Json:
    """A whole state."""
    top: Json = {"version": 4, "terraform_version": "1.9.0", "serial": 3, "lineage": "8d0a-11", "outputs": {}}
    return {**top, "resources": list(resources), "check_results": None, **more}


def read(path: Path, text: object, limits: Limits | None = None) -> Estate:
    """Write a state and read it."""
    raw = text if isinstance(text, bytes) else json.dumps(text).encode()
    path.write_bytes(raw)
    return state.collect(Request(f"state:{path}", str(path), NOW, limits or Limits()))


def test_managed_and_data_resources_are_read(tmp_path: Path) -> None:
    """A resource is its facts under its address, with its ARN as an alias; a data source that a table knows is read."""
    key = resource(instance({"id": "k", "key_id": "k"}), native="aws_iam_policy_document", name="k", mode="data")
    found = by_address(read(tmp_path / "s.tfstate", document(resource(instance()), key)))
    one = found[f"{NOTEBOOK}.n"]
    assert one.id == f"terraform:{NOTEBOOK}.n"
    assert one.value("net.direct_internet") is False
    assert ARN in one.aliases
    assert (one.region, one.account) == ("eu-west-1", "111122223333")
    assert "data.aws_iam_policy_document.k" in found


def test_modules_and_instance_keys_make_terraforms_own_addresses(tmp_path: Path) -> None:
    """Keys of count and for_each, and modules, stand in the address as `terraform state list` prints them."""
    counted = resource(instance(index_key=0), instance(index_key=1))
    each = resource(instance(index_key='a "b"'), name="m", module='module.x["k"].module.y[0]')
    found = by_address(read(tmp_path / "s.tfstate", document(counted, each)))
    assert set(found) == {
        f"{NOTEBOOK}.n[0]",
        f"{NOTEBOOK}.n[1]",
        f'module.x["k"].module.y[0].{NOTEBOOK}.m["a \\"b\\""]',
    }


def test_tainted_and_deposed_objects_are_still_there(tmp_path: Path) -> None:
    """A tainted instance says so; a deposed one is an asset of its own beside the one that replaced it."""
    old = instance({"id": "old", "direct_internet_access": "Enabled"}, deposed="0a1b2c3d")
    found = by_address(read(tmp_path / "s.tfstate", document(resource(instance(status="tainted"), old))))
    assert found[f"{NOTEBOOK}.n"].value("state.tainted") is True
    left = found[f"{NOTEBOOK}.n (deposed 0a1b2c3d)"]
    assert left.value("state.deposed") == "0a1b2c3d"
    assert left.value("net.direct_internet") is True
    assert "state.deposed" not in found[f"{NOTEBOOK}.n"].facts


PATHS: list[object] = [
    [[{"type": "get_attr", "value": "direct_internet_access"}]],
    [["direct_internet_access"]],
    [[{"type": "what", "value": {"value": [], "type": "x"}}]],
    [[]],
]


@pytest.mark.parametrize("paths", PATHS, ids=["path", "plain", "not understood", "empty"])
def test_sensitive_paths_are_judged_and_never_printed(paths: object, tmp_path: Path) -> None:
    """What a path hides decides its fact and is withheld; a path that is not understood hides everything."""
    found = read(tmp_path / "s.tfstate", document(resource(instance(sensitive_attributes=paths)))).assets[0]
    fact = found.facts["net.direct_internet"]
    assert fact.value is False
    assert fact.sensitive
    assert show(fact) == "(sensitive)"


def test_sensitive_paths_go_into_lists_and_maps(tmp_path: Path) -> None:
    """An index step hides one element; one that leads nowhere hides what it was last seen in."""
    steps = [{"type": "get_attr", "value": "a"}, {"type": "index", "value": {"value": 1, "type": "number"}}]
    far = [{"type": "get_attr", "value": "b"}, {"type": "index", "value": {"value": "gone", "type": "string"}}]
    values: Json = {"a": ["x", "y"], "b": {"c": 1}, "d": 2}
    text = json.dumps(document(resource(instance(values, sensitive_attributes=[steps, far])))).encode()
    (entry,) = states.entries(states.load(text, "s"), "s", "")
    found = entry.resource.values
    assert found["a"] == ["x", Sensitive("y")]
    assert found["b"] == Sensitive({"c": 1})
    assert found["d"] == 2
    assert tmp_path.exists()


@pytest.mark.parametrize(
    "values",
    [
        {"password": "hunter2hunter2"},
        {"nested": [{"client_secret": "hunter2hunter2"}]},
        {"master_password": "hunter2hunter2", "manage_master_user_password": False},
        {"auth": {"api_key": ["hunter2hunter2"]}},
    ],
)
def test_what_a_provider_holds_secret_is_hidden_without_a_mark(values: Json) -> None:
    """States of most versions carry no mark for what a provider's schema says is secret; its name is enough."""
    text = json.dumps(document(resource(instance(values)))).encode()
    (entry,) = states.entries(states.load(text, "s"), "s", "")
    assert "hunter2" not in repr(dict(entry.resource.values))
    assert "(sensitive)" in repr(dict(entry.resource.values))


def test_a_file_that_terraform_did_not_write_whole_is_doubted(tmp_path: Path) -> None:
    """A missing serial, lineage or list of resources, a lock beside it, or one address twice is a gap."""
    half: Json = {"version": 4, "resources": [resource(instance()), resource(instance())]}
    path = tmp_path / "s.tfstate"
    (tmp_path / ".s.tfstate.lock.info").write_text('{"Who":"a@b"}')
    found = read(path, half)
    assert [g.code for g in found.gaps] == [GapCode.MALFORMED, GapCode.UNDECIDED, GapCode.DUPLICATE_KEY]
    assert "no serial and no lineage" in found.gaps[0].detail
    assert "a@b" not in str(found.gaps)
    assert len(found.assets) == 1
    assert [g.code for g in read(tmp_path / "t.tfstate", {"version": 4, "serial": 1, "lineage": "x"}).gaps] == [
        GapCode.MALFORMED
    ]


@pytest.mark.parametrize("values", [{"attributes": None}, {"attributes_flat": {"id": "n"}, "attributes": None}])
def test_an_object_without_attributes_is_unknown_and_never_a_default(values: Json, tmp_path: Path) -> None:
    """Lost attributes are not absent ones: every fact is unknown, those of what it completes too, and a gap says so."""
    block = resource(instance(**values), native="aws_s3_bucket_public_access_block", name="b")
    bucket = resource(instance({"id": "b", "bucket": "b", "acl": "public-read"}), native="aws_s3_bucket", name="b")
    found = read(tmp_path / "s.tfstate", document(resource(instance(**values)), block, bucket))
    assert isinstance(by_address(found)[f"{NOTEBOOK}.n"].value("net.direct_internet"), Unknown)
    assert isinstance(by_address(found)["aws_s3_bucket.b"].value("access.restrict"), Unknown)
    assert len(found.gaps) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'{"version":4,"serial":1,"resources":[{"mode":"manag', "wanted complete JSON"),
        (b'{"version":4,"serial":1,"serial":2,"resources":[]}', "twice in one object"),
        (b'{"version":3,"serial":1,"modules":[]}', "a state of version 3"),
        (b'{"version":9}', "a state of version 9"),
        (b'{"serial":1}', "no version"),
        (b'{"version":4,"resources":{}}', "array"),
        (b'{"serial":1,"lineage":"x","meta":{},"encrypted_data":"AA","encryption_version":"v0"}', "OpenTofu encrypted"),
        (b"", "an empty file"),
        (b"\xff\xfe{", "byte 0xff"),
        (b'{"version":4,"a":' + b"[" * 5000 + b"]" * 5000 + b"}", "nested too deeply"),
    ],
    ids=["cut", "twice", "v3", "v9", "none", "shape", "encrypted", "empty", "bytes", "deep"],
)
def test_what_is_no_whole_state_of_version_4_is_refused(text: bytes, said: str, tmp_path: Path) -> None:
    """Cut, doubled, older, newer, encrypted: each is refused with what was found and a next step."""
    with pytest.raises((Malformed, TooLarge), match=said) as caught:
        read(tmp_path / "s.tfstate", text)
    assert caught.value.hint


def test_limits_and_missing_files_are_told(tmp_path: Path) -> None:
    """A state over the limit, a missing file and a folder without a state are refused."""
    with pytest.raises(TooLarge):
        read(tmp_path / "s.tfstate", document(resource(instance())), Limits(bytes=50))
    for target in ("none.tfstate", ""):
        with pytest.raises(Unreadable):
            state.collect(Request("state:x", str(tmp_path / target) if target else "", NOW))
    (tmp_path / "sub").mkdir()
    with pytest.raises(Unreadable, match="no state"):
        state.collect(Request("state:x", str(tmp_path / "sub"), NOW))


def test_a_folder_holds_several_states_and_keeps_them_apart(tmp_path: Path) -> None:
    """Each folder's state is labelled by its folder; a broken one is a gap, and a backup or a link is not read."""
    for name in ("a", "b", "c/.terraform"):
        (tmp_path / name).mkdir(parents=True)
    text = json.dumps(document(resource(instance())))
    for name in ("a/terraform.tfstate", "b/terraform.tfstate", "b/other.tfstate", "a/terraform.tfstate.backup"):
        (tmp_path / name).write_text(text)
    (tmp_path / "pulled.json").write_text(text)
    (tmp_path / "package.json").write_text('{"version": "4"}')
    (tmp_path / "source.map.json").write_text('{"version": 3, "sources": []}')
    (tmp_path / "c/terraform.tfstate").write_text(text[:80])
    (tmp_path / "c/old.tfstate").write_text('{"version":3}')
    (tmp_path / "c/.terraform/terraform.tfstate").write_text('{"version":3}')
    (tmp_path / "c/link.tfstate").symlink_to(tmp_path / "a/terraform.tfstate")
    found = state.collect(Request("state:x", str(tmp_path), NOW))
    assert {a.id for a in found.assets} == {
        f"terraform:{label}//{NOTEBOOK}.n" if label else f"terraform:{NOTEBOOK}.n"
        for label in ("a", "b/terraform.tfstate", "b/other.tfstate", "")
    }
    assert {(Path(g.scope).name, g.code) for g in found.gaps} == {
        ("terraform.tfstate", GapCode.MALFORMED),
        ("old.tfstate", GapCode.UNSUPPORTED),
        ("link.tfstate", GapCode.LINK),
    }
    assert found.sources[0].files == 4


def test_a_bare_path_is_told_from_a_plan(tmp_path: Path) -> None:
    """A state is a state and a plan is a plan, whatever they are called."""
    a, b, c = (tmp_path / n for n in ("a.json", "b.json", "terraform.tfstate"))
    a.write_text(json.dumps(document(resource(instance({"id": "n", "note": '"format_version"'}))), indent=2))
    b.write_text('{"format_version":"1.2","terraform_version":"1.9.0","planned_values":{}}')
    c.write_text(
        '{"serial":1,"lineage":"x","meta":{"key_provider.x":""},"encrypted_data":"A","encryption_version":"v0"}'
    )
    assert [find(str(p)).collector.scheme for p in (a, b, c)] == ["state", "plan", "state"]
    assert find(str(tmp_path)).collector.scheme == "state"
    assert plan.recognises(Peek(c, False, c.read_bytes(), ())) == 0


def test_configuration_and_state_of_one_folder_are_one_asset(tmp_path: Path) -> None:
    """What is declared and what was made of it have one id, and where they differ the difference has both names."""
    (tmp_path / "envs/prod").mkdir(parents=True)
    code = f'resource "{NOTEBOOK}" "n" {{\n  direct_internet_access = "Enabled"\n}}\n'
    (tmp_path / "envs/prod/main.tf").write_text(code)
    (tmp_path / "states/envs/prod").mkdir(parents=True)
    (tmp_path / "states/envs/prod/terraform.tfstate").write_text(json.dumps(document(resource(instance()))))
    found = gather([f"tf:{tmp_path}", f"state:{tmp_path / 'states'}"], NOW)
    (one,) = found.assets
    assert ARN in one.aliases
    differences = one.value("sources.disagree")
    assert isinstance(differences, tuple)
    assert [str(d).partition(":")[0] for d in differences] == ["net.direct_internet"]
    assert "false in state:" in str(differences[0])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "password", "id"]), inner),
    max_leaves=6,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=JSON, paths=JSON, key=JSON)
def test_nothing_in_a_state_makes_the_reader_die(values: object, paths: object, key: object, tmp_path: Path) -> None:
    """Whatever stands where attributes, paths and keys belong, it is read or refused by name."""
    doc = document(resource(instance(values, sensitive_attributes=paths, index_key=key)))
    with contextlib.suppress(BadInput):
        read(tmp_path / "s.tfstate", doc)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(1, 400))
def test_a_state_that_is_cut_is_never_read_as_whole(cut: int, tmp_path: Path) -> None:
    """No part of a state is a state."""
    whole = json.dumps(document(resource(instance()))).encode()
    with pytest.raises(StrongroomError):
        read(tmp_path / "s.tfstate", whole[: max(0, len(whole) - cut)])
