"""The page that says which question of which other tool is asked here, and which is not, and why."""

from collections import defaultdict
from collections.abc import Iterator

from strongroom.app.catalogue import catalogue
from strongroom.assess import answers_aws_sample, answers_cloudsploit, answers_others
from strongroom.assess.declined_kubernetes import ASKED_OF_ANOTHER, DECLINED

TOOLS = {
    "checkov": "Checkov",
    "trivy": "Trivy",
    "guard": "AWS Guard rules registry",
    "prowler": "Prowler",
    "kubescape": "Kubescape",
}

# What no check lists as its equivalent: asked by a check of another form, or not, with the reason.
ANSWERS = {
    "AWS's sample assessment of AI services": answers_aws_sample.ANSWERS,
    "cloudsploit": answers_cloudsploit.ANSWERS,
    "Powerpipe": answers_others.POWERPIPE,
    "Checkov, the rest": answers_others.CHECKOV,
    "Trivy, the rest": answers_others.TRIVY,
    "Prowler, the rest": answers_others.PROWLER,
}


def coverage() -> Iterator[str]:
    """For each tool the ids that a check lists as its equivalent; for Kubescape also what is declined."""
    asked: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for check in catalogue().checks.values():
        for ident in check.equivalents:
            tool, _, rule = ident.partition(":")
            asked[tool][rule].append(check.id)
    yield "# Coverage of other tools\n\nAn id of another tool is listed where a check asks the same question. The answers can "
    yield "differ: unknown is an answer here, and a default is a sourced fact.\n\n| tool | ids |\n|---|---|\n"
    for tool, title in TOOLS.items():
        yield f"| [{title}](#{title.lower().replace(' ', '-')}) | {len(asked[tool])} |\n"
    for tool, title in TOOLS.items():
        yield f"\n## {title}\n\n| id | asked by |\n|---|---|\n"
        for rule, checks in sorted(asked[tool].items()):
            links = ", ".join(f"[{c}](checks.md#{c.replace('.', '')})" for c in sorted(set(checks)))
            yield f"| `{rule}` | {links} |\n"
    yield "\n## Kubescape: asked of another object\n\n| rule | asked by | how it differs |\n|---|---|---|\n"
    for rule, (check, why) in sorted(ASKED_OF_ANOTHER.items()):
        yield f"| `{rule}` | [{check}](checks.md#{check.replace('.', '')}) | {why} |\n"
    yield "\n## Kubescape: declined\n\n| rule | why |\n|---|---|\n"
    for rule, why in sorted(DECLINED.items()):
        yield f"| `{rule}` | {why} |\n"
    for title, answers in ANSWERS.items():
        yield f"\n## {title}\n\n| id | asked by, or why not |\n|---|---|\n"
        for ident, answer in sorted(answers.items()):
            links = (
                answer
                if isinstance(answer, str)
                else ", ".join(f"[{c}](checks.md#{c.replace('.', '')})" for c in answer)
            )
            yield f"| `{ident}` | {links} |\n"
