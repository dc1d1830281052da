"""Virtual machines from files: the facts of their hosts, a machine as its manager describes it, and the verdict."""

from strongroom.app.isolation import MOST_REVIEW, octets
from strongroom.isolate import machines, virtual, virtual_facts
from strongroom.isolate.machines import Machine
from strongroom.isolate.slurm import Judged
from strongroom.isolate.virtual_facts import Facts
from strongroom.kit import strict_json
from strongroom.model.errors import BadInput
from strongroom.model.isolate import Reason, Rule, Verdict


def load_facts(path: str) -> Facts:
    """The facts of hosts and projects. Raises Unreadable, TooLarge, Malformed."""
    data = octets(path, MOST_REVIEW)
    strict_json.check(data, path, "strongroom isolate machine --help")
    return virtual_facts.read(data, path)


def judge(rule: Rule, facts: Facts, data: bytes, project: str = "", host: str = "") -> Judged:
    """What becomes of the machine that octets of XML or JSON describe; one that cannot be read is denied."""
    try:
        return virtual.judge(rule, facts, _read(data, project, host))
    except BadInput as e:
        return Judged(Verdict((Reason("7", "malformed", f"{e.subject}: {e.found}", e.wanted),)))


def _read(data: bytes, project: str, host: str) -> Machine:
    if data.lstrip()[:1] == b"<":
        return machines.domain(data, project, host)
    strict_json.check(data, "server")
    return machines.server(data, project, host)
