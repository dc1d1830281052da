"""What is asked of an AWS account, as data: which calls list a type, which complete one resource, and what is made of it.

The reader goes by these tables alone, and so does the policy of least privilege that `strongroom init aws` prints: what is
asked and what must be allowed cannot differ. Actions are those of the AWS Service Authorization Reference.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from strongroom.kit.rooms import room
from strongroom.model.errors import RoomError
from strongroom.model.values import Unknown

Properties = dict[str, object]
# The service's name in IAM where boto3 has another for it.
_IN_IAM = {
    "bedrock-agent": "bedrock",
    "bedrock-agentcore-control": "bedrock-agentcore",
    "accessanalyzer": "access-analyzer",
    "efs": "elasticfilesystem",
    "elb": "elasticloadbalancing",
    "elbv2": "elasticloadbalancing",
    "opensearch": "es",
    "opensearchserverless": "aoss",
    "s3control": "s3",
}
_FIELD = re.compile(r"\{([\w.]+)\}")


@dataclass(slots=True)
class Seen:
    """One resource as an account tells of it. `answer` is what the calls answered together; `owner` what it is part of."""

    type: str
    region: str
    account: str
    partition: str
    answer: Properties
    ident: str = ""
    name: str = ""
    arn: str = ""
    owner: "Seen | None" = None

    @property
    def address(self) -> str:
        """What it is called: its ARN, else its type and id, as AWS Config's items are."""
        return self.arn or f"{self.type}/{self.ident}"

    def at(self, path: str) -> object:
        """The value at a dotted path; None where there is none, unknown within what is not known."""
        here: object = self.answer
        for step in path.split("."):
            if isinstance(here, Unknown):
                return here
            here = here.get(step) if isinstance(here, dict) else None
        return here

    def fill(self, template: object) -> object:
        """A template with what it names: `{Field}` alone is the value itself, within a text its text."""
        if isinstance(template, list):
            return [self.fill(t) for t in template]
        if not isinstance(template, str):
            return template
        alone = _FIELD.fullmatch(template)
        if alone is not None:
            return self._named(alone[1])
        return _FIELD.sub(lambda m: str(self._named(m[1]) or ""), template)

    def _named(self, name: str) -> object:
        known = {"region": self.region, "account": self.account, "partition": self.partition, "ident": self.ident}
        if name.startswith("owner."):
            return self.owner.fill(f"{{{name.removeprefix('owner.')}}}") if self.owner is not None else None
        found = known.get(name) or self.at(name)
        return None if isinstance(found, Unknown) else found


Known = Mapping[str, list[Seen]]
"""All that was seen, by type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One question. `arguments` are templates (`Seen.fill`); `takes` is the path in the answer, through lists, of what is wanted.

    `action` is the permission that it needs, where that is not `service:Operation`; `unset` are the error codes that say that
    there is nothing (`Code`, or `Code:words of the message`).
    """

    service: str
    operation: str
    takes: str = ""
    arguments: Mapping[str, object] = field(default_factory=dict)
    action: str = ""
    unset: tuple[str, ...] = ()

    @property
    def needs(self) -> str:
        """The permission that the call needs."""
        return self.action or f"{_IN_IAM.get(self.service, self.service)}:{self.operation}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail(Call):
    """A call that completes one resource: its answer goes to `puts`, or is laid over what is known already.

    `many` puts all that was found, as a list. `empty` is put where there is nothing. `when` says of which resources it is asked.
    """

    puts: str = ""
    many: bool = False
    empty: object = None
    when: Callable[[Seen], bool] | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """What a resource holds that is one of its own to the tables. One that is not `shown` only completes others."""

    type: str
    suffix: str
    properties: Properties
    shown: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """How all resources of a type are found, and what each comes to.

    `type` is CloudFormation's, or Terraform's where CloudFormation has none. `name`, `ident` and `arn` are templates. `make`
    gives the type's own properties, or None for what does not count; without it the answer has them already. `of` is the type
    whose resources it is asked of one by one; `once` is what belongs to the account and no region. A `word` is where a bare
    text of a list stands; a `single` is a setting that is always there.
    """

    type: str
    call: Call
    name: str = "{Name}"
    ident: str = ""
    arn: str = ""
    details: tuple[Detail, ...] = ()
    make: Callable[[Seen, Known], Properties | None] | None = None
    beside: Callable[[Seen], Iterator[Beside]] | None = None
    besides: tuple[str, ...] = ()
    native: Callable[[Seen], str] | None = None
    of: str = ""
    once: bool = False
    word: str = "Name"
    single: bool = False
    shown: bool = True

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call that it makes."""
        return (self.call, *self.details)


def listings() -> tuple[Listing, ...]:
    """Every listing of the room, those of an owner after it. Raises RoomError for two of a type, or one of no listed owner."""
    found: dict[str, Listing] = {}
    for name, part in room("strongroom.collect.aws.calls", "LISTINGS", tuple).items():
        for one in part:
            if not isinstance(one, Listing) or one.type in found:
                raise RoomError(f"calls.{name}", f"{getattr(one, 'type', one)!r}", "one Listing a type")
            found[one.type] = one
    lost = next((one for one in found.values() if one.of and one.of not in found), None)
    if lost is not None:
        raise RoomError(f"calls of {lost.type}", lost.of, "a type that is listed")
    return tuple(found.values())


FIRST = (
    Call(service="sts", operation="GetCallerIdentity"),
    Call(service="ec2", operation="DescribeRegions", takes="Regions"),
    Call(service="iam", operation="GenerateCredentialReport"),
    Call(service="iam", operation="GetCredentialReport"),
)
"""What is asked beside the listings: whose account it is, where it may have something, and how its users sign in."""

ACROSS = (
    Call(service="organizations", operation="ListAccounts", takes="Accounts"),
    Call(service="sts", operation="AssumeRole"),
)
"""What is asked when all accounts of an organisation are read."""


ROLE = "strongroom-reader"
"""What the role is called, in the accounts of an organisation, that the printed policy lets somebody take."""


def actions(*, organisation: bool = False) -> tuple[str, ...]:
    """Every permission that reading an account needs, sorted."""
    named = {call.needs for one in listings() for call in one.calls}
    named |= {call.needs for call in FIRST} | ({call.needs for call in ACROSS} if organisation else set())
    return tuple(sorted(named))
