"""The loop over steps, the sum of their results, and the comparisons that every verifier makes."""

from collections.abc import Sequence
from datetime import timedelta

import minted_x509 as x
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.attest import matching
from strongroom.attest.appraise import appraise
from strongroom.attest.policy import Policy, SnpPolicy, read
from strongroom.attest.steps import MOST, Outcome, Step, compare, failed, passed, run, shown, unchecked
from strongroom.attest.verifier import Conclusion, Inputs, Verifier
from strongroom.kit.x509.certificate import parse
from strongroom.model.attest import (
    Appraisal,
    Aspect,
    Endorsement,
    EndorsementKind,
    Endorsements,
    Evidence,
    EvidenceKind,
    EvidencePart,
    Reference,
    ReferenceValues,
    StepVerdict,
    Tier,
)
from strongroom.model.errors import BadSignature, Malformed, TooLarge

OUTCOMES = {"pass": passed("p"), "fail": failed("f", "w"), "not-checked": unchecked("why")}


def step(name: str, outcome: Outcome = OUTCOMES["pass"], worst: int = 99, **fields: object) -> Step[object]:
    """A step of a made-up verifier that answers an outcome."""
    aspect = fields.pop("aspect", Aspect.HARDWARE)
    return Step(f"x.{name}", name, "spec", lambda _: outcome, aspect, worst, **fields)  # type: ignore[arg-type] # a record's


def judged(steps: Sequence[Step[object]], policy: Policy | None = None) -> Appraisal:
    """The appraisal of a verifier with the steps."""
    verifier: Verifier[object] = Verifier(
        EvidenceKind.SNP,
        "made up",
        "spec",
        recognises=lambda _: 0,
        read=lambda d: (EvidencePart("report", "x", d),),
        wants=lambda _: (),
        begin=lambda _: object(),
        steps=tuple(steps),
        conclude=lambda _: Conclusion("it", {"a": 1}, (x.NOW + x.DAY,), b"key"),
        fields=lambda _: (),
    )
    evidence = Evidence(EvidenceKind.SNP, verifier.read(b"octets"))
    return appraise(verifier, Inputs(evidence, Endorsements(), ReferenceValues(), policy or Policy(), x.NOW))


@pytest.mark.parametrize("error", [Malformed, BadSignature, TooLarge])
def test_bad_input_within_a_step_is_its_failure(error: type[Malformed]) -> None:
    """What a reader of hostile octets raises fails the step that read them, with its words and its hint."""

    def judge(_: object) -> Outcome:
        raise error("thing", "this", "that", "do so")

    (found,) = run([Step("x.a", "a", "s", judge, Aspect.HARDWARE, 99)], None, {})
    assert (found.verdict, found.found, found.wanted, found.advice) == ("fail", "thing: this", "that", "do so")


def test_another_exception_is_a_fault_of_the_program() -> None:
    """Only bad input becomes a failure; a fault is never taken for a verdict."""
    with pytest.raises(ZeroDivisionError):
        run([Step("x.a", "a", "s", lambda _: passed(str(1 // 0)), Aspect.HARDWARE, 99)], None, {})


@pytest.mark.parametrize("first", ["fail", "not-checked"])
def test_a_step_says_nothing_without_what_it_needs(first: str) -> None:
    """It is not checked, by the name of the step that it comes after, and so are those that come after it."""
    steps = [step("a", OUTCOMES[first]), step("b", needs=("x.a",)), step("c", needs=("x.b",)), step("d")]
    found = run(steps, None, {})
    assert [s.verdict for s in found] == [first, "not-checked", "not-checked", "pass"]
    assert [s.reason for s in found[1:3]] == ["after x.a", "after x.b"]


def test_only_a_waivable_step_is_waived() -> None:
    """The loop itself runs a step that may not be waived, whatever it is told."""
    steps = [step("a", OUTCOMES["fail"]), step("b", OUTCOMES["fail"], waivable=True), step("c", needs=("x.b",))]
    found = run(steps, None, {"x.a": "no", "x.b": "for a reason"})
    assert [(s.verdict.value, s.waived) for s in found] == [("fail", False), ("not-checked", True), ("pass", False)]
    assert not found[1].mandatory


def test_an_optional_step_counts_when_it_is_asked_for() -> None:
    """Not asked it changes nothing; asked and not checked it leaves the appraisal incomplete."""
    optional = step("a", OUTCOMES["not-checked"], mandatory=False)
    asked = step("a", unchecked("no number", asked=True), mandatory=False)
    assert judged([optional]).opens
    assert (judged([asked]).opens, judged([asked]).complete) == (False, False)
    assert not judged([step("a", OUTCOMES["fail"], mandatory=False)]).opens


@given(
    st.lists(st.tuples(st.sampled_from(list(OUTCOMES)), st.sampled_from([32, 33, 96, 99]), st.booleans()), max_size=6)
)
def test_the_sum_is_never_better_than_its_parts(parts: list[tuple[str, int, bool]]) -> None:
    """It opens only where every mandatory step passed and none failed; a failure is never affirming."""
    steps = [step(str(n), OUTCOMES[o], w, mandatory=m) for n, (o, w, m) in enumerate(parts)]
    found = judged(steps)
    refused = any(o == "fail" for o, _, _ in parts)
    left = any(o == "not-checked" and m for o, _, m in parts)
    assert found.complete == (not left)
    assert found.opens == (not refused and not left)
    if refused:
        worst = max(w for o, w, _ in parts if o == "fail")
        assert found.tier is (Tier.WARNING if worst < 96 else Tier.CONTRAINDICATED)
        assert found.vector["hardware"] == worst
    else:
        assert found.tier is (Tier.NONE if left else Tier.AFFIRMING)


def test_the_vector_says_nothing_of_what_was_not_checked() -> None:
    """An aspect with a mandatory step not checked claims nothing, and others keep their claim."""
    steps = [
        step("a"),
        step("b", OUTCOMES["not-checked"]),
        step("c", aspect=Aspect.RUNTIME),
        step("d", OUTCOMES["fail"], 33, aspect=Aspect.EXECUTABLES),
    ]
    assert judged(steps).vector == {"hardware": 0, "runtime-opaque": 2, "executables": 33}


@given(st.text(max_size=400))
def test_what_evidence_says_is_shown_on_one_line(text: str) -> None:
    """Text from evidence is printable, bounded, and unchanged where it was both."""
    found = shown(text)
    assert found.isprintable()
    assert len(found) <= MOST
    assert found == text or not text.isprintable() or len(text) > MOST


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (Policy(unchecked={"x.none": "for a reason"}), "x.none"),
        (Policy(unchecked={"x.a": "for a reason"}), "x.a"),
    ],
)
def test_a_policy_that_is_misunderstood_opens_nothing(policy: Policy, message: str) -> None:
    """A step that does not exist, or must be checked, cannot be named unchecked."""
    with pytest.raises(Malformed, match=message):
        judged([step("a"), step("b", waivable=True)], policy)


def test_a_policy_for_other_kinds_is_none_of_this_one() -> None:
    """Names of another kind's steps are left to that kind."""
    assert judged([step("a")], Policy(unchecked={"tdx.anything": "for a reason"})).opens


def test_an_expression_that_nobody_answers_leaves_the_appraisal_open() -> None:
    """What the policy demands in its own words is a step; without an answer it is not checked."""
    found = judged([step("a")], Policy(require=("claims.a == 1",)))
    assert (found.steps[-1].id, found.steps[-1].verdict, found.complete) == ("policy.require.1", "not-checked", False)


def test_it_ends_with_the_policys_age_or_before() -> None:
    """The earlier of what the verifier says and the policy's age."""
    assert judged([step("a")], Policy(max_age_hours=1)).expires_at == x.NOW + timedelta(hours=1)
    assert judged([step("a")], Policy(max_age_hours=99)).expires_at == x.NOW + x.DAY


# Comparisons


@given(st.binary(min_size=1, max_size=64), st.binary(max_size=70))
def test_a_challenge_is_the_octets_and_zeros_behind(signed: bytes, asked: bytes) -> None:
    """Nothing but the challenge, with zeros up to the size of the field, answers it."""
    found = matching.challenge(signed, asked).verdict is StepVerdict.PASS
    assert found == (len(asked) <= len(signed) and signed == asked + bytes(len(signed) - len(asked)))
    assert matching.challenge(signed, signed).verdict is StepVerdict.PASS


def test_values_are_compared_as_octets() -> None:
    """Upper and lower case of a policy's hexadecimal are the same; an empty list asks nothing."""
    assert matching.one_of(b"\xab", ("AB",), "x").verdict == "pass"
    assert matching.one_of(b"\xab", ("abab",), "x").verdict == "fail"
    assert matching.one_of(b"\xab", (), "x").verdict == "not-checked"
    assert (compare("a", "a").verdict, compare("a", "b").verdict) == ("pass", "fail")


def references(*values: dict[str, tuple[str, ...]], kind: EvidenceKind = EvidenceKind.SNP) -> ReferenceValues:
    return ReferenceValues(tuple(Reference(kind, f"r{n}", v) for n, v in enumerate(values)))


@pytest.mark.parametrize(
    ("known", "wanted"),
    [
        (ReferenceValues(), "not-checked"),
        (ReferenceValues(trouble="nobody signed them"), "not-checked"),
        (references({"a": ("1",)}, kind=EvidenceKind.TDX), "not-checked"),
        (references({"a": ("1",)}), "pass"),
        (references({"a": ("2", "1")}), "pass"),
        (references({"a": ("1",), "b": ("2",)}), "pass"),
        (references({"a": ("1",), "b": ("3",)}), "fail"),
        (references({"a": ("1",), "c": ("1",)}), "fail"),
        (references({"a": ("2",)}, {"b": ("2",)}), "pass"),
        (references({"a": ("2",)}, {"b": ("1",)}), "fail"),
        (references({}), "fail"),
        (references({"c": ("",)}), "fail"),
        (references({"a": ()}), "fail"),
    ],
)
def test_a_reference_fits_as_a_whole(known: ReferenceValues, wanted: str) -> None:
    """One reference must name every register that it speaks of as it is; none at all is unknown, never a match."""
    assert matching.reference(known, EvidenceKind.SNP, {"a": "1", "b": "2"}).verdict == wanted


ROOT = x.Subject("root", x.ec_key(1), x.authority(), serial=1)
LEAF = x.Subject("leaf", x.ec_key(2), serial=5)
CHAIN = (parse(x.certificate(LEAF, ROOT)), parse(x.certificate(ROOT, ROOT)))


def lists(*made: bytes) -> Endorsements:
    return Endorsements(tuple(Endorsement(EndorsementKind.CRL, m) for m in made))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (lists(), "not-checked"),
        (lists(b"no list"), "not-checked"),
        (lists(x.revocations(LEAF)), "not-checked"),
        (lists(x.revocations(ROOT)), "pass"),
        (lists(x.revocations(ROOT, x.Listing(serials=(4, 6)))), "pass"),
        (lists(x.revocations(ROOT, x.Listing(serials=(5,)))), "fail"),
        (lists(x.revocations(ROOT, x.Listing(ends=x.NOW - x.DAY))), "fail"),
        (lists(x.revocations(ROOT, x.Listing(begins=x.NOW + x.DAY))), "fail"),
        (
            lists(
                x.revocations(ROOT, x.Listing(begins=x.NOW - 9 * x.DAY)),
                x.revocations(ROOT, x.Listing(serials=(5,))),
            ),
            "fail",
        ),
        (lists(b"no list", x.revocations(ROOT)), "pass"),
    ],
)
def test_a_current_list_must_not_name_the_chain(given: Endorsements, wanted: str) -> None:
    """The newest list of the issuer counts: stale, of tomorrow or naming a certificate it fails, and none is unknown."""
    assert matching.not_revoked(given, CHAIN[1], CHAIN[:1], x.NOW).verdict == wanted


def test_validity_is_of_the_whole_chain() -> None:
    """One certificate out of its time is enough, and is named."""
    assert matching.valid_now(CHAIN, x.NOW).verdict == "pass"
    late = matching.valid_now(CHAIN, LEAF.ends + timedelta(seconds=1))
    assert (late.verdict, "leaf" in late.found) == ("fail", True)


# Policy


@pytest.mark.parametrize(
    ("table", "field"),
    [
        ({"schema": "other/1"}, "schema"),
        ({"debug": True}, "debug"),
        ({"snp": {"debugging": False}}, "debugging"),
        ({"snp": {"debug": "no"}}, "bool"),
        ({"snp": {"max_vmpl": 1.5}}, "max_vmpl"),
        ({"max_age_hours": 0}, "max_age_hours"),
        ({"unchecked": {"snp.crl": "because"}}, "snp.crl"),
        ({"snp": {"min_tcb": {"Milan": {"ucode": 1}}}}, "ucode"),
    ],
)
def test_a_policy_that_says_something_unknown_is_refused(table: dict[str, object], field: str) -> None:
    """A misspelt or mistyped field is an error by its name, never a demand that is silently dropped."""
    with pytest.raises(Malformed, match=field):
        read(table, "policy")


def test_an_empty_policy_is_closed() -> None:
    """Without a word it allows no debugging, no migration and no lower level, and takes no old platform."""
    policy = read({}, "policy")
    assert policy == Policy()
    s: SnpPolicy = policy.snp
    assert (s.debug, s.migrate_ma, s.max_vmpl, s.smt, s.min_tcb) == (False, False, 0, None, None)
    assert (policy.tdx.debug, policy.tdx.tcb_status, policy.sgx.debug, policy.nitro.debug) == (
        *(False, ("UpToDate",), False, False),
    )
