"""What a verifier is handed: given, kept, or fetched, with a remark about each thing that is missing or old."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
import vendor_statements as vendor
from vendor_service import Reply, Service, serving

from strongroom.app.appraisal import appraise
from strongroom.app.config import AttestSection, Config, StateSection
from strongroom.app.endorsements import Given, Surroundings, gather
from strongroom.app.evidence import load, verifier_of
from strongroom.attest.policy import Policy
from strongroom.collect.endorsements.services import Sources, questions
from strongroom.kit.endorsement_names import describe
from strongroom.model.attest import ReferenceValues, StepVerdict, Want
from strongroom.model.errors import BadInput, Malformed, TooLarge, Unreadable

WANTS = (vendor.CHAIN, vendor.CRL, vendor.VCEK)


@dataclass
class House:
    """A machine with a cache of its own, whose clock the test sets."""

    root: Path
    service: Service
    now: datetime = vendor.NOW
    config: Config = field(init=False)

    def __post_init__(self) -> None:
        state = StateSection(str(self.root / "state" / "strongroom.db"))
        attest = AttestSection(kds=self.service.url, pccs=self.service.url, cache=str(self.root / "cache"))
        self.config = Config(state=state, attest=attest)

    def gather(
        self, *paths: Path, wants: tuple[Want, ...] = WANTS, at: datetime | None = None, offline: bool = False
    ) -> Given:
        around = Surroundings(lambda: self.now, lambda _: None, lambda: 0.0)
        names = [str(p) for p in paths]
        return gather(names, wants, at or self.now, self.config, offline=offline, around=around)

    def serves(self) -> None:
        self.service.on(vendor.CHAIN_PATH, vendor.amd_chain())
        self.service.on(vendor.CRL_PATH, vendor.crl())
        self.service.on(vendor.VCEK_PATH, vendor.vcek())

    def file(self, name: str, data: bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return path


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with serving() as service:
        yield House(tmp_path, service)


def titles(given: Given) -> list[str]:
    return sorted(describe(e).title for e in given.endorsements.items)


ALL = ["ARK-Milan", "CRL of ARK-Milan", "SEV-Milan", "VCEK Milan 0001020304050607"]


def test_what_is_wanted_is_fetched_once(house: House) -> None:
    """The first run asks for everything, the second asks for nothing, and both hand over the same."""
    house.serves()
    first, second = house.gather(), house.gather()
    assert titles(first) == titles(second) == ALL
    assert first.remarks == second.remarks == ()
    assert len(house.service.asked) == 3


def test_what_is_given_is_not_fetched(house: House) -> None:
    """No request goes out for what a file holds that speaks of now."""
    paths = [house.file("a.pem", vendor.amd_chain()), house.file("b.crl", vendor.crl()), house.file("c", vendor.vcek())]
    assert titles(house.gather(*paths)) == ALL
    assert house.service.asked == []


def test_offline_asks_nobody_and_says_what_is_missing(house: House) -> None:
    """With --offline what was kept is used, and each missing thing is told with where it is to be had."""
    given = house.gather(offline=True)
    assert given.missing == WANTS
    assert given.remarks[0] == (
        "missing: vcek/cert_chain of amd-kds (product Milan): nothing was fetched (--offline); give it with "
        f"--endorsements: it is at {house.service.url}{vendor.CHAIN_PATH}"
    )
    house.serves()
    house.gather()
    asked = len(house.service.asked)
    assert titles(house.gather(offline=True)) == ALL
    assert len(house.service.asked) == asked


def test_a_list_is_asked_for_again_after_a_day(house: House) -> None:
    """A kept list that still speaks is replaced after a day; certificates are not asked for again."""
    house.serves()
    house.gather()
    house.now += timedelta(days=2)
    newer = vendor.crl(begins=house.now - timedelta(hours=1))
    house.service.on(vendor.CRL_PATH, newer)
    given = house.gather()
    assert newer in [e.data for e in given.endorsements.items]
    assert house.service.asked[3:] == [vendor.CRL_PATH]


def test_an_old_copy_is_never_served_in_silence(house: House) -> None:
    """Where the list cannot be had anew, the kept one serves while it speaks, with a remark; then it is missing."""
    house.serves()
    house.gather()
    house.service.on(vendor.CRL_PATH, Reply(status=500))
    house.now += timedelta(days=2)
    given = house.gather()
    assert titles(given) == ALL
    assert given.missing == ()
    assert "crl of amd-kds (product Milan) is a copy of 2026-11-23T12:00:00Z" in given.remarks[0]
    assert "answered 500" in given.remarks[0]
    house.now += timedelta(days=40)
    given = house.gather()
    assert given.missing == (vendor.CRL,)
    assert "CRL of ARK-Milan" not in titles(given)


def test_the_past_is_not_asked_of_today(house: House) -> None:
    """For a time that is not the clock's nothing is fetched; what was kept and spoke then is used."""
    house.serves()
    house.gather()
    house.now += timedelta(days=200)
    given = house.gather(at=vendor.NOW)
    assert titles(given) == ALL
    assert given.remarks == ()
    assert len(house.service.asked) == 3
    given = house.gather(at=vendor.NOW - timedelta(days=5))
    assert given.missing == (vendor.CRL,)
    assert "a service speaks of today" in given.remarks[0]


def test_given_collateral_that_is_over_is_fetched_anew(house: House) -> None:
    """A file whose statement is over stays among what is given, and the one of today comes beside it."""
    over = house.file("old.json", vendor.tcb_info(days=1))
    house.now += timedelta(days=1)
    house.service.on(vendor.TCB_PATH, vendor.tcb_info())
    assert titles(house.gather(over, wants=(vendor.TCB_INFO,))) == ["TDX TCB info 00906ed50000"] * 2


def test_a_folder_says_what_it_ignores(house: House) -> None:
    """Evidence and words beside endorsements are named, and not used."""
    house.file("d/README.md", b"# words")
    house.file("d/report.bin", b"\x02\x00" + bytes(1182))
    house.file("d/vcek.der", vendor.vcek())
    given = house.gather(house.root / "d", wants=())
    assert titles(given) == ["VCEK Milan 0001020304050607"]
    assert given.remarks == (
        f"ignored in {house.root}/d: README.md (a text of another kind), report.bin (octets of another kind)",
    )


def test_a_path_that_is_named_must_be_one(house: House) -> None:
    """A named file that is no endorsement, a folder without one, and a missing path are errors."""
    with pytest.raises(Malformed, match="text of another kind"):
        house.gather(house.file("x.txt", b"some words"))
    house.file("empty/README", b"words")
    with pytest.raises(Unreadable, match="1 files and no endorsement"):
        house.gather(house.root / "empty")
    with pytest.raises(Unreadable):
        house.gather(house.root / "missing")


def test_a_folder_of_a_hundred_thousand_files_is_refused(house: House) -> None:
    """A folder that cannot be one of endorsements is refused, and its names are not even all read."""
    folder = house.root / "many"
    folder.mkdir()
    for n in range(3000):
        (folder / str(n)).touch()
    with pytest.raises(TooLarge, match="over 2048 files"):
        house.gather(folder)


def test_without_a_cache_everything_still_works(house: House) -> None:
    """Where nothing can be kept, what is fetched is used, and a remark says so."""
    house.serves()
    house.file("cache", b"")
    given = house.gather()
    assert titles(given) == ALL
    assert "nothing is kept" in given.remarks[0]


def test_configured_paths_are_always_read(house: House) -> None:
    """What the configuration names is read as if it had been named."""
    path = house.file("crl.der", vendor.crl())
    house.config = Config(state=house.config.state, attest=AttestSection(endorsements=(str(path),)))
    assert titles(house.gather(wants=())) == ["CRL of ARK-Milan"]


def test_an_address_that_may_not_be_asked_is_an_error(house: House) -> None:
    """A base of plain http to another machine stops the command: it is a mistake of the configuration."""
    house.config = Config(
        state=house.config.state, attest=AttestSection(kds="http://kds.example", cache=house.config.attest.cache)
    )
    with pytest.raises(BadInput, match="http to another host"):
        house.gather()


def test_an_unknown_want_is_missing(house: House) -> None:
    """A want that this program knows no service for is told as missing, and nothing is asked."""
    unknown = Want("other", "thing")
    given = house.gather(wants=(unknown,))
    assert given.missing == (unknown,)
    assert "does not know where to ask" in given.remarks[0]
    assert house.service.asked == []


def test_recorded_answers_judge_a_recorded_quote(house: House, vectors: Path) -> None:
    """What Intel's service answered in June 2025, served over HTTP, is fetched for a quote of that time and judges it."""
    folder = vectors / "attest" / "dcap"
    held = json.loads((folder / "tdx_v4_uptodate.collateral.json").read_bytes())
    house.now = datetime(2025, 6, 25, tzinfo=UTC)

    def answer(field: str, name: str, header: str) -> Reply:
        body = f'{{"{field}":{held[name]},"signature":"{held[f"{name}_signature"]}"}}'
        return Reply(body.encode(), headers={header: quote(held[f"{name}_issuer_chain"])})

    serve = house.service.on
    fmspc = json.loads(held["tcb_info"])["fmspc"].upper()
    serve(f"/tdx/certification/v4/tcb?fmspc={fmspc}", answer("tcbInfo", "tcb_info", "TCB-Info-Issuer-Chain"))
    serve(vendor.QE_PATH, answer("enclaveIdentity", "qe_identity", "SGX-Enclave-Identity-Issuer-Chain"))
    serve("/sgx/certification/v4/rootcacrl", held["root_ca_crl"].encode())
    serve(
        vendor.PCK_CRL_PATH,
        Reply(held["pck_crl"].encode(), headers={"SGX-PCK-CRL-Issuer-Chain": quote(held["pck_crl_issuer_chain"])}),
    )
    evidence = load(str(folder / "tdx_v4_uptodate.quote"), None, None, house.now)
    wants = verifier_of(evidence.kind).wants(evidence)
    given = house.gather(wants=wants)
    assert given.remarks == ()
    found = appraise(evidence, given.endorsements, ReferenceValues(), Policy(), house.now)
    assert found.first_failure is None
    passed = {s.id for s in found.steps if s.verdict is StepVerdict.PASS}
    assert {"tdx.tcbinfo", "tdx.qe_identity", "tdx.pck_crl", "tdx.root_crl"} <= passed
    assert house.gather(wants=wants, offline=True).missing == ()


def test_recorded_certificates_judge_a_recorded_report(house: House, vectors: Path) -> None:
    """AMD's own certificates, served over HTTP, make the chain of a recorded report; its list is missing and said to be."""
    folder = vectors / "attest" / "snp"
    evidence = load(str(folder / "milan_v3_oak.report.bin"), None, None, house.now)
    wants = verifier_of(evidence.kind).wants(evidence)
    urls = {w.what: questions(w, Sources(kds=""))[0].url for w in wants}
    house.service.on(urls["vcek"], (folder / "milan_v3_oak.vcek.der").read_bytes())
    house.service.on(urls["vcek/cert_chain"], (folder / "milan_ask_ark_asvk.pem").read_bytes())
    given = house.gather(wants=wants)
    assert [w.what for w in given.missing] == ["vcek/crl"]
    found = appraise(evidence, given.endorsements, ReferenceValues(), Policy(), house.now)
    steps = {s.id: s.verdict for s in found.steps}
    assert steps["snp.chain"] is steps["snp.signature"] is StepVerdict.PASS
    assert steps["snp.crl"] is StepVerdict.NOT_CHECKED
