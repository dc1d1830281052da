"""Fixtures of the tests that other people's programs take part in."""

from pathlib import Path

import pytest
from go_programs import NoProgramError, built


def _program(name: str) -> Path:
    try:
        return built(name)
    except NoProgramError as e:
        pytest.skip(str(e))


@pytest.fixture(scope="session")
def go_reader() -> Path:
    """Reads logs and proofs with golang.org/x/mod."""
    return _program("go")


@pytest.fixture(scope="session")
def tessera() -> Path:
    """Writes logs with github.com/transparency-dev/tessera."""
    return _program("tessera")
