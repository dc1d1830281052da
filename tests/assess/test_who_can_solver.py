"""Whether a policy lets somebody read any object at all, against a solver that looks for the name of one.

The other oracle asks chosen objects; here z3 looks through all names, which patterns of the policies cut as they like.
"""

import os

import z3
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from who_accounts import WEIGHTS, bucket, role, role_arn, verdicts

CASES = 10_000 if os.getenv("STRONGROOM_FUZZ") else 100
PIECES = st.lists(st.sampled_from(("a", "b", "/", "*", "?", "ab")), min_size=1, max_size=4).map("".join)
PATTERNS = st.lists(PIECES, min_size=1, max_size=3)
ACTIONS = st.lists(st.sampled_from(("s3:GetObject", "s3:GetObj*", "s3:Get?bject", "s3:PutObject")), min_size=1, max_size=2)  # fmt: skip
RULES = st.lists(st.tuples(ACTIONS, st.booleans(), PATTERNS), max_size=3)


def _language(pattern: str) -> z3.ReRef:
    """A pattern as a regular language."""
    any_one = z3.AllChar(z3.ReSort(z3.StringSort()))
    parts = [z3.Star(any_one) if c == "*" else any_one if c == "?" else z3.Re(c) for c in pattern]
    return z3.Concat(*parts) if len(parts) > 1 else parts[0]


def _covers(action: str) -> bool:
    return action != "s3:PutObject"  # which reads nothing


def _speaks(name: z3.SeqRef, rule: tuple[list[str], bool, list[str]]) -> z3.BoolRef:
    actions, inverted, patterns = rule
    if not any(map(_covers, actions)):
        return z3.BoolVal(val=False)
    within = z3.Or([z3.InRe(name, _language(p)) for p in patterns])
    return z3.Not(within) if inverted else within


Rules = list[tuple[list[str], bool, list[str]]]


def readable(allows: Rules, denies: Rules, bucket_denies: Rules) -> bool:
    """Whether some object has a name that is allowed and not denied."""
    name = z3.String("name")
    solver = z3.Solver()
    solver.set("timeout", 3_000)
    solver.add(z3.Length(name) > 0)
    solver.add(z3.Or([_speaks(name, r) for r in allows]))
    solver.add(*[z3.Not(_speaks(name, r)) for r in (*denies, *bucket_denies)])
    found = solver.check()
    if found == z3.unknown:  # no second opinion: of some languages z3 gives none in minutes
        reject()
    return found == z3.sat


def _statement(rule: tuple[list[str], bool, list[str]]) -> tuple[list[str], dict[str, object]]:
    actions, inverted, patterns = rule
    return actions, {"NotResource" if inverted else "Resource": [f"{WEIGHTS}/{p}" for p in patterns]}


def _said(effect: str, rules: Rules, **more: object) -> list[dict[str, object]]:
    return [{"Effect": effect, "Action": a, **on, **more} for a, on in map(_statement, rules)]


@settings(max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(RULES.filter(bool), RULES, RULES)
def test_fuzz_a_solver_finds_an_object_where_who_can_says_so(allows: Rules, denies: Rules, others: Rules) -> None:
    """A role reads the bucket exactly where z3 finds the name of an object that is allowed and nowhere denied."""
    principal = {"Principal": {"AWS": role_arn("r")}}
    made = [
        bucket(*_said("Deny", others, **principal)),
        role("r", *_said("Allow", allows), *_said("Deny", denies)),
    ]
    found = verdicts("read", "aws_s3_bucket.weights", *[r for several in made for r in several])
    assert found["r"] == ("ALLOW" if readable(allows, denies, others) else "DENY")
