"""Load balancers: listeners, target groups, classic ones."""

import pytest
from iac import UNKNOWN, table, verdict

HCL = (
    UNKNOWN
    + """
resource "aws_lb" "app" {
  name = "app"
}
resource "aws_lb" "gateway" {
  load_balancer_type = "gateway"
}
resource "aws_lb_listener" "plain" {
  load_balancer_arn = aws_lb.app.arn
  protocol          = "HTTP"
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.lonely.arn
  }
}
resource "aws_lb_listener" "redirect" {
  load_balancer_arn = aws_lb.app.arn
  protocol          = "HTTP"
  default_action {
    type = "redirect"
    redirect {
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}
resource "aws_alb_listener" "circle" {
  load_balancer_arn = aws_lb.app.arn
  protocol          = "HTTP"
  default_action {
    type = "redirect"
    redirect {
      status_code = "HTTP_301"
    }
  }
}
resource "aws_lb_listener" "old" {
  load_balancer_arn = aws_lb.app.arn
  protocol          = "HTTPS"
}
resource "aws_lb_listener" "loose" {
  load_balancer_arn = aws_lb.app.arn
  protocol          = "TLS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-0-2021-06"
}
resource "aws_lb_listener" "good" {
  load_balancer_arn = aws_lb.app.arn
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
  default_action {
    type = "forward"
    forward {
      target_group {
        arn = aws_lb_target_group.fronted.arn
      }
    }
  }
}
resource "aws_lb_listener" "bytes" {
  load_balancer_arn = var.x
  protocol          = "TCP"
}
resource "aws_lb_listener" "gateway" {
  load_balancer_arn = aws_lb.gateway.arn
}
resource "aws_lb_listener" "nameless" {
  load_balancer_arn = aws_lb.app.arn
}
resource "aws_lb_listener" "asked" {
  load_balancer_arn = aws_lb.app.arn
  protocol          = var.x
}
resource "aws_lb_listener" "odd" {
  load_balancer_arn = aws_lb.app.arn
  protocol          = "HTTPS"
  ssl_policy        = var.x
}
resource "aws_lb_target_group" "lonely" {
  protocol = "HTTP"
}
resource "aws_lb_target_group" "fronted" {
  protocol = "HTTP"
}
resource "aws_alb_target_group" "tls" {
  protocol = "HTTPS"
}
resource "aws_lb_target_group" "asked" {
  protocol = var.x
}
resource "aws_elb" "bad" {
  listener {
    lb_protocol = "https"
  }
  listener {
    lb_protocol = "http"
  }
}
resource "aws_elb" "good" {
  listener {
    lb_protocol = "ssl"
  }
}
resource "aws_elb" "asked" {
  listener {
    lb_protocol = var.x
  }
}
"""
)


@pytest.mark.parametrize(
    ("check", "address", "status"),
    table("""
enc.lb.tls          aws_lb_listener.plain        fail
enc.lb.tls          aws_lb_listener.redirect     pass
enc.lb.tls          aws_alb_listener.circle      fail
enc.lb.tls          aws_lb_listener.good         pass
enc.lb.tls          aws_lb_listener.bytes        pass
enc.lb.tls          aws_lb_listener.gateway      -
enc.lb.tls          aws_lb_listener.nameless     fail
enc.lb.tls          aws_lb_listener.asked        unknown
enc.lb.tls12        aws_lb_listener.plain        fail
enc.lb.tls12        aws_lb_listener.redirect     pass
enc.lb.tls12        aws_lb_listener.old          fail
enc.lb.tls12        aws_lb_listener.loose        fail
enc.lb.tls12        aws_lb_listener.good         pass
enc.lb.tls12        aws_lb_listener.bytes        pass
enc.lb.tls12        aws_lb_listener.odd          unknown
enc.lb.tls12        aws_lb_listener.asked        unknown
enc.lb.targets-tls  aws_lb_target_group.lonely   fail
enc.lb.targets-tls  aws_lb_target_group.fronted  pass
enc.lb.targets-tls  aws_alb_target_group.tls     pass
enc.lb.targets-tls  aws_lb_target_group.asked    unknown
enc.lb.classic-tls  aws_elb.bad                  fail
enc.lb.classic-tls  aws_elb.good                 pass
enc.lb.classic-tls  aws_elb.asked                unknown
"""),
)
def test_load_balancers(check: str, address: str, status: str) -> None:
    """Listeners are judged by protocol and policy, target groups by what stands before them."""
    assert verdict(HCL, check, address) == status
