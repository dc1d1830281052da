"""Evidence that was recorded on real machines: genuine at its own time, and of no use to whoever shows it to a broker."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import broker_rig as b
import kinds_rig as k
import pytest
from served_broker import serving

from strongroom.app.evidence import verifiers
from strongroom.app.release_client import Client, To
from strongroom.app.release_words import TurnedAway
from strongroom.attest.appraise import appraise
from strongroom.attest.policy import Policy, SnpPolicy, SnpTcb
from strongroom.attest.verifier import Inputs
from strongroom.kit import endorsement_text
from strongroom.kit.x509 import pem
from strongroom.model.attest import (
    Endorsement,
    EndorsementKind,
    Endorsements,
    Evidence,
    EvidenceKind,
    ReferenceValues,
    StepVerdict,
)

POLICY = Policy(snp=SnpPolicy(smt=True, min_tcb={"Milan": SnpTcb(bootloader=3)}))
RECORDED: dict[str, tuple[EvidenceKind, str, tuple[str, ...], str]] = {
    "snp": (
        EvidenceKind.SNP,
        "snp/milan_v3_oak.report.bin",
        ("snp/milan_v3_oak.vcek.der", "snp/milan_ask_ark_asvk.pem"),
        "2025-06-01T00:00:00Z",
    ),
    "tdx": (
        EvidenceKind.TDX,
        "dcap/tdx_v4_uptodate.quote",
        ("dcap/tdx_v4_uptodate.collateral.json",),
        "2025-06-20T00:00:00Z",
    ),
    "sgx": (EvidenceKind.SGX, "dcap/sgx_v3_pck_00606A.quote", (), "2023-01-01T00:00:00Z"),
    "nitro": (EvidenceKind.NITRO, "nitro/nitro_2025-12-25.cose", (), "2025-12-25T13:30:00Z"),
}


def endorsed(folder: Path, names: Sequence[str]) -> Endorsements:
    """What lies beside the evidence."""
    found = Endorsements()
    for name in names:
        data = (folder / name).read_bytes()
        if name.endswith(".json"):
            found += endorsement_text.read(data)
            continue
        ders = [block.data for block in pem.blocks(data)] if b"-----BEGIN" in data else [data]
        found += Endorsements(tuple(Endorsement(EndorsementKind.CERTIFICATE, d) for d in ders))
    return found


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_evidence_is_refused_at_the_binding(name: str, vectors: Path, tmp_path: Path) -> None:
    """It fails no step of its kind at its own time, under the makers' own roots; the broker refuses it at the binding."""
    kind, file, beside, moment = RECORDED[name]
    folder, now = vectors / "attest", datetime.fromisoformat(moment)
    data = (folder / file).read_bytes()
    held = verifiers()
    own = held[kind]
    evidence = Evidence(kind, own.read(data), None, now)
    given = Inputs(evidence, endorsed(folder, beside), ReferenceValues(), POLICY, now)
    assert [s.id for s in appraise(own, given).steps if s.verdict is StepVerdict.FAIL] == []
    machine = k.Kind(name, lambda _: k.collected(kind, data), given, (own,))
    rig = k.KindRig(tmp_path, now=now, kind=machine)
    with (
        serving(rig.broker, tmp_path) as served,
        Client(To(served.url, str(served.ca)), machine, lambda: now) as client,
        pytest.raises(TurnedAway, match="AttestationError"),
    ):
        client.get(b.WEIGHTS)
    assert served.refused[0].startswith("AttestationError: found composite.root_bound")
    assert served.asked == ["/kbs/v0/auth", "/kbs/v0/attest"]
    rig.log.close()
    rig.store.close()
