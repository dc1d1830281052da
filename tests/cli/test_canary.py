"""A secret that is planted in the input appears in no output of any format."""

import json
from pathlib import Path

import pytest
from test_cli import run

from strongroom.app.catalogue import reports

CANARY = "c4n4ry-S3cret-Value"
CONFIGURATION = f"""
variable "password" {{
  sensitive = true
  default   = "{CANARY}"
}}
locals {{ wrapped = "prefix-${{var.password}}" }}
resource "aws_s3_bucket" "weights" {{
  bucket = var.password
  tags   = {{ tier = "0", note = local.wrapped }}
}}
resource "aws_s3_bucket_policy" "weights" {{
  bucket = aws_s3_bucket.weights.id
  policy = jsonencode({{ Statement = [{{
    Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "arn:aws:s3:::${{var.password}}/*"
  }}] }})
}}
resource "aws_iam_policy" "p" {{
  name   = "p-${{var.password}}"
  policy = jsonencode({{ Statement = [{{ Effect = "Allow", Action = "*", Resource = "*", Sid = base64encode(var.password) }}] }})
}}
resource "aws_instance" "i" {{
  ami           = "a"
  instance_type = "p5.48xlarge"
  user_data     = "export AWS_SECRET_ACCESS_KEY=${{var.password}}"
}}
resource "aws_security_group" "g" {{
  name        = local.wrapped
  description = var.password
  ingress {{
    protocol    = "tcp"
    from_port   = 22
    to_port     = 22
    cidr_blocks = ["0.0.0.0/0"]
    description = var.password
  }}
}}
resource "aws_sagemaker_notebook_instance" "n" {{
  name                   = var.password
  direct_internet_access = var.password
}}
"""
FORMATS = ("table", *sorted(reports()))


@pytest.mark.parametrize("name", FORMATS)
def test_configuration(tmp_path: Path, name: str) -> None:
    """A sensitive variable's value, also inside other values and in base64, is printed by no format."""
    (tmp_path / "main.tf").write_text(CONFIGURATION)
    got = run("assess", ".", "--format", name, "--fail-on", "never", cwd=tmp_path)
    assert got.returncode in (0, 3), got.stderr
    assert "aws_s3_bucket.weights" in got.stdout
    _absent(got.stdout + got.stderr, tmp_path)


@pytest.mark.parametrize("name", FORMATS)
def test_plan(tmp_path: Path, name: str) -> None:
    """A value that the plan marks as sensitive is printed by no format, wherever it stands."""
    policy = json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Sid": CANARY}]})
    rows = [
        ("aws_iam_policy", {"name": CANARY, "policy": policy}, {"name": True, "policy": True}),
        ("aws_s3_bucket", {"bucket": CANARY, "tags": {"tier": CANARY}}, {"bucket": True, "tags": {"tier": True}}),
        ("aws_instance", {"ami": CANARY, "user_data": f"password={CANARY}"}, {"ami": True, "user_data": True}),
        ("aws_sagemaker_notebook_instance", {"name": "n", "kms_key_id": CANARY}, {"kms_key_id": True}),
        ("aws_db_instance", {"password": CANARY}, {"password": True}),
    ]
    resources = [
        {"address": f"{t}.x", "mode": "managed", "type": t, "name": "x", "values": v, "sensitive_values": s}
        for t, v, s in rows
    ]
    document = {"format_version": "1.2", "planned_values": {"root_module": {"resources": resources}}}
    (tmp_path / "plan.json").write_text(json.dumps(document))
    got = run("assess", "plan:plan.json", "--format", name, "--fail-on", "never", cwd=tmp_path)
    assert got.returncode in (0, 3), got.stderr
    _absent(got.stdout + got.stderr, tmp_path)


def test_other_commands(tmp_path: Path) -> None:
    """The plan of work and the comparison of runs do not print it either, nor does the stored snapshot hold it."""
    (tmp_path / "main.tf").write_text(CONFIGURATION)
    run("assess", ".", cwd=tmp_path)
    (tmp_path / "main.tf").write_text(CONFIGURATION.replace('"0.0.0.0/0"', '"10.0.0.0/8"'))
    run("assess", ".", cwd=tmp_path)
    for words in (["plan", "."], ["plan", ".", "--format", "json"], ["diff"], ["diff", "--format", "json"]):
        _absent(run(*words, cwd=tmp_path).stdout, tmp_path)


def _absent(text: str, home: Path) -> None:
    import base64  # noqa: PLC0415 - only here

    encoded = base64.b64encode(CANARY.encode()).decode().rstrip("=")
    assert CANARY not in text
    assert encoded not in text
    for file in home.rglob("strongroom.db*"):
        data = file.read_bytes()
        assert CANARY.encode() not in data
        assert encoded.encode() not in data
