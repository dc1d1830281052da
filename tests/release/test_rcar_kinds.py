"""The whole handshake over TLS for machines of every kind, by the client that people run."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import broker_rig as b
import kinds_rig as k
import pytest
from served_broker import Served, serving

from strongroom.app import log_entries
from strongroom.app.release_client import ALGORITHMS, Client, To
from strongroom.app.release_words import TurnedAway
from strongroom.model.codes import EntryKind


def rig_of(kind: k.Kind, folder: Path) -> k.KindRig:
    """A broker that expects a machine of the kind."""
    return k.KindRig(folder, now=kind.now, kind=kind)


@pytest.fixture
def at(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[k.KindRig, Served]]:
    """A served broker for the kind that the test names."""
    made = rig_of(k.KINDS[request.param](), tmp_path)
    with serving(made.broker, tmp_path) as served:
        yield made, served
    made.log.close()
    made.store.close()


def refusal() -> "pytest.RaisesExc[TurnedAway]":
    """The evidence is refused."""
    return pytest.raises(TurnedAway, match="AttestationError")


def kinds_in(rig: b.Rig) -> list[EntryKind]:
    """The kinds of the log's entries."""
    rig.log.publish()
    return [got.entry.kind for got in log_entries.entries(rig.place) if got.entry is not None]


@pytest.mark.parametrize("at", k.KINDS, indirect=True)
def test_a_machine_of_each_kind_gets_its_key(at: tuple[k.KindRig, Served]) -> None:
    """Evidence that was minted under a test's root completes the handshake, and the release is in the log."""
    rig, served = at
    assert rig.kind is not None
    with Client(To(served.url, str(served.ca)), rig.kind, lambda: rig.now) as client:
        try:
            with client.get(b.WEIGHTS) as secret:
                assert bytes(secret) == b.SECRET
        except TurnedAway:
            pytest.fail("; ".join(served.refused))
    assert kinds_in(rig) == [EntryKind.RELEASE]


@pytest.mark.parametrize("at", k.KINDS, indirect=True)
def test_evidence_of_before_is_refused(at: tuple[k.KindRig, Served]) -> None:
    """Genuine evidence of the same machine that answers another challenge is refused, whatever its kind, and logged."""
    rig, served = at
    assert rig.kind is not None
    fresh = rig.kind
    stale = replace(fresh, root=lambda answer: fresh.root(bytes(len(answer))))
    to = To(served.url, str(served.ca))
    with Client(to, stale, lambda: rig.now) as client, pytest.raises(TurnedAway) as told:
        client.get(b.WEIGHTS)
    assert told.value.kind == "AttestationError"
    assert kinds_in(rig) == [EntryKind.DENIAL]


@pytest.mark.parametrize("at", ["snp with two GPUs"], indirect=True)
def test_a_node_whose_gpus_do_not_answer_is_refused(at: tuple[k.KindRig, Served]) -> None:
    """GPUs that are left out, or that answered another, are no GPUs of this node."""
    rig, served = at
    assert rig.kind is not None
    whole = rig.kind

    class Others:
        tee = whole.tee
        root = staticmethod(whole.root)

        def devices(self, nonce: bytes) -> str:
            return whole.devices(bytes(len(nonce)))

    for attester in (replace(whole, gpus=0), Others()):
        with Client(To(served.url, str(served.ca)), attester, lambda: rig.now) as client, refusal():
            client.get(b.WEIGHTS)
    assert kinds_in(rig) == [EntryKind.DENIAL] * 2


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("at", ["snp"], indirect=True)
def test_every_algorithm_opens(at: tuple[k.KindRig, Served], algorithm: str) -> None:
    """The answer comes by the algorithm of the requester's key."""
    rig, served = at
    assert rig.kind is not None
    to = To(served.url, str(served.ca), algorithm)
    with Client(to, rig.kind, lambda: rig.now) as client, client.get(b.WEIGHTS) as secret:
        assert bytes(secret) == b.SECRET
