"""What a resource's properties name of other resources, as links; and whose the keys are that they name."""

import re
from collections.abc import Iterable, Mapping

from strongroom.collect.aws.asking import Seen
from strongroom.collect.cloudformation.scope import Open, snake
from strongroom.collect.cloudformation.shape import OPAQUE
from strongroom.collect.resource import Link
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

_LINKED = frozenset(
    {
        "AWS::EC2::Subnet",
        "AWS::EC2::LaunchTemplate",
        "AWS::EC2::PrefixList",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::ElasticLoadBalancingV2::Listener",
        "AWS::SageMaker::NotebookInstanceLifecycleConfig",
    }
)
"""What the tables follow to the resource itself. Of all else the name is enough."""
_KEY = re.compile(
    r"arn:aws[\w-]*:kms:[\w-]*:\d*:key/[\w-]+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}"
)
_KEY_NAMES = re.compile(r"kms|key_?(?:arn|id)$|customerencryptionkeyarn", re.IGNORECASE)
MAX_DEPTH = 60


class Links:
    """What names stand for in one account."""

    def __init__(self, seen: Iterable[Seen], account: str, why_no_key: Unknown) -> None:
        """`why_no_key` says why a key of the account may not be among what was seen."""
        self._account, self._why = account, why_no_key
        self._where: dict[str, str] = {}
        self._keys: dict[str, object] = {}
        aliases: dict[str, str] = {}
        keys = []
        for one in seen:
            if one.type in _LINKED:
                self._where |= dict.fromkeys((one.ident, one.arn), one.address)
            elif one.type == "AWS::KMS::Key":
                keys.append(one)
            elif one.type == "AWS::KMS::Alias" and one.name.startswith("alias/aws/"):
                aliases[str(one.answer.get("TargetKeyId"))] = one.name
        for one in keys:
            self._keys |= dict.fromkeys((one.ident, one.arn), self._owner(one, aliases))

    def _owner(self, key: Seen, aliases: Mapping[str, str]) -> object:
        manager = key.answer.get("KeyManager")
        if manager == "CUSTOMER":
            return Link(key.address)
        known = aliases.get(key.ident)
        if manager == "AWS" or known is not None:
            return known or "alias/aws/of-a-service"
        return manager if isinstance(manager, Unknown) else self._why

    def linked(self, name: str, value: object, depth: int = 0) -> object:
        """A value with links in it; documents, whose insides are names in their own right, stay as they are."""
        if depth > MAX_DEPTH:
            return Unknown(GapCode.TOO_LARGE, "it is nested too deeply")
        if snake(name) in OPAQUE:
            return value
        if isinstance(value, dict):
            made = {k: self.linked(k, v, depth + 1) for k, v in value.items()}
            return Open(made, value.why) if isinstance(value, Open) else made
        if isinstance(value, list):
            return [self.linked(name, v, depth + 1) for v in value]
        if not isinstance(value, str):
            return value
        if _KEY_NAMES.search(name) and _KEY.fullmatch(value):
            return self._key(value)
        return Link(self._where[value]) if value in self._where else value

    def _key(self, value: str) -> object:
        """Whose key it is. AWS's own are in the account that they serve, so another account's key is a customer's."""
        pieces = value.split(":")
        if len(pieces) == 6 and pieces[4] not in ("", self._account):
            return value
        return self._keys.get(value, self._keys.get(value.rpartition("/")[2], self._why))
