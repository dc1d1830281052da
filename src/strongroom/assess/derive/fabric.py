"""For whom the machines of a NVLink fabric work, where an inventory names tenants."""

from collections import defaultdict
from collections.abc import Iterable

from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset, Estate, Fact
from strongroom.model.kinds import Kind
from strongroom.model.ports import Derive
from strongroom.model.values import Unknown

TENANTS = "gpu.fabric_tenants"


def derive(estate: Estate) -> Iterable[tuple[str, Fact]]:
    """For each GPU of a fabric the tenants of all that are joined to it; a machine without a named one is unknown."""
    by_id = {a.id: a for a in estate.assets}
    joined: dict[str, list[Asset]] = defaultdict(list)
    for asset in estate.assets:
        fabric = asset.value("gpu.fabric")
        if asset.kind is Kind.GPU and isinstance(fabric, str):
            joined[fabric].append(asset)
    for cards in joined.values():
        tenants = tuple(dict.fromkeys(_tenant(card, by_id) for card in cards))
        for card in cards:
            yield card.id, Fact(TENANTS, tenants, card.where, "derived")


def _tenant(card: Asset, by_id: dict[str, Asset]) -> str | Unknown:
    """Whose a card is: its own row of the inventory, else that of its machine."""
    hosts = [by_id[r.id] for r in card.refs if r.rel == "host" and r.id in by_id]
    for asset in (card, *hosts):
        named = asset.value("inventory.tenant")
        if isinstance(named, str) and named:
            return named
    name = (hosts[0].name or hosts[0].address) if hosts else card.name
    return Unknown(GapCode.ABSENT, f"no inventory says for whom {name} works: give one with a column tenant (csv:)")


DERIVE = Derive("NVLink fabrics", (TENANTS,), derive)
