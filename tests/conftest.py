"""Fixtures of the whole suite."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# No test measures time; a run can be repeated. `make fuzz` looks longer, and elsewhere each time.
settings.register_profile("house", deadline=None, derandomize=True)
settings.register_profile("fuzz", deadline=None, max_examples=5000)
settings.load_profile("fuzz" if os.getenv("STRONGROOM_FUZZ") else "house")

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
