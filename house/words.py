"""Words that other programs rely on, and that are therefore never renamed or reused.

python -m house.words       add the new ones to tests/model/words.json; it never takes one away
"""

import json
import sys
from enum import StrEnum
from inspect import getmembers, isclass
from pathlib import Path

from strongroom.app.catalogue import catalogue, collectors, reports
from strongroom.model import codes, errors, kinds

FILE = Path(__file__).parents[1] / "tests/model/words.json"


def words() -> dict[str, list[str]]:
    """Every closed list of this build: enums, exit codes, ids of the catalogue, schemes and formats."""
    enums = [
        e for m in (codes, kinds) for _, e in getmembers(m, isclass) if issubclass(e, StrEnum) and e is not StrEnum
    ]
    found = {e.__name__: [f"{member.name}={member.value}" for member in e] for e in enums}
    known = catalogue()
    tree = getmembers(errors, lambda e: isclass(e) and issubclass(e, errors.StrongroomError))
    found["errors"] = [f"{name} exits {e.exit_code}" for name, e in tree]
    found["controls"] = list(known.controls)
    found["clauses"] = [clause.id for control in known.controls.values() for clause in control.clauses]
    found["checks"] = list(known.checks)
    found["sources"] = list(collectors())
    found["formats"] = list(reports())
    return {name: sorted(found[name]) for name in sorted(found)}


def kept() -> dict[str, list[str]]:
    """The words that were promised so far."""
    listed: dict[str, list[str]] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    return listed


def main() -> int:
    """Add what is new; answer 1 and name them when promised words are gone."""
    old, new = kept(), words()
    gone = [f"{name}: {word}" for name, listed in old.items() for word in listed if word not in new.get(name, [])]
    merged = {name: sorted({*old.get(name, []), *new.get(name, [])}) for name in sorted({*old, *new})}
    FILE.write_text(json.dumps(merged, indent=1) + "\n", encoding="utf-8")
    sys.stderr.writelines(f"gone, and must come back: {word}\n" for word in gone)
    return 1 if gone else 0


if __name__ == "__main__":
    sys.exit(main())
