"""Recorded appraisals, judged again: a record that does not reproduce its own verdict was written by somebody."""

from pathlib import Path

import msgspec

from strongroom.app.appraisal_drill import still_opens
from strongroom.app.appraisal_record import read, replay
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadInput
from strongroom.model.estate import Asset, Estate, Fact
from strongroom.model.values import Unknown

_FACT = "attest.reproduced"
_DRILL = "attest.drill"


def join_replays(estate: Estate) -> Estate:
    """The estate, with whether each appraisal in it is reproduced from its own inputs."""
    if not any("attest.kind" in a.facts for a in estate.assets):
        return estate
    assets = tuple(_with_replay(a) if "attest.kind" in a.facts else a for a in estate.assets)
    return msgspec.structs.replace(estate, assets=assets)


def _with_replay(asset: Asset) -> Asset:
    where = asset.facts["attest.kind"].where
    source = asset.facts["attest.kind"].source
    value: bool | Unknown
    drill: dict[str, Fact] = {}
    try:
        record = read(Path(where.file if where else ""))[0]
        again = replay(record)
        value = again.same
        if again.again.opens:  # a drill on a verdict that opens nothing shows nothing
            drill[_DRILL] = Fact(_DRILL, still_opens(record), where, source)
        if not again.same and not again.same_code:
            detail = f"another version of this program judged then, and this one differs: {again.differences[0]}"
            value = Unknown(GapCode.CONFLICT, detail)
    except BadInput as e:
        value = Unknown(GapCode.MALFORMED, str(e))
    return msgspec.structs.replace(asset, facts={**asset.facts, _FACT: Fact(_FACT, value, where, source), **drill})
