"""What a SARIF run says of the tool: its rules with their help, the controls as a taxonomy, the reasons for gaps."""

from collections.abc import Collection

from strongroom.assess import prose
from strongroom.assess.reports._lines import Json
from strongroom.assess.reports._markdown import fence
from strongroom.model.codes import GapCode, Severity
from strongroom.model.ports import Catalogue, Check, Control

TAXONOMY = "Strongroom controls"
LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
# GitHub orders alerts by this number: above 9.0 is critical, from 7.0 high, from 4.0 medium, above 0.0 low.
SCORES = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "3.0",
    Severity.INFO: "0.5",
}
GAP_INDEX = {code: n for n, code in enumerate(GapCode)}
LONGEST = 1000  # GitHub cuts descriptions at 1,024 characters


def rules(catalogue: Catalogue, asked: Collection[str]) -> tuple[list[Json], dict[str, int]]:
    """The rules of the checks that were asked, in the catalogue's order, and their index by check id."""
    ids = [*(c for c in catalogue.checks if c in asked), *sorted(c for c in asked if c not in catalogue.checks)]
    return [_rule(i, catalogue) for i in ids], {check_id: n for n, check_id in enumerate(ids)}


def _rule(check_id: str, catalogue: Catalogue) -> Json:
    check = catalogue.checks.get(check_id)
    title = prose.title(check_id, catalogue)
    out: dict[str, Json] = {
        "id": check_id,
        "name": _pascal(check_id),
        "shortDescription": {"text": sentence(title)},
    }
    if check is None:
        out["fullDescription"] = {"text": sentence(title)}
        out["help"] = {"text": sentence(title), "markdown": sentence(title)}
        return out
    control = catalogue.controls.get(check.control)
    out |= {
        "fullDescription": {"text": sentence(check.why or title)},
        "help": {"text": _help_text(check, control), "markdown": _help_markdown(check, control)},
        "defaultConfiguration": {"level": LEVELS[check.severity]},
        "properties": {
            "tags": ["security", *_tags(control), *([check.control] if check.control else [])],
            "precision": "high",
            "security-severity": SCORES[check.severity],
            "problem.severity": _problem(check.severity),
            "equivalents": list(check.equivalents),
        },
    }
    if control is not None:
        index = list(catalogue.controls).index(control.id)
        target: Json = {"id": control.id, "index": index, "toolComponent": {"name": TAXONOMY, "index": 0}}
        out["relationships"] = [{"target": target, "kinds": ["relevant"]}]
    return out


def _pascal(ident: str) -> str:
    return "".join(word.capitalize() for word in ident.replace(".", "-").split("-"))


def sentence(text: str) -> str:
    """A text that ends as a sentence does and that fits where it is shown."""
    text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return text if text.endswith((".", "…", "!", "?")) else text + "."


def _tags(control: Control | None) -> list[Json]:
    return [control.domain.lower().replace(" ", "-"), control.verb.value.lower()] if control else []


def _problem(severity: Severity) -> str:
    return {"error": "error", "warning": "warning", "note": "recommendation"}[LEVELS[severity]]


def _help_text(check: Check, control: Control | None) -> str:
    parts = [sentence(check.why or check.title), f"Fix: {sentence(check.fix.text)}"]
    if check.fix.command:
        parts.append(f"Command: {check.fix.command}")
    if check.fix.verify:
        parts.append(f"Verify: {sentence(check.fix.verify)}")
    if control is not None:
        parts.append(f"Control {control.id}: {sentence(control.title)}")
    return "\n\n".join(parts)


def _help_markdown(check: Check, control: Control | None) -> str:
    parts = [f"# {check.title}", sentence(check.why or check.title), "## Fix", sentence(check.fix.text)]
    parts += [fence(lines, of) for of, lines in check.fix.snippets]
    if check.fix.command:
        parts.append(fence(check.fix.command, "sh"))
    if check.fix.verify:
        parts += ["## Verify", check.fix.verify]
    if control is not None:
        parts += [f"## Control {control.id}: {control.title}", control.what, control.why]
        parts += ["### Limits", control.limits] if control.limits else []
    if check.equivalents:
        parts += ["## The same question elsewhere", ", ".join(f"`{e}`" for e in check.equivalents)]
    return "\n\n".join(part for part in parts if part) + "\n"


def taxonomy(catalogue: Catalogue) -> Json:
    """The controls, so that a result can name the one that it speaks of."""
    return {
        "name": TAXONOMY,
        "shortDescription": {"text": "What must be true of the infrastructure under AI."},
        "isComprehensive": True,
        "taxa": [_taxon(c) for c in catalogue.controls.values()],
    }


def _taxon(control: Control) -> Json:
    maps = {name: list(getattr(control.maps, name)) for name in control.maps.__struct_fields__}
    return {
        "id": control.id,
        "name": control.title,
        "shortDescription": {"text": sentence(control.title)},
        "fullDescription": {"text": sentence(control.what or control.title)},
        "properties": {
            "verb": control.verb.value,
            "phase": control.phase,
            "maps": {k: v for k, v in maps.items() if v},
        },
    }


def notifications() -> list[Json]:
    """A descriptor for each reason why something could not be looked at."""
    return [_notification(code) for code in GapCode]


def _notification(code: GapCode) -> Json:
    answer = sentence(f"What would answer it: {prose.answer_to(code)}")
    return {
        "id": code.value,
        "name": _pascal(f"gap-{code.value}"),
        "shortDescription": {"text": f"Something could not be looked at: {code.value}."},
        "fullDescription": {"text": answer},
        "help": {"text": answer, "markdown": answer},
    }
