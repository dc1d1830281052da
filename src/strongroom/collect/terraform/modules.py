"""Public modules whose main resource is known: what an unfetched call to one of them stands for.

The facts of such an asset are unknown, and name the module that is missing, but for those that the call itself tells
(see `inputs`). That is still better than nothing: a cluster that nobody may look into belongs in the inventory. Names are those of the public Terraform registry.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from msgspec import structs

from strongroom.collect.native import Native, build
from strongroom.collect.resource import Pool, Resource
from strongroom.collect.terraform.inputs import attributes, plain
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset, Fact
from strongroom.model.values import Unknown

MODULES: tuple[tuple[str, str], ...] = (
    (r"terraform-aws-modules/eks/aws(//modules/(?!eks-managed|self-managed|fargate).*)?$", "aws_eks_cluster"),
    (r"terraform-aws-modules/eks/aws//modules/(eks|self)-managed-node-group", "aws_eks_node_group"),
    (r"terraform-aws-modules/vpc/aws$", "aws_vpc"),
    (r"terraform-aws-modules/s3-bucket/aws$", "aws_s3_bucket"),
    (r"terraform-aws-modules/kms/aws$", "aws_kms_key"),
    (r"terraform-aws-modules/ec2-instance/aws$", "aws_instance"),
    (r"terraform-aws-modules/security-group/aws", "aws_security_group"),
    (r"terraform-aws-modules/alb/aws$", "aws_lb"),
    (r"terraform-aws-modules/opensearch/aws$", "aws_opensearch_domain"),
    (r"terraform-aws-modules/ecr/aws$", "aws_ecr_repository"),
    (r"aws-ia/sagemaker-endpoint/aws$", "aws_sagemaker_endpoint"),
    (r"Azure/aks/azurerm|Azure/avm-(res|ptn)-(containerservice-managedcluster|aks)", "azurerm_kubernetes_cluster"),
    (r"Azure/avm-res-machinelearningservices-workspace", "azurerm_machine_learning_workspace"),
    (r"Azure/avm-res-cognitiveservices-account|Azure/openai/azurerm", "azurerm_cognitive_account"),
    (r"Azure/avm-res-keyvault-vault", "azurerm_key_vault"),
    (r"Azure/avm-res-storage-storageaccount", "azurerm_storage_account"),
    (r"terraform-google-modules/kubernetes-engine/google", "google_container_cluster"),
    (r"terraform-google-modules/cloud-storage/google", "google_storage_bucket"),
    (r"terraform-google-modules/kms/google", "google_kms_crypto_key"),
    (r"terraform-google-modules/network/google", "google_compute_network"),
    (r"GoogleCloudPlatform/vertex-ai/google", "google_workbench_instance"),
)

MODE = "module"

_ANNOUNCED = {
    # module source, input -> the submodule that makes one resource for every key of the input
    (
        "terraform-aws-modules/eks/aws",
        "eks_managed_node_groups",
    ): "terraform-aws-modules/eks/aws//modules/eks-managed-node-group",
    (
        "terraform-aws-modules/eks/aws",
        "self_managed_node_groups",
    ): "terraform-aws-modules/eks/aws//modules/self-managed-node-group",
}


def announced(call: Resource, inputs: Mapping[str, object]) -> Iterator[Resource]:
    """What the inputs of an unfetched call say that it will make: one node pool for every key of its node groups."""
    for (source, name), makes in _ANNOUNCED.items():
        groups = inputs.get(name)
        if call.type == source and isinstance(groups, Mapping):
            for key in groups:
                address = f'{call.address}.{name}["{key}"]'
                said = {**_mapping(inputs.get(name.replace("_groups", "_group_defaults"))), **_mapping(groups[key])}
                yield Resource(address, makes, str(key), plain(said), call.where, mode=MODE, module=call.address)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def native_of(source: str, known: dict[str, Native]) -> Native | None:
    """The native type that a call of this module source makes, when a table knows it."""
    bare = re.sub(r"^registry\.[a-z.]+/", "", source)
    return next((known[t] for pattern, t in MODULES if re.match(pattern, bare) and t in known), None)


def asset(call: Resource, native: Native, source: str) -> Asset:
    """The asset of an unfetched call: every fact that the call does not tell is unknown, for the same reason."""
    why = Unknown(GapCode.NOT_FETCHED, f"module {call.type} was not read; run terraform init, or assess the plan")
    values, told = attributes(native.type, call.values, why)
    read = build(native, replace(call, values=values), Pool((call,)), source).facts
    return Asset(
        id=call.id,
        kind=native.kind,
        native_type=native.type,
        address=call.address,
        provider=native.provider,
        name=call.name,
        facts={name: fact for row in native.rows if (fact := _fact(name := row.fact, told, read, why, source))},
        where=call.where,
        origin=source,
        skips=call.skips,
    )


def _fact(name: str, told: Mapping[str, str], read: Mapping[str, Fact], why: Unknown, source: str) -> Fact | None:
    """A fact as the call tells it; None where what it tells makes the fact pointless."""
    if name not in told:
        return Fact(name, why, None, source)
    found = read.get(name)
    return found if found is None or not told[name] else structs.replace(found, default_of=told[name])
