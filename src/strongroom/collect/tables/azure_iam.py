"""Who may do what in Azure: roles, their assignments, and the identities that they are assigned to."""

from collections.abc import Callable

from strongroom.collect.native import Native, Reader, Row, text, texts
from strongroom.collect.resource import Link, undecided
from strongroom.collect.tables._azure import in_group
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Value

_DEFINITION = "permissions."


def _named(*paths: str) -> Callable[[Reader], Value]:
    """A text, or the address of the block that another attribute comes from."""

    def read(r: Reader) -> Value:
        for path in paths:
            raw = r.at(path)
            if isinstance(raw, Link):
                return raw.address
            if isinstance(raw, str) and raw:
                doubt = undecided(raw)
                inner = raw.removeprefix("${").removesuffix("}")
                return raw if doubt is None else inner if raw == f"${{{inner}}}" and "$" not in inner else doubt
            if isinstance(raw, Unknown):
                return raw
        return Unknown(GapCode.ABSENT, f"it names no {paths[0]}")

    return read


TABLE = (
    Native(
        type="azurerm_role_assignment",
        kind=Kind.GRANT,
        provider="azure",
        name_at=("role_definition_name", "name"),
        rows=(
            Row("azure.role", _named("role_definition_name", "role_definition_id")),
            Row("azure.scope", _named("scope")),
            Row("azure.principal", _named("principal_id")),
            text("azure.condition", "condition"),
        ),
    ),
    Native(
        type="azurerm_role_definition",
        kind=Kind.POLICY,
        provider="azure",
        rows=(
            texts("azure.actions", _DEFINITION + "actions"),
            texts("azure.not_actions", _DEFINITION + "not_actions"),
            texts("azure.data_actions", _DEFINITION + "data_actions"),
            texts("azure.not_data_actions", _DEFINITION + "not_data_actions"),
        ),
    ),
    Native(type="azurerm_resource_group", kind=Kind.OTHER, provider="azure", name_at=("name",)),
    Native(type="azurerm_user_assigned_identity", kind=Kind.IDENTITY, provider="azure", rows=(in_group(),)),
    Native(
        type="azurerm_federated_identity_credential",
        kind=Kind.GRANT,
        provider="azure",
        rows=(text("federation.issuer", "issuer"), text("federation.condition", "subject")),
        refs=(("identity", "parent_id"),),
    ),
    *(
        Native(type=f"azuread_{kind}", kind=Kind.IDENTITY, provider="azure", name_at=(name, "display_name"))
        for kind, name in (
            ("user", "user_principal_name"),
            ("group", "display_name"),
            ("service_principal", "display_name"),
        )
    ),
)
