"""The configuration of a Slurm cluster as files of one folder (slurm.conf(5), cgroup.conf(5))."""

from pathlib import Path

from strongroom.model.errors import TooLarge, Unreadable

NAMES = ("slurm.conf", "cgroup.conf", "job_submit.lua")
_MOST = 4 << 20  # bytes
_DEEPEST = 8  # files that include one another


def read(folder: str) -> dict[str, str]:
    """The text of each file that is there, by name; `prolog` and `epilog` are the scripts that slurm.conf names.

    Files that slurm.conf includes are put in their places. Raises Unreadable, TooLarge.
    """
    at = Path(folder)
    found: dict[str, str] = {}
    for name in NAMES:
        text = _text(at / name, needed=name == "slurm.conf")
        if text is not None:
            found[name] = _included(at, text, 0) if name.endswith(".conf") else text
    for word in ("prolog", "epilog"):
        script = value(found["slurm.conf"], word)
        text = _text(at / script, needed=False) if script else None  # an absolute path stays what it is
        if script and text is None:
            text = _text(at / Path(script).name, needed=False)  # the folder is a copy from another host
        if text is not None:
            found[word] = text
    return found


def value(text: str, key: str) -> str:
    """What a configuration says last of a key, in any case; empty where it says nothing."""
    said = ""
    for line in text.replace("\\\n", " ").splitlines():
        name, sign, rest = line.partition("#")[0].strip().partition("=")
        if sign and name.strip().lower() == key.lower():
            said = rest.strip().strip('"')
    return said


def _text(path: Path, *, needed: bool) -> str | None:
    try:
        with path.open("rb") as f:
            data = f.read(_MOST + 1)
    except FileNotFoundError:
        if not needed:
            return None
        raise Unreadable(
            str(path), "no such file", "the configuration of Slurm", "[isolation] slurm = FOLDER"
        ) from None
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), "the configuration of Slurm") from None
    if len(data) > _MOST:
        raise TooLarge(str(path), f"over {_MOST >> 20} MiB", "the configuration of Slurm")
    return data.decode("utf-8", "replace")


def _included(at: Path, text: str, depth: int) -> str:
    lines = []
    for line in text.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word.lower() != "include":
            lines.append(line)
        elif depth == _DEEPEST:
            raise Unreadable(str(at / rest.strip()), f"includes {_DEEPEST} deep", "files that end")
        else:
            inner = _text(at / rest.strip(), needed=True) or ""
            lines.append(_included(at, inner, depth + 1))
    return "\n".join(lines)
