"""The fail-closed matrix: each fault, at each moment where it can strike. What is denied is logged, and nothing leaks."""

import errno
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import broker_rig as b
import composite_minting as c
import fault_rig as f
import msgspec
import pytest
from fault_rig import ATTEST, AUTH, RESOURCE, UNWRAP, Cell, Trial

from strongroom.app.broker import Judging
from strongroom.app.broker_release import resource
from strongroom.app.log import Log, Place, create
from strongroom.model.attest import Endorsements, ReferenceValues
from strongroom.model.codes import EntryKind
from strongroom.model.errors import (
    BadSignature,
    KeyUnavailable,
    LogDamaged,
    LogUnavailable,
    Malformed,
    Unreadable,
)
from strongroom.model.release import ReleasePolicy, Revocation, Secret, What, version_name
from strongroom.model.trust import Decision, Receipt

T = TypeVar("T", bound=msgspec.Struct)
UNFORESEEN = f.Unforeseen(f.CANARY)
FULL = OSError(errno.ENOSPC, "No space left on device", f"/{f.CANARY}")
NO_LOG = LogUnavailable("log", "no space left on device", "a log that takes entries")


def part(**fields: Callable[[Trial], object]) -> Callable[[Trial], object]:
    """Harm: the broker has another part, which a function makes."""
    return lambda t: t.but(**{name: make(t) for name, make in fields.items()})


def fails(name: str, error: Exception) -> Callable[[Trial], object]:
    """Harm: a part of the broker fails whenever it is asked."""
    return part(**{name: lambda t: t.raising(error)})


def judged(**changes: Callable[[Judging], object]) -> Callable[[Trial], object]:
    """Harm: what evidence is judged by is other than it should be."""

    def harm(t: Trial) -> None:
        def by(*given: object) -> Judging:
            held = t.rig.judging(*given)  # type: ignore[arg-type] # as the broker hands them on
            return Judging(
                **{n: changes[n](held) if n in changes else getattr(held, n) for n in Judging.__dataclass_fields__}  # type: ignore[arg-type] # the fields by name
            )

        t.but(judging=by)

    return harm


def passes(**delta: float) -> Callable[[Trial], object]:
    """Harm: the clock goes on, or back."""
    return lambda t: t.rig.later(**delta)


def of_another_time(**delta: float) -> Callable[[Trial], object]:
    """Harm: all of it happens at a time for which the evidence's certificates or lists are not."""

    def harm(t: Trial) -> None:
        t.rig.later(**delta)
        t.again()

    return harm


def while_judging(**delta: float) -> Callable[[Trial], object]:
    """Harm: the clock moves between the question and the verdict."""

    def harm(t: Trial) -> None:
        def judge(*given: object) -> object:
            t.rig.later(**delta)
            return t.rig.judge(*given)  # type: ignore[arg-type] # as the broker hands them on

        t.but(judge=judge)

    return harm


def stored(method: str, error: Exception) -> Callable[[Trial], object]:
    """Harm: one call of the database fails."""
    return lambda t: t.patch.setattr(t.rig.store, method, t.raising(error))


def slow(method: str) -> Callable[[Trial], object]:
    """Harm: one call of the database takes a minute."""
    return lambda t: t.patch.setattr(t.rig.store, method, t.slowly(getattr(t.rig.store, method)))


def rows(statement: str) -> Callable[[Trial], object]:
    """Harm: somebody writes into the broker's database."""
    return lambda t: f.database(t, lambda db: db.execute(statement))


def unwrapping(work: Callable[[Trial, Callable[..., object]], Callable[..., object]]) -> Callable[[Trial], object]:
    """Harm: the back end opens otherwise than it should."""
    return lambda t: t.patch.setattr(t.rig.keys, "unwrap", work(t, t.rig.keys.unwrap))


def no_keys(error: Exception) -> Callable[[Trial], object]:
    """Harm: the back end does not open."""
    return unwrapping(lambda t, _: t.raising(error))


def decided(work: Callable[[Trial], Callable[[Decision], Receipt]]) -> Callable[[Trial], object]:
    """Harm: another log decides."""
    return part(log=lambda t: f.DecidedBy(work(t)))


def bad(work: Callable[[Trial], object]) -> Callable[[Trial], object]:
    """Harm, and evidence that would be denied."""

    def harm(t: Trial) -> None:
        work(t)
        t.body = b.answer(bytes(32))

    return harm


def later_than_logged(**delta: float) -> Callable[[Trial], object]:
    """Harm: the clock moves while the release is written to the log."""

    def harm(t: Trial) -> None:
        def decide(decision: Decision) -> Receipt:
            done = t.rig.log.decide(decision)
            if decision.outcome == "allow":
                t.rig.later(**delta)
            return done

        t.but(log=f.DecidedBy(decide))

    return harm


def in_another_log(t: Trial) -> Callable[[Decision], Receipt]:
    """The receipts are those of a log that the back end does not trust; ours has the denials."""
    place = Place(str(t.rig.folder / "other"))
    create(place)
    other = Log.open(place, offline=True)
    t.mend.append(other.close)
    return lambda d: other.decide(d) if d.outcome == "allow" else t.rig.log.decide(d)


def anothers_receipt(t: Trial) -> Callable[[Decision], Receipt]:
    """The receipt is one of just now, for the same resource, of somebody else's request."""

    def decide(decision: Decision) -> Receipt:
        if decision.outcome != "allow":
            return t.rig.log.decide(decision)
        return t.rig.log.decide(msgspec.structs.replace(decision, id="another", actor=f.ANOTHER, outcome="allow"))

    return decide


def loses_witnesses(t: Trial) -> Callable[[Decision], Receipt]:
    """The release is in the log, and its receipt is not to be had."""

    def decide(decision: Decision) -> Receipt:
        done = t.rig.log.decide(decision)
        if decision.outcome == "allow":
            raise LogUnavailable("log", "one of two witnesses", "the quorum of witnesses")
        return done

    return decide


def policy(change: Callable[[ReleasePolicy], ReleasePolicy | None]) -> Callable[[Trial], object]:
    """Harm: the release policy is another by the time that the resource is asked for."""

    def harm(t: Trial) -> None:
        assert t.rig.policy is not None
        changed = change(t.rig.policy)
        t.but(policy=lambda: changed)

    return harm


def rolled_back(t: Trial) -> None:
    """An older version of the release policy lies where the newer one was."""
    assert t.rig.policy is not None
    held = t.rig.policy
    t.rig.store.in_force(held.name, held.version + 1, "sha256:newer")

    def read() -> ReleasePolicy:
        t.rig.store.in_force(held.name, held.version, held.digest)
        return held

    t.but(policy=read)


def revoked(what: What) -> Callable[[Trial], object]:
    """Harm: somebody revokes what the attestation rests on."""

    def harm(t: Trial) -> None:
        t.rig.known = None
        held = t.rig.store.attestation(t.rig.tokens.session(t.cookie, t.rig.now).id)
        assert held is not None
        w = held.workload
        value = {
            What.MEASUREMENT: next(iter(w.measured.values())),
            What.CHIP: w.subjects[-1],
            What.KEY: w.key,
            What.IMAGE: IMAGE,
            What.POLICY: w.policy,
            What.REFERENCE: w.references[0],
            What.RESOURCE: b.WEIGHTS,
            What.VERSION: version_name(b.WEIGHTS, 1),
        }[what]
        t.rig.store.revoke(Revocation(what, value, f"revoked {what.value}", t.rig.now, "ops"))

    return harm


def replayed(t: Trial) -> None:
    """The answer of an earlier handshake, to a new challenge."""
    before = t.body
    t.again()
    t.body = before


def answered_twice(t: Trial) -> None:
    """The same answer to the same challenge, again."""
    t.rig.broker.attest(t.challenge.cookie, t.body)


def anothers_key(t: Trial) -> None:
    """Evidence of one key's holder, shown with the key of another."""
    n = b.nonce_of(t.challenge.body)
    t.body = b.answer(n, c.Node(count=0, signed=c.Node(runtime=c.runtime(n)).digest), key=c.OTHER)


def anothers_session(t: Trial) -> None:
    """The session of an attested workload, answered again with good evidence for another key."""
    t.rig.broker.attest(t.challenge.cookie, t.body)
    t.body = b.answer(b.nonce_of(t.challenge.body), key=c.OTHER)


def not_attested(t: Trial) -> None:
    """A session of one's own, that never was attested."""
    t.cookie = t.challenge.cookie


IMAGE = "sha256:" + "44" * 32
DOWN = KeyUnavailable("memory", "no answer in 5 s", "a back end that answers")
NEVER = "nothing left by the decision"

MATRIX: Mapping[str, Mapping[str, Cell]] = {
    "a verifier that fails unforeseen": {ATTEST: Cell(fails("judge", UNFORESEEN), 503, "Unforeseen at")},
    "a verifier without end": {ATTEST: Cell(fails("judge", RecursionError(f.CANARY)), 503, "RecursionError at")},
    "a verifier that refuses its policy": {ATTEST: Cell(fails("judge", Malformed("policy", "x", "y")), 401, "attest.judging")},
    "a verifier that takes a minute": {ATTEST: Cell(while_judging(seconds=61), 503, "61.000 s")},
    "no endorsements": {ATTEST: Cell(judged(endorsements=lambda _: Endorsements()), 401, "composite.parts")},
    "endorsements that nobody can read": {ATTEST: Cell(fails("judging", Unreadable("file", "gone", "it")), 401, "attest.judging")},
    "endorsements that are stale": {ATTEST: Cell(of_another_time(days=3650), 401, "composite.parts")},
    "evidence of the future": {ATTEST: Cell(of_another_time(days=-3650), 401, "composite.parts")},
    "the clock goes on": {
        ATTEST: Cell(passes(minutes=6), 401, "a session that is over"),
        RESOURCE: Cell(passes(minutes=6), 401, "a session that is over"),
        UNWRAP: Cell(later_than_logged(minutes=6), 503, NEVER),
    },
    "the clock goes back": {
        ATTEST: Cell(passes(hours=-1), 401, "a session of the future"),
        RESOURCE: Cell(passes(hours=-1), 401, "release.appraisal: the appraisal is of the future"),
        UNWRAP: Cell(later_than_logged(hours=-1), 503, NEVER),
    },
    "the clock goes back meanwhile": {
        ATTEST: Cell(while_judging(hours=-1), 503, "-3600.000 s"),
        UNWRAP: Cell(later_than_logged(seconds=-1), 503, NEVER),
    },
    "a log that is down": {
        ATTEST: Cell(bad(decided(lambda t: t.raising(NO_LOG))), 503, None),
        RESOURCE: Cell(decided(lambda t: t.raising(NO_LOG)), 503, None),
    },
    "a log that is full": {
        ATTEST: Cell(bad(lambda t: t.patch.setattr(t.rig.log.storage, "commit", t.raising(NO_LOG))), 503, None),
        RESOURCE: Cell(lambda t: t.patch.setattr(t.rig.log.storage, "commit", t.raising(NO_LOG)), 503, None),
    },
    "a log that is damaged": {
        ATTEST: Cell(bad(decided(lambda t: t.raising(LogDamaged("log", "x", "y")))), 503, None),
        RESOURCE: Cell(decided(lambda t: t.raising(LogDamaged("log", "x", "y"))), 503, None),
    },
    "a log that fails unforeseen": {
        ATTEST: Cell(bad(decided(lambda t: t.raising(UNFORESEEN))), 503, None),
        RESOURCE: Cell(decided(lambda t: t.raising(UNFORESEEN)), 503, None),
    },
    "a log that takes a minute": {UNWRAP: Cell(later_than_logged(seconds=61), 503, NEVER)},
    "a log without its witnesses": {UNWRAP: Cell(decided(loses_witnesses), 503, NEVER)},
    "a receipt of another log": {UNWRAP: Cell(decided(in_another_log), 503, NEVER)},
    "a receipt of another's request": {UNWRAP: Cell(decided(anothers_receipt), 503, "a receipt of another decision")},
    "a database that is locked": {ATTEST: Cell(f.locked, 503, "locked"), RESOURCE: Cell(f.locked, 503, "locked")},
    "a database that is full": {ATTEST: Cell(f.full, 503, "full"), RESOURCE: Cell(f.full, 503, "full")},
    "a database that is none": {
        ATTEST: Cell(f.damaged, 503, "not a database"),
        RESOURCE: Cell(f.damaged, 503, "not a database"),
    },
    "a database that takes a minute": {
        RESOURCE: Cell(slow("held"), 503, "61.000 s"),
        UNWRAP: Cell(slow("settle"), 503, NEVER),
    },
    "a database that fails unforeseen": {
        ATTEST: Cell(stored("attested", UNFORESEEN), 503, "Unforeseen at"),
        RESOURCE: Cell(stored("held", UNFORESEEN), 503, "Unforeseen at"),
        UNWRAP: Cell(stored("settle", UNFORESEEN), 503, "Unforeseen at"),
    },
    "rows that are none": {
        RESOURCE: Cell(rows("UPDATE broker_attestation SET workload = '{'"), 503, "broker database"),
        UNWRAP: Cell(rows("UPDATE broker_resource SET owners = '{'"), 503, "release.refused", lasting=True),
    },
    "a back end that is down": {UNWRAP: Cell(no_keys(DOWN), 503, NEVER)},
    "a back end that is not open": {UNWRAP: Cell(part(keys=lambda _: {}), 503, NEVER)},
    "a back end that fails unforeseen": {UNWRAP: Cell(no_keys(UNFORESEEN), 503, "Unforeseen at")},
    "a back end that takes a minute": {UNWRAP: Cell(unwrapping(lambda t, held: t.slowly(held)), 503, NEVER)},
    "a back end that gives no secret": {UNWRAP: Cell(unwrapping(lambda _t, _held: lambda *_: None), 503, NEVER)},
    "another resource's octets": {
        UNWRAP: Cell(
            rows("UPDATE broker_resource SET blob = (SELECT blob FROM broker_resource WHERE name LIKE '%other')"),
            503,
            NEVER,
            lasting=True,
        ),
    },
    "chance that fails": {
        AUTH: Cell(fails("chance", FULL), 503, None),
        RESOURCE: Cell(fails("chance", FULL), 503, "OSError at"),
    },
    "no release policy": {RESOURCE: Cell(policy(lambda _: None), 401, "release.policy")},
    "a release policy without rules": {RESOURCE: Cell(policy(lambda p: but(p, rules=())), 401, "release.policy")},
    "a release policy without owners": {RESOURCE: Cell(policy(lambda p: but(p, owners=())), 401, "release.owners")},
    "a release policy that nobody signed": {RESOURCE: Cell(fails("policy", BadSignature("policy", "x", "y")), 503, "policy")},
    "a release policy that is gone": {RESOURCE: Cell(fails("policy", Unreadable("policy", "gone", "it")), 503, "gone")},
    "a release policy that was rolled back": {RESOURCE: Cell(rolled_back, 503, "was in force")},
    "no policy of appraisal": {
        AUTH: Cell(fails("algorithm", Unreadable("policy", "gone", "it")), 503, None),
        ATTEST: Cell(fails("judging", Unreadable("policy", "gone", "it")), 401, "attest.judging"),
        RESOURCE: Cell(fails("judging", Unreadable("policy", "gone", "it")), 503, "gone"),
    },
    "another policy of appraisal": {
        ATTEST: Cell(judged(policy=lambda j: but(j.policy, composite=but(j.policy.composite, hash="sha512"))), 401, "before the policy changed"),
        RESOURCE: Cell(judged(policy=lambda j: but(j.policy, name="stricter")), 401, "another policy of appraisal"),
    },
    "no reference values": {ATTEST: Cell(judged(references=lambda _: ReferenceValues((), "")), 401, "composite.parts")},
    "evidence that was replayed": {ATTEST: Cell(replayed, 401, "composite.challenge")},
    "an answer that was given before": {ATTEST: Cell(answered_twice, 401, "answered before")},
    "evidence with another's key": {ATTEST: Cell(anothers_key, 401, "composite.root_bound")},
    "another's session": {ATTEST: Cell(anothers_session, 401, "answered before"), RESOURCE: Cell(not_attested, 401, None)},
    **{f"a {w.value} that was revoked": {RESOURCE: Cell(revoked(w), 401, f"revoked {w.value}", lasting=True)} for w in What},
}  # fmt: skip


def but(held: T, **fields: object) -> T:
    """A record with other fields."""
    return msgspec.structs.replace(held, **fields)


CELLS = {f"{fault}, {moment}": (moment, cell) for fault, row in MATRIX.items() for moment, cell in row.items()}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[b.Rig]:
    """A broker in a folder, with a second resource, and references that say which image they are of."""
    made = b.Rig(tmp_path)
    known = made.node.inputs().references.items
    made.known = ReferenceValues(tuple(but(r, name="worker", version="1.4", image=IMAGE) for r in known), "made up")
    made.store.deposit(made.keys.wrap(Secret(b"another secret"), "models/tokens/other", 1, (b.OWNER,)), made.now)
    yield made
    made.log.close()
    made.store.close()


@pytest.mark.parametrize(("moment", "cell"), CELLS.values(), ids=CELLS)
def test_what_fails_denies(
    rig: b.Rig, moment: str, cell: Cell, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The fault ends in a refusal that says nothing; the log has the denial, no release without it, and nothing leaks."""
    trial = Trial(rig, monkeypatch, moment)
    before = rig.now
    outcome = f.run(trial, cell)
    told = outcome.told
    assert told.status == cell.status
    assert told.public in ("nothing can be released now", "the evidence was not accepted", "the resource is not released", "there is no session; begin with auth")  # fmt: skip
    if cell.said is None:
        assert not outcome.logged
        assert told.status == 503 or "not attested" in str(told)
    else:
        assert outcome.logged[-1].kind is EntryKind.DENIAL
        assert cell.said in str(outcome.logged[-1].fields["reasons"])
    assert f.nothing_left(outcome.logged)
    seen = f.all_told(outcome) + "".join(capfd.readouterr())
    seen += "".join(p.read_bytes().decode("latin-1") for p in rig.folder.rglob("*") if p.is_file())
    for secret in (f.CANARY, b.SECRET.decode(), b.SECRET.hex()):
        assert secret not in seen
    if not cell.lasting:
        rig.now = before
        cookie, _ = b.attested(rig)
        assert b.opened(resource(rig.broker, b.WEIGHTS, cookie)) == b.SECRET


@pytest.mark.parametrize("moment", [AUTH, ATTEST, RESOURCE, UNWRAP])
def test_without_a_fault_each_moment_goes_well(rig: b.Rig, moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each trial of the matrix would succeed but for its fault."""
    assert Trial(rig, monkeypatch, moment).act()


def test_a_session_of_another_gives_nothing_to_read(rig: b.Rig) -> None:
    """Whoever uses another's session or token has octets that open under the other's key alone."""
    cookie, token = b.attested(rig)
    rig.policy = but(rig.policy, rules=(rig.rule(uses=2),))
    for octets in (resource(rig.broker, b.WEIGHTS, cookie), resource(rig.broker, b.WEIGHTS, token=token)):
        with pytest.raises(BadSignature):
            b.opened(octets, c.OTHER)
        assert b.SECRET not in json.dumps(octets.decode()).encode()
