"""The broker's database: what must happen once happens once, also when many ask together."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import broker_races
import msgspec
import pytest
from release_terms import KEY, NOW, RESOURCE, WORKLOAD

from strongroom.kit import release_approval
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.model.errors import Denied, NotFound, StateError
from strongroom.model.release import Approval, Revocation, What, Wrapped
from strongroom.store import blobs
from strongroom.store.broker import Attestation, BrokerStore

ANN = SignerKey("ann", Kind.ED25519, bytes(range(32)))
ATTESTED = Attestation("a1", WORKLOAD, b'{"kty":"EC"}', NOW + timedelta(minutes=5))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BrokerStore]:
    """A new database."""
    with BrokerStore(str(tmp_path / "broker.db"), seconds=20) as made:
        yield made


def test_what_is_kept_is_read(store: BrokerStore) -> None:
    """Attestations, resources, revocations, approvals and decisions come back as they were put."""
    store.attested(ATTESTED, NOW)
    wrapped = Wrapped(RESOURCE, 1, "file", "k1", bytes(range(9)), ("lab+1", "partner+2"))
    store.deposit(wrapped, NOW)
    store.deposit(msgspec.structs.replace(wrapped, version=2, blob=b"new"), NOW)
    revocation = Revocation(What.CHIP, "snp:chip:00", "it leaked", NOW, "ops")
    store.revoke(revocation)
    store.revoke(msgspec.structs.replace(revocation, reason="again"))
    approval = Approval(RESOURCE, KEY, str(ANN.verifier), "monday", NOW)
    before = msgspec.structs.replace(approval, reason="before")
    store.approve(before, release_approval.sign(before, Ed25519Signer(ANN)))
    store.approve(approval, release_approval.sign(approval, Ed25519Signer(ANN)))
    held = store.held("a1", RESOURCE, NOW)
    assert held is not None
    assert held.attestation == ATTESTED
    assert held.wrapped == msgspec.structs.replace(wrapped, version=2, blob=b"new")
    assert held.revocations == (revocation,)
    assert held.approvals == (approval,)
    assert store.settle("d1", b"{}", NOW)
    assert store.decision("d1") == b"{}"
    assert store.resources() == ((RESOURCE, 2, "file"),)
    assert store.held("none", RESOURCE, NOW) is None
    assert store.attestation("a1") == ATTESTED
    with pytest.raises(NotFound):
        store.decision("none")


def test_a_challenge_is_answered_once(store: BrokerStore) -> None:
    """Of many who answer one challenge together, one is kept and the others are told."""

    def answer(_: int) -> bool:
        try:
            store.attested(ATTESTED, NOW)
        except Denied:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(answer, range(32))) == 1


def test_a_use_is_taken_once(store: BrokerStore) -> None:
    """Of many who take one use together, one has it; what the others kept is gone."""
    store.attested(ATTESTED, NOW)

    def take(n: int) -> bool:
        return store.settle(f"d{n}", b"{}", NOW, ("a1", RESOURCE, 0))

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take, range(32)))
    assert sum(taken) == 1
    held = store.held("a1", RESOURCE, NOW)
    assert held is not None
    assert (held.usage.attestation, held.usage.hour) == (1, 1)
    for n, mine in enumerate(taken):
        if not mine:
            with pytest.raises(NotFound):
                store.decision(f"d{n}")


def test_uses_of_the_last_hour_are_counted(store: BrokerStore) -> None:
    """What was used more than an hour ago does not count for the rate, and still counts for its attestation."""
    store.attested(ATTESTED, NOW)
    store.settle("d0", b"{}", NOW - timedelta(hours=2), ("a1", RESOURCE, 0))
    store.settle("d1", b"{}", NOW, ("a1", RESOURCE, 1))
    held = store.held("a1", RESOURCE, NOW)
    assert held is not None
    assert (held.usage.attestation, held.usage.hour) == (2, 1)


def test_an_older_policy_never_comes_back(store: BrokerStore) -> None:
    """A policy of a lower version, or another one of the same, is refused; the same one again is not."""
    store.in_force("weights", 3, "sha256:aa")
    store.in_force("weights", 3, "sha256:aa")
    for version, digest in ((2, "sha256:aa"), (3, "sha256:bb")):
        with pytest.raises(Denied):
            store.in_force("weights", version, digest)
    store.in_force("weights", 4, "sha256:bb")
    store.in_force("others", 1, "sha256:cc")


def test_a_version_is_deposited_once(store: BrokerStore) -> None:
    """What was deposited is never written over."""
    store.deposit(Wrapped(RESOURCE, 1, "file", "k", b"a"), NOW)
    with pytest.raises(Denied):
        store.deposit(Wrapped(RESOURCE, 1, "file", "k", b"b"), NOW)


def test_a_database_that_is_none_is_told(tmp_path: Path) -> None:
    """A file that is no database, a folder, and one of a newer version are told as such, without a traceback."""
    bad = tmp_path / "bad.db"
    bad.write_bytes(b"no database, but long enough to be looked at twice" * 40)
    for where in (str(bad), str(tmp_path), "nothing://x"):
        with pytest.raises(StateError):
            BrokerStore(where)


def test_the_database_is_its_owners_alone(tmp_path: Path) -> None:
    """Nobody else may read what the broker keeps."""
    with BrokerStore(str(tmp_path / "new" / "broker.db")):
        assert oct((tmp_path / "new" / "broker.db").stat().st_mode & 0o777) == "0o600"


def test_files_are_known_by_their_content(tmp_path: Path) -> None:
    """Octets are kept under their digest once, and a changed or missing file is told."""
    digest = blobs.put(tmp_path, b"evidence")
    assert blobs.put(tmp_path, b"evidence") == digest
    assert blobs.get(tmp_path, digest) == b"evidence"
    [path] = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    path.write_bytes(b"evidence!")
    with pytest.raises(StateError):
        blobs.get(tmp_path, digest)
    with pytest.raises(NotFound):
        blobs.get(tmp_path, "sha256:" + "00" * 32)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Where nothing can be kept, it is said."""
    tmp_path.chmod(0o500)
    with pytest.raises(StateError):
        blobs.put(tmp_path / "x", b"y")


def test_who_loses_a_race_over_a_policy_is_told_as_who_comes_later(tmp_path: Path) -> None:
    """Two brokers bring a policy at once: the same is in force for both, an older one or another of its version is denied."""
    path = str(tmp_path / "broker.db")
    with BrokerStore(path) as one, BrokerStore(path) as two:
        broker_races.policies(one, two)


def test_many_who_bring_policies_and_approvals_at_once_get_no_fault(tmp_path: Path) -> None:
    """Nobody sees an error of the database, and what stands is what one of them has brought."""
    with ExitStack() as held:
        broker_races.together(
            [held.enter_context(BrokerStore(str(tmp_path / "broker.db"), seconds=30)) for _ in range(4)]
        )
