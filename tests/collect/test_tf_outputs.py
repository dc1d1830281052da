"""What an output of a child module stands for where a resource beside the module uses it."""

from pathlib import Path

from terraform import by_address, read

CHILD = """
variable "name" {}
resource "azurerm_storage_account" "this" { name = var.name }
output "id" { value = azurerm_storage_account.this.id }
output "known" { value = "text" }
"""
ROOT = """
module "one" {
  source = "./child"
  name   = "one"
}
module "each" {
  source   = "./child"
  for_each = toset(["a", "b"])
  name     = each.key
}
resource "azurerm_storage_account_network_rules" "one" {
  storage_account_id = module.one.id
  default_action     = "Deny"
}
resource "azurerm_storage_account_network_rules" "each" {
  for_each           = module.each
  storage_account_id = each.value.id
  default_action     = each.key == "a" ? "Deny" : "Allow"
}
"""


def test_an_output_named_id_is_the_thing_that_it_names(tmp_path: Path) -> None:
    """`module.x.id` is the output of that name, and not the evaluator's own mark of the call."""
    found = by_address(read(tmp_path, {"main.tf": ROOT, "child/main.tf": CHILD}))
    denies = {a: asset.value("net.default_deny") for a, asset in found.items() if a.endswith(".this")}
    assert denies == {
        "module.one.azurerm_storage_account.this": True,
        'module.each["a"].azurerm_storage_account.this': True,
        'module.each["b"].azurerm_storage_account.this': False,
    }


def test_an_output_named_id_that_nothing_settles_is_not_known(tmp_path: Path) -> None:
    """An output of that name whose value comes from nowhere is unknown, and so is what depends on it."""
    child = 'variable "name" {}\nvariable "x" {}\noutput "id" { value = var.x }\n'
    root = 'module "m" {\n  source = "./child"\n  name = "m"\n}\nresource "azurerm_key_vault" "v" {\n  soft_delete_retention_days = module.m.id\n}\n'
    found = by_address(read(tmp_path, {"main.tf": root, "child/main.tf": child}))
    assert "module.m" in str(found["azurerm_key_vault.v"].value("vault.soft_delete_days"))
