"""What hostile images, files and logs are made from beside evidence: sound seeds, and who reads them."""

from collections.abc import Callable, Sequence

import fuzz_gpus as gpus
import minted_x509 as x
import test_measure_images as images
import test_measure_logs as logs
import tpm_minting as tpms

from strongroom.app import references
from strongroom.kit import (
    ccel,
    eif,
    eif_signature,
    endorsement_bundle,
    endorsement_text,
    event_words,
    evidence_digests,
    reference_file,
    tdvf,
    xml_tree,
)
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.note import Ed25519Signer

_SHA384 = 0x0C


def _enclaves() -> tuple[bytes, ...]:
    parts = [(1, bytes(range(200))), (2, b"quiet"), (5, b"{}"), (3, b"first ramdisk"), (3, b"second ramdisk")]
    return (images.signed(), images.image(*parts))


def _signatures() -> tuple[bytes, ...]:
    """The signature section of the image that another program wrote."""
    data = images.signed()
    return tuple(data[s.offset : s.offset + s.size] for s in eif.parse(data).of(eif.Type.SIGNATURE))


def _firmware() -> tuple[bytes, ...]:
    """Firmware with what stands at its end; short, or each input would take as long as measuring it."""
    return (bytes(images.firmware(images.CODE, images.VARIABLES, images.SCRATCH, images.HOB)),)


def _confidential() -> tuple[bytes, ...]:
    """A log of a TD's registers, with padding behind it."""
    told = tuple(logs.event(n, 8, bytes([n]) * 9, _SHA384) for n in (1, 2, 3, 4, 1))
    return (logs.spec_id((_SHA384, 48)) + b"".join(told) + b"\xff" * 64,)


def _confidential_log(octets: bytes) -> object:
    return ccel.rtmrs(ccel.parse(octets))


def _told(octets: bytes) -> object:
    """Every event in words, and whether they are a remark."""
    return [(event_words.words(e), event_words.remark(e, 0x0B), e.type_name) for e in ccel.parse(octets).events]


def _bundles() -> tuple[bytes, ...]:
    key = SignerKey("example.org/bundles", Kind.ED25519, bytes(range(32)))
    given = endorsement_text.read(tpms.DB_KEY, "there")
    return (endorsement_bundle.make(given, "fleet", x.NOW, Ed25519Signer(key)),)


def _bundle(octets: bytes) -> object:
    held = endorsement_bundle.parse(octets)
    return held.endorsements, endorsement_bundle.signers(held)


_REFERENCES = f"""schema = "{reference_file.SCHEMA}"
name = "fleet"
version = 3
[[reference]]
kind = "tpm"
name = "golden"
version = "1.2"
image = "sha256:{"cd" * 32}"
values = {{ pcr4 = ["{"ab" * 32}"], pcr9 = ["{"01" * 32}", "{"02" * 32}"] }}
""".encode()


def _rendered(octets: bytes) -> object:
    """What is read can be written, and is the same when it is read again."""
    held = references.parse(octets, "references")
    again = references.parse(reference_file.render(held).encode(), "references")
    assert again == held
    return held


def _digests() -> tuple[bytes, ...]:
    return (evidence_digests.pack("1", {"a": {"x": b"123456", "y": b"abcdef"}, "b": {"x": b"654321"}}),)


# By name: seeds, and who reads them.
MORE: dict[str, tuple[Callable[[], Sequence[bytes]], Callable[[bytes], object]]] = {
    "eif": (_enclaves, images.pcrs),
    "eif-signature": (_signatures, eif_signature.certificate),
    "tdvf": (_firmware, tdvf.mrtd),
    "ccel": (_confidential, _confidential_log),
    "event-words": (lambda: (tpms.log_of(tpms.BOOT),), _told),
    "bundle": (_bundles, _bundle),
    "references": (lambda: (_REFERENCES,), _rendered),
    "evidence-digests": (_digests, lambda d: evidence_digests.unpack(d, "evidence")),
    "xml-tree": (gpus.manifests, lambda d: xml_tree.canonical(xml_tree.parse(d))),
}
