"""What the Terraform tests share: write a tree, read it."""

from datetime import UTC, datetime
from pathlib import Path

from strongroom.collect.sources import plan, tf
from strongroom.model.estate import Asset, Estate
from strongroom.model.ports import Limits, Request

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    """Write a tree of files."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def read(root: Path, files: dict[str, str | bytes], limits: Limits | None = None) -> Estate:
    """Write a tree and read it as configuration."""
    write(root, files)
    return tf.collect(Request(f"tf:{root}", str(root), NOW, limits or Limits()))


def read_plan(path: Path, text: str | bytes) -> Estate:
    """Write a plan and read it."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return plan.collect(Request(f"plan:{path}", str(path), NOW, Limits()))


def by_address(estate: Estate) -> dict[str, Asset]:
    """The assets by their addresses."""
    return {a.address: a for a in estate.assets}
