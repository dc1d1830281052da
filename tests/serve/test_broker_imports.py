"""The broker's process imports what release needs and nothing else: what is not loaded has no fault that reaches a key."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import broker_house as h
import broker_rig as b
import pytest
import serving

RELEASES = r"""
    app\.(agent_client|appraisal|attest_policy|attest_policy_words|boundary|config|evidence|evidence_folder|key_backends)
    app\.(broker|broker_\w+)
    app\.(endorsements|endorsement_reading|endorsement_transport|references|release_policy|state_place|watch_limits)
    app\.(log|log_default|log_places|log_witnesses)
    attest\.(?!standing).+
    collect\.endorsements\.\w+
    collect\.(fence|rules\.fenced|rules\.wire)
    keys\.(_\w+|file)
    kit\..+
    ledger\.(asking|batch|cosigners|disclosures|disk|files|journal|keyfile|publisher|record|sequencer|storage|tree)
    model\.\w+
    release\.(decide|workload)
    serve\.(__main__|answers|listening|role|routes\.broker|broker_desk|broker_http|broker_openapi|broker_certificates)
    store\.(broker|broker_(?!admin)\w+|turns)
"""
ADMINISTERS = r"""
    app\.(appraisal_record|log_entries|release_admin|release_apply|release_trial)
    serve\.broker_admin_http
    store\.broker_admin
"""
SHOWS = r"""
    app\.(attest_collect|release_evidence)
    collect\.evidence\.\w+
"""
# What nothing here needs: SDKs, parsers of other people's languages, and what only draws for people.
NEVER = {
    "boto3",
    "botocore",
    "cel",
    "duckdb",
    "jinja2",
    "jsonschema",
    "keyring",
    "nvidia",
    "pkcs11",
    "psycopg",
}
NEVER |= {"pyarrow", "pynvml", "rich", "tfparse", "tree_sitter", "tree_sitter_hcl"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> h.House:
    """A broker with a policy, a resource, and somebody who may do everything."""
    roles = ("key-admin", "policy-admin", "operator", "auditor")
    return h.House(tmp_path_factory.mktemp("broker"), admins={"kim": roles})


def loaded(house: h.House, *words: str) -> Iterator[str]:
    """What a broker of the product's own has loaded after requests of each kind."""
    serving.need_server()
    mods, pem = house.folder / "modules", house.folder / "broker.pem"
    script = Path(__file__).with_name("broker_modules.py")
    command = [sys.executable, "-P", str(script), str(mods), "broker", "--listen", "127.0.0.1:0", "--offline"]
    command += ["--tls-cert", str(pem), "--tls-key", str(pem), "--config", str(house.config), *words]
    running = serving.start(command, house.folder)
    try:
        client = h.Client(running.url, house.ca)
        assert client.ask("POST", h.ATTEST, b.answer(client.open())).status == 401  # not under the product's roots
        assert client.ask("GET", h.WEIGHTS).status == 401
        assert client.ask("GET", "/readyz").status == 200
        assert client.ask("GET", f"/strongroom/v0/evidence?nonce={'0' * 64}").status in {200, 404}
        if words[:1] == ("--admin-listen",):
            at = next(line.split()[-1] for line in running.said.splitlines() if line.startswith("administration"))
            person = h.Client(at, house.ca, house.folder / "kim.pem")
            for path in ("policy", "decisions", "health/full"):
                assert person.ask("GET", f"/strongroom/v0/{path}").status == 200
    finally:
        serving.stop(running)
    yield from mods.read_text().split()


def strangers(modules: list[str], *allowed: str) -> list[str]:
    """What is loaded of ours and not in the lists; a package is as good as what is in it."""
    patterns = [re.compile(rf"strongroom\.{line.strip()}") for text in allowed for line in text.strip().splitlines()]
    ours = [m for m in modules if m.startswith("strongroom.")]
    packages = {m.rpartition(".")[0] for m in ours}
    return [m for m in ours if m not in packages and not any(p.fullmatch(m) for p in patterns)]


def foreign(modules: list[str]) -> set[str]:
    """What is loaded of others and must not be."""
    return {m.partition(".")[0] for m in modules} & NEVER


def test_a_broker_loads_what_release_needs(house: h.House) -> None:
    """With requests of each kind behind it; nothing that assesses, plans, reads infrastructure or is a command."""
    modules = list(loaded(house))
    assert strangers(modules, RELEASES) == []
    assert foreign(modules) == set()
    assert {"strongroom.release.decide", "strongroom.attest.tee.snp", "strongroom.keys.file"} <= set(modules)


def test_administration_is_loaded_by_who_is_administered(house: h.House) -> None:
    """The listener of people brings their calls, and nothing else."""
    modules = list(loaded(house, "--admin-listen", "127.0.0.1:0", "--admin-ca", str(house.folder / "admins.pem")))
    assert strangers(modules, RELEASES, ADMINISTERS) == []
    assert foreign(modules) == set()
    assert "strongroom.serve.broker_admin_http" in modules


def test_what_speaks_to_hardware_is_loaded_by_who_shows_evidence(tmp_path: Path) -> None:
    """A broker that looks whether it is in a TEE loads what looks there; it shows evidence there alone."""
    house = h.House(tmp_path)
    house.config.write_text(house.config.read_text().replace('evidence = "none"', 'evidence = "auto"'))
    modules = list(loaded(house))
    assert strangers(modules, RELEASES, SHOWS) == []
    assert any(m.startswith("strongroom.collect.evidence.") for m in modules)


def test_a_stranger_would_be_found() -> None:
    """The lists are a fence: what is beside them is named."""
    assert strangers(["strongroom.assess.judge", "strongroom.kit.kbs", "strongroom.cli.main"], RELEASES) == [
        "strongroom.assess.judge",
        "strongroom.cli.main",
    ]
