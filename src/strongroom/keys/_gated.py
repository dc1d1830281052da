"""What every back end is to the broker: a gate in front, an envelope around, and behind it whoever holds the key.

The order is fixed here, once: the receipt is verified before anything is read from a blob and before whoever holds the
key is asked, so that somebody without a receipt cannot even make it work.
"""

from datetime import datetime
from typing import Protocol

import msgspec

from strongroom.keys import _envelope
from strongroom.model.errors import BadInput, Malformed, TooLarge
from strongroom.model.release import Gate, Secret, Wrapped, bound_to, resource_name
from strongroom.model.trust import Receipt

MOST = 1 << 20  # octets of a secret: keys, certificates and credentials, not weights


class Holder(Protocol):
    """Who holds key-encryption keys: it wraps data keys of 32 octets, and opens them. Threads share it."""

    def wrap_key(self, data_key: bytes, context: bytes) -> tuple[str, bytes]:
        """The name of the newest key, and the data key under it. Raises KeyUnavailable."""

    def unwrap_key(self, key: str, wrapped: bytes, context: bytes) -> bytes:
        """The data key. Raises KeyUnavailable (no such key, or no answer), Malformed (it does not open)."""

    def newest(self) -> str:
        """The name of the key that wraps now. Raises KeyUnavailable."""

    def rotate(self) -> str:
        """Make a new key, and wrap with it from now on; its name. Raises KeyUnavailable."""

    def check(self) -> str:
        """What it is, in words, once it has answered. Raises KeyUnavailable."""

    def close(self) -> None:
        """Let go of sessions and keys."""


class GatedKeys:
    """An open back end: `Keys` and `Rotates` over whoever holds the keys."""

    def __init__(self, name: str, holder: Holder, gate: Gate) -> None:
        self._name = name
        self._holder = holder
        self._gate = gate

    def __repr__(self) -> str:
        """Its name alone: whoever holds the keys has nothing to say in a log."""
        return f"GatedKeys({self._name})"

    def wrap(self, secret: Secret, resource: str, version: int, owners: tuple[str, ...], purpose: str = "") -> Wrapped:
        """Wrap a secret, bound to name, version, owners and purpose.

        Raises:
            KeyUnavailable: the key cannot be used now.
            BadInput: the name is none, the version is below 1, or the secret is empty or over a mebibyte.
        """
        resource_name(resource)
        if version < 1:
            raise BadInput(f"version of {resource}", str(version), "1 or more")
        if not len(secret):
            raise BadInput(f"secret of {resource}", "nothing", "at least one octet")
        if len(secret) > MOST:
            raise TooLarge(f"secret of {resource}", f"{len(secret)} octets", f"at most {MOST}")
        context = bound_to(resource, version, owners, purpose)
        key, blob = _envelope.seal(secret.reveal(), context, self._holder.wrap_key)
        return Wrapped(resource, version, self._name, key, blob, owners, purpose)

    def unwrap(self, receipt: Receipt, wrapped: Wrapped, now: datetime) -> Secret:
        """Open a resource for a release that is proven to be in the log.

        Raises:
            Denied, BadProof, BadSignature: the receipt does not release it; nobody was asked for a key.
            KeyUnavailable: the key cannot be used now, or is lost.
            Malformed: what is kept was changed, or the receipt is none.
        """
        self._gate.opened(receipt, wrapped.resource, now)
        subject = self._own(wrapped)
        return Secret(_envelope.unseal(wrapped.key, wrapped.blob, wrapped.context(), self._holder.unwrap_key, subject))

    def rotate(self) -> str:
        """Make a new key-encryption key, and wrap with it from now on: its name. Raises KeyUnavailable."""
        return self._holder.rotate()

    def rewrap(self, wrapped: Wrapped) -> Wrapped:
        """The same resource under the newest key, or the same object where it is already. The payload stays closed.

        Raises:
            KeyUnavailable: either key cannot be used now.
            Malformed: what is kept was changed.
        """
        subject = self._own(wrapped)
        if wrapped.key == self._holder.newest():
            return wrapped
        context = wrapped.context()
        envelope = _envelope.read(wrapped.blob, context, subject)
        data_key = self._holder.unwrap_key(wrapped.key, envelope.wrapped, context)
        key, again = self._holder.wrap_key(data_key, context)
        return msgspec.structs.replace(wrapped, key=key, blob=envelope._replace(wrapped=again).pack())

    def _own(self, wrapped: Wrapped) -> str:
        subject = f"resource {wrapped.resource[:400]} version {wrapped.version}"
        if wrapped.backend != self._name:
            raise Malformed(subject, f"one of the back end {wrapped.backend[:80]!r}", self._name)
        return subject

    def check(self) -> str:
        """What it is, in words, once it has answered. Raises KeyUnavailable."""
        return self._holder.check()

    def close(self) -> None:
        """Let go of sessions and of keys in memory."""
        self._holder.close()
