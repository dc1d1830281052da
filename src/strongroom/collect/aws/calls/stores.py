"""Where things lie: S3, ECR, OpenSearch, file systems, secrets and parameters; and functions."""

import json
from collections.abc import Iterator

from strongroom.collect.aws.asking import Beside, Call, Detail, Known, Listing, Properties, Seen
from strongroom.collect.aws.calls._forms import moved, plain
from strongroom.collect.aws.document import mappings, text
from strongroom.kit.iam import parse
from strongroom.model.values import Statement, Unknown


def _s3(
    operation: str, puts: str, *unset: str, takes: str = "", action: str = "", empty: object = None, many: bool = False
) -> Detail:
    return Detail(
        service="s3", operation=operation, takes=takes, puts=puts, unset=unset, empty=empty, many=many,
        action=f"s3:{action or operation}", arguments={"Bucket": "{Name}"},
    )  # fmt: skip


_OFF = dict.fromkeys(("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), False)


def _bucket(seen: Seen, known: Known) -> Properties:
    del known
    made: Properties = {k: v for k, v in seen.answer.items() if k in _KEPT and v is not None}
    made["BucketName"] = seen.name
    made["Grant"] = _grants(seen.answer.get("Grants"))
    rules = seen.answer.get("Encryption")
    if isinstance(rules, Unknown):
        made["BucketEncryption"] = rules
    elif mappings(rules):
        inside = [r.get("ApplyServerSideEncryptionByDefault") for r in mappings(rules)]
        made["BucketEncryption"] = {
            "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": r} for r in inside]
        }
    versioning = seen.answer.get("Versioning")
    said = versioning if isinstance(versioning, Unknown) else versioning or "Off"
    made["VersioningConfiguration"] = {"Status": said}
    target = seen.answer.get("Logging")
    if isinstance(target, Unknown):
        made["LoggingConfiguration"] = target
    elif target:
        made["LoggingConfiguration"] = {"DestinationBucketName": target}
    return made


_KEPT = (
    "Policy", "PublicAccessBlockConfiguration", "OwnershipControls", "ObjectLockConfiguration",
    "ReplicationConfiguration", "Tags",
)  # fmt: skip


def _grants(raw: object) -> object:
    if isinstance(raw, Unknown):
        return raw
    found = []
    for grant in mappings(raw):
        grantee = grant.get("Grantee")
        who = text(grantee.get("URI")) or text(grantee.get("ID")) if isinstance(grantee, dict) else ""
        found.append({"Uri": who, "Permission": grant.get("Permission")})
    return found


def _flags(seen: Seen, known: Known) -> Properties:
    del known
    return {**_OFF, **seen.answer}


def _function(seen: Seen, known: Known) -> Properties:
    del known
    names = ("FunctionName", "Role", "VpcConfig", "Runtime")
    made: Properties = {n: seen.answer.get(n) for n in names if seen.answer.get(n)}
    network = seen.answer.get("VpcConfig")
    if isinstance(network, dict) and not network.get("SubnetIds"):
        made.pop("VpcConfig", None)  # what is empty is no network
    return made


def _callers(seen: Seen) -> Iterator[Beside]:
    """Who may call a function beside the account's own identities, one permission for each statement of its policy."""
    policy = seen.answer.get("Policy")
    if isinstance(policy, Unknown):
        yield Beside("aws_lambda_permission", "Policy", {"function_name": seen.name, "action": policy}, shown=False)
        return
    parsed = parse(policy) if isinstance(policy, str) else ()
    statements: tuple[Statement | Unknown, ...] = (parsed,) if isinstance(parsed, Unknown) else parsed
    for n, one in enumerate(statements):
        for m, made in enumerate(_permissions(seen, one)):
            yield Beside("aws_lambda_permission", f"Policy[{n}.{m}]", made, shown=False)


def _permissions(seen: Seen, one: Statement | Unknown) -> Iterator[Properties]:
    if isinstance(one, Unknown):
        yield {"function_name": seen.name, "action": one}
        return
    if one.effect != "allow":
        return
    for who in one.principals:
        for action in one.actions:
            shown = who.removeprefix("Service:").removeprefix("AWS:")
            yield {"function_name": seen.name, "action": action, "principal": shown, "statement_id": one.sid}


def _scanning(seen: Seen, known: Known) -> Properties:
    del known
    return {"Rules": [
        {"ScanFrequency": r.get("scanFrequency"), "RepositoryFilters": [
            {"Filter": f.get("filter"), "FilterType": f.get("filterType")} for f in mappings(r.get("repositoryFilters"))]}
        for r in mappings(seen.at("rules"))
    ]}  # fmt: skip


def _search(seen: Seen, known: Known) -> Properties:
    made = moved(ClusterConfig="InstanceTypeConfig")(seen, known) or {}
    network = seen.answer.get("VPCOptions")
    if isinstance(network, dict) and not network.get("SubnetIds"):
        made.pop("VPCOptions", None)
    policy = seen.answer.get("AccessPolicies")
    made["AccessPolicies"] = policy if policy != "" else None
    return made


def _serverless(kind: str) -> Listing:
    """Policies of OpenSearch Serverless; the tables take their document as text."""
    return Listing(
        type=f"AWS::OpenSearchServerless::SecurityPolicy ({kind})",
        call=Call(service="opensearchserverless", operation="ListSecurityPolicies", takes="securityPolicySummaries",
                  arguments={"type": kind}),
        details=(
            Detail(service="opensearchserverless", operation="GetSecurityPolicy", takes="securityPolicyDetail",
                   arguments={"type": kind, "name": "{name}"}),
        ),
        name="{name}",
        arn="",
        ident="{name}",
        native=lambda _: "aws_opensearchserverless_security_policy",
        make=lambda seen, _: {"name": seen.name, "type": kind, "policy": _as_text(seen.answer.get("policy"))},
    )  # fmt: skip


def _as_text(value: object) -> object:
    return json.dumps(value) if isinstance(value, list | dict) else value


_NONE = "NoSuchPublicAccessBlockConfiguration"

LISTINGS = (
    Listing(
        type="AWS::S3::Bucket",
        call=Call(service="s3", operation="ListBuckets", takes="Buckets", action="s3:ListAllMyBuckets"),
        once=True,
        arn="arn:{partition}:s3:::{Name}",
        details=(
            _s3("GetPublicAccessBlock", "PublicAccessBlockConfiguration", _NONE, takes="PublicAccessBlockConfiguration",
                action="GetBucketPublicAccessBlock", empty=_OFF),
            _s3("GetBucketPolicy", "Policy", "NoSuchBucketPolicy", takes="Policy"),
            _s3("GetBucketAcl", "Grants", takes="Grants", many=True),
            _s3("GetBucketOwnershipControls", "OwnershipControls", "OwnershipControlsNotFoundError",
                takes="OwnershipControls"),
            _s3("GetBucketEncryption", "Encryption", "ServerSideEncryptionConfigurationNotFoundError",
                takes="ServerSideEncryptionConfiguration.Rules", many=True, action="GetEncryptionConfiguration"),
            _s3("GetBucketVersioning", "Versioning", takes="Status"),
            _s3("GetBucketLogging", "Logging", takes="LoggingEnabled.TargetBucket"),
            _s3("GetObjectLockConfiguration", "ObjectLockConfiguration", "ObjectLockConfigurationNotFoundError",
                takes="ObjectLockConfiguration", action="GetBucketObjectLockConfiguration",
                empty={"ObjectLockEnabled": "Disabled"}),
            _s3("GetBucketReplication", "ReplicationConfiguration", "ReplicationConfigurationNotFoundError",
                takes="ReplicationConfiguration", action="GetReplicationConfiguration"),
            _s3("GetBucketTagging", "Tags", "NoSuchTagSet", takes="TagSet", many=True),
        ),
        make=_bucket,
        besides=("aws_s3_bucket_public_access_block",),
    ),
    Listing(
        type="aws_s3_account_public_access_block",
        call=Call(service="s3control", operation="GetPublicAccessBlock", takes="PublicAccessBlockConfiguration",
                  arguments={"AccountId": "{account}"}, action="s3:GetAccountPublicAccessBlock", unset=(_NONE,)),
        name="{account}", single=True, once=True, make=_flags,
    ),
    Listing(
        type="AWS::ECR::Repository",
        call=Call(service="ecr", operation="DescribeRepositories", takes="repositories"),
        details=(
            Detail(service="ecr", operation="GetRepositoryPolicy", takes="policyText", puts="RepositoryPolicyText",
                   arguments={"repositoryName": "{repositoryName}"}, unset=("RepositoryPolicyNotFoundException",)),
        ),
        name="{repositoryName}", arn="{repositoryArn}",
    ),
    Listing(
        type="AWS::ECR::RegistryScanningConfiguration",
        call=Call(service="ecr", operation="GetRegistryScanningConfiguration", takes="scanningConfiguration"),
        name="registry", single=True, shown=False, make=_scanning,
    ),
    Listing(
        type="AWS::OpenSearchService::Domain",
        call=Call(service="opensearch", operation="ListDomainNames", takes="DomainNames"),
        details=(
            Detail(service="opensearch", operation="DescribeDomain", takes="DomainStatus",
                   arguments={"DomainName": "{DomainName}"}),
        ),
        name="{DomainName}", arn="{ARN}", make=_search,
    ),
    plain("opensearchserverless", "ListCollections", "AWS::OpenSearchServerless::Collection",
          takes="collectionSummaries", name="{name}", arn="{arn}"),
    _serverless("encryption"),
    _serverless("network"),
    Listing(
        type="AWS::EFS::FileSystem",
        call=Call(service="efs", operation="DescribeFileSystems", takes="FileSystems"),
        name="{FileSystemId}", arn="{FileSystemArn}", make=moved(FileSystemTags="Tags"),
    ),
    Listing(
        type="AWS::FSx::FileSystem",
        call=Call(service="fsx", operation="DescribeFileSystems", takes="FileSystems"),
        name="{FileSystemId}", arn="{ResourceARN}",
    ),
    Listing(
        type="AWS::SecretsManager::Secret",
        call=Call(service="secretsmanager", operation="ListSecrets", takes="SecretList"),
        details=(
            Detail(service="secretsmanager", operation="GetResourcePolicy", takes="ResourcePolicy", puts="policy",
                   arguments={"SecretId": "{ARN}"}, unset=("ResourceNotFoundException",)),
        ),
        arn="{ARN}",
    ),
    Listing(
        type="AWS::SSM::Parameter",
        call=Call(service="ssm", operation="DescribeParameters", takes="Parameters"),
        arn="arn:{partition}:ssm:{region}:{account}:parameter/{Name}",
    ),
    Listing(
        type="AWS::Lambda::Function",
        call=Call(service="lambda", operation="ListFunctions", takes="Functions"),
        details=(
            Detail(service="lambda", operation="GetPolicy", takes="Policy", puts="Policy",
                   arguments={"FunctionName": "{FunctionName}"}, unset=("ResourceNotFoundException",)),
        ),
        name="{FunctionName}", arn="{FunctionArn}", make=_function, beside=_callers, besides=("aws_lambda_permission",),
    ),
    Listing(
        type="aws_lambda_function_url",
        of="AWS::Lambda::Function",
        call=Call(service="lambda", operation="ListFunctionUrlConfigs", takes="FunctionUrlConfigs",
                  arguments={"FunctionName": "{FunctionName}"}),
        name="{FunctionUrl}",
        make=lambda seen, _: {
            "FunctionName": seen.owner.name if seen.owner else None, "AuthorizationType": seen.at("AuthType"),
        },
    ),
    Listing(
        type="AWS::S3Vectors::VectorBucket",
        call=Call(service="s3vectors", operation="ListVectorBuckets", takes="vectorBuckets"),
        details=(
            Detail(service="s3vectors", operation="GetVectorBucket", takes="vectorBucket",
                   arguments={"vectorBucketName": "{vectorBucketName}"}),
        ),
        name="{vectorBucketName}", arn="{vectorBucketArn}",
    ),
)  # fmt: skip
