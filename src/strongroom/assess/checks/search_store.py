"""OpenSearch and its kin, used as vector stores: domains, serverless collections, S3 vector buckets."""

from strongroom.assess.checks._keys import customer_key
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds

KINDS = (Kind.SEARCH,)
DOMAIN, OLD = "aws_opensearch_domain", "aws_elasticsearch_domain"
SERVERLESS = "aws_opensearchserverless_security_policy"
SEE = "aws opensearch describe-domain --domain-name <name> --query DomainStatus."
REST = "encrypt_at_rest {\n  enabled    = true\n  kms_key_id = aws_kms_key.search.arn\n}"
BETWEEN = "node_to_node_encryption {\n  enabled = true\n}"
HTTPS = (
    "domain_endpoint_options {\n  enforce_https       = true\n"
    '  tls_security_policy = "Policy-Min-TLS-1-2-PFS-2023-10"\n}'
)
INSIDE = (
    "vpc_options {\n  subnet_ids         = aws_subnet.private[*].id\n"
    "  security_group_ids = [aws_security_group.search.id]\n}"
)


@check(
    id="enc.search.at-rest",
    title="The search domain is encrypted",
    clause="ART-01.stores-cmk",
    kinds=KINDS,
    needs=("aws.service", "enc.at_rest"),
    severity=Severity.HIGH,
    fix=Fix("Switch encryption at rest on.", ((DOMAIN, REST), (OLD, REST)), verify=SEE + "EncryptionAtRestOptions"),
    broken="it is not encrypted",
    equivalents=(
        "checkov:CKV_AWS_5",
        "trivy:AWS-0048",
        "guard:OPENSEARCH_ENCRYPTED_AT_REST",
        "prowler:opensearch_service_domains_encryption_at_rest_enabled",
    ),
)
def at_rest(v: View) -> bool:
    """Embeddings give much of their text back: an index in plain text is the documents in plain text."""
    return v.flag("enc.at_rest")


@check(
    id="enc.search.cmk",
    title="The vector store is encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=KINDS,
    needs=("aws.service", "enc.key"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a KMS key of your own.",
        (
            (DOMAIN, REST),
            (OLD, REST),
            (
                "aws_s3vectors_vector_bucket",
                'encryption_configuration {\n  sse_type    = "aws:kms"\n  kms_key_arn = aws_kms_key.vectors.arn\n}',
            ),
        ),
        verify=SEE + "EncryptionAtRestOptions.KmsKeyId",
        effort=Effort.LARGE,
    ),
    broken="it is encrypted with {found}",
    equivalents=("checkov:CKV_AWS_247",),
)
def cmk(v: View) -> Answer:
    """Only a key of the owner's can be withdrawn from a store of embeddings, and only its use is logged."""
    if v.has("enc.at_rest") and not v.flag("enc.at_rest"):
        return broken(found="no key")
    return customer_key(v, "enc.key")


@check(
    id="enc.search.between-nodes",
    title="The domain's nodes talk in TLS",
    clause="ART-02.node-traffic-encrypted",
    kinds=KINDS,
    needs=("aws.service", "enc.in_transit"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch node-to-node encryption on; it cannot be switched off again.",
        ((DOMAIN, BETWEEN), (OLD, BETWEEN)),
        verify=SEE + "NodeToNodeEncryptionOptions",
        effort=Effort.MEDIUM,
    ),
    broken="its nodes talk in plain text",
    equivalents=(
        "checkov:CKV_AWS_6",
        "trivy:AWS-0043",
        "prowler:opensearch_service_domains_node_to_node_encryption_enabled",
    ),
)
def between_nodes(v: View) -> bool:
    """Every shard travels between the nodes. A domain of one node has nothing to send, unless it was switched off."""
    return v.flag("enc.in_transit")


@check(
    id="enc.search.https",
    title="The domain refuses plain HTTP",
    clause="ART-02.refuses-plaintext",
    kinds=KINDS,
    needs=("aws.service", "tls.only"),
    severity=Severity.HIGH,
    fix=Fix("Enforce HTTPS.", ((DOMAIN, HTTPS), (OLD, HTTPS)), verify=SEE + "DomainEndpointOptions.EnforceHTTPS"),
    broken="it answers plain HTTP",
    equivalents=(
        "checkov:CKV_AWS_83",
        "trivy:AWS-0046",
        "guard:OPENSEARCH_HTTPS_REQUIRED",
        "prowler:opensearch_service_domains_https_communications_enforced",
    ),
)
def https(v: View) -> bool:
    """One client that is set up wrongly sends questions, documents and credentials in plain text."""
    return v.flag("tls.only")


@check(
    id="enc.search.tls12",
    title="The domain speaks TLS 1.2 or later",
    clause="ART-02.refuses-plaintext",
    kinds=KINDS,
    needs=("aws.service", "tls.min", "tls.only"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Choose a security policy of TLS 1.2 with forward secrecy.",
        ((DOMAIN, HTTPS), (OLD, HTTPS)),
        verify=SEE + "DomainEndpointOptions.TLSSecurityPolicy",
    ),
    broken="it takes TLS {version}",
    equivalents=("checkov:CKV_AWS_228",),
)
def tls12(v: View) -> Answer:
    """TLS 1.0 and 1.1 are broken in ways that a patient listener can use."""
    version = v.text("tls.min")
    return holds() if version >= "1.2" else broken(version=version or "of any version")


@check(
    id="net.search.in-vpc",
    title="The domain is placed in the owner's network",
    clause="NET-02.in-private-network",
    kinds=KINDS,
    needs=("aws.service", "net.in_vpc"),
    severity=Severity.HIGH,
    fix=Fix(
        "Place the domain in private subnets. It has to be made anew.",
        ((DOMAIN, INSIDE), (OLD, INSIDE)),
        verify=SEE + "VPCOptions",
        effort=Effort.LARGE,
    ),
    broken="it has a public endpoint",
    equivalents=(
        "checkov:CKV_AWS_137",
        "guard:OPENSEARCH_IN_VPC_ONLY",
        "prowler:opensearch_service_domains_not_publicly_accessible",
    ),
)
def in_vpc(v: View) -> bool:
    """Outside a network of the owner's the only thing between the internet and the index is one policy document."""
    return v.flag("net.in_vpc")


@check(
    id="net.search.collections-private",
    title="The collections are reached through private endpoints only",
    clause="NET-03.public-access-off",
    kinds=(Kind.POLICY,),
    needs=("collections.public",),
    severity=Severity.HIGH,
    fix=Fix(
        "Name the VPC endpoints that may reach the collections.",
        (
            (
                SERVERLESS,
                (
                    "policy = jsonencode([{\n"
                    '  Rules           = [{ ResourceType = "collection", Resource = ["collection/vectors"] }]\n'
                    "  AllowFromPublic = false\n"
                    "  SourceVPCEs     = [aws_opensearchserverless_vpc_endpoint.search.id]\n"
                    "}])"
                ),
            ),
        ),
        verify="aws opensearchserverless get-security-policy --type network --name <name>",
        effort=Effort.MEDIUM,
    ),
    broken="the internet reaches the collections that it names",
)
def collections_private(v: View) -> bool:
    """Knowledge bases put their vectors into these collections, and the short way to make that work is to let
    everybody reach them.
    """
    return not v.flag("collections.public")


@check(
    id="enc.search.collections-cmk",
    title="The collections are encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=(Kind.POLICY,),
    needs=("collections.key",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a KMS key of your own. A collection keeps the key that it was made with.",
        (
            (
                SERVERLESS,
                (
                    "policy = jsonencode({\n"
                    '  Rules       = [{ ResourceType = "collection", Resource = ["collection/vectors"] }]\n'
                    "  AWSOwnedKey = false\n"
                    "  KmsARN      = aws_kms_key.vectors.arn\n"
                    "})"
                ),
            ),
        ),
        verify="aws opensearchserverless batch-get-collection --names <name> --query 'collectionDetails[].kmsKeyArn'",
        effort=Effort.LARGE,
    ),
    broken="the collections are encrypted with {found}",
)
def collections_cmk(v: View) -> Answer:
    """Only a key of the owner's can be withdrawn from a store of embeddings, and only its use is logged."""
    return customer_key(v, "collections.key")


CHECKS = (at_rest, cmk, between_nodes, https, tls12, in_vpc, collections_private, collections_cmk)
