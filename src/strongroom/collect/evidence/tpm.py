"""Evidence of this machine's TPM 2.0: an attestation key, quotes by it, and the logs that explain them.

Sources: TCG TPM 2.0 Library; TCG EK Credential Profile 2.5, 2.2.1.4 and B.3 (where certificates are, and their templates);
Linux, Documentation/ABI/testing/securityfs for the logs. The tools are tpm2-tools.

The attestation key is kept as the two files that the TPM gives out, its public area and its private one, which the TPM
encrypted under its endorsement key: they are of no use in another machine, they take no slot of the TPM's few, and no
password of its owner is needed, as a persistent handle would. After a restart the key is loaded from them again.
"""

import base64
import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from strongroom.collect.evidence.collected import Collected
from strongroom.collect.evidence.tpm_tools import Setting, Tools, located
from strongroom.kit import der, ek_certificate, tpm
from strongroom.kit.x509.certificate import parse
from strongroom.model.attest import EvidenceKind, EvidencePart
from strongroom.model.errors import BadInput, BadUsage, Unreadable

SECURITY = "/sys/kernel/security"
SCHEMA = "strongroom.tpm-evidence/1"  # as attest/tee reads it
PCRS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14)
BANKS = ("sha1", "sha256", "sha384", "sha512")
_MOST_LOG = 6 << 20  # octets; in base64 both logs stay under what a verifier takes
_EVENT_LOG, _IMA_LOG = "tpm0/binary_bios_measurements", "ima/binary_runtime_measurements"
_CHAIN = range(0x01C00100, 0x01C00200)  # EK Credential Profile 2.2.1.5.2: certificates of the makers' authorities
_AK = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign"
_AK_FILES = ("ak.pub", "ak.priv", "ek.kind")


class _Template(NamedTuple):
    """An endorsement key: what tpm2-tools call it, where its certificate is, and where it may be kept ready."""

    name: str
    certificate: int
    handle: int


# In the order in which they are tried: the first with a certificate, else the first that this TPM can make.
_TEMPLATES = (
    _Template("rsa", 0x01C00002, 0x81010001),
    _Template("ecc", 0x01C0000A, 0x81010002),
    _Template("ecc384", 0x01C00016, 0x81010016),
)


class Keys(NamedTuple):
    """The public areas of the endorsement and the attestation key, and the endorsement key's certificates, its own first."""

    ek: bytes
    certificates: tuple[bytes, ...]
    ak: bytes

    @property
    def name(self) -> str:
        """The attestation key's name, in hex. Raises Malformed."""
        return tpm.public(self.ak).name.hex()


class Places(NamedTuple):
    """Where the key's files are kept, and where the kernel shows its logs."""

    state: Path
    security: Path = Path(SECURITY)


@contextlib.contextmanager
def opened(setting: Setting, places: Places) -> Iterator["Machine"]:
    """The machine's TPM, with a folder for what the tools pass to one another, which is gone afterwards.

    Raises NotFound, Unreadable: the tools, the TPM or the state folder cannot be used.
    """
    located(setting)
    try:
        places.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        places.state.chmod(0o700)
        folder = tempfile.TemporaryDirectory(dir=places.state, prefix=".work-", ignore_cleanup_errors=True)
    except OSError as e:
        why = (e.strerror or "an error").lower()
        raise Unreadable(str(places.state), why, "a folder for the key", "name one with --state") from None
    with folder as work:
        yield Machine(Tools(setting, Path(work)), places)


class Machine:
    """One TPM, its attestation key loaded when it is first needed. `troubles` says which log could not be read."""

    def __init__(self, tools: Tools, places: Places) -> None:
        self._tools = tools
        self._places = places
        self._work = tools.folder
        self._keys: Keys | None = None
        self.troubles: tuple[str, ...] = ()

    def keys(self) -> Keys:
        """Both keys, made where there are none yet. Raises NotFound, Unreadable, BadInput."""
        if self._keys is None:
            template, certificates = self._endorsement()
            if not all((self._places.state / n).is_file() for n in _AK_FILES):
                self._make(template)
            self._load()
            self._keys = Keys(self._read("ek.pub"), certificates, self._read("ak.pub"))
        return self._keys

    # The endorsement key

    def _endorsement(self) -> tuple[_Template, tuple[bytes, ...]]:
        """The key that the attestation key was made under, else the first that has a certificate, else the first."""
        held = self._handles("handles-nv-index")
        kept = self._places.state / "ek.kind"
        known = kept.read_text("ascii", "replace").strip() if kept.is_file() else ""
        mine = [t for t in _TEMPLATES if t.name == known] if known else list(_TEMPLATES)
        if not mine:
            raise Unreadable(str(kept), repr(known[:20]), "rsa, ecc or ecc384", "empty the state folder to start anew")
        template = next((t for t in mine if t.certificate in held), mine[0])
        certificates = self._certificates(template, held)
        self._endorse(template, certificates)
        return template, certificates

    def _endorse(self, template: _Template, certificates: Sequence[bytes]) -> None:
        """The key's context and public area: as it is kept ready, where that is the certified one, else made anew."""
        if template.handle in self._handles("handles-persistent"):
            self._tools.run("readpublic", "-c", hex(template.handle), "-o", "ek.pub", "-t", "ek.ctx")
            if not certificates or _is(certificates[0], self._read("ek.pub")):
                return
        for name in ("ek.ctx", "ek.pub"):
            (self._work / name).unlink(missing_ok=True)
        self._tools.run("createek", "-G", template.name, "-c", "ek.ctx", "-u", "ek.pub")

    def _certificates(self, template: _Template, held: frozenset[int]) -> tuple[bytes, ...]:
        """From the TPM's memory: the key's own, and behind it those of the maker's authorities, in one piece or several."""
        if template.certificate not in held:
            return ()
        own = der.prefix(self._index(template.certificate)).whole  # some makers fill up the space behind it
        above = b"".join(self._index(n) for n in sorted(held.intersection(_CHAIN)))
        found = [own]
        while above[:1] == bytes([der.SEQUENCE]) and len(found) < 8:
            found.append(der.prefix(above).whole)
            above = above[len(found[-1]) :]
        return tuple(found)

    def _index(self, index: int) -> bytes:
        self._tools.run("nvread", hex(index), "-C", hex(index), "-o", "nv.bin")
        return self._read("nv.bin")

    def _handles(self, kind: str) -> frozenset[int]:
        told = self._tools.run("getcap", kind)
        return frozenset(int(x.removeprefix("- "), 16) for x in told.splitlines() if x.startswith("- 0x"))

    # The attestation key

    def _make(self, template: _Template) -> None:
        with self._allowed() as words:
            out = ("-u", "ak.pub", "-r", "ak.priv")
            self._tools.run(
                "create", "-C", "ek.ctx", *words, "-G", "ecc256:ecdsa-sha256:null", "-g", "sha256", "-a", _AK, *out
            )
        (self._work / "ek.kind").write_text(template.name, "ascii")
        for name in _AK_FILES:  # the kind last: without it the key is made again
            self._keep(name)

    def _keep(self, name: str) -> None:
        try:
            at = self._work / name
            at.chmod(0o600)
            partial = self._places.state / f".{name}.partial"
            partial.write_bytes(at.read_bytes())
            partial.chmod(0o600)
            partial.replace(self._places.state / name)
        except OSError as e:
            raise Unreadable(str(self._places.state), (e.strerror or "an error").lower(), "room for the key") from None

    def _load(self) -> None:
        state = self._places.state.resolve()
        (self._work / "ak.ctx").unlink(missing_ok=True)
        with self._allowed() as words:
            files = ("-u", str(state / "ak.pub"), "-r", str(state / "ak.priv"))
            try:
                self._tools.run("load", "-C", "ek.ctx", *words, *files, "-c", "ak.ctx")
            except Unreadable as e:
                hint = e.hint or f"if the TPM was cleared or replaced: empty {state}, and enrol the machine again"
                raise Unreadable(e.subject, e.found, "the attestation key in this machine's TPM", hint) from None
        (self._work / "ak.pub").write_bytes((state / "ak.pub").read_bytes())

    @contextlib.contextmanager
    def _allowed(self) -> Iterator[tuple[str, ...]]:
        """What proves that the endorsement key may be used: nothing, or a session in which its hierarchy agreed."""
        if "userWithAuth" in tpm.public(self._read("ek.pub")).attributes:
            yield ()
            return
        self._tools.run("startauthsession", "--policy-session", "-S", "session.ctx")
        try:
            self._tools.run("policysecret", "-S", "session.ctx", "-c", "e")
            yield ("-P", "session:session.ctx")
        finally:
            with contextlib.suppress(Unreadable):  # a tool that failed may have ended it
                self._tools.run("flushcontext", "session.ctx")

    def activate(self, blob: bytes, secret: bytes) -> bytes:
        """What a credential holds (TPM2B_ID_OBJECT, TPM2B_ENCRYPTED_SECRET). Raises Unreadable where the TPM refuses."""
        self.keys()
        (self._work / "credential").write_bytes(bytes.fromhex("badcc0de00000001") + blob + secret)
        with self._allowed() as words:
            self._tools.run(
                "activatecredential", "-c", "ak.ctx", "-C", "ek.ctx", *words, "-i", "credential", "-o", "opened"
            )
        return self._read("opened")

    # Quotes

    def quote(self, nonce: bytes, bank: str = "sha256", pcrs: Sequence[int] = PCRS) -> bytes:
        """Evidence that answers the nonce, over the registers that the verifier asked for: strongroom.tpm-evidence/1.

        Raises NotFound, Unreadable, BadInput; BadUsage for registers, a bank or a nonce that a TPM has not.
        """
        chosen = sorted(set(pcrs))
        if bank not in BANKS or not chosen or not 0 <= chosen[0] <= chosen[-1] < 24 or len(nonce) > 64:
            found = f"{bank}, {chosen}, a nonce of {len(nonce)} octets"
            raise BadUsage("quote", found, f"one of {', '.join(BANKS)}, registers 0 to 23, and at most 64 octets")
        keys = self.keys()
        words = ("-l", f"{bank}:{','.join(map(str, chosen))}", "-g", "sha256", *(("-q", nonce.hex()) if nonce else ()))
        out = ("-m", "quote.msg", "-s", "quote.sig", "-o", "quote.pcrs")
        try:
            self._tools.run("quote", "-c", "ak.ctx", *words, *out)
        except Unreadable:
            # A context that was saved before a reset of the TPM is refused: once more, with the key loaded again.
            self._keys = None
            keys = self.keys()
            self._tools.run("quote", "-c", "ak.ctx", *words, *out)
        return self._document(keys)

    def _document(self, keys: Keys) -> bytes:
        """The logs are read behind the quote: what they say more than the quote knows, a verifier sees by replaying."""
        self.troubles = ()
        held: dict[str, bytes] = {
            "quote": self._read("quote.msg"),
            "signature": self._read("quote.sig"),
            "pcrs_file": self._read("quote.pcrs"),
            "ak": keys.ak,
            "event_log": self._log(_EVENT_LOG),
            "ima_log": self._log(_IMA_LOG),
        }
        return msgspec.json.encode(
            {"schema": SCHEMA, **{k: base64.b64encode(v).decode() for k, v in held.items() if v}}
        )

    def _log(self, name: str) -> bytes:
        """A log of the kernel's; nothing, and a trouble told, where it cannot be had. A verifier counts it as missing."""
        at = self._places.security / name
        try:
            with at.open("rb") as f:
                data = f.read(_MOST_LOG + 1)
        except OSError as e:
            self.troubles += (f"{at}: {(e.strerror or 'an error').lower()}",)
            return b""
        if len(data) > _MOST_LOG:
            self.troubles += (f"{at}: over {_MOST_LOG >> 20} MiB; it is left out",)
            return b""
        return data

    def _read(self, name: str) -> bytes:
        try:
            return (self._work / name).read_bytes()
        except OSError as e:
            raise Unreadable(f"tpm2-tools, {name}", (e.strerror or "an error").lower(), "what they wrote") from None


def _is(certificate: bytes, public: bytes) -> bool:
    """Whether a certificate is of the key; where either cannot be read, it is not."""
    try:
        return ek_certificate.key(parse(certificate)) == tpm.public(public).spki
    except BadInput:
        return False


def present(setting: Setting) -> bool:
    """Whether this machine seems to have a TPM: one is named, or the kernel shows one."""
    try:
        return bool(setting.tcti) or Path(setting.device).exists()
    except OSError:
        return False


def collect(
    nonce: bytes, setting: Setting, places: Places, bank: str = "sha256", pcrs: Sequence[int] = PCRS
) -> Collected:
    """One quote with the logs, as one document. Raises as `Machine.quote`."""
    with opened(setting, places) as machine:
        document = machine.quote(nonce, bank, pcrs)
        return Collected(EvidenceKind.TPM, (EvidencePart("evidence", "application/json", document),), "tpm")
