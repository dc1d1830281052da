"""How far a denial holds: by clause and namespace, from observing to denying; nothing is denied before it was looked at."""

from strongroom.model.isolate import Mode, Reason, Rule, Verdict

_ORDER = {Mode.OBSERVE: 0, Mode.WARN: 1, Mode.DENY: 2}
CLUSTER = ""  # the namespace of what has none


def mode(rule: Rule, verdict: Verdict, namespace: str, *, reviewed: bool) -> Mode:
    """What becomes of a denial: of its reasons, the one that is enforced the most decides.

    `reviewed`: somebody has looked at a report of what would be denied. Without that, `deny` is `warn`.
    """
    found = max(
        (_one(rule, reason, namespace) for reason in verdict.reasons), key=_ORDER.__getitem__, default=Mode.OBSERVE
    )
    return Mode.WARN if found is Mode.DENY and not reviewed else found


def _one(rule: Rule, reason: Reason, namespace: str) -> Mode:
    rollout = rule.rollout
    if namespace in rollout.namespaces:
        return rollout.namespaces[namespace]
    parts = reason.clause.split(".")
    for number in range(len(parts), 0, -1):
        clause = ".".join(parts[:number])
        if clause in rollout.clauses:
            return rollout.clauses[clause]
    return rollout.default
