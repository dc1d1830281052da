"""Terraform configuration, as it is meant to be written."""

from pathlib import Path

import pytest
from terraform import by_address, evaluated, read, write

from strongroom.collect.sources.tf import recognises
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.ports import Peek
from strongroom.model.values import Unknown

NOTEBOOK = 'resource "aws_sagemaker_notebook_instance" "n" {{\n  name = "n"\n  {}\n}}\n'


def notebook(tmp_path: Path, body: str, more: str = "") -> object:
    """The fact about direct internet access of one notebook."""
    estate = read(tmp_path, {"main.tf": NOTEBOOK.format(body) + more})
    return by_address(estate)["aws_sagemaker_notebook_instance.n"].value("net.direct_internet")


def test_values_are_evaluated(tmp_path: Path) -> None:
    """Variables with a default, locals, conditionals and functions are followed to the value."""
    more = 'variable "on" { default = false }\nlocals { word = var.on ? "Enabled" : "Disabled" }\n'
    assert notebook(tmp_path, "direct_internet_access = title(lower(local.word))", more) is False


def test_absent_is_the_providers_default(tmp_path: Path) -> None:
    """An attribute that is not given takes the documented default, and the fact names the page."""
    estate = read(tmp_path, {"main.tf": NOTEBOOK.format("")})
    fact = estate.assets[0].facts["net.direct_internet"]
    assert fact.value is True
    assert fact.default_of.startswith("https://")


@pytest.mark.parametrize(
    ("body", "more"),
    [
        ("direct_internet_access = var.word", 'variable "word" {}\n'),
        ('direct_internet_access = var.on ? "Enabled" : "Disabled"', 'variable "on" {}\n'),
        ("direct_internet_access = data.aws_ssm_parameter.p.value", 'data "aws_ssm_parameter" "p" { name = "x" }\n'),
        ("direct_internet_access = module.far.word", 'module "far" { source = "example/far/aws" }\n'),
        ('direct_internet_access = "${var.word}d"', 'variable "word" {}\n'),
    ],
    ids=["variable", "conditional", "data source", "unfetched module", "template"],
)
def test_what_has_no_value_is_unknown(tmp_path: Path, body: str, more: str) -> None:
    """A value that depends on what is not there is unknown with a reason, neither null nor the default."""
    found = notebook(tmp_path, body, more)
    assert isinstance(found, Unknown)
    assert found.detail


def test_null_by_condition_is_the_default(tmp_path: Path) -> None:
    """A conditional that is known to come to null counts as not given, which is not the same as unknown."""
    more = 'variable "set" { default = false }\n'
    assert notebook(tmp_path, 'direct_internet_access = var.set ? "Disabled" : null', more) is True


def test_count_and_for_each_make_instances(tmp_path: Path) -> None:
    """Every instance is an asset with Terraform's own address; a count of zero makes none."""
    text = """
    resource "aws_s3_bucket" "a" { count = 2 }
    resource "aws_s3_bucket" "b" { for_each = toset(["x"]) }
    resource "aws_s3_bucket" "none" { count = 0 }
    resource "aws_s3_bucket" "empty" { for_each = toset([]) }
    """
    estate = read(tmp_path, {"main.tf": text})
    assert sorted(by_address(estate)) == ["aws_s3_bucket.a[0]", "aws_s3_bucket.a[1]", 'aws_s3_bucket.b["x"]']
    assert estate.gaps == ()


def test_unknown_for_each_keeps_the_resource(tmp_path: Path) -> None:
    """A resource whose instances are not known stays in the inventory once, with what is known of it."""
    text = """
    variable "teams" { type = set(string) }
    resource "aws_sagemaker_notebook_instance" "n" {
      for_each               = var.teams
      name                   = each.value
      direct_internet_access = "Disabled"
    }
    """
    assets = by_address(read(tmp_path, {"main.tf": text}))
    found = assets['aws_sagemaker_notebook_instance.n["*"]']
    assert found.value("net.direct_internet") is False


def test_local_modules_are_followed(tmp_path: Path) -> None:
    """A local module's resources carry its path, its own lines, and the line of the call."""
    files = {
        "main.tf": '\nmodule "lab" {\n  source = "./lab"\n  word   = "Disabled"\n}\n',
        "lab/main.tf": 'variable "word" {}\n' + NOTEBOOK.format("direct_internet_access = var.word"),
    }
    estate = read(tmp_path, files)
    found = by_address(estate)["module.lab.aws_sagemaker_notebook_instance.n"]
    assert found.value("net.direct_internet") is False
    assert found.where is not None
    assert found.where.file.endswith("lab/main.tf")
    assert (found.where.line_start, found.where.called_from.rpartition("/")[2]) == (2, "main.tf:2")


def test_folders_that_nobody_calls_are_roots_of_their_own(tmp_path: Path) -> None:
    """Two root modules in one tree may use the same address; their assets keep apart."""
    files = {"a/main.tf": 'resource "aws_s3_bucket" "b" {}\n', "b/main.tf": 'resource "aws_s3_bucket" "b" {}\n'}
    assert {a.id for a in read(tmp_path, files).assets} == {
        "terraform:a//aws_s3_bucket.b",
        "terraform:b//aws_s3_bucket.b",
    }


def test_unfetched_module_is_a_gap_and_an_asset(tmp_path: Path) -> None:
    """A registry module that is not there is a gap with its line; a well-known one is an asset that knows nothing."""
    text = 'module "eks" {\n  source  = "terraform-aws-modules/eks/aws"\n  version = "20.1.0"\n}\n'
    estate = read(tmp_path, {"main.tf": text})
    assert [(g.scope, g.code, g.where.line_start if g.where else 0) for g in estate.gaps] == [
        ("module.eks", GapCode.NOT_FETCHED, 1)
    ]
    assert "20.1.0" in estate.gaps[0].detail
    kinds = {a.kind for a in estate.assets}
    assert kinds <= {Kind.CLUSTER}


def test_unknown_dynamic_blocks_are_unknown(tmp_path: Path) -> None:
    """A dynamic block over an unknown list may make anything: the rules are not known to be none."""
    text = """
    variable "ports" {}
    resource "aws_security_group" "s" {
      dynamic "ingress" {
        for_each = var.ports
        content {
          protocol    = "tcp"
          from_port   = ingress.value
          to_port     = ingress.value
          cidr_blocks = ["0.0.0.0/0"]
        }
      }
    }
    """
    rules = by_address(read(tmp_path, {"main.tf": text}))["aws_security_group.s"].value("sg.ingress")
    assert isinstance(rules, Unknown) or any(isinstance(r, Unknown) for r in rules)  # type: ignore[union-attr]


def test_json_syntax_is_read(tmp_path: Path) -> None:
    """Configuration in JSON syntax counts like any other."""
    text = '{"resource": {"aws_s3_bucket": {"b": {"bucket": "weights"}}}}'
    assert "aws_s3_bucket.b" in by_address(read(tmp_path, {"main.tf.json": text}))


def test_order_of_files_does_not_matter(tmp_path: Path) -> None:
    """The same text in one file or in two gives the same ids and facts."""
    one = 'resource "aws_s3_bucket" "a" {}\n'
    two = 'resource "aws_s3_bucket" "b" {}\n'
    first = read(tmp_path / "x", {"main.tf": one + two})
    second = read(tmp_path / "y", {"z.tf": one, "a.tf": two})
    assert {a.id for a in first.assets} == {a.id for a in second.assets}


def test_recognises_its_own(tmp_path: Path) -> None:
    """A folder with .tf files is recognised, at a lower rank also one that has them further down."""
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "main.tf").write_text("")
    assert recognises(Peek(tmp_path, True, b"", ("main.tf",))) > recognises(Peek(tmp_path, True, b"", ("deep",))) > 0
    assert recognises(Peek(tmp_path, True, b"", ("notes.txt",))) == 0
    assert recognises(Peek(tmp_path / "main.tf", False, b"resource", ())) == 0


def test_a_dynamic_block_that_the_evaluator_loses_is_unknown(tmp_path: Path) -> None:
    """A dynamic block inside a static block vanishes in evaluation; it is unknown, not absent."""
    text = """
    resource "google_container_cluster" "c" {
      name = "c"
      master_authorized_networks_config {
        dynamic "cidr_blocks" {
          for_each = ["0.0.0.0/0"]
          content {
            cidr_block = cidr_blocks.value
          }
        }
      }
    }
    """
    write(tmp_path, {"main.tf": text})
    (found,) = evaluated(tmp_path)
    inside = found["master_authorized_networks_config"]
    assert isinstance(inside, dict)
    blocks = inside.get("cidr_blocks")
    assert isinstance(blocks, Unknown) or blocks == {"cidr_block": "0.0.0.0/0"} or "0.0.0.0/0" in repr(blocks)


def test_a_nested_blocks_own_id_is_kept(tmp_path: Path) -> None:
    """The evaluator overwrites a nested block's `id`; the one that was written is what counts."""
    text = 'resource "aws_s3_bucket" "b" {\n  lifecycle_rule {\n    id      = "expire"\n    enabled = true\n  }\n}\n'
    write(tmp_path, {"main.tf": text})
    (found,) = evaluated(tmp_path)
    assert found["lifecycle_rule"] == {"id": "expire", "enabled": True}


@pytest.mark.parametrize(
    ("call", "known"),
    [("", True), ("  n = aws_kms_key.none.arn\n", False)],
    ids=["not passed", "passed something open"],
)
def test_a_default_of_null_is_known(tmp_path: Path, call: str, known: bool) -> None:
    """A variable whose default is null and that nobody sets is null, which is not the same as having no value."""
    files = {
        "main.tf": 'variable "w" { default = null }\nmodule "m" {\n  source = "./m"\n' + call + "}\n"
        'resource "aws_sagemaker_notebook_instance" "top" {\n  direct_internet_access = var.w\n}\n',
        "m/main.tf": 'variable "n" { default = null }\n' + NOTEBOOK.format("direct_internet_access = var.n"),
    }
    assets = by_address(read(tmp_path, files))
    assert assets["aws_sagemaker_notebook_instance.top"].value("net.direct_internet") is True
    inner = assets["module.m.aws_sagemaker_notebook_instance.n"].value("net.direct_internet")
    assert (inner is True) if known else isinstance(inner, Unknown)


def test_the_node_groups_of_an_unfetched_cluster_are_in_the_inventory(tmp_path: Path) -> None:
    """What the inputs of a known module announce is listed, and knows of itself what they say."""
    text = (
        'module "eks" {\n  source = "terraform-aws-modules/eks/aws"\n'
        '  eks_managed_node_groups = {\n    h100 = { instance_types = ["p5.48xlarge"] }\n  }\n}\n'
    )
    found = by_address(read(tmp_path, {"main.tf": text}))['module.eks.eks_managed_node_groups["h100"]']
    assert found.kind is Kind.NODE_POOL
    assert found.value("gpu.model") == "NVIDIA H100"
    assert {n for n, f in found.facts.items() if isinstance(f.value, Unknown)} >= {"gpu.taints", "cc.tech", "ssh.open"}


def test_an_unfetched_call_tells_what_it_hands_on(tmp_path: Path) -> None:
    """Inputs that a known module gives its resource as they are count; what has no value, or is not said, is unknown."""
    text = """
    variable "lost" {}
    module "eks" {
      source                          = "terraform-aws-modules/eks/aws"
      cluster_endpoint_public_access  = true
      cluster_endpoint_private_access = var.lost
      kubernetes_version              = "1.33"
      eks_managed_node_group_defaults = { ami_type = "AL2_x86_64" }
      eks_managed_node_groups         = { core = { instance_types = ["m5.xlarge"] }, any = { instance_types = [var.lost] } }
    }
    module "limited" {
      source                               = "terraform-aws-modules/eks/aws"
      cluster_endpoint_public_access_cidrs = ["203.0.113.0/24"]
    }
    """
    found = by_address(read(tmp_path, {"main.tf": text}))
    eks, core = found["module.eks"], found['module.eks.eks_managed_node_groups["core"]']
    assert (eks.value("api.public"), eks.value("version")) == (True, "1.33")
    assert eks.value("api.public_cidrs") == ("0.0.0.0/0",)
    assert eks.facts["api.public_cidrs"].default_of.startswith("https://registry.terraform.io/")
    assert isinstance(eks.value("api.private"), Unknown)
    assert isinstance(eks.value("net.policy"), Unknown)
    assert core.value("image.line") == "AL2_x86_64"
    assert "gpu.taints" not in core.facts, "no accelerator, no question"
    assert isinstance(found['module.eks.eks_managed_node_groups["any"]'].value("gpu.taints"), Unknown)
    assert found["module.limited"].value("api.public_cidrs") == ("203.0.113.0/24",)
    assert isinstance(found["module.limited"].value("api.public"), Unknown)


def test_a_satellites_sensitive_value_marks_its_parent(tmp_path: Path) -> None:
    """A sensitive policy in a block beside the bucket makes the bucket's fact sensitive too."""
    text = """
    variable "name" {
      sensitive = true
      default   = "c4n4ry-value"
    }
    resource "aws_s3_bucket" "b" { bucket = "b" }
    resource "aws_s3_bucket_policy" "b" {
      bucket = aws_s3_bucket.b.id
      policy = jsonencode({ Statement = [{ Effect = "Allow", Principal = "*", Action = "s3:GetObject",
        Resource = "arn:aws:s3:::${var.name}/*" }] })
    }
    """
    bucket = by_address(read(tmp_path, {"main.tf": text}))["aws_s3_bucket.b"]
    carrying = [f for f in bucket.facts.values() if "c4n4ry-value" in repr(f.value)]
    assert carrying
    assert all(f.sensitive for f in carrying)
