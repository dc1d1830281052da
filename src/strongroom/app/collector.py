"""The script that other machines run to be assessed, and what NVIDIA's library says of this one."""

import json
from datetime import datetime
from importlib import resources

from strongroom.collect.host import nvml
from strongroom.model.errors import Unreadable
from strongroom.model.values import Unknown


def script() -> str:
    """The text of the read-only POSIX shell collector that the host source reads the output of."""
    return resources.files("strongroom.collect").joinpath("host_collector.sh").read_text(encoding="utf-8")


def gpus(now: datetime) -> str:
    """What NVML says of this machine's GPUs, as JSON that the host source reads.

    Raises Unreadable where there is no binding, no library or no driver. A call that fails is in the record as that.
    """
    record = nvml.ask(nvml.load())
    if isinstance(record, Unknown):
        raise Unreadable("NVML", record.detail, "NVIDIA's driver, its library and the extra [gpu]", "strongroom doctor")
    return json.dumps({**record, "recorded_at": now.isoformat()}, indent=1) + "\n"
