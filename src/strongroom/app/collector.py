"""The script that other machines run to be assessed."""

from importlib import resources


def script() -> str:
    """The text of the read-only POSIX shell collector that the host source reads the output of."""
    return resources.files("strongroom.collect").joinpath("host_collector.sh").read_text(encoding="utf-8")
