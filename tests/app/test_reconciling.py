"""Which assets of several sources are one thing, and what becomes of what they say."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.app.merging import DISAGREE, SEEN, alike
from strongroom.app.reconciling import MOST_GAPS, Unions
from strongroom.app.sources import derive, join
from strongroom.kit.identity import is_junk, key_of, mac_key
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset, Estate, Fact, Gap, Ref, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.values import Key, NetRule, Statement, Unknown, Value, Where

NOW = datetime(2026, 1, 2, tzinfo=UTC)
UUID = "4c4c4544-0044-4810-8057-b4c04f4e4d32"
ARN = "arn:aws:s3:::weights"


def asset(
    spec: str,
    ident: str,
    facts: dict[str, Value] | None = None,
    *aliases: str,
    kind: Kind = Kind.HOST,
    secret: bool = False,
    refs: tuple[Ref, ...] = (),
) -> Asset:
    """An asset of a source."""
    made = {n: Fact(n, v, None, spec, sensitive=secret) for n, v in (facts or {}).items()}
    where = Where(spec.partition(":")[2], 1, 1)
    return Asset(
        id=ident,
        kind=kind,
        native_type="t",
        address=ident,
        aliases=aliases,
        facts=made,
        origin=spec,
        where=where,
        refs=refs,
    )


def estate(spec: str, *assets: Asset, gaps: Sequence[Gap] = (), kinds: tuple[Kind, ...] = (Kind.HOST,)) -> Estate:
    """What one source shows."""
    source = SourceRead(spec, spec.partition(":")[0], spec, 1, 1, kinds)
    return Estate(assets, tuple(gaps), (source,), NOW)


def joined(*assets: Asset) -> Estate:
    """The estate of assets, each of its own source by its origin."""
    by_source: dict[str, list[Asset]] = {}
    for a in assets:
        by_source.setdefault(a.origin, []).append(a)
    return join([estate(spec, *found) for spec, found in by_source.items()], NOW)


# What identifies


@pytest.mark.parametrize(
    ("alias", "key"),
    [
        (ARN, ARN),
        ("/subscriptions/S/resourceGroups/R/", "/subscriptions/s/resourcegroups/r"),
        ("https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/i", "projects/p/zones/z/instances/i"),
        ("projects/p/zones/z/instances/i", "projects/p/zones/z/instances/i"),
        ("i-0123456789abcdef0", "i-0123456789abcdef0"),
        ("aws:///eu-west-1a/i-0123456789abcdef0", "i-0123456789abcdef0"),
        (f"dmi:{UUID.upper()}", f"dmi:{UUID}"),
        (f"gpu:GPU-{UUID}", f"gpu:{UUID}"),
        ("gpu-01", ""),
        ("host-name:gpu-01", ""),
        ("i-01234567", ""),
        ("weights", ""),
        ("cluster:pool", ""),
        ("dmi:00000000-0000-0000-0000-000000000000", ""),
        ("dmi:03000200-0400-0500-0006-000700080009", ""),
        ("arn:" + "x" * 1000, ""),
        ("", ""),
    ],
)
def test_a_name_identifies_when_it_is_given_once(alias: str, key: str) -> None:
    """ARNs, resource paths, provider ids and UUIDs identify in a normal form; names and fillers do not."""
    assert key_of(alias) == key


@pytest.mark.parametrize(
    "number",
    ["To Be Filled By O.E.M.", "Default string", "0123456789", "123456789", "N/A", "xxxxxxxx", "000", "", "Not Specified",
     "System Serial Number", "........", "VMware-00 00 00 00 00 00 00 00-00", "1234567890"],
)  # fmt: skip
def test_serial_numbers_that_nobody_set_are_known(number: str) -> None:
    """Fillers of boards, runs of digits and one character repeated are nobody's number."""
    assert is_junk(number)
    assert not is_junk("7XKQ2J3")
    assert not is_junk("1562821083900")


def test_hardware_addresses_that_software_made_up_identify_nothing() -> None:
    """Only an address that a maker gave, unicast and global, is a card's own."""
    assert mac_key("A0-88-C2-01-02-03") == "mac:a0:88:c2:01:02:03"
    assert [mac_key(m) for m in ("02:42:ac:11:00:02", "01:00:5e:00:00:01", "00:00:00:00:00:00", "what")] == [""] * 4


# What becomes one


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (asset("tf:a", "terraform:b", None, ARN, kind=Kind.BUCKET), asset("csv:i", "inventory:b", None, ARN, kind=Kind.BUCKET)),
        (asset("host:a", "host:x", {"host.serial": "7XKQ2J3"}), asset("csv:i", "inventory:b", {"host.serial": " 7xkq2j3"})),
        (asset("host:a", "host:x", None, f"dmi:{UUID}"), asset("csv:i", "inventory:b", None, f"dmi:{UUID.upper()}")),
        (asset("plan:a", "terraform:b"), asset("state:b", "terraform:b")),
    ],
    ids=["ARN", "serial", "UUID", "id"],
)  # fmt: skip
def test_what_shares_a_number_is_one(left: Asset, right: Asset) -> None:
    """One asset is left, under the id of the source that names more lastingly, with the other id as an alias."""
    for pair in ((left, right), (right, left)):
        (one,) = joined(*pair).assets
        assert one.id == left.id
        assert {left.id, right.id, *left.aliases} <= {one.id, *one.aliases}
        assert one.value(SEEN) == tuple(sorted((left.origin, right.origin)))
        assert one.value(DISAGREE) == ()


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (asset("host:a", "host:x", None, "host-name:gpu-01"), asset("csv:i", "inventory:gpu-01", None, "host-name:gpu-01")),
        (asset("host:a", "host:x", {"host.serial": "Default string"}), asset("csv:i", "c", {"host.serial": "Default string"})),
        (asset("tf:a", "terraform:b", None, ARN, kind=Kind.BUCKET), asset("csv:i", "c", None, ARN, kind=Kind.POLICY)),
    ],
    ids=["name", "junk", "kind"],
)  # fmt: skip
def test_what_shares_no_number_stays_two(left: Asset, right: Asset) -> None:
    """A name, a filler, and a number on things of two kinds make nothing one."""
    assert len(joined(left, right).assets) == 2


def test_a_number_on_many_assets_of_one_source_identifies_nothing() -> None:
    """A number that ten thousand machines of one source carry merges none of them with anything."""
    many = [asset("host:a", f"host:{n}", {"host.serial": "SAMEONALL"}) for n in range(10_000)]
    found = joined(*many, asset("csv:i", "inventory:x", {"host.serial": "SAMEONALL"}))
    assert len(found.assets) == 10_001
    assert found.gaps == ()


def test_names_of_others_do_not_make_one_of_two() -> None:
    """A row that claims two machines of one source joins neither, and a gap says so."""
    a, b = (asset("host:a", f"host:{n}", None, f"dmi:{UUID[:-1]}{n}") for n in (1, 2))
    row = asset("csv:i", "inventory:x", None, *a.aliases, *b.aliases)
    for order in permutations((a, b, row)):
        found = joined(*order)
        assert {x.id for x in found.assets} == {"host:1", "host:2", "inventory:x"}
        assert [(g.code, g.source, g.hides) for g in found.gaps] == [(GapCode.CONFLICT, "host:a", (Kind.HOST,))]


def test_a_flood_of_false_rows_is_counted() -> None:
    """A thousand rows that each claim two machines are some gaps and one that counts the rest."""
    made: list[Asset] = []
    for n in range(1000):
        numbers = [f"S{n}A7K", f"S{n}B7K"]
        made += [asset("host:a", f"host:{s}", {"host.serial": s}) for s in numbers]
        made.append(asset("csv:i", f"c{n}", {"host.serial": numbers[0]}))
        made.append(asset("csv:j", f"d{n}", {"host.serial": numbers[1]}, f"dmi:{n:08x}-1234-4321-8765-0123456789ab"))
        made.append(asset("csv:k", f"e{n}", {"host.serial": numbers[0]}, f"dmi:{n:08x}-1234-4321-8765-0123456789ab"))
    found = joined(*made)
    assert len(found.gaps) == MOST_GAPS + 1
    assert "980 more" in found.gaps[-1].detail


def test_refs_follow_what_was_merged() -> None:
    """Whoever names an id that was merged away names the one that is left."""
    machine = asset("host:a", "host:x", {"host.serial": "7XKQ2J3"})
    row = asset("csv:i", "inventory:x", {"host.serial": "7XKQ2J3"})
    card = asset("csv:i", "inventory:card", None, kind=Kind.GPU, refs=(Ref("host", "inventory:x"),))
    found = {a.id: a for a in joined(row, machine, card).assets}
    assert found["inventory:card"].refs == (Ref("host", "host:x"),)


def test_a_machine_inside_and_outside_are_two_that_name_each_other() -> None:
    """A host and the cloud's record of it stay two assets, each with a ref to the other."""
    inside = asset("host:a", "host:x", None, f"dmi:{UUID}")
    outside = asset("state:b", "terraform:vm", None, f"dmi:{UUID}", kind=Kind.INSTANCE)
    found = {a.id: a for a in joined(inside, outside).assets}
    assert found["host:x"].refs == (Ref("same-machine", "terraform:vm"),)
    assert found["terraform:vm"].refs == (Ref("same-machine", "host:x"),)


# What they say


CMK = Key("cmk", "arn:aws:kms:eu-west-1:1:key/k")
RULES = (
    NetRule("ingress", "allow", "tcp", 22, 22, ("10.0.0.0/8",)),
    NetRule("egress", "allow", "all", 0, 0, ("::/0",)),
)
GRANT = Statement("allow", actions=("a", "b"), resources=("x",))


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (("x", "y"), ("y", "x"), True),
        (RULES, RULES[::-1], True),
        ((GRANT,), (Statement("allow", actions=("b", "a"), resources=("x",)),), True),
        (CMK, Key("cmk", "aws_kms_key.k.arn"), True),
        (CMK, Key("cmk", "arn:other"), False),
        (CMK, Key("provider"), False),
        (True, 1, False),
        (8, 8.0, True),
        ("NVIDIA ", "nvidia", True),
        (("x",), ("x", "x"), False),
        (None, "", False),
    ],
)
def test_values_mean_the_same(a: Value, b: Value, same: bool) -> None:
    """The order of lists and the case of words do not count; a truth is no number, and a key's address may be its ARN."""
    assert alike(a, b) is same
    assert alike(b, a) is same


@pytest.mark.parametrize(
    ("declared", "seen", "value"),
    [
        (None, "x", "x"),
        (Key("cmk", "aws_kms_key.k"), CMK, CMK),
        (("${aws_x.y.arn}",), ("arn:1", "arn:2"), ("arn:1", "arn:2")),
        ((Unknown(GapCode.UNDECIDED, "var.x"), "a"), ("a", "b"), ("a", "b")),
    ],
    ids=["left out", "key", "reference", "in part"],
)
def test_what_was_seen_completes_what_was_declared(declared: Value, seen: Value, value: Value) -> None:
    """What configuration leaves open is no contradiction to what there is."""
    found = joined(asset("tf:a", "terraform:x", {"f": declared}), asset("state:b", "terraform:x", {"f": seen}))
    assert found.assets[0].value("f") == value
    assert found.assets[0].value(DISAGREE) == ()


@pytest.mark.parametrize(
    ("declared", "seen"),
    [("x", None), (Key("provider"), CMK), (Key("none"), Key("cmk", "aws_kms_key.k")), (True, False), (("a",), ("b",))],
)
def test_what_differs_is_nobodys_knowledge_and_a_disagreement(declared: Value, seen: Value) -> None:
    """The fact becomes unknown, and the asset says which sources say what."""
    found = joined(asset("tf:a", "terraform:x", {"f": declared}), asset("state:b", "terraform:x", {"f": seen}))
    value, said = found.assets[0].value("f"), found.assets[0].value(DISAGREE)
    assert isinstance(value, Unknown)
    assert (value.code, value.detail) == (GapCode.CONFLICT, "state:b and tf:a say different things")
    assert isinstance(said, tuple)
    assert str(said[0]).startswith("f: ")
    assert "in tf:a" in str(said[0])
    assert "in state:b" in str(said[0])


def test_a_key_that_agrees_with_each_of_two_hides_no_difference() -> None:
    """An address that may be either of two keys does not make them one."""
    keys = (Key("cmk", "aws_kms_key.k"), Key("cmk", "arn:1"), Key("cmk", "arn:2"))
    specs = ("tf:a", "state:b", "csv:c")
    found = joined(*(asset(s, "terraform:x", {"f": k}) for s, k in zip(specs, keys, strict=True)))
    assert isinstance(found.assets[0].value("f"), Unknown)


def test_sensitive_values_are_not_in_a_disagreement() -> None:
    """Who differs is told; what is sensitive to one source is told of none."""
    a = asset("tf:a", "terraform:x", {"f": "hunter2"}, secret=True)
    b = asset("state:b", "terraform:x", {"f": "hunter3"})
    (one,) = joined(a, b).assets
    assert one.facts["f"].sensitive
    assert "hunter" not in str(one.value(DISAGREE)) + str(one.value("f"))


def test_a_fact_keeps_the_place_where_it_stands() -> None:
    """What only the second source knows still points to the second source's file."""
    (one,) = joined(asset("tf:a", "x", {"f": 1}), asset("csv:i", "x", {"g": 2})).assets
    assert one.facts["g"].where == Where("i", 1, 1)
    assert one.where == Where("a", 1, 1)


VALUES = st.sampled_from([True, False, None, "x", "X", ("a", "b"), ("b", "a"), CMK, Key("cmk", "aws_k.k"), 1, 8.0,
                          Unknown(GapCode.DENIED, "no"), ("${x.y}",)])  # fmt: skip
NUMBERS = [f"dmi:{n}c4c4544-0044-4810-8057-b4c04f4e4d32" for n in range(4)]
ASSETS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.dictionaries(st.sampled_from(["f", "g"]), VALUES, max_size=2),
        st.lists(st.sampled_from(NUMBERS), max_size=2),
        st.sampled_from([Kind.HOST, Kind.INSTANCE]),
    ),
    max_size=4,
    unique_by=lambda row: row[0],
)


@given(drawn=st.lists(ASSETS, min_size=1, max_size=4), turn=st.randoms(use_true_random=False))
def test_the_order_of_sources_does_not_matter(
    drawn: list[list[tuple[str, dict[str, Value], list[str], Kind]]], turn: object
) -> None:
    """Whatever sources show and in whatever order they are given, the same assets and gaps come of it."""
    specs = ["tf:a", "state:b", "host:c", "csv:d"]
    estates = [
        estate(spec, *(asset(spec, f"{i}", f, *n, kind=k) for i, f, n, k in rows))
        for spec, rows in zip(specs, drawn, strict=False)
    ]
    shuffled = list(estates)
    getattr(turn, "shuffle")(shuffled)  # noqa: B009 - hypothesis gives no type
    one, other = join(estates, NOW), join(shuffled, NOW)
    assert {a.id: a for a in one.assets} == {a.id: a for a in other.assets}
    assert sorted(map(str, one.gaps)) == sorted(map(str, other.gaps))
    assert len({a.id for a in one.assets}) == len(one.assets)


@given(pairs=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30))))
def test_sets_that_grow_together_are_equivalences(pairs: list[tuple[int, int]]) -> None:
    """What was united, directly or through others, has one name, and nothing else has."""
    unions, known = Unions(), [{n} for n in range(31)]
    for a, b in pairs:
        unions.unite(str(a), str(b))
        both = known[a] | known[b]
        for n in both:
            known[n] = both
    assert all((unions.find(str(a)) == unions.find(str(b))) == (b in known[a]) for a in range(31) for b in range(31))


# Against the inventory


def test_the_inventory_is_compared_with_what_is_seen() -> None:
    """What has no row is not listed, what nothing shows is not seen; without an inventory nobody asks."""
    machine = asset("host:a", "host:x", {"host.serial": "7XKQ2J3"})
    stray = asset("host:a", "host:y")
    row, lost = asset("csv:i", "r", {"host.serial": "7XKQ2J3"}), asset("csv:i", "s")
    found = {a.id: a for a in derive(joined(machine, stray, row, lost)).assets}
    assert found["host:x"].value("inventory.listed") is True
    assert found["host:x"].value("inventory.seen") is True
    assert found["host:y"].value("inventory.listed") is False
    assert found["s"].value("inventory.seen") is False
    assert "inventory.seen" not in found["host:y"].facts
    assert all("inventory.listed" not in a.facts for a in derive(joined(machine, stray)).assets)
    assert all("inventory.seen" not in a.facts for a in derive(joined(row, lost)).assets)


def test_a_source_with_gaps_does_not_prove_that_something_is_missing() -> None:
    """A row that could not be read may be the one that is missed: then nobody knows."""
    gap = Gap("i:7", "csv:i", GapCode.MALFORMED, "cut", None, (Kind.HOST,))
    rows = estate("csv:i", asset("csv:i", "r"), gaps=[gap])
    found = {a.id: a for a in derive(join([estate("host:a", asset("host:a", "host:y")), rows], NOW)).assets}
    assert isinstance(found["host:y"].value("inventory.listed"), Unknown)
    assert found["r"].value("inventory.seen") is False


def test_a_row_of_a_machine_is_seen_as_the_clouds_instance_too() -> None:
    """A row for a server whose UUID is an instance's counts for both."""
    vm = asset("state:b", "terraform:vm", None, f"dmi:{UUID}", kind=Kind.INSTANCE)
    row = asset("csv:i", "r", None, f"dmi:{UUID}")
    both = [estate("state:b", vm, kinds=(Kind.INSTANCE, Kind.HOST)), estate("csv:i", row)]
    found = {a.id: a for a in derive(join(both, NOW)).assets}
    assert found["r"].value("inventory.seen") is True
