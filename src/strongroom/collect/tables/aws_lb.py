"""Load balancers: their listeners, what they forward to, and the TLS that they insist on."""

import re
from collections.abc import Iterator

from strongroom.collect.native import INAPPLICABLE, Default, Inapplicable, Native, Reader, Row, inverted, number, text
from strongroom.collect.resource import Resource
from strongroom.collect.tables._aws_links import link, links, many, placed
from strongroom.kit.kleene import Tri, any_of
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Value

_ALB = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html"
_POLICY = re.compile(r"ELBSecurityPolicy-(?:TLS13|TLS|FS)-1-(\d)(?:-|$)")
_OLD = ("ELBSecurityPolicy-2016-08", "ELBSecurityPolicy-2015-05", "ELBSecurityPolicy-FS-2018-06")
_ENCRYPTED = ("HTTPS", "TLS", "SSL")
_LISTENERS = ("aws_lb_listener", "aws_alb_listener")


def _protocol(r: Reader) -> Value | Inapplicable:
    """The protocol of a listener; a gateway's listener has none, and any other must have one."""
    said = r.text("protocol")
    if said is not None:
        return said.upper() if isinstance(said, str) else said
    balancer = r.follow(r.at("load_balancer_arn"))
    if balancer is None:
        return Unknown(GapCode.UNDECIDED, "it names no protocol, and its load balancer is not in these files")
    kind = r.reading(balancer).text("load_balancer_type")
    return INAPPLICABLE if kind == "gateway" else kind if isinstance(kind, Unknown) else ""


def _redirects(r: Reader) -> Value:
    """Whether a listener only sends callers on to HTTPS. A redirect without a protocol keeps the caller's."""
    actions = r.blocks("default_action")
    if isinstance(actions, Unknown):
        return actions
    return any_of(_to_tls(r, a.get("type"), r.text("redirect.protocol", a)) for a in actions)


def _to_tls(r: Reader, kind: object, protocol: str | Unknown | None) -> Tri:
    if r.open(kind) != "redirect" or protocol is None:
        return False
    return protocol if isinstance(protocol, Unknown) else protocol.upper() == "HTTPS"


def _least(policy: str) -> Value:
    """The lowest TLS version of a security policy of Elastic Load Balancing."""
    found = _POLICY.match(policy)
    if found:
        return f"1.{found[1]}"
    if policy in _OLD:
        return "1.0"
    return Unknown(GapCode.UNSUPPORTED, f"the security policy {policy[:60]} is not on the list")


def _listener_tls(r: Reader) -> Value | Inapplicable:
    """The lowest TLS version of a listener that speaks TLS."""
    protocol = _protocol(r)
    if isinstance(protocol, Inapplicable) or (isinstance(protocol, str) and protocol not in _ENCRYPTED):
        return INAPPLICABLE
    policy = r.text("ssl_policy")
    if policy is None:
        return protocol if isinstance(protocol, Unknown) else None
    return policy if isinstance(policy, Unknown) else _least(policy)


def _forwarding(r: Reader) -> Iterator[tuple[Resource, Unknown | None]]:
    """The listeners that send traffic to a target group, straight or by a rule, and where that cannot be told."""
    for native in _LISTENERS:
        for by in ("default_action.target_group_arn", "default_action.forward.target_group.arn"):
            found = r.satellites(native, by)
            yield from ((listener, None) for listener in found.found)
            if found.doubt is not None:
                yield r.resource, found.doubt
    for native in ("aws_lb_listener_rule", "aws_alb_listener_rule"):
        for by in ("action.target_group_arn", "action.forward.target_group.arn"):
            for rule in r.satellites(native, by).found:
                listener = r.follow(rule.values.get("listener_arn"))
                if listener is not None:
                    yield listener, None


def _group_plain(r: Reader) -> Value | Inapplicable:
    """Whether a target group speaks plain HTTP and no TLS listener stands before it; no question for other protocols."""
    protocol = r.text("protocol")
    if isinstance(protocol, Unknown):
        return protocol
    if protocol is None or protocol.upper() != "HTTP":
        return False
    doubt: Unknown | None = None
    for listener, unknown in _forwarding(r):
        if unknown is not None:
            doubt = unknown
            continue
        front = _protocol(r.reading(listener))
        if isinstance(front, Unknown):
            doubt = front
        elif front != "HTTP":
            return False
    return doubt if doubt is not None else True


def _classic_plain(r: Reader) -> Value:
    """Whether a classic load balancer has a listener without TLS."""
    listeners = r.blocks("listener")
    if isinstance(listeners, Unknown):
        return listeners
    answers: list[Tri] = []
    for one in listeners:
        said = r.text("lb_protocol", one)
        answers.append(said if isinstance(said, Unknown) else str(said).upper() not in _ENCRYPTED)
    return any_of(answers)


def _own_targets(r: Reader) -> Value:
    """What a group itself sends traffic to; unknown where the number of its targets is not known."""
    found = r.blocks("target")
    return (found,) if isinstance(found, Unknown) else tuple(x for b in found for x in many(r, b.get("id")))


def _named(native: str, *rows: Row, refs: tuple[tuple[str, str], ...] = ()) -> Native:
    return Native(type=native, kind=Kind.LOAD_BALANCER, provider="aws", rows=rows, refs=refs)


_LISTENER = (
    Row("lb.protocol", _protocol),
    Row("lb.redirects_tls", _redirects),
    Row("tls.min", _listener_tls, Default("1.0", _ALB)),
    link("link.balancer", "load_balancer_arn"),
    number("lb.port", "port"),
)
_TARGETS = (
    number("lb.port", "port"),
    text("lb.target_type", "target_type", Default("instance", _ALB)),
    Row("link.listeners", lambda r: tuple(doubt or listener.id for listener, doubt in _forwarding(r))),
    Row("lb.targets", _own_targets),
)


def _classic_ports(r: Reader) -> Value:
    """What a classic load balancer takes in and passes on, as `80 8080`."""
    found = r.blocks("listener")
    if isinstance(found, Unknown):
        return (found,)
    return tuple(f"{r.open(b.get('lb_port'))} {r.open(b.get('instance_port'))}" for b in found)


TABLE = (
    *(
        _named(
            native,
            inverted("net.public", "internal", Default(True, _ALB)),
            text("lb.type", "load_balancer_type", Default("application", _ALB)),
            *placed("subnets", "security_groups"),
            links("link.mapped", "subnet_mapping.subnet_id"),
            text("lb.address_type", "ip_address_type"),
            refs=(("subnet", "subnets"), ("firewall", "security_groups")),
        )
        for native in ("aws_lb", "aws_alb")
    ),
    *(_named(native, *_LISTENER, refs=(("balancer", "load_balancer_arn"),)) for native in _LISTENERS),
    *(
        _named(native, Row("lb.plain_targets", _group_plain), *_TARGETS, refs=(("network", "vpc_id"),))
        for native in ("aws_lb_target_group", "aws_alb_target_group")
    ),
    _named(
        "aws_elb",
        inverted("net.public", "internal", Default(True, _ALB)),
        Row("lb.plain_listener", _classic_plain),
        *placed("subnets", "security_groups"),
        links("link.instances", "instances"),
        Row("lb.ports", _classic_ports),
        refs=(("subnet", "subnets"), ("firewall", "security_groups")),
    ),
)
