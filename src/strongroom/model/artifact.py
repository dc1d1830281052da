"""Sealed artifacts."""

import msgspec


class Artifact(msgspec.Struct, frozen=True):
    """A thing worth protecting: weights, a checkpoint, an adapter, a dataset, a log of prompts."""

    id: str
    artifact_class: str
    digest: str
    size: int
    owner: str
    sensitivity: str


class Slot(msgspec.Struct, frozen=True):
    """One way to open an artifact: a wrapped key and the id of the policy that it is bound to."""

    kind: str
    recipient: str
    policy_id: str
    wrapped_key: str


class Manifest(msgspec.Struct, frozen=True):
    """What an artifact consists of: (path, size, digest) per file, and its slots."""

    artifact: str
    files: tuple[tuple[str, int, str], ...]
    slots: tuple[Slot, ...]
