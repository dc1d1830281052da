"""Databricks on Azure: workspaces, and what the Databricks provider makes inside them."""

from strongroom.collect.native import Default, Native, Reader, Row, flag, given
from strongroom.collect.tables._azure import (
    cmk,
    docs,
    key_of,
    log_types,
    not_flags,
    private_endpoint,
    satellite,
)
from strongroom.collect.tables._azure_sizes import gpu_count, gpu_model
from strongroom.model.kinds import Kind
from strongroom.model.values import Key, Value

DATABRICKS = docs("databricks_workspace")
DBFS_CMK = (
    "azurerm_databricks_workspace_root_dbfs_customer_managed_key",
    "azurerm_databricks_workspace_customer_managed_key",
)


def _dbfs_key(r: Reader) -> Value:
    for native in DBFS_CMK:
        apart, doubt = satellite(r, native, "workspace_id")
        if apart:
            return key_of("key_vault_key_id")(r.reading(apart[0])) or Key("cmk", apart[0].address)
        if doubt is not None:
            return doubt
    return Key("provider")


def _inside(resource: str, kind: Kind, *rows: Row) -> Native:
    return Native(type=f"databricks_{resource}", kind=kind, provider="databricks", rows=rows, labels_at="custom_tags")


TABLE = (
    Native(
        type="azurerm_databricks_workspace",
        kind=Kind.WORKSPACE,
        provider="azure",
        rows=(
            flag("net.public", "public_network_access_enabled", Default(True, DATABRICKS)),
            not_flags("net.node_addresses", "custom_parameters.no_public_ip", default=Default(False, DATABRICKS)),
            given("net.in_vpc", "custom_parameters.virtual_network_id"),
            Row("enc.key", _dbfs_key),
            cmk("enc.notebook_key", "managed_services_cmk_key_vault_key_id", source=DATABRICKS),
            cmk("enc.volume_key", "managed_disk_cmk_key_vault_key_id", source=DATABRICKS),
            private_endpoint(),
            log_types(),
        ),
    ),
    *(
        Native(
            type=native,
            kind=Kind.OTHER,
            provider="azure",
            rows=(cmk("enc.key", "key_vault_key_id"),),
            refs=(("workspace", "workspace_id"),),
        )
        for native in DBFS_CMK
    ),
    Native(type="azurerm_databricks_access_connector", kind=Kind.IDENTITY, provider="azure"),
    _inside("cluster", Kind.INSTANCE, gpu_model("node_type_id"), gpu_count("node_type_id")),
    _inside("instance_pool", Kind.TEMPLATE, gpu_model("node_type_id"), gpu_count("node_type_id")),
    _inside("job", Kind.JOB),
    _inside("pipeline", Kind.JOB),
    _inside("notebook", Kind.NOTEBOOK),
    _inside("model_serving", Kind.ENDPOINT),
    _inside("model_serving_provisioned_throughput", Kind.ENDPOINT),
    _inside("registered_model", Kind.MODEL),
    _inside("mlflow_model", Kind.MODEL),
    _inside("mlflow_experiment", Kind.JOB),
    _inside("vector_search_endpoint", Kind.INDEX),
    _inside("vector_search_index", Kind.INDEX),
    _inside("online_table", Kind.INDEX),
    _inside("token", Kind.SECRET),
    _inside("secret", Kind.SECRET),
)
