"""Skips in Terraform source: only real comments, of the right block, with their place."""

from pathlib import Path

from terraform import by_address, read

from strongroom.model.values import Where

TEXT = """# strongroom:skip=net.a.above:directly above
resource "aws_s3_bucket" "a" {
  count  = 2
  bucket = "a" # strongroom:skip=net.a.trailing:on a line of it
  tags = { x = "# strongroom:skip=net.a.text:in a text" }
}

# strongroom:skip=net.a.lost:an empty line below

resource "aws_instance" "b" {
  user_data = <<EOT
# strongroom:skip=net.b.heredoc:what a machine runs is no comment
EOT
  root_block_device {
    // strongroom:skip=net.b.inner:in a block of it
    encrypted = false
  }
  /* first
  strongroom:skip=net.b.long:in a long one */
}
resource "aws_instance" "c" {}
"""


def test_a_skip_belongs_to_its_block(tmp_path: Path) -> None:
    """On its lines or directly above, in every instance of it, and in no other block."""
    found = by_address(read(tmp_path, {"m.tf": TEXT}))
    said = {address: [(s.check, s.reason) for s in a.skips] for address, a in found.items()}
    of_a = [("net.a.above", "directly above"), ("net.a.trailing", "on a line of it")]
    of_b = [("net.b.inner", "in a block of it"), ("net.b.long", "in a long one")]
    assert said == {
        "aws_s3_bucket.a[0]": of_a,
        "aws_s3_bucket.a[1]": of_a,
        "aws_instance.b": of_b,
        "aws_instance.c": [],
    }
    assert found["aws_s3_bucket.a[0]"].skips[0].where == Where(f"{tmp_path}/m.tf", 1, 1)


def test_a_file_without_skips_carries_none(tmp_path: Path) -> None:
    """Ordinary comments are not kept."""
    found = by_address(read(tmp_path, {"m.tf": '# a bucket\nresource "aws_s3_bucket" "a" {}\n'}))
    assert found["aws_s3_bucket.a"].skips == ()
