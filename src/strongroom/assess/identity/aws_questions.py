"""The deeds on AWS: which requests, on which kind of resource.

Source: AWS Service Authorization Reference (actions, and the resources that each is checked against); for reading under a
customer managed key, Amazon S3 User Guide, "Using server-side encryption with AWS KMS keys": the reader must be allowed
kms:Decrypt himself. How the deeds are read where the catalogue leaves it open: docs/how/ask-who-can.md.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from strongroom.assess.identity.aws_account import Account
from strongroom.assess.identity.aws_entities import grant_to_come
from strongroom.assess.identity.aws_evaluate import NOTHING, OURS, REMOVED, Thing
from strongroom.assess.identity.aws_goal import Control, Goal, Need, Option
from strongroom.assess.identity.aws_policy import Document
from strongroom.assess.identity.conditions import Form, Known
from strongroom.assess.identity.globs import FRESH
from strongroom.model.estate import Asset
from strongroom.model.values import Key, Unknown

ELSEWHERE = f"arn:aws:s3:::{FRESH}/{FRESH}"
"""An object in a bucket that no file names: somebody else's."""


@dataclass(slots=True)
class Asking:
    """One question, with the account that it is asked of."""

    account: Account
    asset: Asset
    trains: Callable[[Goal | None], Iterator[Option]]  # jobs as roles that may be passed to SageMaker

    @property
    def thing(self) -> Thing:
        """The asset as a resource."""
        return self.account.thing(self.asset)

    def need(self, action: str, *within: str, context: Known = NOTHING) -> Need:
        """A request on the asset itself, or on what lies within it."""
        return Need(action.lower(), self.thing, within or (self.thing.arn,), context)

    def each(self, *actions: str, sure: int = 2, note: str = "") -> tuple[Option, ...]:
        """Options of one request each."""
        return tuple(Option((self.need(a),), sure, note) for a in actions)


# Keys


def key_needs(q: Asking, fact: str, action: str, service: str, context: Known = NOTHING) -> tuple[Need, ...]:
    """What the customer's key asks of whoever uses the asset: nothing, where the key is the provider's."""
    key = q.asset.value(fact)
    if not isinstance(key, Key | Unknown) or (isinstance(key, Key) and key.tech != "cmk"):
        return ()
    thing = key_thing(q.account, key, q.asset)
    via: dict[str, tuple[str, ...] | None] = {
        "kms:viaservice": (Form(f"{service}.*.amazonaws.com"),),
        "aws:viaawsservice": ("true",),
        **dict.fromkeys(("aws:calledvia", "aws:calledviafirst", "aws:calledvialast")),
    }
    return (Need(f"kms:{action}", thing, (thing.arn,), {**via, **context}),)


def key_thing(account: Account, key: Key | Unknown, of: Asset) -> Thing:
    """The key as a resource; one that is not in the files has a policy that is not known."""
    found = account.key(key.name, of) if isinstance(key, Key) else None
    if found is not None:
        return account.thing(found)
    name = key.name if isinstance(key, Key) else f"the key of {of.address}"
    arn = name if name.startswith("arn:") else f"arn:aws:kms:REGION:{account.names.account}:key/{{{name}}}"
    why = key.detail if isinstance(key, Unknown) else f"the policy of the key {name} is not in these files"
    owner = arn.split(":", 5)[4] if arn.startswith("arn:") else account.names.account
    mine = account.names.account if owner in account.names.ours else owner
    document = Document(f"{name}#policy", f"policy of {name}", hole=why)
    return Thing(name, arn, mine, (document,), required=True, grants=(grant_to_come(name),))


def _key_controls(needs: Iterable[Need]) -> Iterator[Control]:
    for need in needs:
        key = need.thing
        yield Control(Need("kms:putkeypolicy", key, (key.arn,)), key.policies[0].id, OURS, key.policies[0].name)
        operation = next((n.action.removeprefix("kms:") for n in needs if n.thing is key), "decrypt")
        wanted = {"decrypt": "Decrypt", "generatedatakey": "GenerateDataKey", "reencryptfrom": "ReEncryptFrom"}
        context: Known = {"kms:grantoperations": (wanted.get(operation, "Decrypt"),), "kms:grantconstrainttype": ()}
        grant = f"{key.address}#grant"
        yield Control(Need("kms:creategrant", key, (key.arn,), context), grant, OURS, f"a grant on {key.address}")


def _policy_control(q: Asking, put: str, delete: str = "") -> tuple[Control, ...]:
    """Writing the resource's policy, and taking it away."""
    document = q.thing.policies[0]
    made = (Control(q.need(put), document.id, OURS, document.name),)
    return (*made, Control(q.need(delete), document.id, REMOVED, document.name)) if delete else made


# Stores


def bucket_of(q: Asking) -> tuple[Asking, str] | None:
    """The bucket behind an asset, and the key of one object in it, or `*`."""
    if q.asset.native_type == "aws_s3_bucket":
        return q, "*"
    named = list(q.account.referred(q.asset, "bucket", "aws_s3_bucket"))
    found = [a for a in named if not isinstance(a, str)] or [
        a for a in q.account.assets if a.native_type == "aws_s3_bucket" and a.name in named
    ]
    if len(found) != 1:
        return None
    is_object = "object" in q.asset.native_type
    return Asking(q.account, found[0], q.trains), q.asset.name if is_object and q.asset.name else "*"


def _objects(q: Asking, action: str, kms: str) -> Goal | None:
    found = bucket_of(q)
    if found is None:
        return None
    bucket, name = found
    arn = bucket.thing.arn
    context: Known = {
        "kms:encryptioncontext:aws:s3:arn": (arn, Form(f"{arn}/{name}")),
        "kms:encryptioncontextkeys": ("aws:s3:arn",),
    }
    keys = key_needs(bucket, "s3.key", kms, "s3", context)
    needs = (bucket.need(action, f"{arn}/{name}"), *keys)
    return Goal(
        (Option(needs),),
        (*_policy_control(bucket, "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"), *_key_controls(keys)),
    )


def read_bucket(q: Asking) -> Goal | None:
    """Reading objects, and opening them where they are under the customer's key."""
    return _objects(q, "s3:GetObject", "decrypt")


def write_bucket(q: Asking) -> Goal | None:
    """Replacing objects."""
    return _objects(q, "s3:PutObject", "generatedatakey")


def export_bucket(q: Asking) -> Goal | None:
    """Reading objects and writing them to somebody else's bucket, or letting others read them here."""
    read, found = read_bucket(q), bucket_of(q)
    if read is None or found is None:
        return None
    bucket = found[0]
    away = Need("s3:putobject", Thing("a foreign bucket", ELSEWHERE, q.account.names.account), (ELSEWHERE,))
    keys = read.options[0].needs[1:]
    shared = (bucket.need("s3:PutBucketPolicy"), *(Need("kms:putkeypolicy", k.thing, k.within) for k in keys))
    options = (*(Option((*o.needs, away)) for o in read.options), Option(shared, note="it lets other accounts read"))
    return Goal(options, read.controls)


def secret(action: str, service: str) -> Callable[[Asking], Goal]:
    """Reading a secret or a parameter; `action` is one or more, any of which is enough."""

    def make(q: Asking) -> Goal:
        keys = key_needs(q, "enc.key", "decrypt", service)
        put = "secretsmanager:PutResourcePolicy", "secretsmanager:DeleteResourcePolicy"
        controls = _policy_control(q, *put) if service == "secretsmanager" else ()
        options = tuple(Option((q.need(a), *keys)) for a in action.split())
        return Goal(options, (*controls, *_key_controls(keys)))

    return make


def image(q: Asking) -> Goal:
    """Pulling an image."""
    pull = Option((q.need("ecr:BatchGetImage"), q.need("ecr:GetDownloadUrlForLayer")))
    return Goal((pull,), _policy_control(q, "ecr:SetRepositoryPolicy", "ecr:DeleteRepositoryPolicy"))


def push(q: Asking) -> Goal:
    """Putting another image under a tag."""
    return Goal(q.each("ecr:PutImage"), _policy_control(q, "ecr:SetRepositoryPolicy", "ecr:DeleteRepositoryPolicy"))


def export_image(q: Asking) -> Goal:
    """Letting other accounts pull, or copying to another registry."""
    anywhere = Thing("the registry", "*", q.account.names.account)
    replicated = Option((Need("ecr:putreplicationconfiguration", anywhere, (f"arn:aws:ecr:REGION::{FRESH}",)),))
    return Goal((*q.each("ecr:SetRepositoryPolicy"), replicated))


def away_with(make: Callable[[Asking], Goal | None]) -> Callable[[Asking], Goal | None]:
    """Reading, and writing what was read to somebody else's bucket."""

    def read_and_write(q: Asking) -> Goal | None:
        found = make(q)
        if found is None:
            return None
        away = Need("s3:putobject", Thing("a foreign bucket", ELSEWHERE, q.account.names.account), (ELSEWHERE,))
        return Goal(tuple(o._replace(needs=(*o.needs, away)) for o in found.options), found.controls)

    return read_and_write


# Keys themselves


def own_key(actions: str) -> Callable[[Asking], Goal]:
    """Operations of a key, any of which is enough."""

    def make(q: Asking) -> Goal:
        needs = tuple(q.need(f"kms:{a}") for a in actions.split())
        return Goal(tuple(Option((n,)) for n in needs), tuple(_key_controls(needs[:1])))

    return make


def its_key(q: Asking) -> Goal | None:
    """The key of whatever is encrypted with one."""
    for fact in ("s3.key", "enc.key", "enc.volume_key", "trail.key", "group.key"):
        key = q.asset.value(fact)
        if isinstance(key, Key) and key.tech == "cmk":
            thing = key_thing(q.account, key, q.asset)
            needs = (Need("kms:decrypt", thing, (thing.arn,)),)
            return Goal((Option(needs),), tuple(_key_controls(needs)))
    return None
