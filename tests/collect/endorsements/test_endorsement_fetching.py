"""Services of endorsements over real HTTP on loopback, with answers that the tests wrote.

No vendor is reached: what is proven is how this program asks, waits, refuses and keeps.
"""

import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
import vendor_statements as vendor
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from vendor_service import Reply, Service, serving

from strongroom.app.endorsement_transport import Http
from strongroom.collect.endorsements.cache import Cache
from strongroom.collect.endorsements.fetching import Fetched, Fetcher, Patience, World, retry_after
from strongroom.collect.endorsements.services import Sources, questions
from strongroom.kit.endorsement_names import describe, names_of
from strongroom.model.attest import EndorsementKind, Want
from strongroom.model.errors import BadInput, Malformed


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as found:
        yield found


@dataclass
class Desk:
    """A fetcher with a clock of its own, whose waiting only moves that clock."""

    sources: Sources
    cache: Cache | None = None
    now: datetime = vendor.NOW
    slept: list[float] = field(default_factory=list)
    timeout: float = 5.0
    patience: Patience | None = None

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    def fetch(self, want: Want) -> Fetched:
        http = Http(self.sources, self.timeout)
        try:
            world = World(http, lambda: self.now, self.sleep, lambda: 1.0)
            return Fetcher(world, self.sources, self.cache, self.patience).fetch(want)
        finally:
            http.close()


def at(service: Service, **more: str) -> Sources:
    return Sources(kds=service.url, pcs=service.url, root_crl=f"{service.url}/IntelSGXRootCA.der")._replace(**more)


def names(found: Fetched) -> set[str]:
    return {describe(e).name for e in found.endorsements.items}


@pytest.mark.parametrize(
    ("want", "path", "body"),
    [
        (vendor.VCEK, vendor.VCEK_PATH, vendor.vcek()),
        (vendor.CHAIN, vendor.CHAIN_PATH, vendor.amd_chain()),
        (vendor.CRL, vendor.CRL_PATH, vendor.crl()),
        (vendor.TCB_INFO, vendor.TCB_PATH, vendor.tcb_info()),
        (vendor.QE, vendor.QE_PATH, vendor.qe_identity()),
        (vendor.PCK_CRL, vendor.PCK_CRL_PATH, vendor.crl("Intel SGX PCK Platform CA")),
        (vendor.ROOT_CRL, "/IntelSGXRootCA.der", vendor.crl("Intel SGX Root CA")),
    ],
    ids=["vcek", "chain", "crl", "tcb", "qe", "pckcrl", "rootcacrl"],
)
def test_each_want_is_asked_for_at_its_address(service: Service, want: Want, path: str, body: bytes) -> None:
    """One request goes to the address that the service documents, and its answer meets the want."""
    service.on(path, body)
    found = Desk(at(service)).fetch(want)
    assert found.trouble == ""
    assert set(names_of(want)) <= names(found)
    assert service.asked == [path]
    assert {e.origin for e in found.endorsements.items} == {f"{service.url}{path}"}


def test_the_issuer_chain_comes_out_of_its_header(service: Service) -> None:
    """The percent-encoded chain of a header becomes the chain of the statement, and that of a list its certificates."""
    header = vendor.chain_header()
    service.on(vendor.TCB_PATH, Reply(vendor.tcb_info(), headers={"TCB-Info-Issuer-Chain": header}))
    service.on(vendor.QE_PATH, Reply(vendor.qe_identity(), headers={"SGX-Enclave-Identity-Issuer-Chain": header}))
    listed = Reply(vendor.crl("Intel SGX PCK Platform CA"), headers={"SGX-PCK-CRL-Issuer-Chain": header})
    service.on(vendor.PCK_CRL_PATH, listed)
    desk = Desk(at(service))
    for want in (vendor.TCB_INFO, vendor.QE):
        assert [len(e.chain) for e in desk.fetch(want).endorsements.items] == [2]
    kinds = [e.kind for e in desk.fetch(vendor.PCK_CRL).endorsements.items]
    assert kinds == [EndorsementKind.CRL, EndorsementKind.CERTIFICATE, EndorsementKind.CERTIFICATE]


def test_a_caching_service_is_asked_instead_of_intel(service: Service) -> None:
    """With a PCCS configured, everything of Intel's is asked of it, its root list in hexadecimal included."""
    service.on("/sgx/certification/v4/rootcacrl", vendor.crl("Intel SGX Root CA").hex().encode())
    service.on(vendor.TCB_PATH, vendor.tcb_info())
    desk = Desk(Sources(pccs=service.url))
    assert desk.fetch(vendor.ROOT_CRL).trouble == ""
    assert desk.fetch(vendor.TCB_INFO).trouble == ""


def test_azure_is_asked_first_and_amd_where_it_knows_another_chip(service: Service) -> None:
    """The metadata service answers for its own chip; for another one AMD is asked."""
    path = "/metadata/THIM/amd/certification"
    text = {
        "vcekCert": vendor.pem(vendor.vcek()).decode(),
        "tcbm": "00",
        "certificateChain": vendor.amd_chain().decode(),
    }
    service.on(path, json.dumps(text).encode())
    service.on(vendor.VCEK_PATH.replace(vendor.CHIP.hex(), "11" * 64), vendor.vcek(b"\x11" * 64))
    desk = Desk(at(service, thim=service.url))
    assert desk.fetch(vendor.VCEK).trouble == ""
    assert service.headers[0]["metadata"] == "true"
    other = Want("amd-kds", "vcek", tuple((k, "11" * 64 if k == "hwid" else v) for k, v in vendor.ABOUT))
    assert set(names_of(other)) == names(desk.fetch(other))
    assert [p == path for p in service.asked] == [True, True, False]


def test_a_busy_service_is_waited_for_as_it_says(service: Service) -> None:
    """429 with Retry-After is waited for, and then asked again."""
    service.on(vendor.VCEK_PATH, Reply(status=429, headers={"Retry-After": "7"}), vendor.vcek())
    desk = Desk(at(service))
    assert desk.fetch(vendor.VCEK).trouble == ""
    assert desk.slept == [7.0]


def test_waiting_grows_where_nothing_is_said(service: Service) -> None:
    """Without Retry-After each wait is twice the one before, and a service that stays busy is given up."""
    service.on(vendor.VCEK_PATH, Reply(status=503))
    desk = Desk(at(service))
    assert "wants to be asked again" in desk.fetch(vendor.VCEK).trouble
    assert desk.slept == [1.0, 2.0, 4.0]
    assert len(service.asked) == 4


def test_a_service_that_asks_for_an_hour_is_left_alone_by_all(service: Service, tmp_path: Path) -> None:
    """A Retry-After beyond a command's patience is kept: no later command asks before it is over."""
    service.on(vendor.VCEK_PATH, Reply(status=429, headers={"Retry-After": "3600"}), vendor.vcek())
    first = Desk(at(service), Cache(tmp_path / "c"))
    assert "13:00:00Z" in first.fetch(vendor.VCEK).trouble
    assert first.slept == []
    later = Desk(at(service), Cache(tmp_path / "c"), now=vendor.NOW + timedelta(minutes=59))
    assert "not asked again before" in later.fetch(vendor.VCEK).trouble
    assert len(service.asked) == 1
    later.now += timedelta(minutes=2)
    assert later.fetch(vendor.VCEK).trouble == ""


def test_what_is_not_there_is_not_asked_for_again_at_once(service: Service, tmp_path: Path) -> None:
    """A 404 is remembered for an hour for that want alone; it is neither retried nor taken for an answer."""
    desk = Desk(at(service), Cache(tmp_path / "c"))
    service.on(vendor.CRL_PATH, vendor.crl())
    assert "status 404" in desk.fetch(vendor.VCEK).trouble
    assert "not asked again before" in desk.fetch(vendor.VCEK).trouble
    assert desk.fetch(vendor.CRL).trouble == ""
    assert service.asked == [vendor.VCEK_PATH, vendor.CRL_PATH]
    desk.now += timedelta(hours=1, minutes=1)
    service.on(vendor.VCEK_PATH, vendor.vcek())
    assert desk.fetch(vendor.VCEK).trouble == ""


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (vendor.vcek(b"\x11" * 64), "something else than was asked for"),
        (vendor.vcek(tcb={**vendor.TCB, "snp": 23}), "something else than was asked for"),
        (vendor.crl(), "something else than was asked for"),
        (vendor.vcek(days=5), "what holds from"),
        (b"<html>gateway</html>", "a text of another kind"),
        (b"", "an empty file"),
        (vendor.vcek()[:200], "octets of contents"),
        (vendor.tcb_info()[:-1] + b',"signature":"00"}', "twice"),
    ],
    ids=["chip", "tcb", "list", "over", "html", "empty", "cut", "duplicate"],
)
def test_another_answer_is_none(service: Service, tmp_path: Path, body: bytes, found: str) -> None:
    """An answer about another chip or TCB, one that is over, and one that is no endorsement are refused and not kept."""
    service.on(vendor.VCEK_PATH, body)
    cache = Cache(tmp_path / "c")
    got = Desk(at(service), cache).fetch(vendor.VCEK)
    assert found in got.trouble
    assert got.endorsements.items == ()
    assert list((tmp_path / "c" / "items").iterdir()) == []


def test_an_endless_answer_is_cut(service: Service) -> None:
    """An answer of more bytes than its kind has is none."""
    service.on(vendor.VCEK_PATH, vendor.vcek() + bytes(1 << 20))
    desk = Desk(at(service), patience=Patience(unanswered=1))
    assert "more than 1048576 bytes" in desk.fetch(vendor.VCEK).trouble


def test_a_slow_answer_is_cut(service: Service) -> None:
    """A service that sends a byte now and then does not hold a command: the whole answer has its time."""
    service.on(vendor.CRL_PATH, Reply(bytes(400), dribble=True))
    desk = Desk(at(service), timeout=0.2, patience=Patience(unanswered=1))
    assert "no whole answer within 0.2 seconds" in desk.fetch(vendor.CRL).trouble


def test_nobody_there_is_asked_once_for_all_wants() -> None:
    """A service that gives no answer is tried twice, and the next want of the command does not wait for it again."""
    sources = Sources(kds="http://127.0.0.1:1")
    desk = Desk(sources)
    http = Http(sources)
    fetcher = Fetcher(World(http, lambda: desk.now, desk.sleep, lambda: 0.0), sources, None)
    assert "refused" in fetcher.fetch(vendor.VCEK).trouble
    assert "not asked again before" in fetcher.fetch(vendor.CRL).trouble
    assert desk.slept == [0.5]


def test_no_redirect_is_followed(service: Service) -> None:
    """A redirect is an answer with a status and nothing else: another host is never asked."""
    with serving() as other:
        other.on("/x", vendor.vcek())
        service.on(vendor.VCEK_PATH, Reply(status=302, headers={"Location": f"{other.url}/x"}))
        assert "status 302" in Desk(at(service)).fetch(vendor.VCEK).trouble
        assert other.asked == []


@pytest.mark.parametrize("base", ["http://kdsintf.amd.com", "http://10.0.0.1", "ftp://x", "https://u@x", "//"])
def test_a_base_that_may_not_be_asked_is_refused(base: str) -> None:
    """Plain http leaves this machine for the metadata service of its cloud alone, and a base is a base."""
    with pytest.raises(BadInput):
        Http(Sources(kds=base))
    with pytest.raises(BadInput):
        Http(Sources(pccs=base))
    Http(Sources(thim="http://169.254.169.254"))
    with pytest.raises(BadInput):
        Http(Sources(pccs="http://169.254.169.254"))


def test_one_request_at_a_time_goes_to_a_service(service: Service, tmp_path: Path) -> None:
    """Commands that share a cache ask a service one after another."""
    chips = [bytes([n]) * 64 for n in range(6)]
    wants = []
    for chip in chips:
        service.on(vendor.VCEK_PATH.replace(vendor.CHIP.hex(), chip.hex()), vendor.vcek(chip))
        wants.append(Want("amd-kds", "vcek", tuple((k, chip.hex() if k == "hwid" else v) for k, v in vendor.ABOUT)))
    troubles: list[str] = []

    def work(want: Want) -> None:
        troubles.append(Desk(at(service), Cache(tmp_path / "c")).fetch(want).trouble)

    threads = [threading.Thread(target=work, args=(w,)) for w in wants]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert troubles == [""] * len(wants)
    assert service.most_at_once == 1


@pytest.mark.parametrize(
    "about",
    [
        (("product", "Rome/../.."), *vendor.ABOUT[1:]),
        (("product", "Milan"), ("hwid", "00/../x"), *vendor.ABOUT[2:]),
        (*vendor.ABOUT[:2], ("bootloader", "4&x=1"), *vendor.ABOUT[3:]),
        (*vendor.ABOUT[:2], ("bootloader", "256"), *vendor.ABOUT[3:]),
        vendor.ABOUT[:4],
    ],
)
def test_evidence_does_not_write_addresses(about: tuple[tuple[str, str], ...]) -> None:
    """The parts of a want come from evidence, which anybody can write, so none that is not well-formed is asked for."""
    with pytest.raises(Malformed):
        questions(Want("amd-kds", "vcek", about), Sources())


def test_turin_is_asked_with_its_fmc() -> None:
    """Turin's short chip id and the number of its FMC stand in the address."""
    about = (("product", "Turin"), ("hwid", "00112233aabbccdd"), *vendor.ABOUT[2:], ("fmc", "1"))
    url = questions(Want("amd-kds", "vcek", about), Sources())[0].url
    assert url.startswith("https://kdsintf.amd.com/vcek/v1/Turin/00112233aabbccdd?fmcSPL=01&blSPL=04&")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("9" * 40, None),
        ("", None),
    ],
)
def test_retry_after_in_both_forms(text: str, seconds: float | None) -> None:
    """Seconds and a date are understood; anything else says nothing."""
    assert retry_after(text, vendor.NOW) == seconds


def test_a_certificate_of_nobody_is_not_believed(tmp_path: Path) -> None:
    """A service whose certificate no authority has signed is not asked: the request never leaves."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = (
        built.serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
    )
    signed = built.sign(key, hashes.SHA256())
    file = tmp_path / "server.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + signed.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    def wrap(server: ThreadingHTTPServer) -> None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]

    with serving(wrap) as service:
        service.on(vendor.VCEK_PATH, vendor.vcek())
        desk = Desk(at(service), patience=Patience(unanswered=1))
        assert "tls: certificate_verify_failed" in desk.fetch(vendor.VCEK).trouble
        assert service.asked == []
