"""`dcgm:`: a scrape of NVIDIA's exporter, in each form that it is kept in."""

import csv
import gzip
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_process import run

from strongroom.app.assess import assess
from strongroom.app.sources import gather
from strongroom.collect.dcgm import samples
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadInput, Malformed
from strongroom.model.estate import Asset, Estate
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Value

NOW = datetime(2026, 6, 1, tzinfo=UTC)
A, B = "GPU-aaaaaaaa-0000-0000-0000-000000000000", "GPU-bbbbbbbb-0000-0000-0000-000000000001"
STAMP = "1752871354000"


def labelled(uuid: str, host: str = "n1", **more: str) -> dict[str, str]:
    """The labels of a sample of a card."""
    return {
        "gpu": "0", "UUID": uuid, "pci_bus_id": "00000000:1A:00.0", "device": "nvidia0", "modelName": "NVIDIA H100 80GB HBM3",
        "Hostname": host, "DCGM_FI_DRIVER_VERSION": "580.159.03", **more,
    }  # fmt: skip


def exposed(*found: tuple[str, dict[str, str], str]) -> str:
    """The text that an exporter serves."""
    lines = ["# HELP DCGM_FI_DEV_GPU_TEMP GPU temperature (in C).", "# TYPE DCGM_FI_DEV_GPU_TEMP gauge", ""]
    for metric, labels, value in found:
        inner = ",".join(f"{k}={json.dumps(v)}" for k, v in labels.items())
        lines.append(f"{metric}{{{inner}}} {value}")
    return "\n".join((*lines, ""))


def estate(tmp_path: Path, text: str | bytes, name: str = "scrape.txt") -> Estate:
    """What a scrape shows."""
    data = text.encode() if isinstance(text, str) else text
    (tmp_path / name).write_bytes(data)
    return gather([f"dcgm:{tmp_path / name}"], NOW)


def card(found: Estate, uuid: str = A) -> dict[str, Value]:
    """The facts of a card."""
    return {n: f.value for n, f in one(found, f"gpu:{uuid}").facts.items()}


def one(found: Estate, ident: str) -> Asset:
    """An asset by its id."""
    return next(a for a in found.assets if a.id == ident)


def metric(name: str, value: str, uuid: str = A, **more: str) -> tuple[str, dict[str, str], str]:
    """A sample."""
    return f"DCGM_FI_DEV_{name}", labelled(uuid, **more), value


STATES: dict[str, tuple[list[tuple[str, str]], dict[str, Value]]] = {
    "ECC": ([("ECC_CURRENT", "1"), ("ECC_PENDING", "0")], {"gpu.ecc": True, "gpu.ecc_pending": False, "gpu.reset_pending": ("ECC",)}),
    "ECC as it is set": ([("ECC_CURRENT", "1"), ("ECC_PENDING", "1")], {"gpu.reset_pending": ()}),
    "MIG": ([("MIG_MODE", "1")], {"gpu.mig": True}),
    "rows": ([("ROW_REMAP_FAILURE", "1"), ("ROW_REMAP_PENDING", "0"), ("UNCORRECTABLE_REMAPPED_ROWS", "2")],
             {"gpu.remap_failed": True, "gpu.remap_pending": False, "gpu.rows_remapped": 2}),
    "errors": ([("ECC_DBE_AGG_TOTAL", "3"), ("XID_ERRORS", "79")], {"gpu.ecc_uncorrected": 3, "gpu.last_xid": 79}),
    "compute mode": ([("COMPUTE_MODE", "3"), ("PERSISTENCE_MODE", "1")], {"gpu.compute_mode": "Exclusive_Process", "gpu.persistence": True}),
    "memory": ([("FB_USED", "1000"), ("FB_FREE", "80000"), ("FB_RESERVED", "559")], {"gpu.memory_mib": 81559}),
    "labels": ([("GPU_TEMP", "33")], {
        "gpu.model": "NVIDIA H100 80GB HBM3", "gpu.driver": "580.159.03", "gpu.pci": "0000:1a:00.0", "gpu.vendor": "nvidia", "gpu.uuid": A,
    }),
}  # fmt: skip


@pytest.mark.parametrize("case", STATES.values(), ids=STATES.keys())
def test_metrics_become_facts(tmp_path: Path, case: tuple[list[tuple[str, str]], dict[str, Value]]) -> None:
    """Each metric that says something of a card's state is a fact, with the line that it stands on."""
    told, expected = case
    found = estate(tmp_path, exposed(*(metric(n, v) for n, v in told)))
    facts = card(found)
    assert {k: facts[k] for k in expected} == expected
    where = one(found, f"gpu:{A}").facts["gpu.uuid"].where
    assert where is not None
    assert where.line_start == 4


def test_what_a_scrape_does_not_tell_is_not_set(tmp_path: Path) -> None:
    """A temperature says nothing of ECC, MIG or rows: no such fact stands there, and nothing passes by it."""
    found = estate(tmp_path, exposed(metric("GPU_TEMP", "33")))
    assert not {"gpu.ecc", "gpu.mig", "gpu.remap_failed", "gpu.memory_mib", "gpu.vbios"} & set(card(found))
    findings = assess([f"dcgm:{tmp_path / 'scrape.txt'}"], NOW).findings
    assert not {f.check for f in findings if f.check.startswith("gpu.gpu") and f.status.value == "pass"}


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "9223372036854775794", "9223372036854775792", "x", "2"])
def test_a_value_that_is_none_is_unknown(tmp_path: Path, value: str) -> None:
    """What is no number, what DCGM writes for nothing, and a state that there is not are unknown, and not off."""
    found = estate(tmp_path, exposed(metric("ECC_CURRENT", value)))
    assert isinstance(card(found)["gpu.ecc"], Unknown)


def test_slices_are_counted_and_their_memory_is_not_the_cards(tmp_path: Path) -> None:
    """Samples of MIG devices name the GPU instance: the card is in slices, and its memory stays unsaid."""
    parts = [metric("FB_USED", "1", GPU_I_ID=n, GPU_I_PROFILE="1g.10gb") for n in ("7", "8", "8")]
    facts = card(estate(tmp_path, exposed(*parts, metric("FB_FREE", "9", GPU_I_ID="7", GPU_I_PROFILE="1g.10gb"))))
    assert (facts["gpu.mig"], facts["gpu.mig_instances"], facts["gpu.mig_layout"]) == (
        True,
        2,
        ("7 1g.10gb", "8 1g.10gb"),
    )
    assert "gpu.memory_mib" not in facts


def test_a_contradiction_is_unknown(tmp_path: Path) -> None:
    """Two states of one card in one scrape, and two drivers on one host, are a conflict; a count may go on."""
    states = (
        metric("ECC_CURRENT", "1"),
        metric("ECC_CURRENT", "0"),
        metric("XID_ERRORS", "1"),
        metric("XID_ERRORS", "2"),
    )
    other = metric("GPU_TEMP", "3", B, DCGM_FI_DRIVER_VERSION="535.1.1")
    found = estate(tmp_path, exposed(*states, other))
    facts = card(found)
    assert isinstance(facts["gpu.ecc"], Unknown)
    assert facts["gpu.ecc"].code is GapCode.CONFLICT
    assert facts["gpu.last_xid"] == 1
    driver = one(found, "host:name/n1").facts["gpu.driver"].value
    assert isinstance(driver, Unknown)
    assert driver.code is GapCode.CONFLICT


def test_wear_errors_fabric_and_library_are_read(tmp_path: Path) -> None:
    """Counters of errors, spare rows, the state of the fabric and the library's version are facts where they are scraped."""
    told = {"ECC_SBE_VOL_TOTAL": 5, "ECC_DBE_VOL_TOTAL": 1, "ECC_SBE_AGG_TOTAL": 9, "ECC_DBE_AGG_TOTAL": 2,
            "CORRECTABLE_REMAPPED_ROWS": 3, "BANKS_REMAP_ROWS_AVAIL_NONE": 1, "RETIRED_PENDING": 0,
            "FABRIC_MANAGER_STATUS": 3}  # fmt: skip
    labels_of = {
        "modelName": "NVIDIA GB200", "DCGM_FI_NVML_VERSION": "13.580.65", "DCGM_FI_DEV_FABRIC_CLIQUE_ID": "7",
        "DCGM_FI_DEV_FABRIC_CLUSTER_UUID": "8a3c3f4e-1111-2222-3333-444455556666",
    }  # fmt: skip
    found = estate(tmp_path, exposed(*(metric(n, str(v), A, **labels_of) for n, v in told.items())))
    facts = card(found)
    wanted = {
        "gpu.ecc_corrected_now": 5, "gpu.ecc_uncorrected_now": 1, "gpu.ecc_corrected": 9, "gpu.ecc_uncorrected": 2,
        "gpu.rows_remapped_corrected": 3, "gpu.banks_exhausted": 1, "gpu.retire_pending": False,
        "gpu.fabric_state": "Completed", "gpu.memory_type": "hbm",
        "gpu.fabric": "8a3c3f4e-1111-2222-3333-444455556666/7",
    }  # fmt: skip
    assert {n: facts[n] for n in wanted} == wanted
    assert one(found, "host:name/n1").value("gpu.library") == "580.65"


def test_a_card_without_a_fabric_has_none(tmp_path: Path) -> None:
    """A state that says so, and a cluster of zeros, are no fabric; a state without a word is unknown."""
    zero = {
        "DCGM_FI_DEV_FABRIC_CLIQUE_ID": "0",
        "DCGM_FI_DEV_FABRIC_CLUSTER_UUID": "00000000-0000-0000-0000-000000000000",
    }
    facts = card(estate(tmp_path, exposed(metric("FABRIC_MANAGER_STATUS", "0", A, **zero))))
    assert (facts["gpu.fabric"], facts["gpu.fabric_state"]) == (None, None)
    assert isinstance(
        card(estate(tmp_path, exposed(metric("FABRIC_MANAGER_STATUS", "6"))))["gpu.fabric_state"], Unknown
    )


def test_a_card_that_two_hosts_show_is_a_gap(tmp_path: Path) -> None:
    """One UUID on two hosts: it was moved, or one of them lies; it is not two cards."""
    found = estate(tmp_path, exposed(metric("GPU_TEMP", "1"), metric("GPU_TEMP", "1", Hostname="n2")))
    assert sum(a.kind is Kind.GPU for a in found.assets) == 1
    assert [g.code for g in found.gaps] == [GapCode.CONFLICT]


def test_the_forms_say_the_same(tmp_path: Path) -> None:
    """Text, the JSON of a query, CSV with the labels as text, and each of them gzipped show one estate."""
    told = (metric("ECC_CURRENT", "1"), metric("FB_USED", "5"), metric("FB_FREE", "6"), metric("ECC_CURRENT", "0", B))
    text = exposed(*((n, x, f"{v} {STAMP}") for n, x, v in told))
    table = {"status": "success", "data": {"resultType": "vector", "result": [
        {"metric": {"__name__": n, **x}, "value": [int(STAMP) / 1000, v]} for n, x, v in told
    ]}}  # fmt: skip
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["timestamp", "metric_name", "gpu_id", "value", "labels_raw"])
    for n, x, v in told:
        rows.writerow(["2025-07-18T20:42:34Z", n, "0", v, ",".join(f'{k}="{w}"' for k, w in x.items())])
    forms = [text, json.dumps(table), out.getvalue()]
    forms += [gzip.compress(f.encode()) for f in forms]  # type: ignore[misc]
    shown = [
        [(a.id, {n: f.value for n, f in a.facts.items()}) for a in estate(tmp_path, form, f"{n}.txt").assets]
        for n, form in enumerate(forms)
    ]
    assert all(s == shown[0] for s in shown)
    assert dict(shown[0])["host:name/n1"]["host.collected_at"] == "2025-07-18T20:42:34+00:00"


def test_a_range_of_a_query_tells_its_last_value(tmp_path: Path) -> None:
    """Of the values over a time the newest is the state."""
    result = {"metric": {"__name__": "DCGM_FI_DEV_ECC_CURRENT", **labelled(A)}, "values": [[1, "0"], [2, "1"]]}
    found = estate(tmp_path, json.dumps({"data": {"result": [result]}}))
    assert card(found)["gpu.ecc"] is True


@pytest.mark.parametrize(
    "text",
    [
        "", "# nothing\n", "up 1\n", "{", "[]", "{}", '{"data": {"result": [5]}}', '{"data": {"result": [{"metric": {}, "value": []}]}}',
        'DCGM_FI_DEV_GPU_TEMP{UUID="GPU-a"', 'DCGM_FI_DEV_GPU_TEMP{UUID="GPU-a" 5', "DCGM_FI_DEV_GPU_TEMP{UUID=GPU-a} 5",
        'DCGM_FI_DEV_GPU_TEMP{UUID="GPU-a",UUID="GPU-b"} 5', "DCGM_FI_DEV_GPU_TEMP{}", "=5", "DCGM_FI_DEV_GPU_TEMP{} 5\n",
        "metric_name,value,labels_raw\nDCGM_FI_DEV_GPU_TEMP\n", 'metric_name,value,labels_raw\nx,1,"broken\n',
    ],
)  # fmt: skip
def test_what_is_no_scrape_is_refused(tmp_path: Path, text: str) -> None:
    """A file that is none, or is cut, ends with its line and a hint, and is never a fleet of nothing."""
    (tmp_path / "x.txt").write_text(text)
    made = run("assess", "dcgm:x.txt", cwd=tmp_path)
    assert made.returncode == 2
    assert "hint:" in made.stderr
    assert "Traceback" not in made.stderr


@pytest.mark.parametrize("data", [b"\xff\xfe", gzip.compress(b"x" * 100, mtime=0)[:-9], b"\x1f\x8bgarbage"])
def test_octets_that_are_none_are_refused(tmp_path: Path, data: bytes) -> None:
    """No UTF-8, and gzip that is cut or damaged, are errors."""
    with pytest.raises(BadInput):
        estate(tmp_path, data)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """A gzip file that grows without end is refused where the limit is."""
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"\n" * 40_000_000))
    (tmp_path / "c.toml").write_text("[limits]\nbytes = 1000000\n")
    made = run("assess", "dcgm:x.gz", "--config", "c.toml", cwd=tmp_path)
    assert made.returncode == 2
    assert "1000000" in made.stderr


def test_samples_without_a_card_are_told(tmp_path: Path) -> None:
    """A sample without a UUID or a host is counted as a gap; metrics of others are nothing to it."""
    stray = ("DCGM_FI_DEV_GPU_TEMP", {"gpu": "1"}, "5")
    found = estate(tmp_path, exposed(metric("GPU_TEMP", "1"), stray, ("process_cpu_seconds_total", {}, "5")))
    assert [g.detail for g in found.gaps] == ["1 samples name no GPU by UUID, or no host"]


@given(st.text(max_size=200))
def test_no_text_is_a_fault(text: str) -> None:
    """Whatever a line holds, it is samples or an error with its place."""
    assert _refused(text)[:1] in {"", "x"}


def _refused(text: str) -> str:
    """The place where a text is no scrape; empty where it is one."""
    try:
        list(samples.read(text, "x"))
    except Malformed as e:
        return e.subject
    return ""


@given(st.dictionaries(st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True), st.text(max_size=20), max_size=4))
def test_labels_are_read_as_they_were_written(held: dict[str, str]) -> None:
    """Quotes, backslashes, line ends, braces and commas in a label's value are its own."""

    def quoted(value: str) -> str:
        return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    clean = {k: "".join(c for c in v if c == "\n" or c.isprintable()) for k, v in held.items()}
    inner = ",".join(k + '="' + quoted(v) + '"' for k, v in clean.items())
    text = f"m{{{inner}}} 1"
    (found,) = samples.read(text, "x")
    assert found.labels == clean


def test_a_fleet_of_247_cards_has_an_old_driver(vectors: Path) -> None:
    """Each host of the recorded scrape has the driver 535.129.03, which is long out of date, and no card is said to be fine."""
    path = vectors / "gpu/dcgm-exporter/dcgm_metrics_20250718_134233.csv.gz"
    if not path.exists():
        pytest.skip("the recorded scrape is not here")
    judged = assess([f"dcgm:{path}"], NOW)
    cards = [a for a in judged.assets if a.kind is Kind.GPU]
    hosts = [a for a in judged.assets if a.kind is Kind.HOST]
    assert len(cards) == 247
    assert {a.facts["gpu.driver"].value for a in (*cards, *hosts)} == {"535.129.03"}
    old = [f for f in judged.findings if f.check == "gpu.host.driver-patched"]
    assert (len(old), {f.status.value for f in old}) == (len(hosts), {"fail"})
    assert not [f for f in judged.findings if f.check.startswith("gpu.gpu") and f.status.value == "pass"]
