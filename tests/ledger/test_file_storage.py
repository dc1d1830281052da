"""A log in a folder: what every place for a log must do."""

from pathlib import Path

import pytest
from storage_contract import DisclosuresContract, OpenDisclosures, OpenStorage, SequencersContract, StorageContract

from strongroom.ledger.disclosures import FileDisclosures
from strongroom.ledger.files import FileStorage


class TestFileStorage(StorageContract):
    """The contract, in files."""

    forgets = False  # a record goes with its whole segment

    @pytest.fixture
    def place(self, tmp_path: Path) -> OpenStorage:
        """A new folder."""
        return lambda: FileStorage(tmp_path / "log")


class TestSequencersOfFiles(SequencersContract):
    """Sequencers over files."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> OpenStorage:
        """A new folder."""
        return lambda: FileStorage(tmp_path / "log")


class TestFileDisclosures(DisclosuresContract):
    """The contract, in files."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> OpenDisclosures:
        """A new folder."""
        (tmp_path / "sealed").mkdir()
        return lambda: FileDisclosures(tmp_path / "sealed")
