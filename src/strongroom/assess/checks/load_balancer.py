"""Load balancers before inference endpoints and dashboards."""

from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, unknown
from strongroom.model.values import Unknown

KINDS = (Kind.LOAD_BALANCER,)
LISTENER = "aws_lb_listener"
TLS = (
    'port            = 443\nprotocol        = "HTTPS"\nssl_policy      = "ELBSecurityPolicy-TLS13-1-2-2021-06"\n'
    "certificate_arn = aws_acm_certificate.serving.arn"
)
REDIRECT = (
    'default_action {\n  type = "redirect"\n  redirect {\n    port        = "443"\n    protocol    = "HTTPS"\n'
    '    status_code = "HTTP_301"\n  }\n}'
)
SEE = "aws elbv2 describe-listeners --load-balancer-arn <arn> --query 'Listeners[].[Port, Protocol, SslPolicy]'"
BYTES = ("TCP", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC")
EQUIVALENTS = (
    "checkov:CKV_AWS_2",
    "checkov:CKV_AWS_378",
    "trivy:AWS-0054",
    "guard:ALB_HTTP_TO_HTTPS_REDIRECTION_CHECK",
    "prowler:elbv2_ssl_listeners",
)


def sends_on(v: View) -> Answer:
    """Whether a plain listener does nothing but send callers on to HTTPS."""
    raw = v.raw("lb.redirects_tls")
    if isinstance(raw, Unknown):
        return unknown(raw)
    return holds() if raw else broken(what="it serves plain HTTP")


@check(
    id="enc.lb.tls",
    title="The listener takes TLS, or only sends callers on to it",
    clause="ART-02.refuses-plaintext",
    kinds=KINDS,
    needs=("lb.protocol",),
    severity=Severity.HIGH,
    fix=Fix(
        "Listen in TLS, and let port 80 only send callers on.",
        ((LISTENER, TLS), (LISTENER, REDIRECT)),
        verify=SEE,
        effort=Effort.MEDIUM,
    ),
    broken="{what}",
    equivalents=EQUIVALENTS,
)
def tls(v: View) -> Answer:
    """Prompts, answers and tokens cross this listener. One that passes bytes on (TCP) leaves TLS to what is behind it."""
    protocol = v.text("lb.protocol")
    if protocol in ("HTTPS", "TLS", *BYTES):
        return holds()
    return sends_on(v) if protocol == "HTTP" else broken(what="it names no protocol with TLS")


@check(
    id="enc.lb.targets-tls",
    title="The target group speaks TLS, or a TLS listener stands before it",
    clause="ART-02.refuses-plaintext",
    kinds=KINDS,
    needs=("lb.plain_targets",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Let the targets speak HTTPS, or let only TLS listeners forward to them.",
        (("aws_lb_target_group", 'protocol = "HTTPS"'), (LISTENER, TLS)),
        verify="aws elbv2 describe-target-groups --query 'TargetGroups[].Protocol'",
        effort=Effort.MEDIUM,
    ),
    broken="it speaks plain HTTP, and no listener with TLS stands before it",
    equivalents=EQUIVALENTS,
)
def targets(v: View) -> bool:
    """Without TLS before or behind the balancer, what a model is asked and answers crosses the network in plain text."""
    return not v.flag("lb.plain_targets")


@check(
    id="enc.lb.classic-tls",
    title="Every listener of the classic load balancer takes TLS",
    clause="ART-02.refuses-plaintext",
    kinds=KINDS,
    needs=("lb.plain_listener",),
    severity=Severity.HIGH,
    fix=Fix(
        "Listen in TLS, or move to an application load balancer.",
        (
            (
                "aws_elb",
                (
                    'listener {\n  lb_port            = 443\n  lb_protocol        = "https"\n  instance_port      = 443\n'
                    '  instance_protocol  = "https"\n  ssl_certificate_id = aws_acm_certificate.serving.arn\n}'
                ),
            ),
        ),
        verify="aws elb describe-load-balancers --query 'LoadBalancerDescriptions[].ListenerDescriptions'",
        effort=Effort.MEDIUM,
    ),
    broken="a listener has no TLS",
    equivalents=("checkov:CKV_AWS_376",),
)
def classic(v: View) -> bool:
    """Prompts, answers and tokens cross this listener."""
    return not v.flag("lb.plain_listener")


@check(
    id="enc.lb.tls12",
    title="The listener takes TLS 1.2 or later only",
    clause="ART-02.refuses-plaintext",
    kinds=KINDS,
    needs=("lb.protocol",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Choose a security policy of TLS 1.2 or 1.3.",
        ((LISTENER, 'ssl_policy = "ELBSecurityPolicy-TLS13-1-2-2021-06"'), (LISTENER, REDIRECT)),
        verify=SEE,
    ),
    broken="{what}",
    equivalents=("checkov:CKV_AWS_103", "trivy:AWS-0047", "prowler:elbv2_insecure_ssl_ciphers"),
)
def tls12(v: View) -> Answer:
    """TLS 1.0 and 1.1 are broken in ways that a patient listener can use; a listener without a policy takes both."""
    protocol = v.text("lb.protocol")
    if protocol in BYTES:
        return holds()
    if protocol not in ("HTTPS", "TLS"):
        return sends_on(v) if protocol == "HTTP" else broken(what="it names no protocol with TLS")
    version = v.text("tls.min")
    return holds() if version >= "1.2" else broken(what=f"it takes TLS {version}")


CHECKS = (tls, targets, classic, tls12)
