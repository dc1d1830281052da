"""Who can do what to the assets of an AWS account."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from strongroom.assess.identity.aws_answer import arising, who_can
from strongroom.kit.aws_types import canonical
from strongroom.model.estate import Asset, Estate, Ref
from strongroom.model.ports import Who
from strongroom.model.who_can import Deed, Held


def _named(assets: Iterable[Asset]) -> list[Asset]:
    """Assets of templates under the names of types that the rules know; a policy that names its roles is one of each of them."""
    out: list[Asset] = []
    for a in assets:
        native = canonical(a.native_type)
        out.append(a if native == a.native_type else msgspec.structs.replace(a, native_type=native))
        out += _of_each(a)
    return out


def _of_each(policy: Asset) -> Iterator[Asset]:
    for kind in ("role", "user", "group"):
        said = policy.value(f"policy.{kind}s")
        for n, target in enumerate(said if isinstance(said, tuple) else ()):
            if isinstance(target, str):
                yield msgspec.structs.replace(
                    policy, id=f"{policy.id}#{kind}{n}", address=f"{policy.address}#{kind}{n}", aliases=(),
                    native_type=f"aws_iam_{kind}_policy", refs=(Ref(kind, target),),
                )  # fmt: skip


def _who_can(estate: Estate, asset: Asset, deed: Deed) -> Sequence[Held] | None:
    assets = _named(estate.assets)
    return who_can(assets, next((a for a in assets if a.id == asset.id), asset), deed, estate.seen_at)


def _deeds(estate: Estate, asset: Asset) -> Sequence[Deed]:
    assets = _named(estate.assets)
    return arising(assets, next((a for a in assets if a.id == asset.id), asset))


WHO = Who("aws", ("aws_", "AWS::"), _who_can, _deeds)
