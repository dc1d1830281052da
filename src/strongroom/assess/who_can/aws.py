"""Who can do what to the assets of an AWS account."""

from collections.abc import Sequence

from strongroom.assess.identity.aws_answer import arising, who_can
from strongroom.model.estate import Asset, Estate
from strongroom.model.ports import Who
from strongroom.model.who_can import Deed, Held


def _who_can(estate: Estate, asset: Asset, deed: Deed) -> Sequence[Held] | None:
    return who_can(estate.assets, asset, deed, estate.seen_at)


def _deeds(estate: Estate, asset: Asset) -> Sequence[Deed]:
    return arising(estate.assets, asset)


WHO = Who("aws", ("aws_",), _who_can, _deeds)
