"""S3, ECR, OpenSearch, S3 Vectors, EFS, FSx, Secrets Manager and parameters."""

from collections.abc import Iterator

from strongroom.collect.cloudformation.scope import Open
from strongroom.collect.cloudformation.shape import Part, Shape, Values, each, equals, page, renamed
from strongroom.collect.native import INAPPLICABLE, Default, Inapplicable, Reader, Row
from strongroom.collect.resource import Link
from strongroom.kit.kleene import Tri, all_of, any_of
from strongroom.model.values import Unknown, Value

# Template Reference, AWS::S3::Bucket, `AccessControl`, and the canned ACL of S3 that each word stands for.
_ACLS = {
    "authenticatedread": "authenticated-read",
    "awsexecread": "aws-exec-read",
    "bucketownerfullcontrol": "bucket-owner-full-control",
    "bucketownerread": "bucket-owner-read",
    "logdeliverywrite": "log-delivery-write",
    "private": "private",
    "publicread": "public-read",
    "publicreadwrite": "public-read-write",
}
_CLOSED = frozenset({"private", "bucket-owner-read", "bucket-owner-full-control", "log-delivery-write"})
_SWITCHES = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
_BLOCK = "public_access_block_configuration"


def _bucket(values: Values) -> None:
    acl = values.pop("access_control", None)
    if acl is not None:
        values["acl"] = _ACLS.get(acl.lower(), acl) if isinstance(acl, str) else acl
    rules = values.pop("bucket_encryption", None)
    if rules is not None:
        values["server_side_encryption_configuration"] = _encryption(rules)
    status = values.pop("versioning_configuration", None)
    if status is not None:
        said = status.get("status") if isinstance(status, dict) else status
        values["versioning"] = {"enabled": equals(said, "enabled")}


def _encryption(raw: object) -> object:
    if not isinstance(raw, dict):
        return raw
    named = renamed(apply_server_side_encryption_by_default="server_side_encryption_by_default")
    return {"rule": each(raw.get("server_side_encryption_configuration"), named)}


def _of_bucket(values: Values, owner: Link) -> Iterator[Part]:
    block = values.get(_BLOCK)
    known: Values = {"bucket": owner}
    if isinstance(block, dict):
        known = Open({**block, **known}, block.why) if isinstance(block, Open) else {**block, **known}
    elif isinstance(block, Unknown):
        known = Open(known, block)
    yield Part("aws_s3_bucket_public_access_block", "PublicAccessBlockConfiguration", known, shown=True)
    controls = values.get("ownership_controls")
    if controls is not None:
        rule = controls.get("rules") if isinstance(controls, dict) else controls
        yield Part("aws_s3_bucket_ownership_controls", "OwnershipControls", {"bucket": owner, "rule": rule})


def _declared_private(r: Reader) -> Value | Inapplicable:
    """Whether the template itself keeps the public out: by a whole access block, owner's ACLs only, or a closed ACL."""
    if r.resource.scheme != "cloudformation":
        return INAPPLICABLE
    switches = (r.flag(f"{_BLOCK}.{name}") for name in _SWITCHES)
    whole = all_of([False if s is None else s for s in switches])
    owner = r.text("ownership_controls.rules.object_ownership")
    enforced: Tri = owner if isinstance(owner, Unknown) else owner == "BucketOwnerEnforced"
    acl = r.text("acl")
    closed: Tri = acl if isinstance(acl, Unknown) else acl in _CLOSED
    return any_of((whole, enforced, closed))


def _repository(values: Values, owner: Link) -> Iterator[Part]:
    policy = values.get("repository_policy_text")
    if policy is not None:
        yield Part("aws_ecr_repository_policy", "RepositoryPolicyText", {"repository": owner, "policy": policy})


def _scanning(values: Values) -> None:
    named = renamed(repository_filter="repository_filters")
    values["rule"] = each(values.pop("rules", None), named)


def _domain(values: Values) -> None:
    options = values.get("domain_endpoint_options")
    if isinstance(options, dict) and not isinstance(options, Open):
        options.setdefault("enforce_https", False)  # within the block, too, CloudFormation leaves it off


def _between_nodes(r: Reader) -> Value:
    """Whether nodes talk in TLS. Silence on their number is no word of there being one (ClusterConfig, InstanceCount)."""
    said = r.flag("node_to_node_encryption.enabled")
    if said is not None:
        return said
    nodes = r.number("cluster_config.instance_count")
    return nodes if isinstance(nodes, Unknown) else True if nodes == 1 else None


_SEARCH = (
    ("encryption_at_rest_options", "encrypt_at_rest"),
    ("node_to_node_encryption_options", "node_to_node_encryption"),
    ("elasticsearch_cluster_config", "cluster_config"),
)


def _search(native: str, table: str) -> Shape:
    row = Row("enc.in_transit", _between_nodes, Default(False, page(native)))
    return Shape(type=native, native=table, moves=_SEARCH, make=_domain, rows=(row,))


_FSX = {
    "LUSTRE": "aws_fsx_lustre_file_system",
    "ONTAP": "aws_fsx_ontap_file_system",
    "OPENZFS": "aws_fsx_openzfs_file_system",
    "WINDOWS": "aws_fsx_windows_file_system",
}


def _fsx(values: Values) -> str:
    return _FSX.get(str(values.get("file_system_type")).upper(), "aws_fsx_windows_file_system")


SHAPES = (
    Shape(
        type="AWS::S3::Bucket",
        native="aws_s3_bucket",
        moves=(
            ("bucket_name", "bucket"),
            ("logging_configuration", "logging"),
            ("logging.destination_bucket_name", "logging.target_bucket"),
        ),
        make=_bucket,
        parts=_of_bucket,
        rows=(Row("access.declared", _declared_private),),
    ),
    Shape(
        type="AWS::S3::BucketPolicy",
        native="aws_s3_bucket_policy",
        moves=(("policy_document", "policy"),),
        required=("PolicyDocument",),
    ),
    Shape(type="AWS::S3::AccessPoint", native="aws_s3_access_point"),
    Shape(
        type="AWS::S3Express::DirectoryBucket",
        native="aws_s3_directory_bucket",
        moves=(("bucket_name", "bucket"),),
    ),
    Shape(
        type="AWS::ECR::Repository",
        native="aws_ecr_repository",
        moves=(("repository_name", "name"),),
        parts=_repository,
    ),
    Shape(type="AWS::ECR::PublicRepository", native="aws_ecrpublic_repository"),
    Shape(
        type="AWS::ECR::RegistryScanningConfiguration", native="aws_ecr_registry_scanning_configuration", make=_scanning
    ),
    _search("AWS::OpenSearchService::Domain", "aws_opensearch_domain"),
    _search("AWS::Elasticsearch::Domain", "aws_elasticsearch_domain"),
    Shape(type="AWS::OpenSearchServerless::Collection", native="aws_opensearchserverless_collection"),
    Shape(
        type="AWS::OpenSearchServerless::SecurityPolicy",
        native="aws_opensearchserverless_security_policy",
        required=("Type", "Policy"),
    ),
    Shape(type="AWS::OpenSearchServerless::AccessPolicy", native="aws_opensearchserverless_access_policy"),
    Shape(type="AWS::OpenSearchServerless::VpcEndpoint", native="aws_opensearchserverless_vpc_endpoint"),
    Shape(type="AWS::S3Vectors::VectorBucket", native="aws_s3vectors_vector_bucket"),
    Shape(
        type="AWS::S3Vectors::VectorBucketPolicy",
        native="aws_s3vectors_vector_bucket_policy",
        moves=(("vector_bucket_name", "vector_bucket_arn"),),
    ),
    Shape(type="AWS::S3Vectors::Index", native="aws_s3vectors_index"),
    Shape(type="AWS::EFS::FileSystem", native="aws_efs_file_system", moves=(("file_system_tags", "tags"),)),
    Shape(type="AWS::FSx::FileSystem", native=_fsx),
    Shape(type="AWS::SecretsManager::Secret", native="aws_secretsmanager_secret"),
    Shape(
        type="AWS::SecretsManager::ResourcePolicy",
        native="aws_secretsmanager_secret_policy",
        moves=(("secret_id", "secret_arn"), ("resource_policy", "policy")),
        required=("ResourcePolicy",),
    ),
    Shape(type="AWS::SSM::Parameter", native="aws_ssm_parameter", required=("Type",)),
)
