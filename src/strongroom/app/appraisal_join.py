"""Recorded appraisals, judged again: a record that does not reproduce its own verdict was written by somebody."""

from pathlib import Path

import msgspec

from strongroom.app.appraisal_record import read, replay
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadInput
from strongroom.model.estate import Asset, Estate, Fact
from strongroom.model.values import Unknown

_FACT = "attest.reproduced"


def join_replays(estate: Estate) -> Estate:
    """The estate, with whether each appraisal in it is reproduced from its own inputs."""
    if not any("attest.kind" in a.facts for a in estate.assets):
        return estate
    assets = tuple(_with_replay(a) if "attest.kind" in a.facts else a for a in estate.assets)
    return msgspec.structs.replace(estate, assets=assets)


def _with_replay(asset: Asset) -> Asset:
    where = asset.facts["attest.kind"].where
    value: bool | Unknown
    try:
        again = replay(read(Path(where.file if where else ""))[0])
        value = again.same
        if not again.same and not again.same_code:
            detail = f"another version of this program judged then, and this one differs: {again.differences[0]}"
            value = Unknown(GapCode.CONFLICT, detail)
    except BadInput as e:
        value = Unknown(GapCode.MALFORMED, str(e))
    fact = Fact(_FACT, value, where, asset.facts["attest.kind"].source)
    return msgspec.structs.replace(asset, facts={**asset.facts, _FACT: fact})
