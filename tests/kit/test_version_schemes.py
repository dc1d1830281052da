"""Versions by the rules of who packed them, in the order that each one's own tool gives them."""

import itertools
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from strongroom.kit import version_schemes

ORDERED = {
    "pypi/x": ("0.9", "1.0.dev1", "1.0a1.dev2", "1.0a1", "1.0b2", "1.0rc1", "1.0", "1.0+local.1", "1.0.post1", "1.1", "1!0.1"),
    "npm/x": ("1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1"),
    "go/x": ("v0.0.0-20240101000000-abcdef123456", "v0.1.0", "v1.9.0", "v1.10.0"),
    "deb/x": ("1.0~~", "1.0~rc1-1", "1.0-1", "1.0-1+b1", "1.0-1.1", "1.0-2", "1.0a-1", "1.0+dfsg-1", "1.0.1-1", "1.10-1", "1:0.1-1"),
    "rpm/x": ("1.0~rc1-1", "1.0-1", "1.0^git1-1", "1.0.a-1", "1.0.1-1", "1.0.10-1", "1:0.1-1"),
    "apk/x": ("1.0_alpha1-r0", "1.0_rc1-r0", "1.0-r0", "1.0-r1", "1.0_p1-r0", "1.0a-r0", "1.0.1-r0", "1.10-r0"),
    "driver": ("535.54.03", "535.129.03", "580.1"),
}  # fmt: skip


@pytest.mark.parametrize("product", sorted(ORDERED))
def test_versions_sort_as_their_own_tool_sorts_them(product: str) -> None:
    """Each is before all that follow it."""
    keys = [version_schemes.key(v, product) or () for v in ORDERED[product]]
    assert all(keys)
    for (a, ka), (b, kb) in itertools.combinations(zip(ORDERED[product], keys, strict=True), 2):
        assert ka < kb, (a, b)


@pytest.mark.parametrize(
    ("text", "product"),
    [("", "pypi/x"), ("x", "pypi/x"), ("1.2.3.4", "npm/x"), ("latest", "go/x"), ("~1", "deb/x"), ("1.0 2", "rpm/x"),
     ("1.0-1", "apk/x"), ("1.0", "maven/x"), ("1" * 300, "deb/x"), ("\u0661", "pypi/x")],
)  # fmt: skip
def test_what_its_ecosystem_does_not_allow_has_no_key(text: str, product: str) -> None:
    """It is never guessed at."""
    assert version_schemes.key(text, product) is None


@pytest.mark.parametrize(
    ("a", "b", "product"),
    [("1.0", "1.0.0", "pypi/x"), ("1.2", "v1.2.0", "go/x"), ("1.0", "1.0-0", "deb/x"), ("01.0-1", "1.0-1", "rpm/x")],
)
def test_ways_to_write_the_same_are_equal(a: str, b: str, product: str) -> None:
    """Zeros at the end, and before a number, say nothing."""
    assert version_schemes.key(a, product) == version_schemes.key(b, product)


PEP440 = st.from_regex(
    r"\A([0-2]!)?[0-3](\.[0-3]){0,3}((a|b|rc)[0-3])?(\.post[0-3])?(\.dev[0-3])?(\+([a-z1-3]{1,2})(\.[a-z1-3]{1,2}){0,2})?\Z"
)


@given(PEP440, PEP440)
def test_python_versions_agree_with_the_library(a: str, b: str) -> None:
    """The keys sort as PEP 440's own implementation does."""
    ka, kb = version_schemes.key(a, "pypi/x"), version_schemes.key(b, "pypi/x")
    assert ka is not None
    assert kb is not None
    assert (ka < kb, ka == kb) == (Version(a) < Version(b), Version(a) == Version(b))


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="no dpkg here")
@pytest.mark.parametrize(("a", "b"), list(itertools.combinations(ORDERED["deb/x"], 2)))
def test_debian_versions_agree_with_dpkg(a: str, b: str) -> None:
    """What is before another here is so for dpkg."""
    assert subprocess.run(["dpkg", "--compare-versions", a, "lt", b], check=False).returncode == 0
