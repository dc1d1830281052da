"""`net.machine.reached`: what is worked out hop by hop is a fact like any other, and is judged."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.app.assess import assess
from strongroom.model.control import Finding

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HCL = """
variable "gateway" {}
resource "aws_vpc" "v" { cidr_block = "10.0.0.0/16" }
resource "aws_internet_gateway" "g" { vpc_id = aws_vpc.v.id }
resource "aws_subnet" "s" {
  vpc_id     = aws_vpc.v.id
  cidr_block = "10.0.1.0/24"
}
resource "aws_route_table" "t" {
  vpc_id = aws_vpc.v.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.g.id
  }
}
resource "aws_route_table_association" "a" {
  subnet_id      = aws_subnet.s.id
  route_table_id = aws_route_table.t.id
}
resource "aws_security_group" "open" {
  vpc_id = aws_vpc.v.id
  ingress {
    from_port   = 8888
    to_port     = 8888
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
resource "aws_security_group" "shut" {
  vpc_id = aws_vpc.v.id
  ingress {
    from_port   = 8888
    to_port     = 8888
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/8"]
  }
}
resource "aws_instance" "open" {
  subnet_id                   = aws_subnet.s.id
  associate_public_ip_address = true
  vpc_security_group_ids      = [aws_security_group.open.id]
}
resource "aws_instance" "shut" {
  subnet_id                   = aws_subnet.s.id
  associate_public_ip_address = true
  vpc_security_group_ids      = [aws_security_group.shut.id]
}
resource "aws_instance" "private" {
  subnet_id                   = aws_subnet.s.id
  associate_public_ip_address = false
  vpc_security_group_ids      = [aws_security_group.open.id]
}
resource "aws_instance" "elsewhere" {
  subnet_id                   = "subnet-0123"
  associate_public_ip_address = true
  vpc_security_group_ids      = [aws_security_group.open.id]
}
"""


@pytest.fixture(scope="module")
def found() -> dict[str, Finding]:
    """What the check says of every machine, by name."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "main.tf").write_text(HCL, encoding="utf-8")
        judged = assess((f"tf:{folder}",), NOW)
    return {f.asset.rpartition(".")[2]: f for f in judged.findings if f.check == "net.machine.reached"}


@pytest.mark.parametrize(
    ("name", "status"), [("open", "fail"), ("shut", "pass"), ("private", "pass"), ("elsewhere", "unknown")]
)
def test_a_machine_is_judged_by_its_paths(name: str, status: str, found: dict[str, Finding]) -> None:
    """A public address behind a closed group passes, an open path fails, and a network that was not read is unknown."""
    assert found[name].status.value == status


def test_the_path_is_the_evidence(found: dict[str, Finding]) -> None:
    """A machine that is reached is told with the gateway, the route and the group that let it happen."""
    said = dict(found["open"].arguments)["path"]
    assert "aws_security_group.open" in said
    assert "8888" in said
    assert "net.reach.path" in {f.name for f in found["open"].facts}
