"""What the broker says of its interface holds: requests drawn from both of its OpenAPI documents, against a process behind TLS.

The program `schemathesis` lies on the path, or in a virtual environment of its own: `$XDG_CACHE_HOME/strongroom-tests/schemathesis`,
or where `$SCHEMATHESIS` says.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import broker_counter as k
import broker_rig as b
import minted_x509 as x
import pytest
from broker_house import House, Running, running

_CACHE = Path(os.getenv("XDG_CACHE_HOME") or Path.home() / ".cache") / "strongroom-tests"
_OWN = Path(os.getenv("SCHEMATHESIS") or _CACHE / "schemathesis") / "bin"
_PROGRAM = shutil.which("schemathesis", path=f"{_OWN}{os.pathsep}{os.getenv('PATH') or os.defpath}")
_WHY = f"no {_OWN}/schemathesis and none on the path: make a virtual environment there with schemathesis==4.32.5"
pytestmark = [pytest.mark.integration, pytest.mark.skipif(_PROGRAM is None, reason=_WHY)]
_ENOUGH = 600.0  # seconds; not a measure, only an end to waiting
# No draw has a signature, or a key whose id is its hash: 400 is then an answer as good as the others.
_SIGNED = "".join(
    f'[[operations]]\ninclude-path = "{k.V0}{path}"\ninclude-method = "POST"\n'
    'checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 404, 409, 503]\n'
    for path in ("policy", "approvals", "resources")
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A broker that shows evidence, lets somebody do everything, and holds nobody to a rate."""
    house = House(tmp_path_factory.mktemp("broker"), admins=k.PEOPLE, more="person_rate = 100000\n")
    house.policy(2, uses="100000", per_hour="100000")
    with house.config.open("a") as f:
        f.write(k.oidc(str(house.folder)))
    (house.folder / "provider.json").write_bytes(k.KEYS)
    with running(house, "admin=1", "attested=1") as made:
        yield made


def drawn(served: Running, at: str, *words: str, settings: str = "") -> str:
    """What schemathesis says; it must have found nothing against the interface."""
    (served.house.folder / "schemathesis.toml").write_text(settings)
    command = (str(_PROGRAM), "--config-file", "schemathesis.toml", "run", f"{at}/openapi.json", "--checks", "all")
    more = ("--max-examples", "40", "--seed", "20260301", "--no-color", "--continue-on-failure", "--no-shrink")
    done = subprocess.run(
        (*command, *more, "--tls-verify", str(served.house.ca), *words),
        cwd=served.house.folder,
        env={"PATH": os.defpath, "HOME": str(served.house.folder)},
        capture_output=True,
        text=True,
        timeout=_ENOUGH,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr
    return done.stdout


def test_everybodys_interface(served: Running) -> None:
    """Statuses, headers, types and bodies are as described; what does not fit is refused; nothing is a fault."""
    said = drawn(served, served.at["listening"])
    described = json.loads(served.client().ask("GET", "/openapi.json").body)
    count = sum(len(methods) for methods in described["paths"].values()) - 1  # it leaves the document itself out
    assert f"Selected: {count}/{count}" in said
    assert "error: internal fault" not in served.said()


def test_the_interface_of_whoever_is_attested(served: Running, tmp_path: Path) -> None:
    """With a token, for a resource that there is: what is released is as described too."""
    token = served.client().attest()
    settings = '[parameters]\n"path.repository" = "models"\n"path.type" = "weights"\n"path.tag" = "llm-1"\n'
    path = ("--include-operation-id", "resource", "--report", "json", "--report-json-path", str(tmp_path / "told.json"))
    drawn(served, served.at["listening"], "-H", f"Authorization: Bearer {token}", *path, settings=settings)
    assert json.loads((tmp_path / "told.json").read_text())


def test_the_interface_of_people(served: Running) -> None:
    """With every role: calls that are described are answered so, and whoever shows no token is nobody."""
    token = k.token(x.NOW, groups="vault-keys vault-all vault-terms", exp=int(x.NOW.timestamp()) + 36_000)
    at = served.at["administration"]
    drawn(served, at, "-H", f"Authorization: Bearer {token}", settings=_SIGNED)
    assert "error: internal fault" not in served.said()
    assert b.SECRET.decode() not in served.said()
