"""Blocks that name what they complete by a path, in full or in part."""

from strongroom.collect.resource import Link, Pool, Resource
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Where


def grant(name: str, key: object) -> Resource:
    return Resource(f"x_grant.{name}", "x_grant", name, {"key": key}, Where("main.tf", 1, 2))


def test_a_path_is_found_by_any_of_its_ends() -> None:
    """A path is found by its last part, by more of them, and as a whole; a link and what is not known are no paths."""
    full = grant("full", "projects/p/keyRings/r/cryptoKeys/k")
    short = grant("short", "r/k")
    others = [
        grant("link", Link("x_key.k")),
        grant("asked", Unknown(GapCode.UNDECIDED, "var.x has no value")),
        grant("half", "${x_ring.r}/cryptoKeys/k"),
    ]
    pool = Pool([full, short, *others])
    assert list(pool.by_tail("x_grant", "key", "keyRings/r/cryptoKeys/k")) == [full]
    assert list(pool.by_tail("x_grant", "key", "projects/p/keyRings/r/cryptoKeys/k")) == [full]
    assert list(pool.by_tail("x_grant", "key", "k")) == [full, short]
    assert list(pool.by_tail("x_grant", "key", "ings/r/cryptoKeys/k")) == []
