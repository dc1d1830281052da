"""A token of SoftHSM: what hangs or crashes in its module harms nobody else, and a refused PIN is not tried again."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pkcs11_case
import pytest
from key_harness import CANARY, NOW, RESOURCE, Case, Scene, decision, log_in, part, scene, with_options

from strongroom.keys import _child, _frames
from strongroom.keys._frames import MECHANISMS, Answer, Request
from strongroom.model.errors import BadInput, KeyUnavailable, Malformed, NotFound
from strongroom.model.release import KeySettings, Secret

# What a key in the token says of itself, told by a process of its own, since a module may be loaded once.
_ASK = """
import sys, pkcs11
a = pkcs11.Attribute
with pkcs11.lib(sys.argv[1]).get_token(token_label=sys.argv[2]).open(user_pin=sys.argv[3], rw=True) as session:
    if sys.argv[4] == "make":
        shut = {a.EXTRACTABLE: True, a.SENSITIVE: sys.argv[5] == "sensitive"}
        session.generate_key(pkcs11.KeyType.AES, 256, label="strongroom.9", store=True, template=shut)
    elif sys.argv[4] == "remove":
        for key in session.get_objects({a.LABEL: sys.argv[5]}):
            key.destroy()
    elif sys.argv[4] == "twice":
        for _ in range(2):
            session.generate_key(pkcs11.KeyType.AES, 256, label="strongroom.9", store=True)
    else:
        for key in session.get_objects({a.CLASS: pkcs11.ObjectClass.SECRET_KEY}):
            print(key.label, *(key[x] for x in (a.SENSITIVE, a.EXTRACTABLE, a.ENCRYPT, a.DECRYPT, a.WRAP, a.UNWRAP)))
"""


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A token with one key, and one resource."""
    with scene(pkcs11_case.CASES[0], tmp_path, monkeypatch) as made:
        yield made


def inside(kept: Scene, *words: str) -> str:
    """What another program does in the same token."""
    where = kept.running.settings.options
    done = subprocess.run(
        (sys.executable, "-c", _ASK, where["module"], where["token-label"], pkcs11_case.PIN, *words),
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout.strip()


def pids(kept: Scene) -> tuple[int, ...]:
    """The processes that the module runs in."""
    found: tuple[int, ...] = kept.keys._holder.pids()  # type: ignore[attr-defined]
    return found


def opened(kept: Scene, settings: KeySettings) -> bytes:
    """What a back end that is opened now gets out."""
    with log_in(kept.folder) as (log, gate):
        keys = part("pkcs11").open(settings, gate)
        try:
            return keys.unwrap(log.decide(decision()), kept.wrapped, NOW).reveal()
        finally:
            keys.close()


def test_the_key_is_for_one_use_and_never_leaves(kept: Scene) -> None:
    """The key is sensitive and not extractable, and encrypts and decrypts but does not wrap."""
    assert inside(kept, "show") == "strongroom.1 True False True True False False"


def test_a_key_of_key_wrap_only_wraps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the mechanism for key wrapping the key wraps and unwraps and does nothing else."""
    with scene(pkcs11_case.CASES[1], tmp_path, monkeypatch) as kept:
        assert inside(kept, "show") == "strongroom.1 True False False False True True"


@pytest.mark.parametrize("how", ["sensitive", "open"])
def test_a_key_that_the_token_gives_out_is_refused(kept: Scene, how: str) -> None:
    """A newer key of the right name that could be extracted wraps nothing."""
    inside(kept, "make", how)
    kept.keys.check()
    with pytest.raises(KeyUnavailable, match="a key that the token gives out"):
        kept.keys.wrap(Secret(b"x"), RESOURCE, 2, ())
    assert kept.unwrap() == CANARY


def test_two_keys_of_one_name_are_refused(kept: Scene) -> None:
    """Which of two keys is meant cannot be told, so neither is used."""
    inside(kept, "twice")
    kept.keys.check()
    with pytest.raises(KeyUnavailable, match="MultipleObjectsReturned"):
        kept.keys.wrap(Secret(b"x"), RESOURCE, 2, ())


def test_a_key_that_is_lost_is_named(kept: Scene) -> None:
    """When the key was removed from the token, what it wrapped is unavailable, and the words name the key."""
    inside(kept, "remove", "strongroom.1")
    with pytest.raises(KeyUnavailable, match=r"strongroom\.1"):
        kept.unwrap()


def test_a_module_that_crashes_is_started_again(kept: Scene) -> None:
    """A process that is gone is replaced within the same request."""
    first = pids(kept)
    for pid in first:
        os.kill(pid, signal.SIGSEGV)
    assert kept.unwrap() == CANARY
    assert set(pids(kept)).isdisjoint(first)


def test_a_module_that_hangs_is_killed(kept: Scene) -> None:
    """A process that does not answer is unavailable in time, is ended, and the next request has another."""
    with log_in(kept.folder) as (log, gate):
        settings = KeySettings(with_options(kept.running.settings, processes="1").options, 3.0)
        keys = part("pkcs11").open(settings, gate)
        (stuck,) = keys._holder.pids()  # type: ignore[attr-defined]
        os.kill(stuck, signal.SIGSTOP)
        with pytest.raises(KeyUnavailable, match="no answer within 3 seconds"):
            keys.unwrap(log.decide(decision()), kept.wrapped, NOW)
        with pytest.raises(ProcessLookupError):
            os.kill(stuck, 0)
        assert keys.unwrap(log.decide(decision()), kept.wrapped, NOW).reveal() == CANARY
        keys.close()


def test_a_token_that_is_taken_out_and_put_back(kept: Scene) -> None:
    """Without its token the back end is unavailable once its process is gone, and works again when it is back."""
    tokens = kept.folder / "tokens"
    tokens.rename(kept.folder / "elsewhere")
    tokens.mkdir()
    for pid in pids(kept):
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(KeyUnavailable, match="NoSuchToken"):
        kept.unwrap()
    tokens.rmdir()
    (kept.folder / "elsewhere").rename(tokens)
    assert kept.unwrap() == CANARY


def test_a_refused_pin_is_not_tried_again(kept: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """After one refusal nothing is sent to the token any more, since it would lock itself."""
    pin = kept.folder / "wrong"
    pin.write_text("4821-wrong\n")
    pin.chmod(0o600)
    with pytest.raises(KeyUnavailable, match="PinIncorrect") as caught:
        opened(kept, with_options(kept.running.settings, pin_file=str(pin)))
    assert "4821" not in str(caught.value)
    asked: list[Request] = []
    holder = kept.keys._holder  # type: ignore[attr-defined]

    def refuse(request: Request) -> Answer:
        asked.append(request)
        return Answer(error=_frames.PIN, why="PinIncorrect")

    monkeypatch.setattr(holder._children, "ask", refuse)
    for _ in range(5):
        with pytest.raises(KeyUnavailable, match="PinIncorrect"):
            kept.unwrap()
    assert len(asked) == 1


OPTIONS: dict[str, tuple[dict[str, str], type[Exception], str]] = {
    "another token": ({"token_label": "other"}, KeyUnavailable, "NoSuchToken"),
    "another key": ({"key": "other"}, KeyUnavailable, r"other\.1"),
    "no module": ({"module": "/nonexistent.so"}, KeyUnavailable, "token strongroom-test"),
    "a relative module": ({"module": "libsofthsm2.so"}, BadInput, "an absolute path"),
    "a key with a dash in front": ({"key": "-x"}, BadInput, "letters"),
    "an unknown mechanism": ({"mechanism": "rot13"}, BadInput, "aes-gcm"),
    "too many processes": ({"processes": "99"}, BadInput, "1 to 16"),
    "no PIN": ({"pin_file": ""}, BadInput, "pin-fd"),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_what_is_wrong_with_the_options_is_told(kept: Scene, name: str) -> None:
    """Another token, another key, no module and options of another form are each refused in words."""
    options, error, words = OPTIONS[name]
    with pytest.raises(error, match=words):
        opened(kept, with_options(kept.running.settings, **options))


def test_without_the_package_the_extra_is_named(kept: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package is missing in the process, the words say what to install."""
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    (shadow / "pkcs11.py").write_text("raise ModuleNotFoundError(name='pkcs11')\n")
    monkeypatch.setenv("PYTHONPATH", f"{shadow}:{':'.join(p for p in sys.path if p)}")
    with pytest.raises(NotFound) as caught:
        opened(kept, kept.running.settings)
    assert "strongroom[pkcs11]" in caught.value.hint


def test_the_package_is_not_loaded_here(kept: Scene) -> None:
    """The library and its module live in their own process: this one has neither by using a key."""
    before = "libsofthsm2" in Path("/proc/self/maps").read_text()  # signing of models is not in a process of its own
    assert kept.unwrap() == CANARY
    loaded = subprocess.run(
        (sys.executable, "-c", "import sys, strongroom.keys.pkcs11; print('pkcs11' in sys.modules)"),
        check=True,
        capture_output=True,
        text=True,
    )
    assert loaded.stdout == "False\n"
    assert ("libsofthsm2" in Path("/proc/self/maps").read_text()) == before


def test_the_secret_never_reaches_the_token(kept: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes to the process and comes from it are data keys of 32 octets: no frame holds the secret."""
    seen: list[bytes] = []
    real = _child.Child.ask

    def watched(self: _child.Child, request: Request, end: float) -> Answer:
        answer = real(self, request, end)
        seen.extend((_frames.frame(request), _frames.frame(answer)))
        return answer

    monkeypatch.setattr(_child.Child, "ask", watched)
    kept.unwrap(kept.keys.wrap(Secret(CANARY), RESOURCE, 1, ()))
    assert len(seen) >= 4
    assert not [frame for frame in seen if CANARY in frame]


def test_threads_share_the_processes(kept: Scene) -> None:
    """Eight threads at once get their secrets through two processes."""
    found: list[bytes] = []
    receipts = [kept.receipt() for _ in range(24)]

    def work(part_of: int) -> None:
        found.extend(kept.keys.unwrap(r, kept.wrapped, NOW).reveal() for r in receipts[part_of::8])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [CANARY] * 24
    assert len(pids(kept)) <= 2


def test_processes_end_with_the_back_end(kept: Scene) -> None:
    """After `close` no process is left."""
    kept.unwrap()
    running = pids(kept)
    assert running
    kept.keys.close()
    for pid in running:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_key_whose_making_was_not_heard_of_is_not_made_twice(kept: Scene) -> None:
    """When the process dies after it made a key, making it again finds it there: two keys of one name would be no key."""
    holder = kept.keys._holder  # type: ignore[attr-defined]
    for _ in range(2):
        holder._ask(Request("make", key="strongroom.2"))
    assert inside(kept, "show").count("strongroom.2") == 1
    assert kept.keys.check().endswith("strongroom.2")
    assert kept.unwrap(kept.keys.wrap(Secret(CANARY), RESOURCE, 1, ())) == CANARY


def test_what_one_mechanism_wrapped_opens_after_a_change(kept: Scene) -> None:
    """A blob says by which mechanism it was wrapped: another choice for new ones does not lose the old."""
    assert opened(kept, with_options(kept.running.settings, mechanism="aes-key-wrap")) == CANARY
    number = MECHANISMS.index("aes-gcm")
    assert kept.wrapped.blob[38] == number
    for other in {0, 1, 2, 3, 255} - {number}:
        forged = kept.wrapped.blob[:38] + bytes([other]) + kept.wrapped.blob[39:]
        with pytest.raises((Malformed, KeyUnavailable)):
            kept.unwrap(type(kept.wrapped)(RESOURCE, 1, "pkcs11", kept.wrapped.key, forged, kept.wrapped.owners))


def test_softhsm_lacks_the_mechanism_of_sha256(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that refuses OAEP with SHA-256 is unavailable with its own word, and nothing falls back to SHA-1."""
    case = Case("pkcs11 sha256", pkcs11_case.starting("rsa-oaep-sha256"))
    with pytest.raises(KeyUnavailable, match="ArgumentsBad"), scene(case, tmp_path, monkeypatch):
        pass
