"""What the commands on appraisal policies print."""

from collections.abc import Iterator

import msgspec

from strongroom.app.attest_policy import Checked
from strongroom.cli.lines import line
from strongroom.model.attest import Json


def demand_lines(checked: Checked, form: str) -> Iterator[str]:
    """What a policy demands."""
    if form == "json":
        policy: Json = msgspec.to_builtins(checked.policy)
        demands: list[Json] = [{"about": about, "demand": demand} for about, demand in checked.demands]
        made: dict[str, Json] = {"schema": "strongroom.policy-check/1", "policy": policy, "demands": demands}
        yield msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"
        return
    last = ""
    for about, demand in checked.demands:
        yield line("" if about == last else about, demand)
        last = about
