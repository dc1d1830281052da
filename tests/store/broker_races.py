"""Two brokers over one database who are told the same at once; what they do is the same in every database."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

from release_terms import KEY, NOW, RESOURCE
from sqlalchemy import event

from strongroom.kit import release_approval
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.model.errors import Denied
from strongroom.model.release import Approval
from strongroom.store.broker import BrokerStore

ANN = SignerKey("ann", Kind.ED25519, bytes(range(32)))


def between(store: BrokerStore, statement: str, other: Callable[[], None]) -> None:
    """Let another come first, once, just before a store runs a statement that begins so."""
    left = [other]

    def before(_conn: object, _cursor: object, text: str, *_: object) -> None:
        if left and text.startswith(statement):
            left.pop()()

    event.listen(store._engine, "before_cursor_execute", before)


def came(work: Callable[[], None]) -> str:
    """What came of it."""
    try:
        work()
    except Denied as e:
        return e.found
    return "done"


def approve(store: BrokerStore, reason: str, minutes: int = 5) -> None:
    """Ann's word for a release."""
    approval = Approval(RESOURCE, KEY, str(ANN.verifier), reason, NOW + timedelta(minutes=minutes))
    store.approve(approval, release_approval.sign(approval, Ed25519Signer(ANN)))


def policies(one: BrokerStore, two: BrokerStore) -> None:
    """The first of its name: the same twice is in force, another of its version is denied; a newer one stays in force."""
    between(one, "INSERT INTO broker_policy", lambda: two.in_force("weights", 1, "sha256:aa"))
    assert came(lambda: one.in_force("weights", 1, "sha256:aa")) == "done"
    between(one, "INSERT INTO broker_policy", lambda: two.in_force("others", 1, "sha256:aa"))
    assert came(lambda: one.in_force("others", 1, "sha256:bb")) == "version 1 of others, where 1 was in force"
    between(one, "UPDATE broker_policy", lambda: two.in_force("weights", 3, "sha256:cc"))
    assert came(lambda: one.in_force("weights", 2, "sha256:bb")) == "version 2 of weights, where 3 was in force"
    between(one, "UPDATE broker_policy", lambda: two.in_force("weights", 4, "sha256:dd"))
    assert came(lambda: one.in_force("weights", 5, "sha256:ee")) == "done"
    assert came(lambda: two.in_force("weights", 4, "sha256:dd")) == "version 4 of weights, where 5 was in force"


def together(stores: list[BrokerStore]) -> None:
    """Many at once, again and again: of one version one digest stands, and the last word of each approver."""
    start = Barrier(len(stores))

    def at(number: int) -> list[str]:
        found = []
        for version in range(1, 16):
            start.wait()
            found.append(came(lambda v=version: stores[number].in_force("weights", v, f"sha256:{number}")))  # type: ignore[misc] # a number
            start.wait()
            approve(stores[number], f"word {version} of {number}", version)
        return found

    with ThreadPoolExecutor(len(stores)) as threads:
        outcomes = list(threads.map(at, range(len(stores))))
    for version, each in enumerate(zip(*outcomes, strict=True), 1):
        assert set(each) == {"done", f"version {version} of weights, where {version} was in force"}
        assert each.count("done") == 1
    [held] = stores[0].approvals(RESOURCE)
    assert held.reason.startswith("word 15 of ")
