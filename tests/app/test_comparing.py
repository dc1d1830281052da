"""What differs between two sides."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from test_snapshots import NOW

from strongroom.app.assess import assess
from strongroom.app.catalogue import SOURCE_CHECK
from strongroom.app.comparing import Side, compare
from strongroom.app.sides import Circumstances, diff
from strongroom.app.state import keep
from strongroom.kit.fingerprint import fingerprint
from strongroom.model.codes import GapCode, Severity, Status
from strongroom.model.errors import BadUsage, NotFound, StateError
from strongroom.model.estate import Asset, Fact
from strongroom.model.kinds import Kind
from strongroom.model.snapshot import Beside, Snapshot, StoredFinding
from strongroom.model.values import Key, NetRule, Unknown, Value
from strongroom.store.snapshots import Store

CHECK = "rec.s3-bucket.versioning"  # of Kind.BUCKET


def finding(status: Status, asset: str = "a", key: str = "1", check: str = "net.x") -> StoredFinding:
    """A stored finding about an asset."""
    return StoredFinding(key, check, "NET-01", asset, asset, status, Severity.HIGH, "")


F, P, U, N, A = Status.FAIL, Status.PASS, Status.UNKNOWN, Status.NOT_APPLICABLE, Status.ACCEPTED


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        ([finding(P)], [finding(F)], ["new"]),
        ([], [finding(F)], ["new"]),
        ([finding(U)], [finding(F)], ["new"]),
        ([finding(F)], [finding(F)], ["open"]),
        ([finding(F)], [finding(P)], ["fixed"]),
        ([finding(F)], [finding(N)], ["fixed"]),
        ([finding(F)], [finding(U)], ["lost-sight"]),
        ([finding(P)], [finding(U)], ["lost-sight"]),
        ([finding(U)], [finding(P)], ["back-in-sight"]),
        ([finding(F)], [], ["gone"]),
        ([finding(F)], [finding(P, key="2")], ["fixed"]),
        ([finding(F)], [finding(A)], ["accepted"]),
        ([finding(A)], [finding(F)], ["reopened"]),
        ([finding(P)], [finding(P)], []),
        ([finding(U)], [finding(U)], []),
    ],
)
def test_every_transition_has_its_word(
    tmp_path: Path, before: list[StoredFinding], after: list[StoredFinding], kinds: list[str]
) -> None:
    """A failing asset that vanished is gone and not fixed; an answer that became unknown is lost from sight."""
    path = str(tmp_path / "s.db")
    with Store(path) as store:
        a = store.add(NOW, ["tf:x"], 1, before)
        b = store.add(NOW, ["tf:x"], 1, after)
    found = diff(a.id, b.id, Circumstances(path, NOW))
    assert [c.kind for c in found.changes] == kinds
    assert found.same_kind


def kept(spec: str, findings: Sequence[StoredFinding]) -> Side:
    """A side that is a kept run."""
    run = Snapshot("id", NOW, (spec,), 1, 0, 0, 0, "d")
    return Side(run, tuple(findings), frozenset({spec.partition(":")[0]}))


def about(status: Status, asset: str = "a") -> StoredFinding:
    """A stored finding of a check of buckets."""
    return finding(status, asset, fingerprint(CHECK, asset), CHECK)


@pytest.mark.parametrize(
    ("before", "after", "second", "kind"),
    [
        # The asset is there, and the check was not asked of it: its source does not show what is asked.
        ([about(F)], [finding(P)], "state:x", "not-seen"),
        ([finding(P)], [about(F)], "state:x", "not-seen"),
        # Code and its state show the same kinds of thing, and only one of them has this one.
        ([about(F)], [], "state:x", "gone"),
        ([], [about(F)], "plan:x", "new"),
        # A cluster shows no buckets at all.
        ([about(F)], [], "k8s:x", "not-seen"),
        ([], [about(F)], "k8s:x", "not-seen"),
        # Both have an answer.
        ([about(F)], [about(P)], "k8s:x", "fixed"),
        ([about(P)], [about(F)], "k8s:x", "new"),
    ],
)
def test_what_one_kind_of_source_cannot_show_is_not_seen(
    before: list[StoredFinding], after: list[StoredFinding], second: str, kind: str
) -> None:
    """Between kinds of source, nothing is fixed or new because one of them cannot show it."""
    found = compare(kept("tf:x", before), kept(second, after))
    assert [c.kind for c in found.changes] == [kind]
    assert not found.same_kind
    assert "neither new nor fixed" in found.remarks[0]


def test_a_side_that_reads_more_can_say_that_something_is_gone() -> None:
    """With the same kind of source among others on the second side, what is missing there is missing."""
    two = msgspec.structs.replace
    after = kept("tf:x", [])
    run = two(after.run, sources=("tf:x", "k8s:y"))
    more = Side(run, (), frozenset({"tf", "k8s"}))
    found = compare(kept("tf:x", [about(F)]), more)
    assert [c.kind for c in found.changes] == ["gone"]


def asset(ident: str, spec: str, aliases: Sequence[str] = (), kind: Kind = Kind.BUCKET, **facts: Value | Fact) -> Asset:
    """An asset of a source; a name such as `enc__key` is the fact `enc.key`."""
    named = {k.replace("__", "."): v for k, v in facts.items()}
    made = {k: v if isinstance(v, Fact) else Fact(k, v, None, spec) for k, v in named.items()}
    return Asset(id=ident, kind=kind, native_type="t", address=ident, aliases=tuple(aliases), facts=made, origin=spec)


def live(
    *assets: Asset, findings: Sequence[StoredFinding] = (), read: Mapping[str, Sequence[str]] | None = None
) -> Side:
    """A side that was read now."""
    spec = assets[0].origin
    run = Snapshot("", NOW, (spec,), len(assets), 0, 0, 0, "")
    names = {a.id: {a.id, *a.aliases} for a in assets}
    by_id = {a.id: a for a in assets}
    schemes = frozenset({spec.partition(":")[0]})
    return Side(run, tuple(findings), schemes, names, assets=by_id, read=read or {})


NARROW = NetRule("ingress", "allow", "tcp", 22, 22, ("10.0.0.0/8",))
WIDE = NetRule("ingress", "allow", "tcp", 22, 22, ("0.0.0.0/0",))


@pytest.mark.parametrize(
    ("before", "after", "drifts"),
    [
        (True, False, True),
        (True, True, False),
        (True, 1, True),
        ("TLS1_2", "tls1_2 ", False),
        (("a", "b"), ("b", "a"), False),
        (("a", "b"), ("a",), True),
        (Unknown(GapCode.UNDECIDED, "a variable"), True, False),
        (True, Unknown(GapCode.DENIED, "a permission"), False),
        (("a", Unknown(GapCode.UNDECIDED, "x")), ("a",), False),
        (None, True, False),  # a declaration leaves it open
        (True, None, True),  # it was declared, and is not there
        ("${aws_kms_key.k.arn}", "arn:aws:kms:x", False),
        (Key("cmk", "aws_kms_key.k"), Key("cmk", "arn:aws:kms:x"), False),
        (Key("cmk", "aws_kms_key.k"), Key("provider"), True),
        (Fact("f", False, None, "tf:x", "https://page"), True, True),
        ((NARROW,), (NARROW, WIDE), True),
    ],
)
def test_drift_is_what_both_sides_know_and_say_otherwise(before: Value, after: Value, drifts: bool) -> None:
    """What one side does not know, leaves open, or writes with references is no drift; another value is."""
    one, two = asset("a", "tf:x", f=before), asset("a", "state:y", f=after)
    found = compare(live(one), live(two))
    assert [f.name for d in found.drifted for f in d.facts] == (["f"] if drifts else [])


def test_drift_shows_values_and_never_sensitive_ones() -> None:
    """Before and after as a report shows them; of lists what was lost and gained; a default says so; secrets nothing."""
    secret = Fact("secret", "hunter2", None, "state:y", sensitive=True)
    default = Fact("imds", False, None, "tf:x", "https://page")
    one = asset("a", "tf:x", secret="hunter1", imds=default, rules=(NARROW,))
    two = asset("a", "state:y", secret=secret, imds=True, rules=(NARROW, WIDE))
    (drift,) = compare(live(one), live(two)).drifted
    imds, rules, hidden = drift.facts
    assert (imds.before, imds.after, imds.defaulted) == ("false", "true", ("before",))
    assert (rules.removed, rules.added) == ((), ("allow ingress tcp/22 from 0.0.0.0/0",))
    assert (hidden.before, hidden.after) == ("(sensitive)", "(sensitive)")
    assert "hunter" not in msgspec.json.encode(drift).decode()


def test_assets_are_joined_by_what_identifies_them() -> None:
    """Another id and a shared name of one kind is one asset: its findings are compared, and its facts too."""
    one = asset("terraform:x", "tf:x", ["arn:aws:s3:::w"], versioned=True)
    two = asset("aws:w", "state:y", ["arn:aws:s3:::w"], versioned=False)
    old, new = about(P, one.id), about(F, two.id)
    read = {old.fingerprint: ["versioned"], new.fingerprint: ["versioned"]}
    found = compare(live(one, findings=[old], read=read), live(two, findings=[new], read=read))
    (change,) = found.changes
    assert (change.kind, change.before, change.after) == ("new", old, new)
    assert [(f.name, f.before, f.after) for f in change.facts] == [("versioned", "true", "false")]
    assert found.only_before == found.only_after == ()


@pytest.mark.parametrize(
    "second",
    [
        [asset("p", "state:y", ["arn:x"], Kind.WORKLOAD, f=2)],
        [asset("p", "state:y", ["arn:x"], f=2), asset("q", "state:y", ["arn:x"], f=3)],
    ],
    ids=["another kind", "a name of two"],
)
def test_names_that_do_not_identify_join_nothing(second: list[Asset]) -> None:
    """An asset of another kind, or a name that two carry, is not the same thing: each side has its own."""
    found = compare(live(asset("a", "tf:x", ["arn:x"], f=1)), live(*second))
    assert found.drifted == ()
    assert found.only_before == ("a",)
    assert found.only_after == tuple(a.id for a in second)


def test_two_kept_runs_say_which_facts_changed(tmp_path: Path) -> None:
    """A kept run keeps digests: the fact that drifted is named, without values; the order of a list is none."""
    (tmp_path / "t").mkdir()
    text = 'resource "aws_security_group" "g" {{\n  ingress {{\n    from_port = 22\n    to_port = 22\n    protocol = "tcp"\n    cidr_blocks = {}\n  }}\n}}\n'
    path = str(tmp_path / "s.db")
    for day, cidrs in enumerate(('["10.0.0.0/8", "10.1.0.0/16"]', '["10.1.0.0/16", "10.0.0.0/8"]', '["0.0.0.0/0"]')):
        (tmp_path / "t/main.tf").write_text(text.format(cidrs))
        keep(assess([f"tf:{tmp_path / 't'}"], NOW + timedelta(days=day)), path)
    with Store(path) as store:
        one, two, three = store.list()
    quiet = diff(one.id, two.id, Circumstances(path, NOW))
    assert [f.name for d in quiet.drifted for f in d.facts] == []
    loud = diff(two.id, three.id, Circumstances(path, NOW))
    assert [(d.address, f.name, f.before) for d in loud.drifted for f in d.facts] == [
        ("aws_security_group.g", "sg.ingress", None)
    ]


def test_a_run_of_an_older_version_says_that_drift_is_not_looked_for(tmp_path: Path) -> None:
    """Without digests there is no drift, and that is said."""
    path = str(tmp_path / "s.db")
    with Store(path) as store:
        one, two = (store.add(NOW, ["tf:x"], 1, [finding(P)]) for _ in range(2))
    found = diff(one.id, two.id, Circumstances(path, NOW))
    assert found.drifted == ()
    assert "drift is not looked for" in found.remarks[-1]


def test_gaps_are_said() -> None:
    """What could not be looked at may hide what is missing."""
    gap = finding(U, "source:tf:x", "g", SOURCE_CHECK)
    found = compare(kept("tf:x", []), kept("tf:x", [gap]))
    assert any("1 place of the second side" in r for r in found.remarks)


def test_evidence_that_is_damaged_is_an_error(tmp_path: Path) -> None:
    """Digests that cannot be unpacked are a fault of the state, not a comparison without drift."""
    path = str(tmp_path / "s.db")
    with Store(path) as store:
        one = store.add(NOW, ["tf:x"], 1, [finding(P)], Beside(evidence=b"\x78\x01 torn"))
        two = store.add(NOW, ["tf:x"], 1, [finding(P)])
    with pytest.raises(StateError, match="damaged evidence"):
        diff(one.id, two.id, Circumstances(path, NOW))


def test_a_run_wins_over_a_path_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`latest` is the run, `./latest` the folder; one side twice is refused; a word that is neither is not found."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "latest"
    folder.mkdir()
    (folder / "main.tf").write_text('resource "aws_s3_bucket" "w" {}\n')
    with Store("s.db") as store:
        run = store.add(NOW, ["tf:x"], 1, [finding(P)])
    by = Circumstances("s.db", datetime(2026, 1, 3, tzinfo=UTC))
    found = diff("latest", "./latest", by)
    assert (found.before, found.after.id) == (run, "")
    assert found.after.taken_at == by.now
    with pytest.raises(BadUsage, match="on both sides"):
        diff("latest", run.id[:12], by)
    with pytest.raises(BadUsage, match="on both sides"):
        diff("./latest", "tf:./latest", by)
    with pytest.raises(NotFound, match="no such path"):
        diff("nowhere", "latest", by)
    with pytest.raises(NotFound, match="only one snapshot"):
        diff("previous", "latest", by)
