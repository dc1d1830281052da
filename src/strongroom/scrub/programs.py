"""Programs of vendors and schedulers, as they are run: by name from where a system keeps them, with an end to waiting."""

import shutil
import subprocess

from strongroom.model.errors import GpuError

# Not the caller's PATH: who can change that would else say what a reset or a cordon is.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/rocm/bin:/opt/slurm/bin"
_MOST = 400


def run(name: str, *arguments: str, seconds: float, environment: dict[str, str] | None = None, path: str = PATH) -> str:
    """What a program prints. Raises GpuError: there is none, it did not end, or it ended with anything but 0."""
    found = shutil.which(name, path=path)
    if found is None:
        raise GpuError(name, "no such program", f"{name} in {path}")
    try:
        done = subprocess.run(  # noqa: S603 - a program that was found by its name, with arguments that no shell reads
            [found, *arguments],
            capture_output=True,
            timeout=seconds,
            check=False,
            env={"PATH": path, "LC_ALL": "C", **(environment or {})},
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise GpuError(name, f"no end within {seconds:g} s", "an end") from None
    except OSError as e:
        raise GpuError(name, (e.strerror or "an error").lower(), "a program that can be run") from None
    said = " ".join((done.stdout + b" " + done.stderr).decode("utf-8", "replace").split())
    if done.returncode:
        raise GpuError(name, f"status {done.returncode}: {said[:_MOST]}", "status 0")
    return done.stdout.decode("utf-8", "replace").strip()
