"""Workload identity federation: what a workload must prove before a pool lets it act as a member.

Source: https://cloud.google.com/iam/docs/workload-identity-federation.
"""

import re
from collections.abc import Iterator

from strongroom.collect.native import Reader
from strongroom.collect.resource import Resource, pick
from strongroom.collect.tables._gcp_iam import grants_on
from strongroom.kit.gcp_iam import TAKING_ROLES
from strongroom.model.codes import GapCode
from strongroom.model.values import Condition, Statement, Unknown

POOL, PROVIDER = "google_iam_workload_identity_pool", "google_iam_workload_identity_pool_provider"
ACCOUNT = "google_service_account"

NOBODY_ASKS = Condition("none", "", ())
"""Stands for a way in that asks for no proof at all."""

_FEDERATED = re.compile(r"principal(Set)?://")
_POOL_NAME = re.compile(r"workloadIdentityPools/([^/]+)")
_POOL_LINK = re.compile(r"\$\{([^}]+)\}")
_PINNED = re.compile(r"/attribute\.(image_digest)/(sha256:[0-9a-f]{64})$")


def with_conditions(r: Reader, grant: Statement | Unknown) -> Iterator[Statement | Unknown]:
    """A grant, one statement for each principal, with the conditions that its holder must meet to be that principal."""
    if isinstance(grant, Unknown):
        yield grant
        return
    for member in grant.principals:
        asked = tuple(_asked(r, member))
        doubts = [c for c in asked if isinstance(c, Unknown)]
        conditions = tuple(c for c in asked if isinstance(c, Condition))
        yield from doubts
        if conditions or not doubts:
            yield Statement(grant.effect, (member,), actions=grant.actions, conditions=conditions)


def _asked(r: Reader, member: str) -> Iterator[Condition | Unknown]:
    if _FEDERATED.match(member):
        yield from _of_pool(r, member)
    elif member.startswith("serviceAccount:"):
        yield from _of_account(r, member)


def _of_pool(r: Reader, member: str) -> Iterator[Condition | Unknown]:
    """Each provider of the pool is a way in; a digest in the principal itself pins the workload too."""
    pool = _pool(r, member)
    if pool is None:
        yield Unknown(GapCode.NOT_FETCHED, f"the identity pool of {member[:80]} is not in these files")
        return
    ident = pool.values.get("workload_identity_pool_id")
    found = r.reading(pool).satellites(PROVIDER, "workload_identity_pool_id").found
    named = [p for p in r.pool.of_type(PROVIDER) if isinstance(ident, str) and _pool_id(p) == ident]
    pin = _PINNED.search(member)
    for p in {id(x): x for x in (*found, *named)}.values():
        condition = condition_of(r.reading(p))
        if isinstance(condition, Condition) and pin is not None:
            yield Condition(condition.operator, condition.key, (*condition.values, pin[2]))
        else:
            yield condition


def _pool_id(provider: Resource) -> object:
    return provider.values.get("workload_identity_pool_id")


def condition_of(provider: Reader) -> Condition | Unknown:
    """What a provider demands: the issuer that it trusts, and its condition on the issuer's tokens."""
    issuer = provider.text("oidc.issuer_uri")
    condition = provider.text("attribute_condition")
    for part in (issuer, condition):
        if isinstance(part, Unknown):
            return part
    return Condition(
        "cel", issuer if isinstance(issuer, str) else "", (condition if isinstance(condition, str) else "",)
    )


def _pool(r: Reader, member: str) -> Resource | None:
    link = _POOL_LINK.search(member)
    name = _POOL_NAME.search(member)
    for p in r.pool.of_type(POOL):
        if p.label != r.resource.label:
            continue
        if link is not None and (link[1] == p.address or link[1].startswith(f"{p.address}.")):
            return p
        if name is not None and p.values.get("workload_identity_pool_id") == name[1]:
            return p
    return None


def _of_account(r: Reader, member: str) -> Iterator[Condition | Unknown]:
    """Who may act as a service account, where the account and its grants are in the files.

    An account that is not, or that nobody federated may act as, asks for no proof.
    """
    account = _account(r, member)
    if account is None:
        return
    grants = grants_on(r.reading(account), ACCOUNT, "service_account_id")
    for g in grants:
        if isinstance(g, Unknown):
            yield g
        elif any(a.lower() in TAKING_ROLES for a in g.actions):
            for m in g.principals:
                yield from (_of_pool(r, m) if _FEDERATED.match(m) else (NOBODY_ASKS,))


def _account(r: Reader, member: str) -> Resource | None:
    link = _POOL_LINK.search(member)
    ident = member.removeprefix("serviceAccount:").partition("@")[0]
    for a in r.pool.of_type(ACCOUNT):
        if a.label == r.resource.label and (
            (link is not None and (link[1] == a.address or link[1].startswith(f"{a.address}.")))
            or pick(a.values, "account_id") == ident
        ):
            return a
    return None
