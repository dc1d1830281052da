"""A release policy in words, and a commented one to begin with."""

from collections.abc import Iterator

from strongroom.model.release import Demand, Issue, Rule

EXAMPLE = """\
# What may be released to which workloads. Nothing leaves that no rule names.
schema = "strongroom.release-policy/1"
name = "weights"
version = 1            # only rises: an older version never comes into force again

# An owner of resources. His rules count once `threshold` of his keys have signed this file:
#   strongroom log keygen lab-a --type log -o lab-a.key     (offline; prints the public half)
#   strongroom release policy sign FILE --key lab-a.key
[[owner]]
name = "lab-a"
keys = ["lab-a+REPLACE+REPLACE"]
threshold = 1

[[rule]]
resource = "models/weights/*"   # REPOSITORY/TYPE/TAG; * stands for anything within a segment
uses = 1                        # how often one attestation may have it
lease_minutes = 10.0            # for how long after the attestation
per_hour = 600                  # releases of the resource by everybody together
approvals = 0                   # how many of `approvers` must have approved
# approvers = ["ann+REPLACE+REPLACE"]
# break_glass = true            # a person may take it without attestation; needs approvals
# recipients = ["lab-a"]        # who alone may get an output of the workload: nobody, where none is named

# [rule.issue]                  # the resource is the key of an authority: it gives certificates, and never leaves
# spiffe = "spiffe://lab.example/aggregation/rank"
# dns = ["rank.lab.example"]
# minutes = 60.0                # and never longer than the appraisal
# usages = ["client", "server"]

# What each owner demands. All owners' demands must hold for the same workload; each list is of alternatives.
[rule.owners.lab-a]
references = ["worker 1.4"]     # names of signed reference values: what may run
# kinds = ["snp", "tdx"]        # what made the evidence
# policies = ["sha256:..."]     # appraisal policies by which it must have been judged
# measured = { pcr9 = ["hex"] } # registers and accepted values
# require = ['claims.debug == false']   # CEL over the claims of the appraisal
max_age_minutes = 5.0           # how old the appraisal may be

# Somebody who may get outputs:   strongroom release recipient lab-a --key lab-a.pem
# [[recipient]]
# name = "lab-a"
# key = { kty = "EC", crv = "P-256", x = "...", y = "..." }
"""


def of_rule(rule: Rule) -> Iterator[str]:
    """What must hold for a release, whoever owns the resource."""
    times = "once" if rule.uses == 1 else f"{rule.uses} times"
    yield f"{times} an attestation, within {rule.lease_minutes:g} minutes of it, at most {rule.per_hour} an hour"
    if rule.approvals:
        yield f"{rule.approvals} of {len(rule.approvers)} approvers have approved, for the key that asks"
    if rule.break_glass:
        yield "a person may take it without attestation, with those approvals, and loudly"
    if rule.issue is not None:
        yield from _of_issue(rule.issue)
    if rule.recipients:
        yield f"outputs go to {_and(rule.recipients)}, and to nobody else"


def _of_issue(issue: Issue) -> Iterator[str]:
    names = f", also {_and(issue.dns)}" if issue.dns else ""
    yield f"it never leaves: the attested key gets a certificate as {issue.spiffe}{names}"
    yield f"the certificate is for {_and(issue.usages)}, and lasts {issue.minutes:g} minutes or as long as the appraisal"


def of_demand(demand: Demand) -> Iterator[str]:
    """What one owner demands."""
    if demand.kinds:
        yield f"evidence of {_either([k.value for k in demand.kinds])}"
    if demand.references:
        yield f"runs {_either(demand.references)}, by signed reference values"
    for register, values in sorted(demand.measured.items()):
        yield f"{register} is {_either([_short(v) for v in values])}"
    if demand.policies:
        yield f"appraised by {_either([_short(p) for p in demand.policies])}"
    if not (demand.references or demand.measured):
        yield "what runs is only what that appraisal policy lets through"
    yield from (f"{text} is true" for text in demand.require)
    yield f"appraised at most {demand.max_age_minutes:g} minutes ago"


def _and(texts: tuple[str, ...]) -> str:
    return " and ".join(_short(t) for t in texts)


def _either(texts: list[str] | tuple[str, ...]) -> str:
    return " or ".join(texts)


def _short(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:23]}…"
