"""Hostile and broken YAML and JSON: bounded, loud, and never at the cost of what stands beside it."""

import contextlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubernetes_objects import by_address, namespace, read
from strongroom.collect import yaml_text
from strongroom.model.codes import GapCode
from strongroom.model.ports import Limits

HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: n}\n"


def bomb(levels: int = 12) -> str:
    """Aliases of aliases: a few lines that stand for billions of nodes."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return HEAD + "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (bomb(), GapCode.TOO_LARGE, 9),
        (HEAD + "data: {a: 1, b: 2, a: 3}\n", GapCode.DUPLICATE_KEY, 4),
        (HEAD + "data: " + "{a: " * 200 + "1" + "}" * 200, GapCode.TOO_LARGE, 4),
        (HEAD + "data: [1, 2\n", GapCode.MALFORMED, 5),
        (HEAD + "data: *nowhere\n", GapCode.MALFORMED, 4),
        (HEAD + "data: &self {a: *self}\n", GapCode.MALFORMED, 4),
        (HEAD + "data: {? [a] : 1}\n", GapCode.MALFORMED, 4),
        (HEAD + "data: \x07\n", GapCode.MALFORMED, 1),
        (HEAD + "\tdata: 1\n", GapCode.MALFORMED, 4),
    ],
)
def test_a_broken_document_is_a_gap_with_its_line(tmp_path: Path, text: str, code: GapCode, line: int) -> None:
    """One document in the middle of a file is a gap that names its line; those before and after it are read."""
    front = namespace("first") + "---\n"
    estate = read(tmp_path, front + text.rstrip("\n") + "\n---\n" + namespace("last"))
    assert {"Namespace/first", "Namespace/last"} <= set(by_address(estate))
    assert [g.code for g in estate.gaps] == [code]
    where = estate.gaps[0].where
    assert where is not None
    assert abs(where.line_start - (front.count("\n") + line)) <= 1


def test_bytes_that_are_no_text_are_a_gap(tmp_path: Path) -> None:
    """A binary file in the tree is named and hides nothing else."""
    (tmp_path / "b.yaml").write_bytes(b"apiVersion: v1\nkind: Pod\n\xff\xfe\x00")
    estate = read(tmp_path, namespace())
    assert [g.code for g in estate.gaps] == [GapCode.NOT_UTF8]
    assert "Namespace/ns" in by_address(estate)


def test_json_with_a_key_twice_is_a_gap_and_its_neighbours_are_read(tmp_path: Path) -> None:
    """An item that two parsers would read differently is refused by its line; the list goes on."""
    good = '{"apiVersion":"v1","kind":"Node","metadata":{"name":"%s"}}'
    bad = '{"apiVersion":"v1","kind":"Node","kind":"Pod","metadata":{"name":"x"}}'
    text = '{"kind":"List","apiVersion":"v1","items":[\n' + ",\n".join((good % "a", bad, good % "b")) + "\n]}"
    estate = read(tmp_path, text)
    assert set(by_address(estate)) == {"Node/a", "Node/b"}
    assert [(g.code, g.where.line_start if g.where else 0) for g in estate.gaps] == [(GapCode.DUPLICATE_KEY, 3)]


def test_a_second_list_of_items_hides_nothing(tmp_path: Path) -> None:
    """Two `items` in one document: which one counts is a guess, so neither does."""
    node = '{"apiVersion":"v1","kind":"Node","metadata":{"name":"%s"}}'
    estate = read(tmp_path, namespace(), f'{{"kind":"List","items":[{node % "a"}],"items":[{node % "b"}]}}')
    assert [g.code for g in estate.gaps] == [GapCode.DUPLICATE_KEY]


def test_json_that_nests_too_deeply_is_a_gap(tmp_path: Path) -> None:
    """An item of a hundred thousand levels is refused without harm."""
    deep = '{"apiVersion":"v1","kind":"X","spec":' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "}"
    estate = read(tmp_path, namespace(), deep)
    assert [g.code for g in estate.gaps] == [GapCode.TOO_LARGE]


def test_a_word_that_is_spelled_with_escapes_is_still_read(tmp_path: Path) -> None:
    """A key cannot be hidden from the first look by writing it with escapes, as no client would miss it."""
    text = '{"\\u0061piVersion":"v1","\\u006bind":"Node","metadata":{"name":"a"}}'
    assert "Node/a" in by_address(read(tmp_path, text))


def test_no_tag_makes_an_object() -> None:
    """Tags are read as what stands behind them; nothing is imported, called or constructed."""
    text = "a: !!python/object/apply:os.system ['true']\nb: !!binary aGk=\nc: !x {d: 1}\n"
    assert yaml_text.parse(yaml_text.Chunk(text, 1))[0].value == {"a": ["true"], "b": "aGk=", "c": {"d": 1}}


def test_scalars_are_read_as_kubectl_reads_them() -> None:
    """Dates and endless numbers stay text, and the words for true and false count."""
    text = f"a: 2026-01-01\nb: {'9' * 5000}\nc: yes\nd: 0x1f\ne: 1e3\nf: 0o17\ng: ~\nh: '1'\ni: 017\nj: -3\n"
    assert yaml_text.parse(yaml_text.Chunk(text, 1))[0].value == {
        "a": "2026-01-01", "b": "9" * 5000, "c": True, "d": 31, "e": 1000.0, "f": 15, "g": None, "h": "1", "i": 15, "j": -3,
    }  # fmt: skip


def test_merged_keys_override_nothing() -> None:
    """A merge brings in what is missing, from one mapping or several, and leaves what is written."""
    text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz: {<<: [*x, *y], a: 0}\n"
    assert yaml_text.parse(yaml_text.Chunk(text, 1))[0].value["z"] == {"a": 0, "b": 1, "c": 2}  # type: ignore[index]


def test_limits_are_gaps(tmp_path: Path) -> None:
    """Over the limit of files or bytes the rest is a gap."""
    for limits in (Limits(files=1), Limits(bytes=100)):
        estate = read(tmp_path, namespace("a"), namespace("b"), limits=limits)
        assert estate.gaps[0].code is GapCode.TOO_LARGE


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A link may leave the folder: it is named and not read."""
    (tmp_path / "l.yaml").symlink_to("/etc/hostname")
    assert [g.code for g in read(tmp_path, namespace()).gaps] == [GapCode.LINK]


@pytest.mark.parametrize("value", ["text", 7, None, True, [], [1, "a", None], {"a": 1}])
@pytest.mark.parametrize("kind", ["Pod", "Deployment", "CronJob", "Service", "Ingress", "NetworkPolicy", "Node", "ConfigMap", "RoleBinding", "ClusterRole", "ClusterPolicy", "KubeletInfo", "VirtualService", "RayCluster"])  # fmt: skip
def test_fields_of_the_wrong_type_break_nothing(tmp_path: Path, kind: str, value: object) -> None:
    """Whatever stands where a mapping or list is meant, the object is an asset."""
    for field in ("spec", "metadata", "rules", "data", "subjects", "roleRef"):
        text = json.dumps({"apiVersion": "v1", "kind": kind, field: value})
        assert len(read(tmp_path, text).assets) == 1
    deep = {"containers": value, "volumes": value, "template": {"spec": {"containers": [value]}}, "rules": [value]}
    assert len(read(tmp_path, json.dumps({"apiVersion": "v1", "kind": kind, "spec": deep})).assets) == 1


def listed(*items: str, tail: str = "kind: List\nmetadata: {}\n") -> str:
    """A list as `kubectl get -o yaml` writes it: its kind comes last."""
    return "apiVersion: v1\nitems:\n" + "".join(f"- {i}\n" for i in items) + tail


NODE = "{apiVersion: v1, kind: Node, metadata: {name: %s}}"


def test_a_list_is_given_out_one_at_a_time() -> None:
    """The elements of a list come out before what follows them is read, and what they stood in is then empty."""
    chunk = yaml_text.Chunk(listed(NODE % "a", NODE % "b", tail="kind: List\nmetadata: [\n"), 1)
    found = yaml_text.stream(chunk)
    assert [next(found).line_start, next(found).line_start] == [3, 4]
    with pytest.raises(yaml_text.YamlError):
        next(found)
    whole = [*yaml_text.stream(yaml_text.Chunk(listed(NODE % "a"), 1))]
    assert [(d.listed, d.value) for d in whole] == [
        (True, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}}),
        (False, {"apiVersion": "v1", "items": [], "kind": "List", "metadata": {}}),
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (listed(NODE % "a", "{apiVersion: v1, kind: Node, kind: Pod}", NODE % "b"), GapCode.DUPLICATE_KEY),
        (listed(NODE % "a", "{apiVersion: v1, kind: [", NODE % "b"), GapCode.MALFORMED),
        (listed(NODE % "a", tail="kind: List\nitems: []\n"), GapCode.DUPLICATE_KEY),
        (listed(NODE % "a", tail="kind: Other\nx: 'a\n\nkind: List\n\n  b'\n"), GapCode.MALFORMED),
        (listed(NODE % "a", "&x " + NODE % "c", *["*x"] * (yaml_text.MAX_ALIASED // 6 + 1)), GapCode.TOO_LARGE),
    ],
)
def test_a_list_that_breaks_is_a_gap_and_what_stood_before_is_read(tmp_path: Path, text: str, code: GapCode) -> None:
    """Elements before the place are objects; the gap says that the list was not read to its end."""
    estate = read(tmp_path, text)
    assert "Node/a" in by_address(estate)
    assert "Node/b" not in by_address(estate)
    assert [g.code for g in estate.gaps] == [code]
    assert "not read to its end" in estate.gaps[0].detail


def test_items_of_another_kind_stay_in_it(tmp_path: Path) -> None:
    """An object that has `items` and is no list is one object, whatever stands in it."""
    text = listed(NODE % "a", tail="kind: Playlist2\nmetadata: {name: x}\n")
    assert set(by_address(read(tmp_path, text))) == {"default/Playlist2/x"}


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@`,? \n\t<~0", max_size=80))
def test_any_text_ends_in_values_or_in_an_error_of_ours(text: str) -> None:
    """No text makes the reader fail in a way of its own."""
    for chunk in yaml_text.chunks(text):
        with contextlib.suppress(yaml_text.YamlError):
            yaml_text.parse(chunk)


@given(st.text(alphabet="ab:-[]{}&*!|>'\"# \n<~0\x85\r", max_size=80))
def test_streaming_says_what_parsing_says(text: str) -> None:
    """Given out one by one or whole, a list holds the same objects, or breaks in both."""

    def read_by(way: Callable[[yaml_text.Chunk], Iterable[yaml_text.Document]]) -> object:
        try:
            documents = list(way(chunk))
        except yaml_text.YamlError as e:
            return e.code
        apart = [d.value for d in documents if d.listed]
        return apart or [i for d in documents if isinstance(d.value, dict) for i in d.value["items"] or ()]

    body = "".join(f"  {line}\n" for line in text.splitlines())
    chunk = yaml_text.Chunk(f"apiVersion: v1\nitems:\n- x: 1\n- y:\n{body}- z: 1\nkind: List\n", 1)
    assert read_by(yaml_text.stream) == read_by(yaml_text.parse)
