"""Make a Terraform plan of any size: a mixed AI estate, the same for the same number every time."""

import json
import random
import sys
from collections.abc import Callable
from pathlib import Path

Values = dict[str, object]


def notebook(i: int, pick: random.Random) -> tuple[str, Values]:
    """A notebook with the settings that people get wrong."""
    return "aws_sagemaker_notebook_instance", {
        "name": f"notebook-{i}",
        "instance_type": "ml.g5.xlarge",
        "role_arn": f"arn:aws:iam::111122223333:role/notebook-{i % 50}",
        "direct_internet_access": pick.choice(["Enabled", "Disabled"]),
        "root_access": pick.choice(["Enabled", "Disabled"]),
        "kms_key_id": pick.choice([None, "arn:aws:kms:eu-west-1:111122223333:key/1f2e"]),
        "subnet_id": pick.choice([None, f"subnet-{i % 20}"]),
        "instance_metadata_service_configuration": [{"minimum_instance_metadata_service_version": "2"}],
        "tags": {"team": f"t{i % 9}"},
    }


def bucket(i: int, _pick: random.Random) -> tuple[str, Values]:
    """A bucket for weights."""
    return "aws_s3_bucket", {"bucket": f"weights-{i}", "force_destroy": False, "tags": {"artifact": "weights"}}


def access_block(i: int, pick: random.Random) -> tuple[str, Values]:
    """The access block of the bucket before it."""
    flags = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
    return "aws_s3_bucket_public_access_block", {
        "bucket": f"weights-{i - 1}",
        **{flag: pick.random() < 0.8 for flag in flags},
    }


def security_group(i: int, pick: random.Random) -> tuple[str, Values]:
    """A security group with one rule each way."""
    rule = {"protocol": "tcp", "ipv6_cidr_blocks": [], "prefix_list_ids": [], "security_groups": [], "self": False}
    ports = pick.choice([22, 443, 8888])
    source = pick.choice(["0.0.0.0/0", "10.0.0.0/8"])
    everything = {"from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"]}
    return "aws_security_group", {
        "name": f"sg-{i}",
        "ingress": [{**rule, "from_port": ports, "to_port": ports, "cidr_blocks": [source]}],
        "egress": [{**rule, **everything, "protocol": "-1"}],
    }


def policy(i: int, pick: random.Random) -> tuple[str, Values]:
    """An IAM policy, sometimes far too wide."""
    action = pick.choice(["sagemaker:*", "s3:GetObject", ["kms:Decrypt", "s3:*"], "*"])
    resource = pick.choice(["*", "arn:aws:s3:::weights-1/*"])
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return "aws_iam_policy", {"name": f"policy-{i}", "path": "/", "policy": document}


def instance(i: int, pick: random.Random) -> tuple[str, Values]:
    """A machine, perhaps with GPUs."""
    return "aws_instance", {
        "ami": "ami-1",
        "instance_type": pick.choice(["p5.48xlarge", "g6e.xlarge", "m7i.large"]),
        "subnet_id": f"subnet-{i % 20}",
        "associate_public_ip_address": pick.random() < 0.3,
        "metadata_options": [{"http_tokens": pick.choice(["required", "optional"]), "http_endpoint": "enabled"}],
        "root_block_device": [{"encrypted": pick.random() < 0.7}],
    }


def cluster(i: int, pick: random.Random) -> tuple[str, Values]:
    """A cluster with its endpoint."""
    types = pick.choice([[], ["api", "audit", "authenticator", "controllerManager", "scheduler"]])
    endpoint = {"endpoint_public_access": pick.random() < 0.5, "endpoint_private_access": True}
    return "aws_eks_cluster", {
        "name": f"cluster-{i}",
        "version": "1.33",
        "enabled_cluster_log_types": types,
        "vpc_config": [{**endpoint, "public_access_cidrs": [pick.choice(["0.0.0.0/0", "10.0.0.0/8"])]}],
        "encryption_config": pick.choice([[], [{"provider": [{"key_arn": "k"}], "resources": ["secrets"]}]]),
    }


def key(i: int, pick: random.Random) -> tuple[str, Values]:
    """A key with a policy."""
    statement = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::1:root"}, "Action": "kms:*", "Resource": "*"}
    return "aws_kms_key", {
        "description": f"key {i}",
        "enable_key_rotation": pick.random() < 0.5,
        "policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    }


def workspace(i: int, pick: random.Random) -> tuple[str, Values]:
    """An Azure ML workspace."""
    return "azurerm_machine_learning_workspace", {
        "name": f"ml{i}",
        "public_network_access_enabled": pick.random() < 0.5,
        "high_business_impact": True,
        "identity": [{"type": "SystemAssigned"}],
    }


def node_pool(i: int, pick: random.Random) -> tuple[str, Values]:
    """A GKE pool of GPU nodes."""
    shielded = {"enable_secure_boot": pick.random() < 0.5, "enable_integrity_monitoring": True}
    return "google_container_node_pool", {
        "name": f"pool-{i}",
        "cluster": "c",
        "node_config": [
            {
                "machine_type": "a3-highgpu-8g",
                "guest_accelerator": [{"type": "nvidia-h100-80gb", "count": 8}],
                "shielded_instance_config": [shielded],
            }
        ],
    }


MAKERS: tuple[Callable[[int, random.Random], tuple[str, Values]], ...] = (
    notebook,
    bucket,
    access_block,
    security_group,
    policy,
    instance,
    cluster,
    key,
    workspace,
    node_pool,
)
PROVIDERS = {"aws": "aws", "azurerm": "azurerm", "google": "google"}


def plan(resources: int, path: Path) -> None:
    """Write a plan of that many resources, record by record, so that the generator stays small too."""
    pick = random.Random(7)
    rows = []
    for i in range(resources):
        native, values = MAKERS[i % len(MAKERS)](i, pick)
        rows.append((f"{native}.r{i}", native, f"r{i}", values))
    with path.open("w", encoding="utf-8") as f:
        f.write('{"format_version":"1.2","terraform_version":"1.9.5","planned_values":{"root_module":{"resources":[')
        f.write(",".join(json.dumps(_planned(*r)) for r in rows))
        f.write(']}},"resource_changes":[')
        f.write(",".join(json.dumps(_change(*r)) for r in rows))
        f.write("]" + ',"configuration":{"root_module":{"resources":[')
        f.write(",".join(json.dumps(_configured(*r)) for r in rows))
        f.write("]}}}")


def _planned(address: str, native: str, name: str, values: Values) -> Values:
    provider = PROVIDERS[native.partition("_")[0]]
    head = {"address": address, "mode": "managed", "type": native, "name": name, "provider_name": provider}
    return {**head, "schema_version": 0, "values": values, "sensitive_values": {}}


def _change(address: str, native: str, name: str, values: Values) -> Values:
    change = {"actions": ["create"], "before": None, "after": values, "after_unknown": {"id": True, "arn": True}}
    secrets = {"before_sensitive": False, "after_sensitive": {}}
    return {"address": address, "mode": "managed", "type": native, "name": name, "change": {**change, **secrets}}


def _configured(address: str, native: str, name: str, _values: Values) -> Values:
    return {"address": address, "mode": "managed", "type": native, "name": name, "expressions": {}}


if __name__ == "__main__":
    plan(int(sys.argv[1]), Path(sys.argv[2]))
