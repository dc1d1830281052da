"""A running cluster, read once: what the judge knows of it, and what decides on admission there."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from strongroom.app.admission import RESOURCES, object_of
from strongroom.app.isolation import load_state
from strongroom.collect.kubernetes.live import Client, RefusedError, Resource
from strongroom.isolate import installed
from strongroom.isolate.installed import Engine
from strongroom.isolate.state import State
from strongroom.model.errors import StrongroomError

_GROUP = f"/apis/{installed.GROUP}/v1"
ENGINE = (
    Resource(installed.WEBHOOKS, f"{_GROUP}/validatingwebhookconfigurations"),
    Resource(installed.POLICIES, f"{_GROUP}/validatingadmissionpolicies"),
    Resource(installed.BINDINGS, f"{_GROUP}/validatingadmissionpolicybindings"),
)


class Seen(NamedTuple):
    """A cluster at one moment. `engine` is None where that was not read, and `lost` says what could not be."""

    state: State
    engine: Engine | None
    lost: tuple[str, ...] = ()


def live(client: Client) -> Seen:
    """A cluster by its API. Raises Unreadable, Malformed, TooLarge: what the judge needs could not be read."""
    state = State()
    for resource in RESOURCES:
        for raw in _listed(client, resource):
            state.apply(resource.kind, object_of(resource.kind, raw))
    lost: list[str] = []
    found: list[tuple[str, msgspec.Raw]] = []
    for resource in ENGINE:
        try:
            found += [(resource.kind, raw) for raw in _listed(client, resource)]
        except StrongroomError as e:
            lost.append(f"{e.subject}: {e.found}")
    return Seen(state, None if lost else installed.engine(found), tuple(lost))


def _listed(client: Client, resource: Resource) -> list[msgspec.Raw]:
    """All of a kind; nothing where the server has no such kind."""
    try:
        return client.list(resource).items
    except RefusedError as e:
        if e.absent and client.unserved(resource):
            return []
        raise


def from_files(paths: Sequence[str]) -> Seen:
    """A cluster by what kubectl wrote. Raises Unreadable, TooLarge, Malformed.

    Of what decides there is nothing to tell unless a file has some of it: a dump that lacks it may be one that did not ask.
    """
    cluster = load_state(paths)
    found = installed.engine(cluster.engine)
    known = bool(cluster.engine)
    return Seen(cluster.state, found if known else None, () if known else (_NOT_ASKED,))


_NOT_ASKED = "no webhook configuration and no admission policy is in the dump: kubectl get validatingwebhookconfigurations,validatingadmissionpolicies,validatingadmissionpolicybindings -o json"
