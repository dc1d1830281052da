"""Who can do what to the assets of Google Cloud."""

from collections.abc import Sequence

from strongroom.assess.identity.gcp_answer import arising, who_can
from strongroom.model.estate import Asset, Estate
from strongroom.model.ports import Who
from strongroom.model.who_can import Deed, Held


def _who_can(estate: Estate, asset: Asset, deed: Deed) -> Sequence[Held] | None:
    return who_can(estate.assets, asset, deed, estate.seen_at)


def _deeds(_estate: Estate, asset: Asset) -> Sequence[Deed]:
    return arising(asset)


WHO = Who("gcp", ("google_",), _who_can, _deeds)
