"""The contract of every key back end: a secret comes out against a receipt of the log, and in no other way."""

import io
import logging
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import aws_case
import azure_case
import bao_case
import file_case
import gcp_case
import msgspec
import pkcs11_case
import pytest
from key_harness import CANARY, NOW, OWNERS, RESOURCE, Case, Scene, decision, log_in, scene, with_options

from strongroom.keys._gated import MOST
from strongroom.kit.rooms import room
from strongroom.model.errors import BadInput, BadProof, BadSignature, Denied, KeyUnavailable, Malformed, StrongroomError
from strongroom.model.release import KeyBackend, Rotates, Secret, Wrapped
from strongroom.model.trust import Receipt

_CLOUDS = (aws_case.CASE, azure_case.CASE, gcp_case.CASE)
CASES: tuple[Case, ...] = (file_case.CASE, *pkcs11_case.CASES, bao_case.SIMULATED, *_CLOUDS)
# A real server of OpenBao takes a process of its own: `make integration`.
EVERY = (*CASES, pytest.param(bao_case.REAL, marks=pytest.mark.integration, id=bao_case.REAL.name))


def named(case: object) -> str | None:
    return case.name if isinstance(case, Case) else None


@pytest.fixture(scope="module", params=EVERY, ids=named)
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Each back end behind a gate, with one resource; tests leave it as it was."""
    with pytest.MonkeyPatch.context() as patch, scene(request.param, tmp_path_factory.mktemp("kept"), patch) as made:
        yield made


@pytest.fixture(params=EVERY, ids=named)
def alone(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """The same for one test that changes it."""
    with scene(request.param, tmp_path, monkeypatch) as made:
        yield made


def test_a_receipt_opens_what_was_wrapped(kept: Scene) -> None:
    """The octets that come out against a receipt are those that went in, again and again, and after a new start."""
    assert kept.unwrap() == CANARY
    assert kept.unwrap() == CANARY
    with log_in(kept.folder) as (log, gate):
        again = kept.running.open(gate)
        assert again.unwrap(log.decide(decision()), kept.wrapped, NOW).reveal() == CANARY
        again.close()


@pytest.mark.parametrize("size", [1, 16, 31, 32, 4096, MOST])
def test_secrets_of_any_size_come_out_whole(kept: Scene, size: int) -> None:
    """From one octet to a mebibyte, every octet comes back, zeros and line ends included."""
    secret = bytes(range(256)) * (size // 256 + 1)
    wrapped = kept.keys.wrap(Secret(secret[:size]), RESOURCE, 2, ())
    assert kept.unwrap(wrapped) == secret[:size]


@pytest.mark.parametrize(
    ("secret", "resource", "version"),
    [
        (b"", RESOURCE, 1),
        (bytes(MOST + 1), RESOURCE, 1),
        (b"x", "models/llama", 1),
        (b"x", "a/b/../c", 1),
        (b"x", RESOURCE, 0),
    ],
)
def test_what_cannot_be_a_resource_is_not_wrapped(kept: Scene, secret: bytes, resource: str, version: int) -> None:
    """An empty or huge secret, a name of another form and a version below one are refused before a key is used."""
    with pytest.raises(BadInput):
        kept.keys.wrap(Secret(secret), resource, version, ())


def edited(**values: object) -> Callable[[Receipt], Receipt]:
    return lambda r: msgspec.structs.replace(r, decision=msgspec.structs.replace(r.decision, **values))


def denial(kept: Scene) -> Receipt:
    return kept.receipt("deny")


def foreign(kept: Scene) -> Receipt:
    with log_in(kept.folder) as (log, _):
        return log.decide(decision())


REFUSED: dict[str, tuple[Callable[[Scene], Receipt], tuple[type[StrongroomError], ...]]] = {
    "a denial": (denial, (Denied,)),
    "another resource": (lambda k: k.receipt(resource="models/key/other"), (Denied,)),
    "another verb": (lambda k: k.log.decide(decision(verb="enrol")), (Denied,)),
    "an old receipt": (lambda k: k.receipt(at=NOW - timedelta(seconds=61)), (Denied,)),
    "a receipt of tomorrow": (lambda k: k.receipt(at=NOW + timedelta(seconds=6)), (Denied,)),
    "a foreign log": (foreign, (BadSignature,)),
    "a denial made an allowance": (lambda k: edited(outcome="allow")(denial(k)), (BadProof,)),
    "another subject written in": (
        lambda k: edited(subject=RESOURCE)(k.receipt(resource="models/key/other")),
        (BadProof,),
    ),
    "a later time written in": (
        lambda k: edited(decided_at=NOW)(k.receipt(at=NOW - timedelta(hours=1))),
        (BadProof,),
    ),
    "another place in the log": (lambda k: msgspec.structs.replace(k.receipt(), index=0), (BadProof,)),
    "no proof": (
        lambda k: msgspec.structs.replace([k.receipt(), k.receipt()][1], proof=()),
        (BadProof,),
    ),
    "no checkpoint": (lambda k: msgspec.structs.replace(k.receipt(), checkpoint=""), (Malformed,)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_another_receipt_opens_nothing_and_asks_nobody(kept: Scene, name: str) -> None:
    """Each receipt that does not release this resource now is refused before whoever holds the key is asked."""
    make, errors = REFUSED[name]
    kept.receipt()  # the log is not empty, so that every place in it is a wrong one
    receipt = make(kept)
    before = kept.running.asked()
    with pytest.raises(errors) as caught:
        kept.unwrap(receipt=receipt)
    assert type(caught.value) in errors
    assert kept.running.asked() == before


def test_a_release_asks_the_holder(kept: Scene) -> None:
    """The count that the refusals are held against does move when a resource is opened."""
    before = kept.running.asked()
    kept.unwrap()
    assert kept.running.asked() > before


def swapped(**values: object) -> Callable[[Wrapped], Wrapped]:
    return lambda w: msgspec.structs.replace(w, **values)


@pytest.mark.parametrize(
    "change",
    [
        swapped(version=2),
        swapped(owners=OWNERS[:1]),
        swapped(owners=()),
        swapped(owners=(*OWNERS, "third")),
        swapped(purpose="certificate"),
        swapped(backend="other"),
        swapped(blob=b""),
        swapped(blob=b"SRW1"),
    ],
)
def test_another_version_or_owner_does_not_open(kept: Scene, change: Callable[[Wrapped], Wrapped]) -> None:
    """A blob opens as the version, with the owners and in the back end that it was made for, and else is malformed."""
    with pytest.raises(Malformed):
        kept.unwrap(change(kept.wrapped))


def test_a_purpose_is_bound_into_what_is_wrapped(kept: Scene) -> None:
    """What was deposited for a purpose opens with it, and neither without it nor for another."""
    wrapped = kept.keys.wrap(Secret(CANARY), RESOURCE, 1, OWNERS, "certificate")
    assert kept.unwrap(wrapped) == CANARY
    for other in ("", "recipients"):
        with pytest.raises(Malformed):
            kept.unwrap(msgspec.structs.replace(wrapped, purpose=other))


def test_owners_may_stand_in_any_order(kept: Scene) -> None:
    """Owners are a set: the same ones in another order open the resource."""
    assert kept.unwrap(msgspec.structs.replace(kept.wrapped, owners=OWNERS[::-1])) == CANARY


def test_a_blob_in_the_place_of_another_does_not_open(kept: Scene) -> None:
    """What was wrapped for one resource is malformed under the name of another, whichever parts are put together."""
    other = kept.keys.wrap(Secret(b"the secret of somebody else"), "models/key/other", 1, OWNERS)
    size = len(kept.wrapped.blob) - len(CANARY)
    for blob in (
        other.blob,
        kept.wrapped.blob[:36] + other.blob[36:],  # our name over their envelope
        kept.wrapped.blob[: size - 28] + other.blob[len(other.blob) - 55 :],  # our key over their payload
    ):
        with pytest.raises(Malformed):
            kept.unwrap(msgspec.structs.replace(kept.wrapped, blob=blob, key=other.key))
    assert kept.unwrap() == CANARY


def test_no_octet_of_a_blob_can_be_changed(kept: Scene) -> None:
    """A blob with a bit turned, or cut at any of many places, does not open."""
    blob = kept.wrapped.blob
    for n in {*range(0, len(blob), 17), len(blob) - 1, 4, 36, 37}:
        turned = blob[:n] + bytes([blob[n] ^ 1]) + blob[n + 1 :]
        for changed in (turned, blob[:n]):
            with pytest.raises((Malformed, KeyUnavailable)):
                kept.unwrap(msgspec.structs.replace(kept.wrapped, blob=changed))


def test_a_key_that_is_not_there_is_unavailable(kept: Scene) -> None:
    """A blob that names a key that the back end does not have is no release, and says that the key is missing."""
    for name in ("kek-99", "", "../kek-1", "strongroom.99", "x" * 5000):
        with pytest.raises((KeyUnavailable, Malformed)):
            kept.unwrap(msgspec.structs.replace(kept.wrapped, key=name))


def test_nothing_says_the_secret(kept: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """Neither text of objects, nor an exception with its trace, nor a log of any level, nor the blob holds the secret."""
    told = io.StringIO()
    with caplog.at_level(logging.DEBUG):
        secret = kept.keys.unwrap(kept.receipt(), kept.wrapped, NOW)
        told.write(f"{secret!r} {secret} {kept.keys!r} {kept.running.backend!r} {kept.keys.check()} {kept.wrapped!r}")
        for receipt, wrapped in (
            (denial(kept), kept.wrapped),
            (kept.receipt(), msgspec.structs.replace(kept.wrapped, version=2)),
            (kept.receipt(), msgspec.structs.replace(kept.wrapped, blob=kept.wrapped.blob[:-1] + b"?")),
        ):
            try:
                kept.unwrap(wrapped, receipt)
            except StrongroomError as e:
                told.write("".join(traceback.format_exception(e)) + repr(e))
    found = told.getvalue() + caplog.text
    assert "Traceback" in found
    for canary in (CANARY.decode(), CANARY.hex(), repr(CANARY)):
        assert canary not in found
    assert CANARY not in kept.wrapped.blob


def test_a_new_key_wraps_and_the_old_one_opens(alone: Scene) -> None:
    """After a rotation new resources are under the new key, old ones still open, and are under the new one once rewrapped."""
    new = alone.rotating.rotate()
    assert new != alone.wrapped.key
    assert alone.keys.wrap(Secret(b"later"), RESOURCE, 2, ()).key == new
    assert alone.unwrap() == CANARY
    moved = alone.rotating.rewrap(alone.wrapped)
    assert moved.key == new
    assert alone.unwrap(moved) == CANARY
    assert alone.rotating.rewrap(moved) is moved


def test_a_changed_resource_is_not_rewrapped(alone: Scene) -> None:
    """Rewrapping holds name, version, owners and back end as opening does."""
    alone.rotating.rotate()
    for change in (swapped(version=2), swapped(owners=()), swapped(backend="other"), swapped(blob=b"SRW1")):
        with pytest.raises(Malformed):
            alone.rotating.rewrap(change(alone.wrapped))


def test_a_closed_back_end_opens_nothing(alone: Scene) -> None:
    """After `close` there is no key in it, and it says that it is unavailable."""
    alone.keys.close()
    with pytest.raises(KeyUnavailable):
        alone.unwrap()
    with pytest.raises(KeyUnavailable):
        alone.keys.wrap(Secret(b"x"), RESOURCE, 1, ())


def test_an_unknown_option_is_refused(kept: Scene) -> None:
    """A mistyped option is an error and not a default."""
    strange = with_options(kept.running.settings, foldr="x")
    with log_in(kept.folder) as (_, gate), pytest.raises(BadInput, match="foldr"):
        kept.running.backend.open(strange, gate)


every = pytest.mark.parametrize("backend", room("strongroom.keys", "KEYS", KeyBackend).items(), ids=lambda p: p[0])


@every
def test_a_back_end_is_whole(backend: tuple[str, KeyBackend]) -> None:
    """Its name is that of its file, it says what it is, each option has a meaning, and none of them can hold a secret."""
    name, part = backend
    assert part.name == name
    assert len(part.title) >= 10
    assert part.options
    for option, meaning in part.options.items():
        assert option == option.lower()
        assert len(meaning) >= 10
        assert option not in {"pin", "password", "passphrase", "token", "secret", "secret-id"}


@every
def test_a_back_end_has_a_case(backend: tuple[str, KeyBackend]) -> None:
    """Every back end of the room is under this contract."""
    assert backend[0] in {case.name.partition(" ")[0] for case in CASES}


def test_rotation_is_told_by_type(kept: Scene) -> None:
    """What can be rotated is seen from outside, so that nobody has to try."""
    assert isinstance(kept.keys, Rotates)
