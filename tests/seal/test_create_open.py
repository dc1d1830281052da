"""Sealing a model and opening it again: what comes back, what is logged, and what happens when it is cut off."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import msgspec
import pytest
import sealing_case as s
from sealing_case import Case, contents

from strongroom.app import seal_open, seal_resume, seal_scan, seal_slots
from strongroom.app.seal_attachments import Describe
from strongroom.kit import age_keys, sealed
from strongroom.kit.sealed import Artifact, Boundary
from strongroom.model.errors import (
    BadInput,
    BadSignature,
    BadUsage,
    Denied,
    Malformed,
    NotFound,
    StrongroomError,
    Unreadable,
)
from strongroom.seal import sealing, writing
from strongroom.seal.reading import Sealed
from strongroom.seal.writing import Planned, Writing

_OTHER_AGE = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"  # of the documentation of age: nobody's


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """A model, an identity, a signer, a log."""
    return Case(tmp_path)


# What comes back


def test_a_model_comes_back_as_it_was(case: Case, tmp_path: Path) -> None:
    """Files, empty folders and the bit that lets a file be run; nothing of the names is outside."""
    (case.model / "nothing" / "here").mkdir(parents=True)
    (case.model / "run.json").write_bytes(b"{}")
    (case.model / "run.json").chmod(0o755)
    case.create()
    done = case.open(tmp_path / "out")
    assert contents(tmp_path / "out") == contents(case.model)
    assert (tmp_path / "out/nothing/here").is_dir()
    assert os.access(tmp_path / "out/run.json", os.X_OK)
    assert done.files == 4
    outside = b"".join(p.name.encode() + p.read_bytes() for p in case.target.rglob("*") if p.is_file())
    assert b"hidden_size" not in outside
    assert b"weights" not in outside


def test_a_model_of_one_file_comes_back_as_a_file(case: Case, tmp_path: Path) -> None:
    """What was a file is one again."""
    case.create(source=str(case.model / "config.json"))
    case.open(tmp_path / "out.json", demands=case.demands("signature", "scan"))
    assert (tmp_path / "out.json").read_bytes() == s.FILES["config.json"]


def test_the_log_says_what_was_sealed_and_names_nothing_inside(case: Case) -> None:
    """The entry has the artifact, its slots and the digests of what is attached."""
    made = case.create()
    (entry,) = case.entries()
    assert (entry.kind.value, entry.subject, entry.fields["act"]) == ("sealing", made.artifact.id, "created")
    assert entry.fields["scan-verdict"] == "safe"
    assert set(entry.digests) == {"scan", "inside", "signature"}
    signature = (case.target / "signature.json").read_bytes()
    assert entry.digests["signature"] == f"sha256:{hashlib.sha256(signature).hexdigest()}"
    thumbprint = hashlib.sha256(case.recipient.encode()).hexdigest()
    assert entry.fields["slots"] == (f"hpke - {thumbprint}",)
    assert "config" not in str(entry)


def test_nothing_is_sealed_that_cannot_be_logged(case: Case) -> None:
    """A log that is down keeps the artifact from getting its name; the same sealing is gone on with later."""
    with case.log() as log:
        log.close()
    shutil.move(case.folder / "log", case.folder / "log-away")
    with pytest.raises(StrongroomError):
        case.create()
    assert not case.target.exists()


# Who opens it


def test_somebody_else_opens_nothing(case: Case, tmp_path: Path) -> None:
    """An identity that has no slot is told so, and nothing is written."""
    case.create()
    case.identity("other")
    with pytest.raises(BadInput, match="none for who is here"):
        case.open(tmp_path / "out", case.way("other"))
    assert not (tmp_path / "out").exists()


def test_two_of_three_open_an_escrow(case: Case, tmp_path: Path) -> None:
    """One holder is too few, two are enough, whichever they are."""
    holders = tuple(case.identity(n) for n in ("a", "b", "c"))
    case.create(wanted=seal_slots.Wanted(threshold=2, holders=holders))
    with pytest.raises(BadInput):
        case.open(tmp_path / "one", case.way("b"))
    case.open(tmp_path / "two", case.way(identities=(case.id_of("c"), case.id_of("a"))))
    assert contents(tmp_path / "two") == contents(case.model)


def test_classical_recipients_stand_beside_others_only_when_that_is_said(case: Case, tmp_path: Path) -> None:
    """The weakest slot decides when an artifact can be read."""
    both = (case.recipient, _OTHER_AGE)
    with pytest.raises(BadUsage, match="one strength"):
        case.create(wanted=seal_slots.Wanted(both))
    assert not writing.unfinished(case.target).exists()
    case.create(wanted=seal_slots.Wanted(both, mixed=True))
    case.open(tmp_path / "out")


def test_an_age_identity_opens_its_slot(case: Case, tmp_path: Path) -> None:
    """The slot of an age recipient opens with the identity of age."""
    identity = age_keys.X25519Identity(os.urandom(32))
    (case.folder / "age.id").write_text(f"{identity.text}\n")
    (case.folder / "age.id").chmod(0o600)
    case.create(wanted=seal_slots.Wanted((identity.recipient.text,)))
    case.open(tmp_path / "out", case.way("age"))


def test_the_attested_boundary_takes_a_brokers_slot_alone(case: Case) -> None:
    """An artifact for what is attested is never sealed to anybody else."""
    with pytest.raises(BadUsage, match="broker"):
        case.create(boundary=Boundary.ATTESTED)
    assert not case.target.exists()


def test_nobody_at_all_is_refused_before_anything_is_read(case: Case) -> None:
    """Without a recipient nobody could open it."""
    with pytest.raises(BadUsage, match="nobody"):
        case.create(wanted=seal_slots.Wanted())


# What it must show


def test_everything_that_is_demanded_is_there(case: Case, tmp_path: Path) -> None:
    """A signature outside and inside, and a scan, by who is trusted."""
    case.create()
    done = case.open(tmp_path / "out", demands=case.demands("signature", "scan"))
    assert any("signed inside" in line for line in done.lines)


def test_without_a_signature_nothing_opens_that_demands_one(case: Case, tmp_path: Path) -> None:
    """Public-key encryption alone lets anybody seal."""
    case.create(signer=None)
    with pytest.raises(BadSignature, match="no signature"):
        case.open(tmp_path / "out", demands=case.demands("signature"))
    case.open(tmp_path / "plain")


def test_another_signer_is_refused(case: Case, tmp_path: Path) -> None:
    """A signature that holds, by somebody who is not trusted, is refused before the key is asked for."""
    case.signer_key("mallory")
    case.create(signer="mallory")
    with pytest.raises(BadSignature):
        case.open(tmp_path / "out", demands=case.demands("signature"))


def test_a_demand_wants_somebody_who_is_trusted(case: Case, tmp_path: Path) -> None:
    """A signature by whomever says nothing."""
    case.create()
    with pytest.raises(BadUsage, match="--public-key"):
        case.open(tmp_path / "out", demands=seal_open.Demands(frozenset({"signature"})))  # type: ignore[arg-type] # words


def test_an_artifact_sealed_anew_by_a_reader_is_told_by_the_signature_inside(case: Case, tmp_path: Path) -> None:
    """Whoever can open an artifact has its key, and could write other files under it: the signature inside tells."""
    kept: list[bytes] = []
    before = seal_resume.os.urandom

    def urandom(size: int) -> bytes:
        kept.append(before(size))
        return kept[-1]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(seal_resume.os, "urandom", urandom)
        made = case.create()
    key = next(k for k in kept if len(k) == 32 and _opens(case, k))
    _reseal(case, key, made.artifact, "weights/a.safetensors", b"poison")
    with pytest.raises(BadSignature):
        case.open(tmp_path / "out", demands=case.demands("signature"))
    # Not even the outer signature being made again by an accomplice of another key helps:
    (case.target / "signature.json").unlink()
    with pytest.raises((BadSignature, Malformed)):
        case.open(tmp_path / "out", demands=case.demands("scan"))


def test_without_a_scan_nothing_opens_that_demands_one(case: Case, tmp_path: Path) -> None:
    """A verdict that is missing is no verdict."""
    case.create(describe=Describe(scan=False, bom=False))
    with pytest.raises(Denied, match="no verdict"):
        case.open(tmp_path / "out", demands=case.demands("scan"))


def test_what_a_scan_refuses_is_not_sealed(case: Case) -> None:
    """A pickle that runs a program never becomes an artifact."""
    (case.model / "model.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(BadInput, match="malicious"):
        case.create()
    assert not case.target.exists()
    assert not writing.unfinished(case.target).exists()


def test_what_needs_review_is_sealed_when_somebody_has_looked(case: Case, tmp_path: Path) -> None:
    """The verdict goes along as it is, and opens where that is accepted."""
    (case.model / "thing.pkl").write_bytes(b"cmy.own\nThing\n)R.")
    with pytest.raises(BadInput, match="needs-review"):
        case.create()
    case.create(describe=Describe(review=True, bom=False))
    with pytest.raises(Denied, match=r"thing\.pkl"):
        case.open(tmp_path / "out", demands=case.demands("scan"))
    case.open(tmp_path / "out", demands=case.demands("scan", review=True))


def test_a_file_that_changes_after_the_scan_is_not_sealed(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scanned was another file than the one that would be sealed."""
    scan = seal_scan.scan

    def then_changed(*a: object, **k: object) -> object:
        found = scan(*a, **k)  # type: ignore[arg-type] # handed on
        (case.model / "config.json").write_bytes(b'{"hidden_size": 9}')
        return found

    monkeypatch.setattr(seal_scan, "scan", then_changed)
    with pytest.raises(Unreadable, match="changed after"):
        case.create()
    assert not case.target.exists()


# Bad input


def test_links_are_told_and_followed_only_when_asked(case: Case, tmp_path: Path) -> None:
    """A link would seal what lies elsewhere."""
    (tmp_path / "elsewhere").write_bytes(b"{}")
    (case.model / "link.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Malformed, match="symbolic link"):
        case.create()
    case.create(follow=True)
    case.open(tmp_path / "out")
    assert (tmp_path / "out/link.json").read_bytes() == b"{}"
    assert not (tmp_path / "out/link.json").is_symlink()


def test_a_target_inside_of_the_source_is_refused(case: Case) -> None:
    """It would be sealed into itself."""
    with pytest.raises(BadUsage, match="inside"):
        case.create(target=case.model / "model.sealed")


def test_nothing_is_written_over(case: Case, tmp_path: Path) -> None:
    """Neither sealing nor opening takes the place of what is there."""
    case.create()
    with pytest.raises(BadInput, match="is there"):
        case.create()
    (tmp_path / "out").mkdir()
    with pytest.raises(BadInput, match="is there"):
        case.open(tmp_path / "out")


def test_a_disk_is_refused_unless_it_is_allowed(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plaintext on a disk can be found later."""
    case.create()
    monkeypatch.setattr(seal_open.memory, "in_memory", lambda *_: False)
    hands = seal_open.Hands(case.hands())
    asked = seal_open.Asked(case.target, case.way(), target=tmp_path / "out")
    with pytest.raises(BadInput, match="disk"), seal_open.opened(asked, hands):
        pass


def test_an_attested_artifact_never_goes_to_a_disk(case: Case) -> None:
    """Not even when that is said."""
    with pytest.raises(BadUsage, match="attested boundary"):
        seal_open._place(case.folder / "out", seal_open.Hands(case.hands()), disk=True, boundary=Boundary.ATTESTED)


@pytest.mark.parametrize("damage", ["flip", "cut", "grow", "gone", "swap"])
def test_damage_ends_in_an_error_and_nothing_is_left(case: Case, tmp_path: Path, damage: str) -> None:
    """Whatever is done to a payload, there is no plaintext of it."""
    case.create(signer=None)
    payload = case.target / "payload"
    big = max(payload.iterdir(), key=lambda p: p.stat().st_size)
    octets = big.read_bytes()
    match damage:
        case "flip":
            big.write_bytes(octets[:-40] + bytes([octets[-40] ^ 1]) + octets[-39:])
        case "cut":
            big.write_bytes(octets[:-1])
        case "grow":
            big.write_bytes(octets + b"\0")
        case "gone":
            big.unlink()
        case _:
            other = next(p for p in payload.iterdir() if p != big)
            held = other.read_bytes()
            other.write_bytes(octets)
            big.write_bytes(held)
    with pytest.raises((Malformed, Unreadable)):
        case.open(tmp_path / "out")
    assert not [p for p in tmp_path.iterdir() if p.name.startswith("out")]


# Cut off

_KILLED = textwrap.dedent("""
    import os, signal, sys
    sys.path[:0] = {path!r}
    from pathlib import Path
    import sealing_case
    case = sealing_case.Case.__new__(sealing_case.Case)
    case.folder, case.now, case.told = Path({folder!r}), sealing_case.NOW, []
    case.recipient = {recipient!r}
    from strongroom.app.log import Place
    case.place = Place(str(case.folder / "log"), (), None)
    count, at = 0, {at}
    names = ("pwrite", "fsync", "replace", "rename")
    for name in names:
        def wrapped(*a, _was=getattr(os, name), **k):
            global count
            count += 1
            if count == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return _was(*a, **k)
        setattr(os, name, wrapped)
    case.create(resume={resume})
    print(count)
""")


def _driven(case: Case, at: int, *, resume: bool) -> "subprocess.CompletedProcess[str]":
    text = _KILLED.format(
        path=[p for p in sys.path if p], folder=str(case.folder), recipient=case.recipient, at=at, resume=resume
    )
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)


def test_a_sealing_that_is_killed_anywhere_leaves_nothing_that_looks_whole(case: Case, tmp_path: Path) -> None:
    """After kill -9 at each write: no artifact, or a whole one; --resume ends in one that opens to the source."""
    total = int(_driven(case, 0, resume=False).stdout.split()[-1])
    shutil.rmtree(case.target)
    assert total > 20
    for at in range(1, total + 1, 4):
        done = _driven(case, at, resume=False)
        assert done.returncode == -signal.SIGKILL, done.stderr
        if not case.target.exists():
            again = _driven(case, 0, resume=True)
            if again.returncode:  # it was killed before there was anything to go on with
                assert "no sealing that was cut off" in again.stderr, (at, again.stderr)
                shutil.rmtree(writing.unfinished(case.target), ignore_errors=True)
                assert _driven(case, 0, resume=False).returncode == 0
        case.open(tmp_path / f"out-{at}", demands=case.demands("signature", "scan"))
        assert contents(tmp_path / f"out-{at}") == contents(case.model)
        shutil.rmtree(case.target)


def test_a_source_that_changed_since_is_never_mixed_with_what_was_sealed(case: Case, tmp_path: Path) -> None:
    """What a sealing that was cut off has left of another version is not used."""
    total = int(_driven(case, 0, resume=False).stdout.split()[-1])
    shutil.rmtree(case.target)
    assert _driven(case, total // 2, resume=False).returncode == -signal.SIGKILL
    changed = s.tensors(bytes(reversed(range(256))) * 9000)
    (case.model / "weights/a.safetensors").write_bytes(changed)
    case.create(resume=True)
    case.open(tmp_path / "out", demands=case.demands("signature", "scan"))
    assert (tmp_path / "out/weights/a.safetensors").read_bytes() == changed


def test_the_key_of_a_sealing_is_gone_when_it_is_done(case: Case) -> None:
    """While it is under way the key is its owner's alone; then there is none."""
    case.create()
    assert list((case.folder / "state/sealing").iterdir()) == []


def test_what_was_cut_off_is_not_begun_anew_by_mistake(case: Case) -> None:
    """Without --resume it is told what is there, with what to do."""
    writing.begin(case.target)
    with pytest.raises(BadInput, match="cut off") as told:
        case.create()
    assert "--resume" in told.value.hint
    with pytest.raises(BadInput, match="key is kept"):
        case.create(resume=True)


def test_a_full_disk_is_told_and_gone_on_from(case: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No space left: no artifact, no lost source; with room again it is finished."""
    write = sealing.write

    def full(descriptor: int, octets: memoryview, offset: int) -> None:
        if len(octets) > 1 << 20:
            raise OSError(28, "No space left on device")
        write(descriptor, octets, offset)

    with monkeypatch.context() as patched:
        patched.setattr(sealing, "write", full)
        with pytest.raises(Unreadable, match="no space left") as told:
            case.create()
    assert "--resume" in told.value.hint
    assert not case.target.exists()
    case.create(resume=True)
    case.open(tmp_path / "out")


# Slots, written anew


def test_a_rewrap_leaves_every_octet_of_the_payload(case: Case, tmp_path: Path) -> None:
    """Somebody is added and somebody taken out; the payload and the signature stay as they are, and still hold."""
    case.create()
    before = {n: o for n, o in contents(case.target).items() if n != "slots.json"}
    other = case.identity("other")
    done = case.rewrap(wanted=seal_slots.Wanted((other,)))
    assert done.after.generation == 2
    case.rewrap(case.way("other"), remove=(done.before.slots[0].id,))
    assert {n: o for n, o in contents(case.target).items() if n != "slots.json"} == before
    with pytest.raises(BadInput, match="none for who is here"):
        case.open(tmp_path / "mine")
    case.open(tmp_path / "others", case.way("other"), case.demands("signature", "scan"))
    acts = [e.fields for e in case.entries()]
    assert [a["act"] for a in acts] == ["created", "rewrapped", "rewrapped"]
    assert acts[1]["added"] == (done.after.slots[1].id,)
    assert acts[2]["removed"] == (done.before.slots[0].id,)


def test_the_last_slot_stays(case: Case) -> None:
    """Nobody could open the artifact again."""
    made = case.create()
    with pytest.raises(BadUsage, match="none"):
        case.rewrap(remove=(made.slots[0].id,))
    with pytest.raises(NotFound):
        case.rewrap(remove=("hpke-00000000",))


def test_slots_of_another_artifact_do_not_open_this_one(case: Case, tmp_path: Path) -> None:
    """A list of slots that was carried over is told, be it for the same recipient."""
    case.create()
    other = Case(tmp_path / "second") if (tmp_path / "second").mkdir() is None else case
    other.create(wanted=seal_slots.Wanted((case.recipient,)))
    held = json.loads((other.target / "slots.json").read_bytes())
    mine = json.loads((case.target / "slots.json").read_bytes())
    (case.target / "slots.json").write_bytes((other.target / "slots.json").read_bytes())
    with pytest.raises(Malformed):
        case.open(tmp_path / "out")
    mine["slots"] = held["slots"]
    (case.target / "slots.json").write_text(json.dumps(mine, separators=(",", ":"), sort_keys=True) + "\n")
    with pytest.raises((Malformed, BadSignature)):
        case.open(tmp_path / "out")


def test_an_older_list_of_slots_is_told_by_whoever_knows_a_later_one(case: Case, tmp_path: Path) -> None:
    """Putting back the slots that a person was taken out of is seen with the generation that the log has."""
    case.create()
    old = (case.target / "slots.json").read_bytes()
    case.rewrap(wanted=seal_slots.Wanted((case.identity("other"),)))
    (case.target / "slots.json").write_bytes(old)
    case.open(tmp_path / "unknowing")
    with pytest.raises(BadSignature, match="generation 1"):
        case.open(tmp_path / "out", case.way(least=2))


def test_a_rewrap_that_cannot_be_logged_changes_nothing(case: Case) -> None:
    """The change is in the log before it is made."""
    case.create()
    before = (case.target / "slots.json").read_bytes()
    shutil.move(case.folder / "log", case.folder / "log-away")
    with pytest.raises(StrongroomError):
        case.rewrap(wanted=seal_slots.Wanted((case.identity("other"),)))
    assert (case.target / "slots.json").read_bytes() == before


def test_a_rewrap_that_is_killed_leaves_the_old_slots_or_the_new(case: Case, tmp_path: Path) -> None:
    """The list of slots is never half written."""
    case.create()
    aside = case.target / ".slots.json.new"
    aside.write_bytes(b"half of a li")
    case.rewrap(wanted=seal_slots.Wanted((case.identity("other"),)))
    case.open(tmp_path / "out", case.way("other"))
    assert not aside.exists()


def _opens(case: Case, key: bytes) -> bool:

    with Sealed(case.target) as held:
        try:
            held.unlock(key)
        except StrongroomError:
            return False
    return True


def _reseal(case: Case, key: bytes, artifact: Artifact, path: str, octets: bytes) -> None:
    """Write another file under the artifact's key, with an index that names it: what a reader who turned could do."""
    with Sealed(case.target) as held:
        index = held.unlock(key).index
    entry = next(e for e in index.entries if e.path == path)
    (case.folder / "poison").write_bytes(octets)
    (case.target / sealed.payload_file(entry.number)).unlink()
    work = sealing.work(artifact.segment, 1)
    try:
        w = Writing(case.target, artifact, key, work, lambda _: None)
        new, _ = w.file(entry.number, Planned(path, case.folder / "poison"))
        entries = tuple(new if e.number == entry.number else e for e in index.entries)
        slots = (case.target / "slots.json").read_bytes()
        w.close(msgspec.structs.replace(index, entries=entries), slots)
    finally:
        work.close()
