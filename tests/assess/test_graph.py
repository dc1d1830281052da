"""The estate as a graph: its nodes and edges, the shortest ways through it, and the forms that it is written in."""

import itertools
import json
import xml.etree.ElementTree as ET
from array import array
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.app import graphing
from strongroom.assess.graph.building import Asked, graph, is_jewel
from strongroom.assess.graph.finding import found
from strongroom.assess.graph.page import page
from strongroom.cli.graph_views import lines
from strongroom.kit.compact_graph import Compact, ways
from strongroom.model.codes import GapCode
from strongroom.model.errors import NotFound, Unreadable
from strongroom.model.estate import Asset, Estate, Fact, Ref
from strongroom.model.graph import INTERNET, Edge, Graph, Node, Way
from strongroom.model.kinds import Kind
from strongroom.model.reach import Reached
from strongroom.model.values import Unknown, Value
from strongroom.model.who_can import Held, May

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HCL = """
resource "aws_vpc" "v" { cidr_block = "10.0.0.0/16" }
resource "aws_internet_gateway" "g" { vpc_id = aws_vpc.v.id }
resource "aws_subnet" "s" {
  vpc_id     = aws_vpc.v.id
  cidr_block = "10.0.1.0/24"
}
resource "aws_route_table" "t" {
  vpc_id = aws_vpc.v.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.g.id
  }
}
resource "aws_route_table_association" "a" {
  subnet_id      = aws_subnet.s.id
  route_table_id = aws_route_table.t.id
}
resource "aws_security_group" "open" {
  vpc_id = aws_vpc.v.id
  ingress {
    from_port   = 8888
    to_port     = 8888
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
resource "aws_iam_role" "serve" {
  name               = "serve"
  assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" }, Action = "sts:AssumeRole" }] })
}
resource "aws_iam_role_policy" "serve" {
  role   = aws_iam_role.serve.id
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "${aws_s3_bucket.w.arn}/*" }] })
}
resource "aws_iam_instance_profile" "serve" { role = aws_iam_role.serve.name }
resource "aws_instance" "serve" {
  subnet_id                   = aws_subnet.s.id
  associate_public_ip_address = true
  iam_instance_profile        = aws_iam_instance_profile.serve.name
  vpc_security_group_ids      = [aws_security_group.open.id]
}
resource "aws_s3_bucket" "w" {
  bucket = "weights"
  tags   = { artifact = "weights" }
}
resource "aws_s3_bucket" "other" { bucket = "other" }
"""


# Shortest ways

NODES = 7
edges_ = st.lists(st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1), st.booleans()), max_size=18)


def simple_ways(edges: list[tuple[int, int, bool]], start: int, end: int) -> list[tuple[int, bool]]:
    """Every way without a node twice, tried one by one: its length, and whether all of it is sure."""
    out = []
    for length in range(1, NODES):
        for between in itertools.permutations([n for n in range(NODES) if n not in (start, end)], length - 1):
            stops = (start, *between, end)
            hops = [[s for a, b, s in edges if (a, b) == pair] for pair in itertools.pairwise(stops)]
            if all(hops):
                out.append((length, all(any(h) for h in hops)))
    return out


@settings(max_examples=300, deadline=None)
@given(edges_, st.integers(0, NODES - 1))
def test_fuzz_the_ways_are_those_that_trying_all_finds(edges: list[tuple[int, int, bool]], jewel: int) -> None:
    """There is a way where there is one, it is as short as can be, sure where a sure one exists, and its hops hang together."""
    src, dst = array("i", [e[0] for e in edges]), array("i", [e[1] for e in edges])
    told = ways(Compact(NODES, src, dst, bytes(e[2] for e in edges)), dst, range(NODES), jewel)
    for start in range(NODES):
        every = simple_ways(edges, start, jewel) if start != jewel else []
        assert (start in told) is bool(every)
        if start not in told:
            continue
        hops, sure = told[start]
        surest = [length for length, s in every if s]
        assert sure is bool(surest)
        assert len(hops) == min(surest or [length for length, _ in every])
        assert [edges[k][0] for k in hops] == [start, *(edges[k][1] for k in hops[:-1])]
        assert edges[hops[-1]][1] == jewel
        assert not sure or all(edges[k][2] for k in hops)


# Building


def asset(ident: str, kind: Kind, facts: dict[str, Value] | None = None, *refs: Ref, **more: str) -> Asset:
    """An asset of a made-up estate."""
    made = {n: Fact(n, v, None, "x") for n, v in (facts or {}).items()}
    return Asset(id=ident, kind=kind, native_type="x", address=ident, name=ident, facts=made, refs=refs, origin="x",
                 labels=tuple(more.items()))  # fmt: skip


def built(
    *assets: Asset, reached: tuple[Reached, ...] = (), held: tuple[tuple[str, str, tuple[Held, ...]], ...] = ()
) -> Graph:
    """The graph of some assets, with the marked ones as jewels."""
    estate = Estate(assets, (), (), NOW)
    jewels = frozenset(a.id for a in assets if is_jewel(a))
    return graph(estate, jewels, Asked({r.asset: r for r in reached}, held))


def moves(drawn: Graph) -> set[tuple[str, str, str, bool]]:
    """The edges along which somebody moves."""
    return {(e.src, e.rel, e.dst, e.sure) for e in drawn.edges if e.moves}


WEIGHTS = asset("weights", Kind.BUCKET, None, artifact="weights")


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (WEIGHTS, True),
        (asset("k", Kind.KEY, None, tier="0"), True),
        (asset("b", Kind.BUCKET), False),
        (asset("b", Kind.BUCKET, {"sensitive": True}), True),
        (asset("b", Kind.BUCKET, {"sensitive": Unknown(GapCode.ABSENT, "x")}), False),
        (asset("i", Kind.INSTANCE, None, tier="0"), False),
    ],
)
def test_what_is_a_crown_jewel(made: Asset, *, wanted: bool) -> None:
    """A store, key or secret that is marked; a machine is not lost, what is on it is."""
    assert is_jewel(made) is wanted


def test_whoever_holds_a_workload_acts_as_its_role() -> None:
    """A workload's role is a step of a way; a policy's role, and a network, are how things belong together."""
    drawn = built(
        asset("serve", Kind.ENDPOINT, None, Ref("role", "r"), Ref("subnet", "s")),
        asset("r", Kind.IDENTITY), asset("s", Kind.SUBNET), asset("p", Kind.POLICY, None, Ref("role", "r")),
    )  # fmt: skip
    assert moves(drawn) == {("serve", "acts-as", "r", True)}
    assert ("p", "role", "r") in {(e.src, e.rel, e.dst) for e in drawn.edges}


def test_an_unknown_reach_is_an_edge_that_is_not_sure() -> None:
    """What is not known to be closed is a way that may be there, and is never left out."""
    doubt = Unknown(GapCode.NOT_FETCHED, "no routes")
    reached = (Reached("a", True, False), Reached("b", doubt, False), Reached("c", False, False))
    drawn = built(*(asset(n, Kind.INSTANCE) for n in "abc"), reached=reached)
    assert {m for m in moves(drawn) if m[0] == INTERNET} == {
        (INTERNET, "reaches", "a", True),
        (INTERNET, "reaches", "b", False),
    }
    assert next(e.why for e in drawn.edges if e.dst == "b" and e.src == INTERNET) == "no routes"


def test_public_endpoints_and_public_grants_are_entrances() -> None:
    """Where no path is worked out, an asset's own public endpoint counts, and what is granted to everybody."""
    drawn = built(
        asset("e", Kind.ENDPOINT, {"net.public": True}), asset("f", Kind.ENDPOINT, {"net.public": False}),
        asset("b", Kind.BUCKET, {"public.granted": ("allUsers as reader",)}), asset("s", Kind.BUCKET, {"net.public": True}),
    )  # fmt: skip
    assert ("reaches", "s") in {
        (e.rel, e.dst) for e in drawn.edges
    }  # and yet no way in: it has still to let somebody read
    assert moves(drawn) == {(INTERNET, "reaches", "e", True), (INTERNET, "can-read", "b", True)}


def test_what_a_machine_stands_on_is_there() -> None:
    """Driver, firmware, scheduler and hypervisor are nodes of their own, known or not, and hold the machine."""
    host = asset(
        "h",
        Kind.HOST,
        {
            "version.bios": "1.2",
            "version.bmc": Unknown(GapCode.DENIED, "x"),
            "host.schedulers": ("slurm",),
            "host.virtual": True,
        },
    )
    card = asset("g", Kind.GPU, {"gpu.driver": "580.1"}, Ref("host", "h"))
    drawn = built(host, card)
    kinds = {n.kind: n.name for n in drawn.nodes}
    assert kinds["driver"] == "the accelerator driver (580.1)"
    assert {"firmware", "scheduler", "hypervisor"} <= kinds.keys()
    assert any("version not known" in n.name for n in drawn.nodes)
    assert {d for _, rel, d, _ in moves(drawn) if rel == "controls"} == {"h", "g"}


def test_a_confidential_machine_is_kept_from_its_hypervisor() -> None:
    """Encrypted memory makes the hypervisor's way to it no sure one."""
    drawn = built(asset("i", Kind.INSTANCE, {"cc.tech": "sev-snp"}), asset("j", Kind.INSTANCE, {"cc.tech": ""}))
    assert {(d, sure) for _, rel, d, sure in moves(drawn) if rel == "controls"} == {("i", False), ("j", True)}


def test_an_image_an_exposure_and_weights_are_one_way() -> None:
    """A vulnerable image on an exposed workload whose role reads the weights is one way with its openings, not three findings."""
    serve = asset("serve", Kind.WORKLOAD, {"patch.images_overdue": ("vllm 0.6: CVE-2025-1",)}, Ref("role", "r"))
    drawn = built(
        serve, asset("r", Kind.IDENTITY), WEIGHTS, reached=(Reached("serve", True, True),),
        held=(("weights", "read", (Held("r", May.ALLOW), Held("stranger", May.CONDITIONAL), Held("x", May.DENY))),),
    )  # fmt: skip
    told = {w.start: w for w in found(drawn)}
    assert [e.rel for e in told[INTERNET].hops] == ["reaches", "acts-as", "can-read"]
    assert told[INTERNET].weak == ("vllm 0.6: CVE-2025-1",)
    assert told[INTERNET].sure
    assert told["r"].sure
    assert not told["principal:stranger"].sure
    assert "x" not in told


@pytest.mark.parametrize("name", ["*", "allUsers", "allAuthenticatedUsers"])
def test_a_grant_to_everybody_is_one_to_the_internet(name: str) -> None:
    """A grant to all users makes the internet read, and no principal of its own."""
    drawn = built(WEIGHTS, held=(("weights", "read", (Held(name, May.ALLOW),)),))
    assert moves(drawn) == {(INTERNET, "can-read", "weights", True)}


def test_a_sure_way_goes_before_a_shorter_one() -> None:
    """Of two ways the one that is established is told, though another may be shorter."""
    drawn = Graph(
        (Node(INTERNET, INTERNET, "i"), Node("a", "x", "a"), Node("j", "x", "j", jewel=True)),
        (
            Edge(INTERNET, "j", "r", moves=True, sure=False),
            Edge(INTERNET, "a", "r", moves=True),
            Edge("a", "j", "r", moves=True),
        ),
    )
    (way,) = found(drawn)
    assert (len(way.hops), way.sure) == (2, True)


def test_cycles_end() -> None:
    """Roles that take each other are walked once."""
    names = [f"n{n}" for n in range(50)]
    ring = tuple(Edge(a, b, "acts-as", moves=True) for a, b in itertools.permutations(names, 2))
    nodes = (Node(INTERNET, INTERNET, "i"), *(Node(n, "identity", n, jewel=n == "n0") for n in names))
    assert all(len(w.hops) == 1 for w in found(Graph(nodes, ring)))


# The whole, from a source


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Graph, tuple[Way, ...]]:
    """The graph of a small configuration."""
    folder = tmp_path_factory.mktemp("infra")
    (folder / "main.tf").write_text(HCL)
    made = graphing.draw((f"tf:{folder}",), (), NOW)
    return made, graphing.ways(made)


def test_the_way_from_the_internet_to_the_weights(drawn: tuple[Graph, tuple[Way, ...]]) -> None:
    """Gateway, machine, profile, role and bucket: each hop with what lets it happen."""
    way = drawn[1][0]
    assert [(e.rel, e.dst.rpartition(":")[2]) for e in way.hops] == [
        ("reaches", "aws_instance.serve"), ("acts-as", "aws_iam_instance_profile.serve"), ("acts-as", "aws_iam_role.serve"),
        ("can-read", "aws_s3_bucket.w"),
    ]  # fmt: skip
    assert way.sure
    assert "aws_security_group.open" in way.hops[0].why
    assert "aws_iam_role_policy.serve" in way.hops[3].why
    assert len({w.jewel for w in drawn[1]}) == 1


def test_a_jewel_by_name(tmp_path: Path) -> None:
    """What is not marked can be named; a name that nothing has is refused; without any jewel that is said."""
    (tmp_path / "main.tf").write_text('resource "aws_s3_bucket" "other" { bucket = "other" }\n')
    made = graphing.draw((f"tf:{tmp_path}",), ("aws_s3_bucket.other",), NOW)
    assert [n.name for n in made.nodes if n.jewel] == ["other"]
    assert "nothing is marked" in graphing.draw((f"tf:{tmp_path}",), (), NOW).notes[0]
    with pytest.raises(NotFound):
        graphing.draw((f"tf:{tmp_path}",), ("nope",), NOW)
    with pytest.raises(Unreadable):
        graphing.draw((str(tmp_path / "x"),), (), NOW)


def test_json_holds_everything(drawn: tuple[Graph, tuple[Way, ...]]) -> None:
    """The JSON is one object whose edges name nodes that are there."""
    told = json.loads("".join(lines(*drawn, "json")))
    ids = {n["id"] for n in told["nodes"]}
    assert told["schema"] == "strongroom.graph/1"
    assert {e[end] for e in told["edges"] for end in ("src", "dst")} <= ids
    assert [h["rel"] for h in told["ways"][0]["hops"]][-1] == "can-read"


@pytest.mark.parametrize("name", ["plain", 'a<b>&"c"', "bell\x07", "half \ud800 pair", "😀"])
def test_graphml_is_well_formed(name: str) -> None:
    """Every key that is used is declared, every end of an edge is a node, and odd names do no harm."""
    nodes = (Node(name, "x", name, jewel=True, weak=(name,)), Node("b", "x", "b"))
    text = "".join(lines(Graph(nodes, (Edge(name, "b", "r", why=name),)), (), "graphml"))
    root = ET.fromstring(text)
    space = "{http://graphml.graphdrawing.org/xmlns}"
    declared = {k.get("id") for k in root.iter(f"{space}key")}
    assert {d.get("key") for d in root.iter(f"{space}data")} <= declared
    ids = {n.get("id") for n in root.iter(f"{space}node")}
    assert len(ids) == 2
    assert {e.get(end) for e in root.iter(f"{space}edge") for end in ("source", "target")} <= ids


def test_the_text_keeps_to_a_terminal(drawn: tuple[Graph, tuple[Way, ...]]) -> None:
    """No line is wider than 80 columns, and the way is told in words."""
    text = "".join(lines(*drawn, "text"))
    assert max(map(len, text.splitlines())) <= 80
    assert "from the internet" in text
    assert "4. can read weights" in text


def test_the_page_shows_each_way_in_words_and_as_a_picture(drawn: tuple[Graph, tuple[Way, ...]]) -> None:
    """One picture a way with a title for those who do not see it; no script, and nothing is fetched."""
    text = "".join(page(*drawn, ("tf:infra",), "2026-06-01"))
    assert text.count("<svg") == text.count('role="img"') == len(drawn[1])
    assert text.count("<title id=") == len(drawn[1])
    assert "From the internet a way leads to the one crown jewel." in text
    assert not [w for w in ("<script", "http:", "https:", "url(", "@import") if w in text]


def test_the_page_of_hostile_names_is_only_text() -> None:
    """What sources name is text in the page, wherever it stands."""
    evil = "<script>alert(1)</script>\"'"
    nodes = (Node(INTERNET, INTERNET, "the internet"), Node(evil, "x", evil, jewel=True, weak=(evil,)))
    edge = Edge(INTERNET, evil, "reaches", moves=True, sure=False, why=evil)
    made = Graph(nodes, (edge,), (), (evil,))
    text = "".join(page(made, tuple(found(made)), (evil,), evil))
    assert "<script" not in text
    assert "not sure" in text


def test_the_page_without_jewels_says_so() -> None:
    """Nothing to lose, nothing found: the page does not look like good news."""
    made = Graph((Node(INTERNET, INTERNET, "the internet"),), (), (), ("nothing is marked",))
    text = "".join(page(made, (), ("x",), "now"))
    assert "no way was looked for" in text
    assert "nothing is marked" in text
