"""Bills of materials: images by what is inside, in both forms; what is no bill is told."""

import json
from pathlib import Path

import pytest
from in_process import run

from strongroom.collect.sbom import reading
from strongroom.model.errors import BadInput

HEX = "ab" * 32


def cyclonedx(*components: dict[str, object], **more: object) -> bytes:
    """A bill as scanners write it."""
    made = {"bomFormat": "CycloneDX", "specVersion": "1.6",
            "metadata": {"timestamp": "2026-05-20T00:00:00Z", "component": {"type": "container", "name": "registry.example/serve", "version": f"sha256:{HEX}"}},
            "components": list(components), **more}  # fmt: skip
    return json.dumps(made).encode()


def spdx(*packages: dict[str, object]) -> bytes:
    """The same in the other form."""
    image = {"name": "registry.example/serve", "primaryPackagePurpose": "CONTAINER", "versionInfo": f"sha256:{HEX}"}
    made = {
        "spdxVersion": "SPDX-2.3",
        "name": "serve",
        "creationInfo": {"created": "2026-05-20T00:00:00Z"},
        "packages": [image, *packages],
    }
    return json.dumps(made).encode()


def lib(name: str, url: str = "", **more: object) -> dict[str, object]:
    """A component."""
    return {"type": "library", "name": name, "version": "1", **({"purl": url} if url else {}), **more}


def test_cyclonedx_is_read() -> None:
    """Components, nested ones too, each URL once; the system is none of them; one without a URL is counted."""
    nested = lib("a", "pkg:pypi/a@1", components=[lib("b", "pkg:pypi/b@2"), lib("b", "pkg:pypi/b@2")])
    data = cyclonedx(
        nested,
        lib("c"),
        lib("d", "pkg:pypi/d"),
        {"type": "operating-system", "name": "debian"},
        {"type": "file", "name": "/x"},
    )
    found = reading.read(data, "x")
    assert found == (
        "registry.example/serve",
        f"sha256:{HEX}",
        "2026-05-20T00:00:00Z",
        ("pkg:pypi/a@1", "pkg:pypi/b@2"),
        2,
    )


def test_spdx_is_read() -> None:
    """Packages by their references; the image itself is none of them."""
    refs = [
        {
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": "pkg:deb/debian/a@1?distro=debian-12",
        }
    ]
    found = reading.read(spdx({"name": "a", "externalRefs": refs}, {"name": "b"}), "x")
    assert found.packages == ("pkg:deb/debian/a@1?distro=debian-12",)
    assert (found.digest, found.unversioned) == (f"sha256:{HEX}", 1)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"{}", b'{"bomFormat":"Other","specVersion":"1.6"}', b'{"bomFormat":"CycloneDX","specVersion":"9"}',
     b'{"spdxVersion":"SPDX-3.0"}', b"\xff", b'{"bomFormat":"CycloneDX","bomFormat":"CycloneDX","specVersion":"1.6"}'],
)  # fmt: skip
def test_what_is_no_bill_is_told(data: bytes) -> None:
    """Never a traceback, and never an empty image."""
    with pytest.raises(BadInput):
        reading.read(data, "x")


def test_components_that_nest_without_end_are_refused() -> None:
    """A bill is data of somebody."""
    one: dict[str, object] = lib("x")
    for _ in range(60):
        one = lib("x", components=[one])
    with pytest.raises(BadInput):
        reading.read(cyclonedx(one), "x")


def test_a_folder_of_bills_is_assessed(tmp_path: Path) -> None:
    """Each image is an asset; a file that is none is a gap, and the answer is incomplete."""
    (tmp_path / "a.cdx.json").write_bytes(cyclonedx(lib("a", "pkg:pypi/a@1")))
    (tmp_path / "b.spdx.json").write_bytes(spdx())
    (tmp_path / "c.json").write_bytes(b"{}")
    (tmp_path / "s.toml").write_text(f'[state]\npath = "{tmp_path / "state" / "s.db"}"\n')
    made = run("assess", f"sbom:{tmp_path}", "--config", "s.toml", "--format", "json", "--no-snapshot", cwd=tmp_path)
    found = json.loads(made.stdout)
    assert {f["check"] for f in found["findings"]} >= {"tee.image.packages-patched", "tee.image.named-by-digest"}
    assert "c.json" in made.stdout
    alone = run("assess", "sbom:c.json", "--config", "s.toml", "--no-snapshot", cwd=tmp_path)
    assert alone.returncode == 2
    assert "bill of materials" in alone.stderr
