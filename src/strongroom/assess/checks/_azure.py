"""What the checks of Azure share: whose key encrypts, which logs leave, what counts as sensitive."""

from strongroom.model.ports import Answer, View, broken, holds, not_applicable, unknown
from strongroom.model.values import Unknown

WHOLE_GROUPS = ("group:audit", "group:alllogs")
"""Category groups of diagnostic settings that hold every audit category of a service."""


def customers(v: View, fact: str) -> bool:
    """Whether a key of the customer's encrypts, and not the platform's own."""
    return v.key(fact).tech == "cmk"


def logged(v: View, *wanted: str) -> Answer:
    """Holds when one of the categories, or a group that has them all, is sent somewhere."""
    raw = v.raw("log.types")
    if isinstance(raw, Unknown):
        return unknown(raw)
    found = raw if isinstance(raw, tuple) else ()
    words = {w.lower() for w in found if isinstance(w, str)}
    if words & {*(w.lower() for w in wanted), *WHOLE_GROUPS}:
        return holds()
    doubts = [w for w in found if isinstance(w, Unknown)]
    return unknown(*doubts) if doubts else broken(found=", ".join(sorted(words)) or "no category")


def confidential(v: View) -> Answer:
    """Whether sensitive work runs on a confidential machine. Accelerators without a mark are taken as sensitive."""
    if not v.flag("sensitive"):
        return not_applicable("nothing marks its work as sensitive")
    return holds() if v.text("cc.tech") else broken()


def whole_card(v: View) -> Answer:
    """Whether the machine gets cards of its own. The size of a shared card has less than one."""
    count = v.number("gpu.count")
    return holds() if count >= 1 else broken(share=f"{count:.3g}")


def endpoint(target: str, part: str) -> str:
    """The lines of a private endpoint that leads to a part of a resource."""
    return (
        'resource "azurerm_private_endpoint" "this" {\n'
        f'  name                = "{part}"\n'
        f"  location            = {target}.location\n"
        f"  resource_group_name = {target}.resource_group_name\n"
        "  subnet_id           = azurerm_subnet.endpoints.id\n"
        "  private_service_connection {\n"
        f'    name                           = "{part}"\n'
        f"    private_connection_resource_id = {target}.id\n"
        f'    subresource_names              = ["{part}"]\n'
        "    is_manual_connection           = false\n"
        "  }\n"
        "}"
    )


def diagnostics(target: str, *categories: str) -> str:
    """The lines of a diagnostic setting that sends log categories of a resource to a workspace."""
    logs = "".join(f'  enabled_log {{\n    category = "{c}"\n  }}\n' for c in categories)
    return (
        'resource "azurerm_monitor_diagnostic_setting" "this" {\n'
        '  name                       = "audit"\n'
        f"  target_resource_id         = {target}\n"
        "  log_analytics_workspace_id = azurerm_log_analytics_workspace.audit.id\n"
        f"{logs}"
        "}"
    )
