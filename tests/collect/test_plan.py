"""Terraform plans in JSON."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from terraform import NOW, by_address, read_plan

from strongroom.collect.sources import plan
from strongroom.collect.terraform import plan as plans
from strongroom.model.errors import BadInput, Malformed, StrongroomError, TooLarge
from strongroom.model.ports import Limits, Peek, Request
from strongroom.model.values import Unknown

Values = dict[str, object]


def document(
    values: Values, unknown: Values | None = None, sensitive: Values | None = None, expressions: Values | None = None
) -> Values:
    """A plan of one notebook."""
    native, name = "aws_sagemaker_notebook_instance", "n"
    address = f"{native}.{name}"
    resource = {"address": address, "mode": "managed", "type": native, "name": name, "values": values}
    change = {"actions": ["create"], "after_unknown": unknown or {}, "after_sensitive": sensitive or {}}
    return {
        "format_version": "1.2",
        "planned_values": {"root_module": {"resources": [resource]}},
        "resource_changes": [{"address": address, "mode": "managed", "type": native, "name": name, "change": change}],
        "configuration": {"root_module": {"resources": [{"address": address, "expressions": expressions or {}}]}},
    }


def fact(tmp_path: Path, plan_document: Values, name: str = "net.direct_internet") -> object:
    """One fact of the notebook in a plan."""
    estate = read_plan(tmp_path / "plan.json", json.dumps(plan_document))
    return by_address(estate)["aws_sagemaker_notebook_instance.n"].value(name)


def test_values_of_a_plan_are_read(tmp_path: Path) -> None:
    """A planned value is the fact."""
    assert fact(tmp_path, document({"name": "n", "direct_internet_access": "Disabled"})) is False


def test_known_after_apply_is_unknown(tmp_path: Path) -> None:
    """A value that is given and known only after apply is unknown."""
    expressions = {"direct_internet_access": {"references": ["random_shuffle.word.result", "random_shuffle.word"]}}
    found = fact(tmp_path, document({"name": "n"}, {"direct_internet_access": True}, expressions=expressions))
    assert isinstance(found, Unknown)
    assert "random_shuffle.word" in found.detail


def test_never_given_is_the_default_even_if_computed(tmp_path: Path) -> None:
    """A value that nobody gave and that the provider will compute takes the provider's default."""
    assert fact(tmp_path, document({"name": "n"}, {"direct_internet_access": True})) is True


def test_sensitive_values_are_judged_and_marked(tmp_path: Path) -> None:
    """A sensitive value decides its fact, and the fact is marked so that nobody prints it."""
    doc = document({"direct_internet_access": "Disabled"}, sensitive={"direct_internet_access": True})
    estate = read_plan(tmp_path / "plan.json", json.dumps(doc))
    found = estate.assets[0].facts["net.direct_internet"]
    assert found.value is False
    assert found.sensitive


def test_references_are_followed_through_modules() -> None:
    """A reference to a module's input is the resource that the caller passed."""
    bucket = {"address": "module.m.aws_s3_bucket_acl.a", "type": "aws_s3_bucket_acl", "name": "a", "values": {}}
    change = {**bucket, "change": {"actions": ["create"], "after_unknown": {"bucket": True}}}
    inner = {"resources": [{"address": "aws_s3_bucket_acl.a", "expressions": {"bucket": {"references": ["var.b"]}}}]}
    call = {"source": "./m", "expressions": {"b": {"references": ["aws_s3_bucket.x.id", "aws_s3_bucket.x"]}}}
    doc = {
        "format_version": "1.2",
        "planned_values": {"root_module": {"child_modules": [{"address": "module.m", "resources": [bucket]}]}},
        "resource_changes": [change],
        "configuration": {"root_module": {"module_calls": {"m": {**call, "module": inner}}}},
    }
    (found,) = plans.resources(plans.load(json.dumps(doc).encode(), "p"), "p", "")
    assert str(found.values["bucket"]).startswith("aws_s3_bucket.x")


def test_ids_equal_those_of_the_configuration(tmp_path: Path) -> None:
    """The same resource has the same id whether it was read from a plan or from configuration."""
    estate = read_plan(tmp_path / "plan.json", json.dumps(document({"name": "n"})))
    assert [a.id for a in estate.assets] == ["terraform:aws_sagemaker_notebook_instance.n"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"format_version":"1.2","planned_values":{"root_module":{"resources":[', "end of the file"),
        ('{"format_version":"9.0","planned_values":{}}', "format_version '9.0'"),
        ('{"format_version":"1.2"}', "neither planned_values nor values"),
        ('{"format_version":"1.2","planned_values":{},"planned_values":{}}', "planned_values twice"),
        ('{"format_version":"1.2","planned_values":{"root_module":{"resources":[7]}}}', "expected"),
        ('{"format_version":"1.2","x":NaN,"planned_values":{}}', "NaN"),
        ("[" * 100_000, "nested too deeply"),
        ("", "end of the file"),
        (b"\xff\xfe{\x00", "byte 0xff"),
    ],
    ids=["truncated", "version", "not a plan", "key twice", "wrong type", "NaN", "deep", "empty", "not utf-8"],
)
def test_what_is_no_plan_is_refused_with_a_reason(tmp_path: Path, text: str | bytes, found: str) -> None:
    """A file that is not wholly a plan raises BadInput that names the file and what was found."""
    with pytest.raises(BadInput) as e:
        read_plan(tmp_path / "plan.json", text)
    assert found in str(e.value)
    assert str(tmp_path) in str(e.value)
    assert e.value.hint


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    """A file over the limit is refused by its size, before a byte of it is read."""
    huge = tmp_path / "huge.json"
    with huge.open("wb") as f:
        f.truncate(1 << 30)
    with pytest.raises(TooLarge, match="1024 MiB"):
        plan.collect(Request(f"plan:{huge}", str(huge), NOW, Limits()))


def test_missing_file_is_refused(tmp_path: Path) -> None:
    """A file that does not exist, or is a folder, is an error that says so."""
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(BadInput):
            plan.collect(Request("plan:x", str(path), NOW, Limits()))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_hostile_plans_raise_nothing_else(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever is cut off or flipped in a plan, the answer is an estate or a StrongroomError."""
    text = bytearray(json.dumps(document({"name": "n", "tags": {"a": "b"}}, {"id": True}, {"name": True})).encode())
    if data.draw(st.booleans()):
        text = text[: data.draw(st.integers(0, len(text)))]
    for _ in range(data.draw(st.integers(0, 3))):
        if text:
            text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(StrongroomError):
        read_plan(tmp_path / "plan.json", bytes(text))


def test_real_plans_are_read(vectors: Path) -> None:
    """Real plans with nested modules, data sources and changed keys give every managed resource as an asset."""
    for file in sorted((vectors / "posture" / "plans").glob("*.json")):
        estate = plan.collect(Request(f"plan:{file}", str(file), NOW, Limits()))
        addresses = {r["address"] for r in _planned(json.loads(file.read_text()))}
        assert addresses <= {a.address for a in estate.assets}, file.name


def _planned(doc: Values) -> list[dict[str, str]]:
    out, stack = [], [doc["planned_values"]["root_module"]]  # type: ignore[index]
    while stack:
        module = stack.pop()
        out += [r for r in module.get("resources", []) if r["mode"] == "managed"]
        stack += module.get("child_modules", [])
    return out


def test_recognises_a_plan_by_its_first_bytes() -> None:
    """A JSON object that names its format_version is a plan; other JSON is not."""
    assert plan.recognises(Peek(Path("p"), False, b'{"format_version":"1.2"', ())) > 50
    assert plan.recognises(Peek(Path("p"), False, b'{"version":4', ())) == 0
    assert plan.recognises(Peek(Path("p"), True, b"", ())) == 0


def test_malformed_is_the_error_of_a_bad_document() -> None:
    """A document of another shape is Malformed, not an internal error."""
    with pytest.raises(Malformed):
        plans.load(b"[]", "p")
