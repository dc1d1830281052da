"""Azure Machine Learning's endpoints and data stores."""

from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import View, check

INFERENCE = "azurerm_machine_learning_inference_cluster"
STORE = "azurerm_machine_learning_datastore_blobstorage"
AZAPI = "azapi_resource"
ENDPOINTS = (Kind.ENDPOINT,)
SHOW = "az ml online-endpoint show -n <endpoint> -w <workspace> -g <group> --query"


@check(
    id="enc.inference-cluster.tls",
    title="The inference cluster serves over TLS",
    clause="ART-02.refuses-plaintext",
    kinds=ENDPOINTS,
    needs=("tls.only", "identity.managed"),
    severity=Severity.HIGH,
    fix=Fix(
        "Give the cluster a certificate.",
        ((INFERENCE, 'ssl {\n  leaf_domain_label = "inference"\n}'),),
        "",
        "az ml compute show -n <compute> -w <workspace> -g <group>",
        Effort.MEDIUM,
    ),
    broken="prompts, answers and keys travel over plain HTTP",
)
def tls(v: View) -> bool:
    """Whoever sits on the path reads the prompts and takes the key of the endpoint with him."""
    return v.flag("tls.only")


@check(
    id="iam.online-endpoint.keys",
    title="The online endpoint takes tokens that expire, and no key",
    clause="IAM-03.central-identity",
    kinds=ENDPOINTS,
    needs=("auth.keys",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Ask for a token of Entra ID.",
        ((AZAPI, 'body = { properties = { authMode = "AADToken" } }'),),
        "az ml online-endpoint update -n <endpoint> -w <workspace> -g <group> --set auth_mode=aad_token",
        f"{SHOW} auth_mode",
    ),
    broken="one of two keys opens the endpoint for ever",
)
def keys(v: View) -> bool:
    """A key of an endpoint ends in a repository or a notebook; it has no owner and no end."""
    return not v.flag("auth.keys")


@check(
    id="net.online-endpoint.public",
    title="The online endpoint has no public address",
    clause="NET-01.not-exposed",
    kinds=ENDPOINTS,
    needs=("net.public", "auth.keys"),
    severity=Severity.HIGH,
    fix=Fix(
        "Switch public access off; callers come through the workspace's private endpoint or a gateway.",
        ((AZAPI, 'body = { properties = { publicNetworkAccess = "Disabled" } }'),),
        "az ml online-endpoint update -n <endpoint> -w <workspace> -g <group> --set public_network_access=disabled",
        f"{SHOW} public_network_access",
    ),
    broken="the internet reaches the model's endpoint",
)
def public(v: View) -> bool:
    """An endpoint on the internet is probed, copied query by query, and paid for by its owner."""
    return not v.flag("net.public")


@check(
    id="iam.datastore.keys",
    title="The data store is reached by identity, and not by a stored secret",
    clause="IAM-03.central-identity",
    kinds=(Kind.DATASET,),
    needs=("auth.local",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Leave the key out and let jobs use their own identities.",
        ((STORE, 'service_data_auth_identity = "WorkspaceSystemAssignedIdentity"'),),
        "",
        "az ml datastore show -n <store> -w <workspace> -g <group>",
        Effort.MEDIUM,
    ),
    broken="a key or token is stored in the workspace, where every user of it can read it",
)
def datastore_keys(v: View) -> bool:
    """A secret in a data store opens the whole account for every notebook of the workspace."""
    return not v.flag("auth.local")


CHECKS = (tls, keys, public, datastore_keys)
