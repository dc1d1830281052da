"""A Slurm cluster's configuration beside what the rule needs of it."""

from collections.abc import Callable
from pathlib import Path

import clusters as a
import pytest

from strongroom.app.isolation import put, render
from strongroom.collect import slurm_files
from strongroom.isolate import slurm_installed
from strongroom.isolate.slurm_installed import Files
from strongroom.model.errors import Unreadable
from strongroom.model.isolate import Rendering

Change = Callable[[Path], object]


def laid(folder: Path) -> None:
    """The rendered files, as an administrator puts them into a folder."""
    put(render("slurm", Rendering(a.RULE)), folder)
    part = (folder / "slurm.conf.part").read_text()
    (folder / "slurm.conf").write_text("ClusterName=test\nInclude strongroom.conf\nSlurmctldPort=6817 # PROLOG=none\n")
    (folder / "strongroom.conf").write_text(part)


def lacks(folder: Path) -> list[str]:
    """What is missing in a folder."""
    wanted = {d.name: d.text for d in render("slurm", Rendering(a.RULE))}
    return list(slurm_installed.lacks(Files(slurm_files.read(str(folder)), slurm_files.value), wanted))


def swap(name: str, old: str, new: str) -> Change:
    """Another word in a file."""

    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))

    return change


WEAKER: dict[str, tuple[Change, str]] = {
    "no lua": (swap("strongroom.conf", "JobSubmitPlugins=lua", "JobSubmitPlugins=all_partitions"), "slurm.conf: JobSubmitPlugins"),
    "no script": (lambda f: (f / "job_submit.lua").unlink(), "job_submit.lua is not there"),
    "another script": (swap("job_submit.lua", "slurm_job_modify", "slurm_job_modified"), "job_submit.lua is not as"),
    "a script that lets all by": (
        swap("job_submit.lua", "local facts = dofile(", "do return 0 end local facts = dofile("), "job_submit.lua is not as",
    ),
    "no tasks": (swap("strongroom.conf", "task/cgroup,", ""), "slurm.conf: TaskPlugin"),
    "no tracking": (swap("strongroom.conf", "proctrack/cgroup", "proctrack/linuxproc"), "slurm.conf: ProctrackType"),
    "all devices": (swap("cgroup.conf", "ConstrainDevices=yes", "ConstrainDevices=no"), "cgroup.conf: ConstrainDevices"),
    "no cgroup.conf": (lambda f: (f / "cgroup.conf").unlink(), "cgroup.conf: ConstrainDevices"),
    "no prolog": (swap("strongroom.conf", "Prolog=", "#Prolog="), "slurm.conf: no Prolog"),
    "a prolog that is gone": (lambda f: (f / "strongroom_prolog.sh").unlink(), "the prolog /etc/slurm/strongroom_prolog.sh is not there"),
    "a prolog that asks nobody": (swap("strongroom_prolog.sh", "exec strongroom", "# exec strongroom"), "the prolog does not ask"),
    "a late prolog": (swap("strongroom.conf", "Alloc,Contain", "Contain"), "slurm.conf: PrologFlags"),
    "said twice, the last counts": (
        lambda f: (f / "slurm.conf").write_text((f / "slurm.conf").read_text() + "proctracktype = proctrack/pgid\n"),
        "slurm.conf: ProctrackType",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WEAKER.values(), ids=WEAKER.keys())
def test_what_a_configuration_lacks_is_named(tmp_path: Path, case: tuple[Change, str]) -> None:
    """Each part without which a job is not asked about, or sees what it was not given, is told alone."""
    change, expected = case
    laid(tmp_path)
    change(tmp_path)
    found = lacks(tmp_path)
    assert len(found) == 1, found
    assert found[0].startswith(expected)


def test_the_rendered_files_lack_nothing(tmp_path: Path) -> None:
    """What is rendered is enough, also where it is included and its facts lie elsewhere."""
    laid(tmp_path)
    swap("job_submit.lua", "/etc/slurm/strongroom_facts.lua", "/srv/strongroom_facts.lua")(tmp_path)
    assert lacks(tmp_path) == []


@pytest.mark.parametrize("text", [None, "Include slurm.conf\n", "Include gone.conf\n"])
def test_what_cannot_be_read_is_an_error(tmp_path: Path, text: str | None) -> None:
    """No configuration, one that includes itself, and one that includes what is not there are not read as whole."""
    if text is not None:
        (tmp_path / "slurm.conf").write_text(text)
    with pytest.raises(Unreadable):
        slurm_files.read(str(tmp_path))
