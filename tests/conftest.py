"""Fixtures of the whole suite."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[1] / "../shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder beside the checkout with the specification and the recorded evidence; a clone alone has none."""
    if not SHARED.is_dir():
        pytest.skip(f"no folder {SHARED}: this test compares with what lies beside the checkout")
    return SHARED.resolve()


@pytest.fixture(scope="session")
def vectors(shared: Path) -> Path:
    """The recorded evidence, read where it lies."""
    folder = shared / "vectors"
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}: this test reads recorded evidence")
    return folder
