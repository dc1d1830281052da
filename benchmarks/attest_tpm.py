"""Appraisals of TPM quotes a second on one core, beside what one signature of their keys costs on this machine.

Goal: a quote, an event log of some fifty events in two banks and an IMA list, at least 1,200 a second.

Each piece of evidence is new: its own challenge, its own signature, its own octets. Of a fleet, the log is that of one
image, so that the keys of its firmware are read once; of strangers, each log differs in an event, its registers and its
quote, and what was read of certificates, signature lists and keys is forgotten before each. All quotes are signed by one
attestation key, and no list of revoked hashes is given. The log and the list are of a recorded boot.
"""

import argparse
import hashlib
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from measure import save

from strongroom.app.evidence import verifier_of
from strongroom.attest.appraise import appraise
from strongroom.attest.policy import Policy, TpmPolicy
from strongroom.attest.verifier import Inputs
from strongroom.kit import ccel, ima, secure_boot, tpm
from strongroom.kit.x509 import certificate
from strongroom.model.attest import (
    Endorsements,
    Evidence,
    EvidenceKind,
    EvidencePart,
    Reference,
    ReferenceValues,
    StepVerdict,
)

BOOT = Path(__file__).parent.parent / "../shared/vectors/onprem/boot/sb-on-good"
SHA1, SHA256 = 0x04, 0x0B
NOW = datetime(2026, 11, 22, tzinfo=UTC)
ROUNDS = 7
Row = dict[str, object]


def main() -> None:
    """Print the figures, and write benchmarks/results/attest_tpm.json."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=400, help="pieces of evidence a round")
    options = parser.parse_args()
    if not BOOT.is_dir():
        raise SystemExit(f"no folder {BOOT}: this benchmark appraises the log of a recorded boot")
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests/attest"))
    p256, rsa2048 = limits()
    rows = [
        row("one P-256 verification", lambda: [p256] * 2000),
        row("one RSA-2048 verification", lambda: [rsa2048] * 2000),
        row(
            "TPM, fleet of one image, every quote new", lambda: works(options.count, strangers=False), goal=">= 1200/s"
        ),
        row("TPM, strangers, no certificate seen before", lambda: works(options.count, strangers=True), forget),
    ]
    for r in rows:
        goal = f"  goal {r['goal']}" if "goal" in r else ""
        print(f"{r['what']:<44} {r['per_second']:>9,.0f}/s  ({r['slowest']:,.0f} to {r['fastest']:,.0f}){goal}")
    print(f"written: {save('attest_tpm', rows)}")


def row(
    what: str,
    make: Callable[[], Sequence[Callable[[], object]]],
    before: Callable[[], None] = lambda: None,
    **more: str,
) -> Row:
    """The median of the rounds by CPU time, with the slowest and the fastest: the machine is not ours alone."""
    rates = []
    for _ in range(ROUNDS):
        todo, spent = make(), 0.0
        for work in todo:
            before()
            start = time.process_time()
            work()
            spent += time.process_time() - start
        rates.append(len(todo) / spent)
    return {"what": what, "per_second": statistics.median(rates), "slowest": min(rates), "fastest": max(rates), **more}


def limits() -> tuple[Callable[[], object], Callable[[], object]]:
    """One verification with each of the keys that TPMs sign with, loaded."""
    data, point, big = bytes(151), ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
    curve, how, fill = ec.ECDSA(hashes.SHA256()), hashes.SHA256(), padding.PKCS1v15()
    first, second = point.sign(data, curve), big.sign(data, fill, how)
    one, other = point.public_key(), big.public_key()
    return (lambda: one.verify(first, data, curve)), (lambda: other.verify(second, data, fill, how))


def forget() -> None:
    """Empty every cache that an earlier piece of evidence filled."""
    for kept in (secure_boot.entries, certificate.parse, tpm.public, tpm.chosen):
        clear = getattr(kept, "cache_clear", None)
        if clear is not None:
            clear()


def works(count: int, *, strangers: bool) -> list[Callable[[], object]]:
    """Appraisals, each of evidence of its own; every step that can be checked passes."""
    found: list[Callable[[], object]] = []
    verifier = verifier_of(EvidenceKind.TPM)
    for inputs in _evidence(count, strangers=strangers):
        if not found:
            wrong = [
                s.id for s in appraise(verifier, inputs).steps if s.mandatory and s.verdict is not StepVerdict.PASS
            ]
            assert set(wrong) <= {"tpm.dbx", "tpm.ca_expiry"}, wrong
        found.append(lambda i=inputs: appraise(verifier, i))  # type: ignore[misc] # the default binds it
    return found


def _evidence(count: int, *, strangers: bool) -> Iterator[Inputs]:
    import tpm_minting as minting  # noqa: PLC0415 - the tests mint their evidence there

    log, files = (BOOT / "binary_bios_measurements").read_bytes(), (BOOT / "ima_at_quote_binary").read_bytes()
    area = minting.public()
    for number in range(count):
        mine = log + _own_event(number) if strangers else log
        held = ccel.parse(mine)
        values = {bank: _registers(held, files, bank) for bank in (SHA1, SHA256)}
        nonce = hashlib.sha256(b"%d" % number).digest()
        quoted = _quote(values, nonce)
        shown = {
            name: {str(n): v.hex() for n, v in values[b].items()} for name, b in (("sha1", SHA1), ("sha256", SHA256))
        }
        parts = {
            "quote": quoted[0], "signature": quoted[1], "pcrs": msgspec.json.encode(shown),
            "ak-public": area, "event-log": mine, "ima-log": files,
        }  # fmt: skip
        evidence = Evidence(
            EvidenceKind.TPM, tuple(EvidencePart(n, "application/octet-stream", d) for n, d in parts.items()), nonce
        )
        told = {f"pcr{n}": (values[SHA256][n].hex(),) for n in (0, 4, 7, 9)}
        known = ReferenceValues((Reference(EvidenceKind.TPM, "golden", told),), "owner")
        policy = Policy(tpm=TpmPolicy(aks=(minting.name(area),), ima=True))
        yield Inputs(evidence, Endorsements(), known, policy, NOW)


def _own_event(number: int) -> bytes:
    """An event that no other log has: what a boot stub says into PCR 12, which no boot_aggregate covers."""
    data = b"kernel_cmdline: machine=%d" % number
    digests = b"\x04\0" + hashlib.sha1(data, usedforsecurity=False).digest() + b"\x0b\0" + hashlib.sha256(data).digest()
    return b"".join(n.to_bytes(4, "little") for n in (12, 0x0D, 2)) + digests + len(data).to_bytes(4, "little") + data


def _registers(held: ccel.Log, files: bytes, bank: int) -> dict[int, bytes]:
    """What the TPM of such a boot holds."""
    size = tpm.HASHES[bank][1]
    found = {n: ccel.initial(held, n, size) for n in range(16)} | ccel.replay(held, bank)
    *_, last = ima.states(ima.parse(files), bank)
    return {n: found[n] for n in range(16)} | {ima.REGISTER: last}


def _quote(values: dict[int, dict[int, bytes]], nonce: bytes) -> tuple[bytes, bytes]:
    """TPMS_ATTEST over the registers of both banks, and TPMT_SIGNATURE."""
    import tpm_minting as minting  # noqa: PLC0415 - same

    chosen = b"".join(b.to_bytes(2, "big") + b"\3" + b"\xff\xff\0" for b in values)
    digest = hashlib.sha256(b"".join(v for held in values.values() for _, v in sorted(held.items()))).digest()
    head = tpm.MAGIC.to_bytes(4, "big") + tpm.QUOTE.to_bytes(2, "big")
    names = minting.sized(b"\0\x0b" + bytes(32)) + minting.sized(nonce)
    clock = (5000).to_bytes(8, "big") + bytes(8) + b"\1" + bytes(8)
    quoted = head + names + clock + len(values).to_bytes(4, "big") + chosen + minting.sized(digest)
    signed = decode_dss_signature(minting.KEY.sign(quoted, ec.ECDSA(hashes.SHA256())))
    return quoted, bytes.fromhex("0018000b") + b"".join(minting.sized(n.to_bytes(32, "big")) for n in signed)


if __name__ == "__main__":
    main()
