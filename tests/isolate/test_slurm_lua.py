"""The judge in Lua and the judge in Python are one: the same jobs get the same verdict from both."""

import json
import shutil
import subprocess
from pathlib import Path

import clusters as a
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_slurm_judge import FACTS

from strongroom.isolate import slurm
from strongroom.isolate.targets import slurm as target

LUA = next((p for p in ("lua5.4", "lua5.3", "lua") if shutil.which(p)), None)
pytestmark = pytest.mark.skipif(LUA is None, reason="no Lua: apt-get install lua5.4")
ITEM = st.sampled_from(["gpu", "gpu:1", "gpu:2", "gpu:8", "gres/gpu:4", "gpu:h200:2", "gpu:1g.18gb:1", "gpu:1g.18gb", "GPU:2", "shard:2", "gres:shard", "mps:50", "gpu:0", "shard:0", "nic:1", "gpu:2x", "gpu=3", "gpu:2(IDX:0,1)", "gpu:1k", "gpu:-1", "gpu:h200", "gpu:"])  # fmt: skip
TEXT = st.lists(ITEM, max_size=2).map(",".join)
JOB = st.fixed_dictionaries(
    {"user_name": st.sampled_from(["ann", "bob", "eve", "zed"])},
    optional={
        "account": st.sampled_from(["north", "south", "west", "east", "odd", "none", ""]),
        "qos": st.sampled_from(["normal", "raise", "low", "wrong", "other"]),
        "partition": st.lists(st.sampled_from([*FACTS.partitions, "gone"]), min_size=1, max_size=2).map(",".join),
        "tres_per_node": TEXT,
        "tres_per_job": TEXT,
        "tres_per_task": TEXT,
        "tres_per_socket": TEXT,
        "features": st.sampled_from(["cc", "cc&fast", "cc|fast", "(cc&a)|(b&cc)", "[cc*2]", "(cc", "cc,cc", "!cc", "fast", "[cc]&a", "[cc]*1"]),
        "shared": st.sampled_from([0, 1, 2, 3, 65534]),
        "max_nodes": st.sampled_from([1, 2, 4294967294]),
        "num_tasks": st.sampled_from([1, 8, 16]),
        "reservation": st.sampled_from(["mine", "theirs", "nobody", "gone", "mine,theirs"]),
    },
)  # fmt: skip
RUNNER = """
slurm = {SUCCESS = 0, ERROR = -1, log_user = function() end, log_info = function() end}
dofile(arg[1])
for line in io.lines(arg[2]) do
  local job = load("return " .. line)()
  local said = strongroom_judge(job, job.user_name)
  local clauses = {}
  for _, s in ipairs(said) do clauses[s:match("^%S+")] = true end
  local out = {}
  for c in pairs(clauses) do out[#out + 1] = c end
  table.sort(out)
  print(table.concat(out, ","))
end
"""


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the target, with the facts of these tests."""
    folder = tmp_path_factory.mktemp("lua")
    (folder / "facts.lua").write_text(target.facts_table(FACTS))
    (folder / "judge.lua").write_text(target.script(a.RULE, str(folder / "facts.lua")))
    (folder / "run.lua").write_text(RUNNER)
    return folder


@settings(max_examples=25, deadline=None)
@given(st.lists(JOB, min_size=60, max_size=120))
def test_both_judges_say_the_same(judged: Path, jobs: list[dict[str, object]]) -> None:
    """A job is denied by the one where it is by the other, for the same clauses."""
    (judged / "jobs").write_text("".join(target.lua(j) + "\n" for j in jobs))
    argv = [str(LUA), str(judged / "run.lua"), str(judged / "judge.lua"), str(judged / "jobs")]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    for job, line in zip(jobs, done.stdout.splitlines(), strict=True):
        mine = slurm.judge(a.RULE, FACTS, job).verdict
        assert ",".join(sorted({r.clause for r in mine.reasons})) == line, (json.dumps(job), mine)


@pytest.mark.parametrize("text", ["", 'a"b', "a\\b", "line\nbreak", "\x00", "Grüße", "]]", "\udcff"])
def test_a_text_is_the_same_in_lua(judged: Path, text: str) -> None:
    """No name of an account can end the text that it stands in."""
    (judged / "text.lua").write_text(f"io.write({target.lua(text)})", encoding="ascii")
    done = subprocess.run([str(LUA), str(judged / "text.lua")], capture_output=True, check=True)
    assert done.stdout == text.encode("utf-8", "surrogatepass")
