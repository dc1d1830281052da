"""A witness: it cosigns a log's checkpoint once it has grown from the last one, and remembers that one first.

Implements c2sp.org/tlog-witness v1.0.0. The folder holds, for each origin, `<SHA-256 of the origin>`: the last note that
was cosigned, the log's verified signatures and the witness's own. What a log has signed and could not both be true lies
in `split-views/`, what its proof did not lead to in `rejected/`.
"""

import hashlib
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from strongroom.kit.tlog import note as notes
from strongroom.kit.tlog import witnessing
from strongroom.kit.tlog.checkpoint import Checkpoint
from strongroom.kit.tlog.cosignature import MAX_TIMESTAMP, CosignatureVerifier, Cosigner, verifier
from strongroom.kit.tlog.keys import Kind, SignerKey, VerifierKey
from strongroom.kit.tlog.merkle import verify_subtree_consistency
from strongroom.kit.tlog.note import VerifiedNote
from strongroom.kit.tlog.witnessing import TEXT_TYPE, AddCheckpoint, Answer, SignSubtree, origin_hash, say
from strongroom.ledger import disk
from strongroom.model.errors import (
    BadInput,
    BadProof,
    BadSignature,
    LogDamaged,
    LogUnavailable,
    Malformed,
    NotFound,
    StrongroomError,
    TooLarge,
)

MOST_EVIDENCE = 64  # files for each origin and kind: the first pair already proves a split, and disks are finite
LOCK_SECONDS = 10.0  # for one turn; each holds it for a signature and a write
MOST_NAME = 255  # tlog-cosignature, "ML-DSA-44 signed message": an opaque of one length byte
_ORIGIN_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


class _Latest(NamedTuple):
    """What was cosigned last: the checkpoint, the note of it, and the latest time stated by a key of ours."""

    checkpoint: Checkpoint
    note: bytes
    timestamp: int


class _Refused(Exception):
    """The answer is decided."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Witness:
    """Cosigns for the logs that it knows. Several threads and processes may share its folder."""

    def __init__(self, directory: Path, keys: Sequence[SignerKey], logs: Sequence[VerifierKey]) -> None:
        """A witness over a folder, which is made when there is none.

        Args:
            directory: where the state lies. If it is lost, the witness forgets what it has cosigned.
            keys: what it signs with: types 0x04 and 0x06.
            logs: the keys of the logs that it knows; the name of a key is the origin of its log.

        Raises:
            BadInput: there is no key or no log, a key is of type 0x01, which makes no cosignatures, or a name is
                too long to be signed.
            LogUnavailable: the folder cannot be made.
        """
        if not keys or not logs:
            raise BadInput("witness", f"{len(keys)} keys and {len(logs)} logs", "at least one of each")
        for key in keys:
            if key.verifier.kind is Kind.ED25519:
                raise BadInput(f"key {key.verifier.name}", "signature type 0x01", "0x04 or 0x06, a cosignature")
        for name in (k.name for k in (*logs, *(key.verifier for key in keys))):
            if len(name.encode()) > MOST_NAME:
                raise BadInput(f"key {name[:80]}", f"a name of {len(name.encode())} bytes", f"at most {MOST_NAME}")
        self._directory = directory
        self._keys = tuple(keys)
        self._logs: dict[str, list[VerifierKey]] = {}
        for log in logs:
            self._logs.setdefault(log.name, []).append(log)
        self._turn = threading.Lock()
        with self._reaching(directory):
            for folder in ("split-views", "rejected"):
                disk.make_folders(directory / folder)

    def add_checkpoint(self, body: bytes, now: int) -> Answer:
        """Cosign a checkpoint, or say why not (section "add-checkpoint", in the order of its checks).

        Args:
            body: the request.
            now: seconds since 1970; the cosignature states it.

        Raises:
            LogDamaged: what was cosigned last cannot be read, so nothing may be cosigned.
            LogUnavailable: the state could not be read or made durable; nothing was cosigned.
        """
        try:
            request, checkpoint, opened = self._submitted(body)
        except _Refused as refused:
            return refused.answer
        with self._alone():
            latest = self._latest(checkpoint.origin)
            split = latest is not None and witnessing.is_split(checkpoint, latest.checkpoint)
            if latest is not None and split:
                self._keep("split-views", checkpoint.origin, latest.note)
                self._keep("split-views", checkpoint.origin, witnessing.stripped(opened))
            refusal = witnessing.refusal(request, checkpoint, latest.checkpoint if latest else None)
            if refusal is not None:
                if refusal.status == 422 and not split:
                    self._reject(request, checkpoint.origin, opened)
                return refusal
            # tlog-cosignature, "Ed25519 signed message": a time says "the largest tree so far", so none may go back.
            if not max(1, latest.timestamp if latest else 0) <= now <= MAX_TIMESTAMP:
                return say(503, "the clock of this witness is behind its last cosignature of this log")
            made = [Cosigner(key, now).sign(opened.text) for key in self._keys]
            kept = notes.encode(notes.Note(opened.text, (*(v.signature for v in opened.verified), *made)))
            path = self._directory / origin_hash(checkpoint.origin)
            with self._reaching(path):
                disk.replace(path, kept)  # "MUST persist the new checkpoint before responding"
        return Answer(200, TEXT_TYPE, witnessing.encode_signatures(made))

    def sign_subtree(self, body: bytes) -> Answer:
        """Cosign a subtree of a checkpoint that this witness has cosigned (section "sign-subtree").

        A witness without a key of type 0x06 does not offer it, and answers 404.
        """
        keys = [key for key in self._keys if key.verifier.kind is Kind.COSIGNATURE_ML_DSA_44]
        if not keys:
            return say(404, "this witness signs no subtrees")
        try:
            request, checkpoint = self._reference(body)
            verify_subtree_consistency(request.part, request.root, checkpoint.size, checkpoint.root, request.proof)
        except _Refused as refused:
            return refused.answer
        except BadProof as e:
            return say(422, str(e))
        made = [witnessing.sign_subtree(k, checkpoint.origin, request.part, request.root) for k in keys]
        return Answer(200, TEXT_TYPE, witnessing.encode_signatures(made))

    def latest(self, name: str) -> bytes:
        """The last note that was cosigned, by the hash of its origin (section "Monitor Retrieval Mechanism").

        Raises:
            NotFound: there is none of that name.
            LogUnavailable: it cannot be read.
        """
        path = self._directory / name
        if _ORIGIN_HASH.fullmatch(name):
            with self._reaching(path):
                if path.is_file():
                    return path.read_bytes()
        raise NotFound("checkpoint", repr(name[:80]), "the hash of an origin that was cosigned")

    def _submitted(self, body: bytes) -> tuple[AddCheckpoint, Checkpoint, VerifiedNote]:
        """A request whose checkpoint its log has signed; else the 400, 404, 413 or 403."""
        try:
            request = witnessing.parse_add_checkpoint(body)
            checkpoint = witnessing.claimed(notes.parse(request.note).text)
        except TooLarge as e:
            raise _Refused(say(413, str(e))) from None
        except Malformed as e:
            raise _Refused(say(400, str(e))) from None
        keys = self._logs.get(checkpoint.origin)
        if keys is None:
            raise _Refused(say(404, "this witness does not know the origin of the checkpoint"))
        try:
            return request, checkpoint, witnessing.open_submitted(request.note, checkpoint, keys)
        except BadInput as e:
            raise _Refused(say(403, str(e))) from None

    def _reference(self, body: bytes) -> tuple[SignSubtree, Checkpoint]:
        """A request about a checkpoint that a key of ours has cosigned; else the 400, 404, 413 or 403."""
        try:
            request = witnessing.parse_sign_subtree(body)
            checkpoint = witnessing.claimed(notes.parse(request.note).text)
        except TooLarge as e:
            raise _Refused(say(413, str(e))) from None
        except Malformed as e:
            raise _Refused(say(400, str(e))) from None
        if request.part.end > checkpoint.size:
            raise _Refused(say(400, "the subtree ends after the checkpoint"))
        if checkpoint.origin not in self._logs:
            raise _Refused(say(404, "this witness does not know the origin of the checkpoint"))
        try:
            notes.open_note(request.note, [CosignatureVerifier(key.verifier) for key in self._keys])
        except BadInput as e:
            raise _Refused(say(403, str(e))) from None
        return request, checkpoint

    def _latest(self, origin: str) -> _Latest | None:
        """What was cosigned last for an origin. A file that is there and cannot be believed is no "never"."""
        path = self._directory / origin_hash(origin)
        with self._reaching(path):
            if not path.exists():
                return None
            data = path.read_bytes()
        own = {key.verifier for key in self._keys}
        try:
            # Keys are changed one at a time: either the log's or one of ours must still be the one that signed it.
            opened = notes.open_note(data, [verifier(key) for key in {*own, *self._logs[origin]}])
            checkpoint = witnessing.claimed(opened.text)
            if checkpoint.origin != origin:
                raise BadSignature("checkpoint", "another origin", repr(origin))
        except StrongroomError as e:
            hint = "put back what the witness last cosigned; without it, it could cosign a rollback"
            raise LogDamaged(str(path), str(e), "the note that was cosigned last", hint) from None
        stated = [v.timestamp or 0 for v in opened.verified if v.key in own]
        return _Latest(checkpoint, data, max(stated, default=0))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the only one that checks and persists, among the threads and processes that share the folder.

        Section "add-checkpoint": otherwise a smaller checkpoint could be recorded after a larger one.
        """
        path = self._directory / "lock"
        with self._turn, self._reaching(path), disk.lock(path, LOCK_SECONDS) as held:
            if not held:
                raise LogUnavailable(str(path), f"held by another process for {LOCK_SECONDS:g} seconds", "a turn")
            yield

    @contextmanager
    def _reaching(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as e:
            why = (e.strerror or "an error").lower()
            raise LogUnavailable(str(path), why, "a folder that the witness can read and write") from None

    def _keep(self, folder: str, origin: str, data: bytes) -> None:
        """Keep a signed note as evidence, once for each text, and never write over one that is kept."""
        text = notes.parse(data).text
        path = self._directory / folder / f"{origin_hash(origin)}.{hashlib.sha256(text.encode()).hexdigest()}"
        with self._reaching(path):
            if not path.exists() and len(self._kept(folder, origin)) < MOST_EVIDENCE:
                disk.replace(path, data)

    def _reject(self, request: AddCheckpoint, origin: str, opened: VerifiedNote) -> None:
        """Keep a signed request that its proof does not bear out; the oldest goes when there are too many.

        Anyone can send a public checkpoint with a wrong proof, so one text counts once, whatever stands beside it.
        """
        data = witnessing.encode_add_checkpoint(request._replace(note=witnessing.stripped(opened)))
        name = f"{origin_hash(origin)}.{hashlib.sha256(opened.text.encode()).hexdigest()}"
        path = self._directory / "rejected" / name
        with self._reaching(path):
            if path.exists():
                return
            for oldest in self._kept("rejected", origin)[: 1 - MOST_EVIDENCE]:
                oldest.unlink()
            disk.replace(path, data)

    def _kept(self, folder: str, origin: str) -> list[Path]:
        """The evidence of one origin, oldest first."""
        found = (self._directory / folder).glob(f"{origin_hash(origin)}.*")
        return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name))
