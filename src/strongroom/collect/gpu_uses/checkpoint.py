"""What the kubelet's device manager has given out: `kubelet_internal_checkpoint` (Kubernetes, pkg/kubelet/cm/devicemanager)."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from strongroom.model.errors import Malformed, TooLarge, Unreadable

PLACE = "var/lib/kubelet/device-plugins/kubelet_internal_checkpoint"
_MOST = 32 << 20  # octets


class _Entry(msgspec.Struct, rename="pascal"):
    pod_uid: str = msgspec.field(name="PodUID", default="")
    resource_name: str = ""
    # By NUMA node since Kubernetes 1.20, and a plain list before.
    device_ids: dict[str, list[str]] | list[str] | None = msgspec.field(name="DeviceIDs", default=None)


class _Data(msgspec.Struct, rename="pascal"):
    pod_device_entries: list[_Entry] | None = None


class _File(msgspec.Struct, rename="pascal"):
    data: _Data


def read(root: Path) -> dict[str, list[str]] | None:
    """The uids of pods by device, a GPU's or a MIG device's UUID; None where there is no kubelet.

    Raises Unreadable, TooLarge, Malformed.
    """
    place = root / PLACE
    try:
        with place.open("rb") as f:
            data = f.read(_MOST + 1)
    except FileNotFoundError:
        return None
    except OSError as e:
        raise Unreadable(
            str(place), (e.strerror or "an error").lower(), "the kubelet's devices", "run it as root"
        ) from None
    if len(data) > _MOST:
        raise TooLarge(str(place), f"over {_MOST >> 20} MiB", "the kubelet's devices")
    try:
        held = msgspec.json.decode(data, type=_File).data
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise Malformed(str(place), str(e)[:160].lower(), "the kubelet's devices") from None
    found: dict[str, list[str]] = {}
    for entry in held.pod_device_entries or ():
        for device in _devices(entry):
            users = found.setdefault(device, [])
            if entry.pod_uid not in users:
                users.append(entry.pod_uid)
    return found


def _devices(entry: _Entry) -> Iterator[str]:
    lists = entry.device_ids.values() if isinstance(entry.device_ids, dict) else [entry.device_ids or []]
    for ids in lists:
        for name in ids:
            # A plugin that shares a card gives out one name as many: `GPU-…::3` (NVIDIA's device plugin, AnnotatedID).
            yield name.partition("::")[0]
