"""The statement of OpenSSF Model Signing: names, shards, order and digests, and every rule on its own."""

import hashlib
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit import oms
from strongroom.kit.oms import Code, Piece, Serialization, statement
from strongroom.kit.oms_comparing import Tree, compare, to_hash
from strongroom.kit.oms_reading import Read, read
from strongroom.model.errors import BadInput, Malformed

A, B = hashlib.sha256(b"a").hexdigest(), hashlib.sha256(b"b").hexdigest()
NAMES = st.lists(
    st.lists(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1).filter(
        lambda part: part not in {".", ".."}), min_size=1, max_size=3).map("/".join), min_size=1, max_size=6, unique=True
)  # fmt: skip


@pytest.mark.parametrize("name", ["a", "a/b", "a:1:2", "ü", "...", "..a", "a b", ".git", "a\\b", "*"])
def test_oms_names_that_are_canonical(name: str) -> None:
    """A path below the model is a name, with whatever letters a file may have."""
    assert oms.name_trouble(name) == ""


@pytest.mark.parametrize(
    ("name", "trouble"),
    [
        ("", "empty"),
        ("/a", "absolute"),
        ("//a", "absolute"),
        ("..", "`..`"),
        ("a/../b", "`..`"),
        ("a/..", "`..`"),
        (".", "canonical"),
        ("./a", "canonical"),
        ("a/./b", "canonical"),
        ("a//b", "canonical"),
        ("a/", "canonical"),
        ("a\0b", "zero"),
        ("\ud800", "UTF-8"),
    ],
)
def test_oms_names_that_are_not(name: str, trouble: str) -> None:
    """Each way to name a file outside, or one file in two ways, is refused by its own words."""
    assert trouble in oms.name_trouble(name)


@pytest.mark.parametrize("path", ["", ".", "/", "./", "..", "../..", "//", "/."])
def test_oms_ignored_paths_that_hide_everything(path: str) -> None:
    """A path to ignore that is the model itself, or above it, is refused, with --compat too."""
    assert "hides everything" in oms.ignore_trouble(path)
    assert "hides everything" in oms.ignore_trouble(path, compat=True)


@pytest.mark.parametrize(
    ("path", "trouble"), [("/a", "absolute path"), ("a/../b", "path with `..`"), ("a/", "path that")]
)
def test_oms_ignored_paths_are_paths_of_the_model(path: str, trouble: str) -> None:
    """A path to ignore keeps the rules of names."""
    assert trouble in oms.ignore_trouble(path)


@pytest.mark.parametrize("path", ["*", "a?", "a[b]"])
def test_oms_ignored_paths_have_no_wildcards(path: str) -> None:
    """A wildcard is refused; old bundles may have one, which is then a letter."""
    assert "wildcard" in oms.ignore_trouble(path)
    assert oms.ignore_trouble(path, compat=True) == ""


def test_oms_ignored_folders_hide_what_is_below() -> None:
    """A folder hides what is in it, and not its neighbours of a longer name."""
    assert oms.is_under("a/b/c", ["a/b"])
    assert oms.is_under("a", ["a"])
    assert not oms.is_under("ab", ["a"])
    assert not oms.is_under("x/a", ["a"])


@given(st.integers(0, 5000), st.integers(1, 1000))
def test_oms_shards_are_the_whole_file(size: int, shard: int) -> None:
    """The shards of a file follow each other from its beginning to its end, each full but the last."""
    made = oms.pieces("f", size, shard)
    ends = [0, *(p.end for p in made)]
    assert [p.start for p in made] == ends[:-1]
    assert ends[-1] == size
    assert all(p.end - p.start == shard for p in made[:-1])
    assert all(oms.piece_of(p.name) == p for p in made)


def test_oms_shards_of_paths_with_colons() -> None:
    """The last two colons count, since a path may have others."""
    assert oms.piece_of("a:1:2:3:4") == Piece("a:1:2", 3, 4)
    assert oms.piece_of("a\n:0:9") == Piece("a\n", 0, 9)
    for name in (
        "a",
        "a:1",
        "a:1:",
        ":0:1",
        "a:-1:2",
        "a:01:2",
        "a:0:02",
        "a:0:1 ",
        "a:\u0660:\u0663",
        "a:0:" + "9" * 20,
    ):
        assert oms.piece_of(name) is None


def test_oms_root_digest_is_of_the_digests() -> None:
    """The root is SHA-256 over the octets of the digests, one after the other."""
    assert oms.root_digest([A, B]) == hashlib.sha256(bytes.fromhex(A) + bytes.fromhex(B)).hexdigest()


@given(NAMES)
def test_oms_statement_comes_back(names: list[str]) -> None:
    """What is built keeps every rule, and reads as it was."""
    digests = {Piece(n): hashlib.sha256(n.encode()).hexdigest() for n in names}
    how = Serialization(ignore_paths=("ignored by this test",))
    made = statement("model", how, digests)
    found = read(made, "it")
    assert (found.reasons, found.notes) == ((), ())
    assert found.statement is not None
    assert found.statement.digests == digests
    assert found.statement.how == how
    assert [r["name"] for r in json.loads(made)["predicate"]["resources"]] == sorted(names)


@given(NAMES, st.integers(1, 50), st.lists(st.integers(0, 300), min_size=6, max_size=6))
def test_oms_sharded_statement_comes_back(names: list[str], shard: int, sizes: list[int]) -> None:
    """The same for shards, whatever colons the paths have."""
    parts = [p for n, size in zip(names, sizes, strict=False) for p in oms.pieces(n, size, shard)]
    digests = {p: hashlib.blake2b(p.name.encode()).hexdigest() for p in parts}
    how = Serialization("shards", "blake2b", shard)
    if not digests:
        with pytest.raises(BadInput, match="no file"):
            statement("model", how, digests)
        return
    found = read(statement("model", how, digests), "it")
    assert found.reasons == ()
    assert found.statement is not None
    assert found.statement.digests == digests


@pytest.mark.parametrize("name", ["../a", "/a", "", "a//b"])
def test_oms_statement_is_not_built_with_such_names(name: str) -> None:
    """A name that no verifier takes is not signed."""
    with pytest.raises(Malformed):
        statement("model", Serialization(), {Piece(name): A})
    with pytest.raises(Malformed):
        statement("model", Serialization(ignore_paths=(name,)), {Piece("a"): A})


def test_oms_statement_as_model_signing_names_one_file() -> None:
    """A model of one file is named `.` for readers that insist, and reads as the file where the model is one."""
    made = statement("w.bin", Serialization(), {Piece("w.bin"): A}, as_reference=True)
    assert json.loads(made)["predicate"]["resources"][0]["name"] == "."
    found = read(made, "it", single="w.bin")
    assert found.reasons == ()
    assert found.statement is not None
    assert found.statement.digests == {Piece("w.bin"): A}
    assert [r.code for r in read(made, "it").reasons] == [Code.NAME]


def whole(*resources: tuple[str, str], **how: object) -> dict:
    """A statement of files, as JSON, with a true root."""
    listed = [{"name": n, "digest": d, "algorithm": "sha256"} for n, d in resources or (("a", A), ("b", B))]
    serialization = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, **how}
    return {
        "_type": oms.STATEMENT,
        "subject": [{"name": "model", "digest": {"sha256": root(listed)}}],
        "predicateType": oms.PREDICATE,
        "predicate": {"resources": listed, "serialization": serialization},
    }


def root(listed: list[dict]) -> str:
    try:
        return hashlib.sha256(b"".join(bytes.fromhex(r["digest"]) for r in listed)).hexdigest()
    except ValueError:
        return A


def changed(change: Callable[[dict], object]) -> dict:
    made = whole()
    change(made)
    return made


def shards(*names: str, size: object = 10, algorithm: str = "sha256") -> dict:
    made = whole(*((n, A) for n in names), method="shards", shard_size=size)
    for r in made["predicate"]["resources"]:
        r["algorithm"] = algorithm
    return made


def looked(made: dict, **how: object) -> Read:
    return read(json.dumps(made).encode(), "it", **how)


ALONE = {
    "another statement": (changed(lambda s: s.update(_type="https://in-toto.io/Statement/v0.1")), Code.STATEMENT_TYPE),
    "another predicate": (changed(lambda s: s.update(predicateType="https://example.com")), Code.PREDICATE_TYPE),
    "the old predicate": (changed(lambda s: s.update(predicateType=oms.LEGACY_PREDICATE)), Code.PREDICATE_TYPE),
    "no subject": (changed(lambda s: s.update(subject=[])), Code.STATEMENT),
    "two subjects": (changed(lambda s: s.update(subject=s["subject"] * 2)), Code.STATEMENT),
    "a subject without a name": (changed(lambda s: s["subject"][0].update(name="")), Code.STATEMENT),
    "a member more": (changed(lambda s: s.update(more=1)), Code.STATEMENT),
    "a member more in the predicate": (changed(lambda s: s["predicate"].update(more=1)), Code.STATEMENT),
    "a member more in how": (whole(more=1), Code.STATEMENT),
    "no resources": (
        changed(lambda s: (s["predicate"].update(resources=[]), s["subject"][0].update(digest={"sha256": root([])}))),
        Code.EMPTY,
    ),
    "another root": (changed(lambda s: s["subject"][0].update(digest={"sha256": A})), Code.ROOT_DIGEST),
    "no root": (changed(lambda s: s["subject"][0].update(digest={"sha512": A})), Code.ROOT_DIGEST),
    "not sorted": (whole(("b", B), ("a", A)), Code.ORDER),
    "twice": (whole(("a", A), ("a", A)), Code.DUPLICATE),
    "a name with ..": (whole(("../a", A)), Code.NAME),
    "an absolute name": (whole(("/a", A)), Code.NAME),
    "a name that is not canonical": (whole(("./a", A)), Code.NAME),
    "the model itself": (whole((".", A)), Code.NAME),
    "capitals in a digest": (whole(("a", A.upper())), Code.DIGEST),
    "a short digest": (whole(("a", A[:-2])), Code.DIGEST),
    "an odd digest": (whole(("a", A[:-1])), Code.DIGEST),
    "an empty digest": (whole(("a", "")), Code.DIGEST),
    "another hash for a file": (changed(lambda s: s["predicate"]["resources"][0].update(algorithm="md5")), Code.ALGORITHM),
    "a size of shards for files": (whole(shard_size=10), Code.SHARD),
    "another method": (whole(method="folders"), Code.STATEMENT),
    "all ignored": (whole(ignore_paths=["."]), Code.IGNORE_PATH),
    "all ignored by a slash": (whole(ignore_paths=["/"]), Code.IGNORE_PATH),
    "the folder above ignored": (whole(ignore_paths=[".."]), Code.IGNORE_PATH),
    "a wildcard ignored": (whole(ignore_paths=["*"]), Code.IGNORE_PATH),
    "a signed file ignored": (whole(("a/b", A), ignore_paths=["a"]), Code.IGNORE_PATH),
    "links that are no word": (whole(allow_symlinks="no"), Code.STATEMENT),
    "no size of shards": (shards("a:0:10", size=None), Code.SHARD),
    "a size of nothing": (shards("a:0:10", size=0), Code.SHARD),
    "half an octet": (shards("a:0:10", size=9.5), Code.SHARD),
    "a shard without a range": (shards("a"), Code.SHARD),
    "a shard too long": (shards("a:0:11"), Code.SHARD),
    "a gap": (shards("a:0:10", "a:11:20"), Code.SHARD),
    "not from the beginning": (shards("a:10:20"), Code.SHARD),
    "an overlap": (shards("a:0:10", "a:5:15"), Code.SHARD),
    "a short one in the middle": (shards("a:0:9", "a:9:19"), Code.SHARD),
    "no range at all": (shards("a:0:10", "a:10:10"), Code.SHARD),
    "another size in the hash": (shards("a:0:10", algorithm="sha256-sharded-11"), Code.ALGORITHM),
}  # fmt: skip


@pytest.mark.parametrize("name", ALONE)
def test_oms_each_rule_decides_alone(name: str) -> None:
    """A statement that breaks one rule is refused for this one."""
    made, code = ALONE[name]
    assert [r.code for r in looked(made).reasons] == [code]


def test_oms_sound_statements_have_no_reasons() -> None:
    """The statements that the table above breaks are sound before."""
    for made in (whole(), whole(ignore_paths=["x", "y/z"]), shards("a:0:10", "a:10:20", "a:20:21", "b:0:3")):
        assert looked(made).reasons == ()


def test_oms_reasons_of_one_kind_have_an_end() -> None:
    """A statement of wrong names alone is told a thousand of them, and that there are more."""
    found = looked(whole(*((f"/{n:05}", A) for n in range(1200))))
    assert len(found.reasons) == 1000
    assert "more than 1000" in found.notes[0]


def test_oms_shards_that_overlap_are_not_looked_at() -> None:
    """What is wrong with its range is a reason, and is not hashed: a million ranges may be of one file."""
    found = looked(shards("a:0:10", "a:1:11", "a:2:12"))
    assert [r.code for r in found.reasons] == [Code.SHARD, Code.SHARD]
    assert found.statement is not None
    assert set(found.statement.digests) == {Piece("a", 0, 10)}


def test_oms_unknown_hash_leaves_nothing_to_compare() -> None:
    """A hash that is not known is a reason, and no file is looked at by it."""
    made = whole(hash_type="md5")
    for r in made["predicate"]["resources"]:
        r.update(algorithm="md5", digest="00" * 16)
    found = looked(made)
    assert {r.code for r in found.reasons} == {Code.ALGORITHM, Code.ROOT_DIGEST}
    assert found.statement is None


def test_oms_all_reasons_are_told() -> None:
    """Every rule that is broken is named, each with the resource that breaks it."""
    made = whole(("b", B), ("../a", A), ("b", "zz"), ignore_paths=["/"])
    found = looked(made)
    assert {r.code for r in found.reasons} == {Code.NAME, Code.ORDER, Code.DUPLICATE, Code.DIGEST, Code.IGNORE_PATH}
    assert ("../a", Code.NAME) in {(r.file, r.code) for r in found.reasons}


@pytest.mark.parametrize(
    ("payload", "code", "found"),
    [
        (b"", Code.PAYLOAD, "end of the file"),
        (b"{1}", Code.PAYLOAD, "column"),
        (b'"\xff"', Code.PAYLOAD, "0xff"),
        (b'{"_type": "a", "_type": "b"}', Code.PAYLOAD, "_type twice"),
        (b"[" * 100000, Code.PAYLOAD, "nested"),
        (b"[]", Code.STATEMENT, "array"),
        (b"{}", Code.STATEMENT, "missing"),
    ],
)
def test_oms_payloads_that_are_no_statement(payload: bytes, code: Code, found: str) -> None:
    """What is no JSON, has a key twice, or no members of a statement has one reason, and no statement."""
    read_ = read(payload, "it")
    assert [(r.code, found in r.found) for r in read_.reasons] == [(code, True)]
    assert read_.statement is None


def test_oms_reads_what_model_signing_writes() -> None:
    """Its order by folder, its shard size as a fraction, its hash with the size, and its shards by number are noted."""
    by_folder = whole(("a/b", A), ("a.txt", B))
    assert "order" in "".join(looked(by_folder).notes)
    assert looked(by_folder).reasons == ()
    by_number = shards("a:0:10", "a:10:20", "a:20:30", "a:30:40", "a:40:50", "a:50:60", "a:60:70", "a:70:80", "a:80:90",
                       "a:90:100", "a:100:105", size=10.0, algorithm="sha256-sharded-10")  # fmt: skip
    found = looked(by_number)
    assert found.reasons == ()
    assert len(found.notes) == 3


def test_oms_one_file_under_two_names_is_twice() -> None:
    """`.` and the name of the one file are the same file, and so a duplicate."""
    assert [r.code for r in looked(whole((".", A), ("f", A)), single="f").reasons] == [Code.DUPLICATE]


def test_oms_old_statements_are_read_on_request() -> None:
    """With --compat the subjects of version 0.2.0 are the files; their names and digests keep the rules."""
    old = {"_type": oms.STATEMENT, "predicateType": oms.LEGACY_PREDICATE, "predicate": {"unused": "x"},
           "subject": [{"name": "b", "digest": {"sha256": B}, "annotations": {}}, {"name": "a", "digest": {"sha256": A}}]}  # fmt: skip
    found = looked(old, compat=True)
    assert found.reasons == ()
    assert found.statement is not None
    assert found.statement.digests == {Piece("b"): B, Piece("a"): A}
    assert [r.code for r in looked(old).reasons] == [Code.PREDICATE_TYPE]
    for subject, code in (
        ({"name": "../a", "digest": {"sha256": A}}, Code.NAME),
        ({"name": "a", "digest": {"sha256": A}}, Code.DUPLICATE),
        ({"name": "c", "digest": {"sha512": A}}, Code.DIGEST),
    ):
        worse = {**old, "subject": [*old["subject"], subject]}
        assert [r.code for r in looked(worse, compat=True).reasons] == [code]
    assert [r.code for r in looked({**old, "subject": []}, compat=True).reasons] == [Code.EMPTY]


def test_oms_compares_each_file() -> None:
    """A file that is missing, changed, extra, a link, a device or without a name is each a reason of its own."""
    found = looked(whole(("a", A), ("b", B), ("c", A))).statement
    assert found is not None
    tree = Tree({"a": 1, "b": 1, "x": 1}, ("l",), ("p",), ("n\\xff",), ("i",), ("remark",))
    assert to_hash(found, tree) == (Piece("a"), Piece("b"))
    reasons, notes = compare(found, tree, {Piece("a"): A, Piece("b"): A})
    assert {(r.code, r.file) for r in reasons} == {
        (Code.CHANGED, "b"),
        (Code.MISSING, "c"),
        (Code.UNSIGNED, "x"),
        (Code.LINK, "l"),
        (Code.SPECIAL, "p"),
        (Code.NAME, "n\\xff"),
    }
    assert notes == ("remark", "i: it is ignored")


def test_oms_lets_extra_files_pass_on_request() -> None:
    """With `extra` a file that nobody signed is a note, and a changed one still a reason."""
    found = looked(whole(("a", A))).statement
    assert found is not None
    reasons, notes = compare(found, Tree({"a": 1, "x": 1}), {Piece("a"): B}, extra=True)
    assert [r.code for r in reasons] == [Code.CHANGED]
    assert notes == ("x: it is not signed, and was let pass",)


def test_oms_compares_each_shard() -> None:
    """A file of another length is changed, longer or shorter; an empty one is in no statement of shards."""
    found = looked(shards("a:0:10", "a:10:15")).statement
    assert found is not None
    same = dict.fromkeys(found.digests, A)
    assert compare(found, Tree({"a": 15, "empty": 0}), same)[0] == ()
    longer, _ = compare(found, Tree({"a": 16}), same)
    assert [(r.code, r.file) for r in longer] == [(Code.CHANGED, "a")]
    short = Tree({"a": 12})
    assert to_hash(found, short) == (Piece("a", 0, 10),)
    shorter, _ = compare(found, short, {Piece("a", 0, 10): A})
    assert [(r.code, r.file) for r in shorter] == [(Code.CHANGED, "a:10:15")]
    gone, _ = compare(found, Tree({}), {})
    assert [(r.code, r.file) for r in gone] == [(Code.MISSING, "a")]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda c: st.lists(c) | st.dictionaries(
    st.sampled_from(["_type", "subject", "predicate", "predicateType", "name", "digest", "resources", "serialization"]), c)))  # fmt: skip
def test_oms_hostile_statements_have_reasons(value: object) -> None:
    """No document but a statement is without a reason, and none is more than bad input."""
    found = read(json.dumps(value).encode(), "it", compat=True)
    assert found.reasons
