"""What the internet reaches, worked out hop by hop: addresses, routes, lists, groups and what stands before a machine."""

from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds

INGRESS = """ingress {
  protocol        = "tcp"
  from_port       = 443
  to_port         = 443
  security_groups = [aws_security_group.gateway.id]
}"""


@check(
    id="net.machine.reached",
    title="Nothing on the internet reaches the machine",
    clause="NET-01.not-exposed",
    kinds=(Kind.INSTANCE,),
    needs=("net.reach.ingress", "net.reach.path"),
    severity=Severity.HIGH,
    fix=Fix(
        "Break one hop of the path that is shown: the address, the route, the group or the list, or what leads to the machine.",
        (("aws_security_group", INGRESS),),
        verify="strongroom assess reach <source> <asset>",
        effort=Effort.MEDIUM,
    ),
    broken="the internet reaches it: {path}",
)
def reached(v: View) -> Answer:
    """A public address alone is no way in, and a private one no wall: what counts is a path on which every hop lets through."""
    if not v.flag("net.reach.ingress"):
        return holds()
    return broken(path="; ".join(v.texts("net.reach.path")) or "by a path that ends at it")


CHECKS = (reached,)
