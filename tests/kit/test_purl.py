"""Package URLs and ecosystems, as one name."""

import pytest

from strongroom.kit import purl
from strongroom.kit.image_names import components
from strongroom.kit.purl import Package


@pytest.mark.parametrize(
    ("text", "package"),
    [
        ("pkg:pypi/vLLM@0.6.0", Package("pypi/vllm", "0.6.0", "", "OSV PyPI")),
        ("pkg:pypi/Flash_Attn@2.5.0%2Bcu12", Package("pypi/flash-attn", "2.5.0+cu12", "", "OSV PyPI")),
        ("pkg:npm/%40scope/Name@1.0.0", Package("npm/@scope/Name", "1.0.0", "", "OSV npm")),
        ("pkg:golang/github.com/NVIDIA/x@v1.2.3#sub", Package("go/github.com/NVIDIA/x", "v1.2.3", "", "OSV Go")),
        ("pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12&upstream=openssl",
         Package("deb/openssl", "3.0.11-1~deb12u2", "12", "OSV Debian")),
        ("pkg:deb/ubuntu/curl@7.81.0-1?distro=ubuntu-22.04", Package("deb/curl", "7.81.0-1", "22.04", "OSV Ubuntu")),
        ("pkg:apk/alpine/musl@1.2.4-r2?distro=alpine-3.18.4", Package("apk/musl", "1.2.4-r2", "3.18", "OSV Alpine")),
        ("pkg:rpm/rocky/bash@5.1.8-6.el9?epoch=1&distro=rocky-9.3", Package("rpm/bash", "1:5.1.8-6.el9", "9", "OSV Rocky Linux")),
        ("pkg:generic/openssl@1.1", None), ("pkg:pypi/x", None), ("not one", None), ("pkg:pypi/", None), ("pkg:pypi/" + "x" * 500 + "@1", None),
    ],
)  # fmt: skip
def test_a_package_url_is_a_name_a_version_and_a_database(text: str, package: Package | None) -> None:
    """What no feed here knows is none."""
    assert purl.parse(text) == package


@pytest.mark.parametrize(
    ("ecosystem", "name", "product"),
    [("PyPI", "Torch_Vision", "pypi/torch-vision"), ("Go", "github.com/A/b", "go/github.com/A/b"), ("Debian:12", "OpenSSL", "deb/openssl"),
     ("Ubuntu:22.04:LTS", "curl", "deb/curl"), ("Hackage", "x", ""), ("PyPI", "", "")],
)  # fmt: skip
def test_an_ecosystem_gives_the_same_name(ecosystem: str, name: str, product: str) -> None:
    """A record and a bill of materials mean the same package."""
    assert purl.of_ecosystem(ecosystem, name) == product


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ("nvcr.io/nvidia/k8s/dcgm-exporter:4.4.2-4.7.0-ubi9", [("dcgm", "4.4.2"), ("dcgm-exporter", "4.7.0")]),
        ("nvcr.io/nvidia/tritonserver:25.08-py3", [("triton", "25.08")]),
        ("mirror.example:5000/x/nvidia/k8s-device-plugin:v0.17.1", [("nvidia-device-plugin", "v0.17.1")]),
        ("docker.io/vllm/vllm-openai:v0.6.3.post1@sha256:" + "a" * 64, [("pypi/vllm", "0.6.3.post1")]),
        ("nvcr.io/nvidia/tritonserver@sha256:" + "a" * 64, []), ("nvcr.io/nvidia/tritonserver:latest", []), ("busybox:1.36", []),
        ("localhost:5000/tritonserver", []),
    ],
)  # fmt: skip
def test_a_tag_says_of_which_product_and_version_an_image_is(image: str, found: list[tuple[str, str]]) -> None:
    """By the last parts of its name, so that a mirror's counts; without a version nothing is said."""
    assert list(components(image)) == found
