"""Where images, vectors, files and secrets lie: ECR, OpenSearch, S3 Vectors, EFS, FSx, Secrets Manager, parameters."""

import json
from collections.abc import Mapping, Sequence

from strongroom.collect.native import (
    INAPPLICABLE,
    Default,
    Inapplicable,
    Native,
    Reader,
    Row,
    choice,
    flag,
)
from strongroom.collect.tables._aws import (
    SENSITIVE,
    aws_key,
    key_of,
    satellite_statements,
    service,
    statements,
)
from strongroom.collect.tables._aws_arns import arn
from strongroom.collect.tables._aws_links import placed
from strongroom.kit.kleene import Tri, any_of
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.values import Key, Unknown, Value

_TERRAFORM = "https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/"
_ECR = _TERRAFORM + "ecr_repository"
_SEARCH = _TERRAFORM + "opensearch_domain"
_EFS = "https://docs.aws.amazon.com/efs/latest/APIReference/API_CreateFileSystem.html"
_FSX = "https://docs.aws.amazon.com/fsx/latest/APIReference/API_CreateFileSystem.html"
_ENDPOINT = "https://docs.aws.amazon.com/opensearch-service/latest/APIReference/API_DomainEndpointOptions.html"
_SECRETS = "https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html"
_PARAMETERS = "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html"
_VECTORS = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-data-encryption.html"


def _image_key(r: Reader) -> Value:
    """Whose key encrypts images: AES256 is the service's, KMS without a key is `aws/ecr`."""
    blocks = r.blocks("encryption_configuration")
    if isinstance(blocks, Unknown):
        return blocks
    for block in blocks:
        way = r.text("encryption_type", block)
        if isinstance(way, Unknown):
            return way
        if way in ("KMS", "KMS_DSSE"):
            found = key_of(r, block.get("kms_key"))
            return found if found is not None else Key("provider", "alias/aws/ecr")
    return None


def _scanned(r: Reader) -> Value:
    """Whether images are scanned on push, by the repository itself or by the registry's rules for all of them."""
    own = r.flag("image_scanning_configuration.scan_on_push")
    if own is True or isinstance(own, Unknown):
        return own
    for registry in r.pool.of_type("aws_ecr_registry_scanning_configuration"):
        inside = r.reading(registry)
        rules = inside.blocks("rule")
        if isinstance(rules, Unknown):
            return rules
        for rule in rules:
            often = inside.text("scan_frequency", rule) in ("SCAN_ON_PUSH", "CONTINUOUS_SCAN")
            filters = inside.blocks("repository_filter", rule)
            if often and not isinstance(filters, Unknown) and any(f.get("filter") == "*" for f in filters):
                return True
    return own


_OF_TLS = {
    "Policy-Min-TLS-1-0-2019-07": "1.0",
    "Policy-Min-TLS-1-2-2019-07": "1.2",
    "Policy-Min-TLS-1-2-PFS-2023-10": "1.2",
    "Policy-Min-TLS-1-2-RFC9151-FIPS-2024-08": "1.2",
}


def _between_nodes(r: Reader) -> Value | Inapplicable:
    """Whether nodes talk in TLS; no question where there is one node and nobody switched it off."""
    said = r.flag("node_to_node_encryption.enabled")
    nodes = r.number("cluster_config.instance_count")
    if said is None and (nodes is None or (isinstance(nodes, float) and nodes <= 1)):
        return True
    return said if said is not None or not isinstance(nodes, Unknown) else nodes


def _https_only(r: Reader) -> Value:
    """Whether a domain refuses plain HTTP. Terraform switches it on within the block; without the block it is off."""
    said = r.flag("domain_endpoint_options.enforce_https")
    return True if said is None and r.given("domain_endpoint_options") is True else said


def _in_vpc(r: Reader) -> Value:
    return r.given("vpc_options")


_DOMAIN = (
    service("opensearch"),
    flag("enc.at_rest", "encrypt_at_rest.enabled", Default(False, _SEARCH + "#encrypt_at_rest")),
    aws_key("enc.key", "encrypt_at_rest.kms_key_id", Default(Key("provider", "alias/aws/es"), _SEARCH)),
    Row("enc.in_transit", _between_nodes, Default(False, _SEARCH + "#node_to_node_encryption")),
    Row("tls.only", _https_only, Default(False, _ENDPOINT)),
    choice("tls.min", "domain_endpoint_options.tls_security_policy", _OF_TLS, Default("1.0", _ENDPOINT)),
    Row("net.in_vpc", _in_vpc),
    flag("auth.fine_grained", "advanced_security_options.enabled", Default(False, _SEARCH)),
    SENSITIVE,
    *placed("vpc_options.subnet_ids", "vpc_options.security_group_ids"),
)


def _domain(native: str, policy: str) -> Native:
    def who(r: Reader) -> Value:
        own = statements(r, "access_policies")
        return own if own is not None else satellite_statements(r, policy, "domain_name", "access_policies")

    return Native(
        type=native,
        kind=Kind.SEARCH,
        provider="aws",
        rows=(*_DOMAIN, Row("resource.statements", who)),
        name_at=("domain_name", "id"),
        refs=(("subnet", "vpc_options.subnet_ids"), ("firewall", "vpc_options.security_group_ids")),
    )


def _rules(r: Reader) -> Sequence[Mapping[str, object]] | Unknown:
    """The rules of an OpenSearch Serverless policy, which is a JSON document: an object or a list of them."""
    said = r.text("policy")
    if said is None or isinstance(said, Unknown):
        return said or Unknown(GapCode.UNDECIDED, "the policy has no value")
    try:
        parsed = json.loads(said)
    except ValueError:
        return Unknown(GapCode.MALFORMED, "the policy is not JSON")
    items = parsed if isinstance(parsed, list) else [parsed]
    if not all(isinstance(i, Mapping) for i in items):
        return Unknown(GapCode.UNDECIDED, "a part of the policy has no value")
    return items


def _serverless_public(r: Reader) -> Value | Inapplicable:
    """Whether a network policy lets the public internet reach the collections that it names."""
    if r.text("type") != "network":
        return INAPPLICABLE
    rules = _rules(r)
    if isinstance(rules, Unknown):
        return rules
    return any_of(_said(rule, "AllowFromPublic") for rule in rules)


def _said(rule: Mapping[str, object], name: str) -> Tri:
    value = rule.get(name, False)
    return value if isinstance(value, bool) else Unknown(GapCode.UNDECIDED, f"{name} has no value")


def _serverless_key(r: Reader) -> Value | Inapplicable:
    """Whose key an encryption policy gives to the collections that it names."""
    if r.text("type") != "encryption":
        return INAPPLICABLE
    rules = _rules(r)
    if isinstance(rules, Unknown):
        return rules
    for rule in rules:
        if rule.get("AWSOwnedKey") is True:
            return Key("provider", "aws owned")
        if rule.get("KmsARN"):
            return key_of(r, rule["KmsARN"])
    return Unknown(GapCode.UNDECIDED, "the policy names no key that is known")


def _volume(native: str, *rows: Row, name: str = "id") -> Native:
    return Native(
        type=native,
        kind=Kind.FILE_SYSTEM,
        provider="aws",
        rows=(*rows, SENSITIVE),
        name_at=(name, "id"),
        refs=(("key", "kms_key_id"), ("subnet", "subnet_ids")),
    )


def _encrypted_files(r: Reader) -> Value:
    """Whether an EFS file system is encrypted: by its own word; a replica and a file system with a key always are."""
    said = r.flag("encrypted")
    return True if said is None and r.given("kms_key_id") is True else said


def _files_key(r: Reader) -> Value:
    own = key_of(r, r.at("kms_key_id"))
    if own is not None:
        return own
    state = _encrypted_files(r)
    if isinstance(state, Unknown):
        return state
    return Key("provider", "alias/aws/elasticfilesystem") if state else Key("none")


_FSX_KEY = Default(Key("provider", "alias/aws/fsx"), _FSX)


def _secret_policy(r: Reader) -> Value:
    own = statements(r, "policy")
    return own if own is not None else satellite_statements(r, "aws_secretsmanager_secret_policy", "secret_arn")


def _parameter_key(r: Reader) -> Value | Inapplicable:
    kind = r.text("type")
    if isinstance(kind, str) and kind != "SecureString":
        return INAPPLICABLE
    return key_of(r, r.at("key_id"))


def _vector_key(r: Reader) -> Value:
    way = r.text("encryption_configuration.sse_type")
    found = key_of(r, r.at("encryption_configuration.kms_key_arn"))
    return way if isinstance(way, Unknown) and found is None else found


TABLE = (
    Native(
        type="aws_ecr_repository",
        kind=Kind.REGISTRY,
        provider="aws",
        rows=(
            choice(
                "registry.immutable",
                "image_tag_mutability",
                {
                    "IMMUTABLE": True,
                    "MUTABLE": False,
                    "IMMUTABLE_WITH_EXCLUSION": False,
                    "MUTABLE_WITH_EXCLUSION": False,
                },
                Default(False, _ECR),
            ),
            Row("registry.scan", _scanned, Default(False, _ECR)),
            Row("enc.key", _image_key, Default(Key("provider", "AES256"), _ECR)),
            Row("resource.statements", lambda r: satellite_statements(r, "aws_ecr_repository_policy", "repository")),
            arn("ecr", "repository/", "name"),
        ),
        refs=(("key", "encryption_configuration.kms_key"),),
    ),
    Native(
        type="aws_ecr_repository_policy",
        kind=Kind.POLICY,
        provider="aws",
        rows=(Row("resource.statements", lambda r: statements(r, "policy")),),
        name_at=("repository", "id"),
        refs=(("registry", "repository"),),
    ),
    Native(type="aws_ecrpublic_repository", kind=Kind.REGISTRY, provider="aws", name_at=("repository_name", "id")),
    _domain("aws_opensearch_domain", "aws_opensearch_domain_policy"),
    _domain("aws_elasticsearch_domain", "aws_elasticsearch_domain_policy"),
    Native(type="aws_opensearchserverless_collection", kind=Kind.SEARCH, provider="aws"),
    Native(
        type="aws_opensearchserverless_security_policy",
        kind=Kind.POLICY,
        provider="aws",
        rows=(Row("collections.public", _serverless_public), Row("collections.key", _serverless_key)),
    ),
    Native(type="aws_opensearchserverless_access_policy", kind=Kind.POLICY, provider="aws"),
    Native(type="aws_opensearchserverless_vpc_endpoint", kind=Kind.PRIVATE_ENDPOINT, provider="aws"),
    Native(
        type="aws_s3vectors_vector_bucket",
        kind=Kind.SEARCH,
        provider="aws",
        rows=(
            service("s3vectors"),
            Row("enc.key", _vector_key, Default(Key("provider", "AES256"), _VECTORS)),
            Row(
                "resource.statements",
                lambda r: satellite_statements(r, "aws_s3vectors_vector_bucket_policy", "vector_bucket_arn"),
            ),
        ),
        name_at=("vector_bucket_name", "id"),
    ),
    Native(
        type="aws_s3vectors_index",
        kind=Kind.INDEX,
        provider="aws",
        name_at=("index_name", "id"),
        refs=(("store", "vector_bucket_name"),),
    ),
    _volume(
        "aws_efs_file_system",
        Row("enc.at_rest", _encrypted_files, Default(False, _EFS)),
        Row("enc.key", _files_key),
        name="creation_token",
    ),
    *(
        _volume(native, Row("enc.at_rest", lambda _: True), aws_key("enc.key", "kms_key_id", _FSX_KEY))
        for native in (
            "aws_fsx_lustre_file_system",
            "aws_fsx_ontap_file_system",
            "aws_fsx_openzfs_file_system",
            "aws_fsx_windows_file_system",
            "aws_fsx_file_cache",
        )
    ),
    Native(
        type="aws_secretsmanager_secret",
        kind=Kind.SECRET,
        provider="aws",
        rows=(
            service("secretsmanager"),
            aws_key("enc.key", "kms_key_id", Default(Key("provider", "alias/aws/secretsmanager"), _SECRETS)),
            Row("resource.statements", _secret_policy),
            arn("secretsmanager", "secret:", "name"),
        ),
        refs=(("key", "kms_key_id"),),
    ),
    Native(
        type="aws_secretsmanager_secret_policy",
        kind=Kind.POLICY,
        provider="aws",
        rows=(Row("resource.statements", lambda r: statements(r, "policy")),),
        name_at=("secret_arn", "id"),
    ),
    Native(
        type="aws_ssm_parameter",
        kind=Kind.SECRET,
        provider="aws",
        rows=(
            service("ssm"),
            Row("enc.key", _parameter_key, Default(Key("provider", "alias/aws/ssm"), _PARAMETERS)),
            arn("ssm", "parameter/", "name"),
        ),
    ),
)
