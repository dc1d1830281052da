"""Sentences for people, joined from a finding's code and arguments. Doors and reports use these and write no others."""

from collections.abc import Collection

from strongroom.model.codes import FindingCode, GapCode
from strongroom.model.control import Finding, Fix
from strongroom.model.estate import Fact
from strongroom.model.ports import Catalogue
from strongroom.model.values import Key, NetRule, Statement, Unknown, Value

WITHHELD = "(sensitive)"
LONGEST = 160

ANSWERS = {
    GapCode.DENIED: "grant the permission that is named, and read again",
    GapCode.ABSENT: "give the file, device or interface that is missing, or read where it exists",
    GapCode.MALFORMED: "correct the input so that it parses",
    GapCode.DUPLICATE_KEY: "leave one of the two values under the key",
    GapCode.NOT_UTF8: "save the file as UTF-8",
    GapCode.TOO_LARGE: "split the input, or raise the limit on purpose",
    GapCode.TIMEOUT: "read a smaller part, or raise the time limit on purpose",
    GapCode.OUT_OF_MEMORY: "read a smaller part, or raise the memory limit on purpose",
    GapCode.NOT_FETCHED: "fetch the module or document first (`terraform init`), or give a plan",
    GapCode.OUTSIDE: "assess the folder that holds both, or bring the file inside",
    GapCode.LINK: "replace the symbolic link by the file that it points to",
    GapCode.LOST: "give a plan of the same configuration, which the parser need not interpret",
    GapCode.UNDECIDED: "give the variable its value, or give a plan (`terraform show -json`)",
    GapCode.CONFLICT: "find out which source is right, and correct the other",
    GapCode.UNSUPPORTED: "give another source that shows it",
    GapCode.CRASHED: "report the input: the reader must not die of it",
}
"""What would turn an unknown into an answer, by the reason why it is one."""


class _Safe(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


def because(finding: Finding, catalogue: Catalogue) -> str:
    """Why the finding has its status, in one sentence without a full stop."""
    arguments = _Safe(finding.arguments)
    if finding.code is FindingCode.SOURCE_WHOLE:
        return f"read whole: {arguments['files']} files"
    if finding.code is FindingCode.SOURCE_GAP:
        return f"could not look at {arguments['scope']} ({arguments['code']}): {arguments['detail']}"
    if finding.code is FindingCode.FACT_UNKNOWN:
        return f"cannot tell: {arguments['because']}"
    if finding.code is FindingCode.NOT_APPLICABLE:
        return f"does not apply: {arguments['because']}"
    check = catalogue.checks[finding.check]
    if finding.code is FindingCode.BROKEN:
        return check.broken.format_map(arguments)
    return lower_first(check.title)


def answer_to(code: GapCode) -> str:
    """What would turn an unknown of this reason into an answer, as an order without a full stop."""
    return ANSWERS[code]


def lower_first(text: str) -> str:
    """A title as a part of a sentence; a name (KMS, AdministratorAccess) keeps its capitals."""
    first = text.partition(" ")[0]
    return text[:1].lower() + text[1:] if first == "A" or first[1:].islower() else text


def snippets(fix: Fix, natives: Collection[str]) -> tuple[tuple[str, str], ...]:
    """The lines of configuration that mend assets of these native types.

    Where no lines are for the types themselves, those of their provider: the fix is then a block beside the asset,
    as a bucket's access block is.
    """
    own = tuple(s for s in fix.snippets if s[0] in natives)
    family = {n.removeprefix("data.").partition("_")[0] for n in natives}
    return own or tuple(s for s in fix.snippets if s[0].partition("_")[0] in family)


def title(check_id: str, catalogue: Catalogue) -> str:
    """What holds when the check passes."""
    check = catalogue.checks.get(check_id)
    return check.title if check else "Every source was read whole"


def show(fact: Fact) -> str:
    """A fact's value for a reader: short, and never a sensitive one."""
    return WITHHELD if fact.sensitive and not isinstance(fact.value, Unknown) else show_value(fact.value)


def show_value(value: Value) -> str:
    """Any value in a few words."""
    text = _show(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _show(value: Value) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Unknown):
        return f"unknown ({value.detail})"
    if isinstance(value, Key):
        return f"{value.tech} {value.name}".strip()
    if isinstance(value, NetRule):
        return show_rule(value)
    if isinstance(value, Statement):
        return show_statement(value)
    if isinstance(value, tuple):
        return ", ".join(_show(v) for v in value) or "none"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def show_rule(rule: NetRule) -> str:
    """A firewall rule as one phrase: `allow ingress tcp/22 from 0.0.0.0/0`."""
    if rule.protocol == "all":
        ports = "all traffic"
    elif rule.from_port == rule.to_port:
        ports = f"{rule.protocol}/{rule.from_port}"
    else:
        ports = f"{rule.protocol}/{rule.from_port}-{rule.to_port}"
    peers = ", ".join("unknown" if isinstance(p, Unknown) else p for p in (*rule.peers, *rule.groups)) or "nobody"
    return f"{rule.action} {rule.direction} {ports} {'from' if rule.direction == 'ingress' else 'to'} {peers}"


def show_statement(s: Statement) -> str:
    """An IAM statement as one phrase."""
    who = f" to {', '.join(s.principals)}" if s.principals else ""
    what = ", ".join(s.actions) or "all but " + ", ".join(s.not_actions)
    # A trust policy names no resource: it speaks of the role that it belongs to.
    but = f" on all but {', '.join(s.not_resources)}" if s.not_resources else ""
    on = f" on {', '.join(s.resources)}" if s.resources else but
    when = " if " + ", ".join(c.key for c in s.conditions) if s.conditions else ""
    return f"{s.effect}{who} {what}{on}{when}"
