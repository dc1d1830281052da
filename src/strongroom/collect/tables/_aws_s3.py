"""What the blocks of an S3 bucket add up to: its own, those that complete it, and the account's."""

from collections.abc import Iterator, Mapping

from strongroom.collect.native import Reader, as_flag
from strongroom.collect.resource import Link, Resource, Satellites, undecided
from strongroom.collect.tables._aws import Policy, key_of, satellite_statements, statements
from strongroom.collect.tables._aws_accounts import ours
from strongroom.collect.tables._aws_named import named
from strongroom.kit.kleene import Tri, all_of, any_of
from strongroom.model.codes import GapCode
from strongroom.model.values import Key, Statement, Unknown, Value

# S3 User Guide, "Access control list overview": canned ACLs and predefined groups. `website` is no canned ACL any more.
PUBLIC_ACLS = frozenset({"public-read", "public-read-write", "authenticated-read", "website"})
PUBLIC_GROUPS = ("/groups/global/AllUsers", "/groups/global/AuthenticatedUsers")
LOG_GROUP = "/groups/s3/LogDelivery"
LOG_WRITER = "Service:logging.s3.amazonaws.com"


def _named(reader: Reader, native: str) -> Satellites:
    return reader.satellites(native, "bucket")


def _whole_account(reader: Reader, name: str) -> Tri:
    blocks = reader.pool.of_type("aws_s3_account_public_access_block")
    return any_of(_or_false(as_flag(b.values.get(name))) for b in blocks if b.label == reader.resource.label)


def _or_false(value: bool | Unknown | None) -> Tri:
    return False if value is None else value


def blocked(reader: Reader, name: str) -> Value:
    """Whether public access is blocked in one way, by the bucket's own block or by the account's; None without any."""
    found = _named(reader, "aws_s3_bucket_public_access_block")
    own = [_or_false(reader.reading(r).flag(name)) for r in found.found]
    answer = any_of((*own, _whole_account(reader, name)))
    if answer is not False:
        return answer
    return False if own else found.doubt


def _grants(reader: Reader, block: Mapping[str, object]) -> Iterator[tuple[str | Unknown, str | Unknown]]:
    """Every (grantee group, permission) of `access_control_policy`, and of the old `grant` blocks of a bucket."""
    for grant in _listed(reader.blocks("grant", block)):
        if isinstance(grant, Unknown):
            yield grant, grant
            continue
        inner = reader.blocks("grantee", grant)
        grantees = [grant] if isinstance(inner, Unknown) or not inner else list(inner)
        allowed = reader.texts("permissions", grant) or (reader.text("permission", grant) or "",)
        for grantee in grantees:
            for permission in (allowed,) if isinstance(allowed, Unknown) else allowed:
                yield reader.text("uri", grantee) or "", permission


def _listed(blocks: tuple[Mapping[str, object], ...] | Unknown) -> tuple[Mapping[str, object] | Unknown, ...]:
    return (blocks,) if isinstance(blocks, Unknown) else blocks


def _acl_grants(reader: Reader) -> Iterator[tuple[str | Unknown, str | Unknown]]:
    """The grants of one resource that carries an ACL: a bucket of old, or an ACL resource."""
    yield from _grants(reader, reader.resource.values)
    for block in _listed(reader.blocks("access_control_policy")):
        if isinstance(block, Unknown):
            yield block, block
        else:
            yield from _grants(reader, block)


def _acl_is_public(reader: Reader) -> Tri:
    canned = reader.text("acl")
    named = canned if isinstance(canned, Unknown) else canned in PUBLIC_ACLS
    granted = (g if isinstance(g, Unknown) else g.endswith(PUBLIC_GROUPS) for g, _ in _acl_grants(reader))
    return any_of((named, *granted))


def _acls(reader: Reader) -> Iterator[Reader]:
    """Everything that sets the bucket's ACL."""
    yield reader
    for r in _named(reader, "aws_s3_bucket_acl").found:
        yield reader.reading(r)


def _acls_count(reader: Reader) -> Tri:
    """Whether ACLs have any effect. S3 User Guide, "Controlling ownership of objects": BucketOwnerEnforced ends them."""
    off: list[Tri] = []
    for r in _named(reader, "aws_s3_bucket_ownership_controls").found:
        ownership = reader.reading(r).text("rule.object_ownership")
        off.append(ownership if isinstance(ownership, Unknown) else ownership == "BucketOwnerEnforced")
    ignored = blocked(reader, "ignore_public_acls")
    off.append(ignored if isinstance(ignored, bool | Unknown) else False)
    answer = any_of(off)
    return answer if isinstance(answer, Unknown) else not answer


def acl_public(reader: Reader) -> Value:
    """Whether an ACL that has an effect grants to everybody or to every AWS account."""
    answer = all_of((any_of(_acl_is_public(one) for one in _acls(reader)), _acls_count(reader)))
    doubt = _named(reader, "aws_s3_bucket_acl").doubt
    return doubt if answer is False and doubt is not None else answer


def _bucket_of(reader: Reader) -> Reader | None:
    """The bucket that a satellite completes, where it was read."""
    return named(reader, "bucket", "aws_s3_bucket", "bucket")


def own_acl_public(reader: Reader) -> Value:
    """The same of one ACL resource; a bucket elsewhere is judged by what stands here under the same name."""
    bucket = _bucket_of(reader)
    counts = _acls_count(bucket) if bucket is not None else _siblings_let_count(reader)
    return all_of((_acl_is_public(reader), counts))


def _siblings(reader: Reader, native: str) -> Iterator[Resource]:
    """The blocks of a type that name the same bucket as this one, when the bucket itself stands elsewhere."""
    mine = reader.at("bucket")
    for r in reader.pool.of_type(native):
        other = r.values.get("bucket")
        same = mine.address == other.address if isinstance(mine, Link) and isinstance(other, Link) else mine == other
        if r.label == reader.resource.label and same and not isinstance(mine, Unknown):
            yield r


def _siblings_let_count(reader: Reader) -> Tri:
    off = [as_flag(r.values.get("ignore_public_acls")) for r in _siblings(reader, "aws_s3_bucket_public_access_block")]
    answer = any_of(_or_false(o) for o in off)
    return answer if isinstance(answer, Unknown) else not answer


def restricted_beside(reader: Reader) -> Value:
    """Whether strangers are kept out of the bucket that a policy belongs to."""
    bucket = _bucket_of(reader)
    if bucket is not None:
        return blocked(bucket, "restrict_public_buckets")
    on = (
        as_flag(r.values.get("restrict_public_buckets")) for r in _siblings(reader, "aws_s3_bucket_public_access_block")
    )
    return any_of(_or_false(o) for o in on)


def bucket_policy(reader: Reader) -> Policy:
    """The statements of the bucket's policy, its own of old and those of the policy resources that name it."""
    own = statements(reader, "policy")
    attached = satellite_statements(reader, "aws_s3_bucket_policy", "bucket")
    if isinstance(own, Unknown) or isinstance(attached, Unknown):
        return own if isinstance(own, Unknown) else attached
    return None if own is None and attached is None else (*(own or ()), *(attached or ()))


def access_point_policy(reader: Reader) -> Policy:
    """The policy of an access point, its own or that of a policy resource."""
    own = statements(reader, "policy")
    return (
        own
        if own is not None
        else satellite_statements(reader, "aws_s3control_access_point_policy", "access_point_arn")
    )


def object_acl_public(reader: Reader) -> Value:
    """Whether an object's own ACL opens it; the bucket's settings mask it like any other."""
    bucket = _bucket_of(reader)
    return all_of((_acl_is_public(reader), _acls_count(bucket) if bucket is not None else _siblings_let_count(reader)))


def writes_logs(reader: Reader) -> Tri:
    """Whether other stores write their access logs here. S3 then takes no other key than its own on this bucket."""
    canned = any_of(_is_log_acl(one) for one in _acls(reader))
    policy = bucket_policy(reader) or ()
    allowed = any_of(_lets_log(s) for s in ((policy,) if isinstance(policy, Unknown) else policy))
    target = any(r.found for r in (reader.satellites("aws_s3_bucket_logging", "target_bucket"), _old_targets(reader)))
    return any_of((canned, target, allowed))


def _old_targets(reader: Reader) -> Satellites:
    return reader.satellites("aws_s3_bucket", "logging.target_bucket")


def _is_log_acl(reader: Reader) -> Tri:
    canned = reader.text("acl")
    named = False if isinstance(canned, Unknown) else canned == "log-delivery-write"
    granted = (
        isinstance(g, str) and g.endswith(LOG_GROUP) and p in ("WRITE", "FULL_CONTROL") for g, p in _acl_grants(reader)
    )
    return any_of((named, *granted))


def _lets_log(s: Statement | Unknown) -> Tri:
    return (
        isinstance(s, Statement) and s.effect != "deny" and LOG_WRITER in s.principals and "s3:putobject" in s.actions
    )


def _encryption(reader: Reader) -> Iterator[tuple[Reader, Mapping[str, object] | Unknown]]:
    """Every `apply_server_side_encryption_by_default`, with its reader; the resource of its own wins."""
    satellites = _named(reader, "aws_s3_bucket_server_side_encryption_configuration").found
    places = [(reader.reading(r), "rule") for r in satellites]
    for inside, path in places or [(reader, "server_side_encryption_configuration.rule")]:
        for rule in _listed(inside.blocks(path)):
            if isinstance(rule, Unknown):
                yield inside, rule
                continue
            for applied in _listed(inside.blocks("apply_server_side_encryption_by_default", rule)):
                yield inside, applied


def encryption(reader: Reader) -> Key | Unknown | None:
    """The key of the bucket's default encryption. `aws:kms` without a key is the AWS managed key `aws/s3`."""
    answer: Key | Unknown | None = _named(reader, "aws_s3_bucket_server_side_encryption_configuration").doubt
    for inside, applied in _encryption(reader):
        if isinstance(applied, Unknown):
            return applied
        algorithm = inside.text("sse_algorithm", applied)
        if isinstance(algorithm, Unknown):
            return algorithm
        if (algorithm or "").lower() not in ("aws:kms", "aws:kms:dsse"):
            answer = Key("provider", algorithm or "")
            continue
        key = key_of(inside, applied.get("kms_master_key_id"))
        return key if key is not None else Key("provider", "alias/aws/s3")
    return answer


def access_log(reader: Reader) -> Value:
    own = reader.blocks("logging")
    if isinstance(own, Unknown) or own:
        return own if isinstance(own, Unknown) else True
    found = _named(reader, "aws_s3_bucket_logging")
    return True if found.found else found.doubt


def versioned(reader: Reader) -> Value:
    found = _named(reader, "aws_s3_bucket_versioning")
    for r in found.found:
        status = reader.reading(r).text("versioning_configuration.status")
        if status is not None:
            return status if isinstance(status, Unknown) else status == "Enabled"
    own = reader.flag("versioning.enabled")
    return own if own is not None else found.doubt


def locked(reader: Reader) -> Value:
    """Whether Object Lock is on; None when nothing says a word about it."""
    own = reader.text("object_lock_configuration.object_lock_enabled")
    if isinstance(own, Unknown) or own:
        return own if isinstance(own, Unknown) else own == "Enabled"
    found = _named(reader, "aws_s3_bucket_object_lock_configuration")
    for r in found.found:
        word = reader.reading(r).text("object_lock_enabled")
        return word if isinstance(word, Unknown) else word in (None, "Enabled")
    enabled = reader.flag("object_lock_enabled")
    return enabled if enabled is not None else found.doubt


def lock_days(reader: Reader) -> Value:
    """Days that a new object is locked for by default."""
    places = [(reader, "object_lock_configuration.rule.default_retention")]
    found = _named(reader, "aws_s3_bucket_object_lock_configuration")
    places += [(reader.reading(r), "rule.default_retention") for r in found.found]
    for inside, path in places:
        for unit, name in ((1.0, "days"), (365.0, "years")):
            number = inside.number(f"{path}.{name}")
            if number is not None:
                return number if isinstance(number, Unknown) else number * unit
    return found.doubt


def copies(reader: Reader) -> Value:
    """Where the bucket is copied to: `ours` for a bucket of this configuration, else what names the place."""
    out: list[str | Unknown] = []
    places = [(reader.reading(r), "rule") for r in _named(reader, "aws_s3_bucket_replication_configuration").found]
    for inside, path in (*places, (reader, "replication_configuration.rules")):
        for rule in _listed(inside.blocks(path)):
            if isinstance(rule, Unknown):
                out.append(rule)
                continue
            targets = _listed(inside.blocks("destination", rule))
            out += [place if isinstance(place, Unknown) else _destination(inside, place) for place in targets]
    return tuple(out)


def _destination(reader: Reader, place: Mapping[str, object]) -> str | Unknown:
    account = reader.open(place.get("account"))
    if isinstance(account, str) and undecided(account) is None:
        return "ours" if account in ours(reader) else account
    if account is not None and not (isinstance(account, Link) and "aws_caller_identity" in account.address):
        return undecided(account) or str(account)
    bucket = reader.open(place.get("bucket"))
    if account is not None or (isinstance(bucket, Link) and "data." not in bucket.address):
        return "ours"  # a bucket of this configuration, wherever its block stands
    name = bucket.rpartition(":::")[2] if isinstance(bucket, str) else ""
    if any(b.values.get("bucket") == name for b in reader.pool.of_type("aws_s3_bucket")):
        return "ours"
    return Unknown(GapCode.UNDECIDED, f"whose bucket {bucket if isinstance(bucket, str) else 'the destination'} is")
