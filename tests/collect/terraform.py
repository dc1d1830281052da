"""What the Terraform tests share: write a tree, read it."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

from strongroom.collect import fence
from strongroom.collect.sources import plan, tf
from strongroom.collect.terraform.wire import decode_resource
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


def evaluated(root: Path) -> list[dict[str, object]]:
    """The neutral values of every resource of a tree, as the fenced child gives them."""
    copy = root.with_name(root.name + "-copy")
    shutil.copytree(root, copy)
    run = fence.run("strongroom.collect.terraform.child", [str(copy)], copy, Limits())
    rows = [json.loads(line) for line in run.lines]
    return [dict(decode_resource(r).values) for r in rows if "resource" in r]
