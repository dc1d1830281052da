"""Policies that AWS keeps itself, as far as they matter here: what they allow, shortened to the services asked about.

Source: AWS Managed Policy Reference Guide, https://docs.aws.amazon.com/aws-managed-policy/latest/reference/. AWS adds to
them; a service that a policy of this table does not name is not opened by it. All but those of DENYING only allow.
"""

from functools import lru_cache

from strongroom.assess.identity.aws_policy import Document, compiled
from strongroom.model.values import Condition, Statement

PREFIX = "arn:aws:iam::aws:policy/"
DENYING = (
    "AWSDenyAll",
    "AWSCompromisedKeyQuarantine",
    "AWSCompromisedKeyQuarantineV2",
    "AWSCompromisedKeyQuarantineV3",
)

# What they allow on every resource. A word without a colon is a whole service.
_ALLOWED: dict[str, str] = {
    "AdministratorAccess": "*",
    "IAMFullAccess": "iam organizations:Describe* organizations:List*",
    "IAMReadOnlyAccess": "iam:GenerateCredentialReport iam:Get* iam:List* iam:Simulate*",
    "AmazonS3FullAccess": "s3 s3-object-lambda",
    "AmazonS3ReadOnlyAccess": "s3:Get* s3:List* s3:Describe* s3-object-lambda:Get* s3-object-lambda:List*",
    "ReadOnlyAccess": (
        "s3:Get* s3:List* s3:Describe* kms:Describe* kms:Get* kms:List* iam:Get* iam:List* iam:Generate* sagemaker:Describe*"
        " sagemaker:List* sagemaker:GetSearchSuggestions sagemaker:Search sagemaker:BatchGetMetrics"
        " sagemaker:BatchGetRecord sagemaker:GetRecord bedrock:Get* bedrock:List* ecr:BatchCheck* ecr:BatchGet*"
        " ecr:Describe* ecr:Get* ecr:List* secretsmanager:Describe* secretsmanager:GetResourcePolicy"
        " secretsmanager:List* ssm:Describe* ssm:Get* ssm:List* cloudtrail:Describe* cloudtrail:Get* cloudtrail:List*"
        " cloudtrail:LookupEvents logs:Describe* logs:FilterLogEvents logs:Get* logs:List* logs:StartQuery logs:StopQuery"
        " logs:TestMetricFilter lambda:Get* lambda:List* ec2:Describe* ec2:Get* ec2:Search* eks:Describe* eks:List*"
        " dynamodb:BatchGet* dynamodb:Describe* dynamodb:Get* dynamodb:List* dynamodb:Query dynamodb:Scan"
        " config:Deliver* config:Describe* config:Get* config:List* guardduty:Get* guardduty:List* sts:GetAccessKeyInfo"
        " sts:GetCallerIdentity sts:GetSessionToken"
    ),
    "ViewOnlyAccess": (
        "s3:ListAllMyBuckets s3:ListBucket kms:ListAliases kms:ListKeys iam:Get* iam:List* sagemaker:Describe*"
        " sagemaker:List* ecr:DescribeRepositories ecr:ListImages cloudtrail:Describe* cloudtrail:LookupEvents"
        " lambda:List* logs:Describe* ec2:Describe* eks:List* secretsmanager:ListSecrets"
    ),
    "SecurityAudit": (
        "s3:GetAccelerateConfiguration s3:GetAccountPublicAccessBlock s3:GetAnalyticsConfiguration s3:GetBucket*"
        " s3:GetEncryptionConfiguration s3:GetInventoryConfiguration s3:GetLifecycleConfiguration"
        " s3:GetMetricsConfiguration s3:GetObjectAcl s3:GetObjectVersionAcl s3:GetReplicationConfiguration"
        " s3:ListAccessPoints s3:ListAllMyBuckets s3:ListBucket* kms:Describe* kms:Get* kms:List* iam:Generate* iam:Get*"
        " iam:List* iam:Simulate* sagemaker:Describe* sagemaker:List* cloudtrail:Describe* cloudtrail:Get*"
        " cloudtrail:List* cloudtrail:LookupEvents ecr:BatchGetRepositoryScanningConfiguration ecr:Describe*"
        " ecr:GetRepositoryPolicy ecr:List* lambda:GetFunctionConfiguration lambda:GetPolicy lambda:List* logs:Describe*"
        " logs:List* ec2:Describe* eks:Describe* eks:List* secretsmanager:Describe* secretsmanager:GetResourcePolicy"
        " secretsmanager:List* ssm:Describe* ssm:List* config:Describe* config:Get* config:List*"
    ),
    "AWSKeyManagementServicePowerUser": (
        "kms:CreateAlias kms:CreateKey kms:DeleteAlias kms:Describe* kms:GenerateRandom kms:Get* kms:List*"
        " kms:TagResource kms:UntagResource iam:ListGroups iam:ListRoles iam:ListUsers"
    ),
    "AWSCloudTrail_FullAccess": "cloudtrail kms:CreateKey kms:CreateAlias kms:ListKeys kms:ListAliases lambda:ListFunctions",
    "AWSCloudTrail_ReadOnlyAccess": "cloudtrail:Get* cloudtrail:Describe* cloudtrail:List* cloudtrail:LookupEvents",
    "CloudWatchFullAccess": "autoscaling:Describe* cloudwatch logs sns iam:GetPolicy iam:GetPolicyVersion iam:GetRole oam:ListSinks",
    "CloudWatchFullAccessV2": "autoscaling:DescribeAutoScalingGroups cloudwatch logs sns:CreateTopic sns:Subscribe xray",
    "CloudWatchReadOnlyAccess": "autoscaling:Describe* cloudwatch:Get* cloudwatch:List* logs:Get* logs:List* logs:Describe*",
    "CloudWatchLogsFullAccess": "logs cloudwatch:GenerateQuery",
    "CloudWatchLogsReadOnlyAccess": "logs:Describe* logs:Get* logs:List* logs:StartQuery logs:StopQuery logs:FilterLogEvents",
    "CloudWatchAgentServerPolicy": (
        "cloudwatch:PutMetricData ec2:DescribeVolumes ec2:DescribeTags logs:PutLogEvents logs:PutRetentionPolicy"
        " logs:DescribeLogStreams logs:DescribeLogGroups logs:CreateLogStream logs:CreateLogGroup xray:PutTraceSegments"
    ),
    "SecretsManagerReadWrite": "secretsmanager kms:DescribeKey kms:ListAliases kms:ListKeys lambda:ListFunctions",
    "AmazonSSMFullAccess": "ssm ec2messages cloudwatch:PutMetricData logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents",
    "AmazonSSMReadOnlyAccess": "ssm:Describe* ssm:Get* ssm:List*",
    "AmazonSSMManagedInstanceCore": (
        "ssm:DescribeAssociation ssm:GetDeployablePatchSnapshotForInstance ssm:GetDocument ssm:DescribeDocument"
        " ssm:GetManifest ssm:GetParameter ssm:GetParameters ssm:ListAssociations ssm:ListInstanceAssociations"
        " ssm:PutInventory ssm:PutComplianceItems ssm:UpdateInstanceInformation ssmmessages ec2messages"
    ),
    "AmazonEC2FullAccess": "ec2 elasticloadbalancing cloudwatch autoscaling",
    "AmazonEC2ReadOnlyAccess": "ec2:Describe* ec2:GetSecurityGroupsForVpc cloudwatch:Get* cloudwatch:List* autoscaling:Describe*",
    "AmazonVPCFullAccess": "ec2:*Vpc* ec2:*Subnet* ec2:*SecurityGroup* ec2:*Route* ec2:*Gateway* ec2:Describe*",
    "AmazonEC2ContainerRegistryFullAccess": "ecr cloudtrail:LookupEvents",
    "AmazonEC2ContainerRegistryPowerUser": (
        "ecr:GetAuthorizationToken ecr:BatchCheckLayerAvailability ecr:GetDownloadUrlForLayer ecr:GetRepositoryPolicy"
        " ecr:DescribeRepositories ecr:ListImages ecr:DescribeImages ecr:BatchGetImage ecr:GetLifecyclePolicy"
        " ecr:InitiateLayerUpload ecr:UploadLayerPart ecr:CompleteLayerUpload ecr:PutImage"
    ),
    "AmazonEC2ContainerRegistryReadOnly": (
        "ecr:GetAuthorizationToken ecr:BatchCheckLayerAvailability ecr:GetDownloadUrlForLayer ecr:GetRepositoryPolicy"
        " ecr:DescribeRepositories ecr:ListImages ecr:DescribeImages ecr:BatchGetImage ecr:GetLifecyclePolicy"
    ),
    "AmazonEC2ContainerRegistryPullOnly": "ecr:GetAuthorizationToken ecr:BatchGetImage ecr:GetDownloadUrlForLayer",
    "AmazonEKSClusterPolicy": (
        "autoscaling:Describe* autoscaling:UpdateAutoScalingGroup ec2:*Volume* ec2:*SecurityGroup* ec2:*Route* ec2:Describe*"
        " ec2:CreateTags ec2:ModifyInstanceAttribute elasticloadbalancing kms:DescribeKey"
    ),
    "AmazonEKSServicePolicy": "ec2:*NetworkInterface* ec2:Describe* eks:UpdateClusterVersion route53:AssociateVPCWithHostedZone",
    "AmazonEKSVPCResourceController": "ec2:*NetworkInterface* ec2:*PrivateIpAddresses*",
    "AmazonEKSWorkerNodePolicy": "ec2:Describe* eks:DescribeCluster eks-auth:AssumeRoleForPodIdentity",
    "AmazonEKSWorkerNodeMinimalPolicy": "ec2:DescribeInstances eks:DescribeCluster eks-auth:AssumeRoleForPodIdentity",
    "AmazonEKS_CNI_Policy": "ec2:*PrivateIpAddresses* ec2:*NetworkInterface* ec2:Describe* ec2:CreateTags",
    "AmazonEKSFargatePodExecutionRolePolicy": (
        "ecr:GetAuthorizationToken ecr:BatchCheckLayerAvailability ecr:GetDownloadUrlForLayer ecr:BatchGetImage"
    ),
    "AmazonEBSCSIDriverPolicy": "ec2:*Volume* ec2:*Snapshot* ec2:Describe* ec2:CreateTags ec2:DeleteTags",
    "AmazonEFSCSIDriverPolicy": "elasticfilesystem:*AccessPoint* elasticfilesystem:Describe* ec2:DescribeAvailabilityZones",
    "AWSLambda_FullAccess": "lambda cloudformation:DescribeStacks cloudformation:ListStackResources iam:Get* iam:ListRoles logs:*",
    "AWSLambda_ReadOnlyAccess": "lambda:Get* lambda:List* logs:Describe* logs:Get* logs:StartQuery iam:Get* iam:ListRoles",
    "AWSLambdaBasicExecutionRole": "logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents",
    "AWSLambdaVPCAccessExecutionRole": "logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents ec2:*NetworkInterface*",
    "AWSXRayDaemonWriteAccess": "xray:Put* xray:GetSampling*",
    "AmazonSageMakerReadOnly": "sagemaker:Describe* sagemaker:List* sagemaker:BatchGetMetrics sagemaker:GetSearchSuggestions"
    " sagemaker:BatchGetRecord sagemaker:GetRecord sagemaker:Search sagemaker:QueryLineage application-autoscaling:Describe*",
    "AmazonBedrockFullAccess": "bedrock kms:DescribeKey iam:ListRoles ec2:Describe*",
    "AmazonBedrockReadOnly": "bedrock:Get* bedrock:List* bedrock:GetFoundationModelAvailability",
    "AmazonBedrockLimitedAccess": "bedrock:Get* bedrock:List* bedrock:CallWithBearerToken bedrock:BatchDeleteEvaluationJob"
    " bedrock:InvokeModel* bedrock:Converse* bedrock:ApplyGuardrail",
    "AmazonDynamoDBFullAccess": "dynamodb dax application-autoscaling cloudwatch",
    "AmazonDynamoDBReadOnlyAccess": "dynamodb:BatchGet* dynamodb:Describe* dynamodb:Get* dynamodb:List* dynamodb:Query dynamodb:Scan",
    "AmazonElasticFileSystemFullAccess": "elasticfilesystem ec2:*NetworkInterface* ec2:Describe* kms:DescribeKey kms:ListAliases",
    "AWSOrganizationsFullAccess": "organizations account:*AlternateContact account:*Region*",
    "AWSOrganizationsReadOnlyAccess": "organizations:Describe* organizations:List*",
    "AmazonGuardDutyFullAccess": "guardduty",
    "AmazonGuardDutyReadOnlyAccess": "guardduty:Describe* guardduty:Get* guardduty:List*",
    "AWSConfigUserAccess": "config:Get* config:Describe* config:Deliver* config:List*",
    "AWS_ConfigRole": "config:Put* s3:GetBucket* s3:List* iam:Get* iam:List* kms:Describe* kms:Get* kms:List*",
    "IAMUserChangePassword": "iam:GetAccountPasswordPolicy",
    "Billing": "aws-portal billing budgets ce consolidatedbilling cur payments pricing",
    "AmazonRoute53FullAccess": "route53 route53domains",
    "AmazonSNSFullAccess": "sns",
    "AmazonSQSFullAccess": "sqs",
}
_SAGEMAKER = "sagemaker.amazonaws.com"


def _passed(*services: str) -> tuple[Condition, ...]:
    return (Condition("StringEquals", "iam:passedtoservice", services),)


_NAMED_STORES = tuple(f"arn:aws:s3:::*{n}*" for n in ("SageMaker", "Sagemaker", "sagemaker", "aws-glue"))
_SPECIAL: dict[str, tuple[Statement, ...]] = {
    "PowerUserAccess": (
        Statement("allow", not_actions=("iam:*", "organizations:*", "account:*"), resources=("*",), sid="others"),
        Statement(
            "allow",
            actions=("account:listregions", "iam:createservicelinkedrole", "iam:deleteservicelinkedrole", "iam:listroles"),
            resources=("*",),
            sid="linked",
        ),
    ),
    "AmazonSageMakerFullAccess": (
        Statement(
            "allow",
            actions=("sagemaker:*",),
            not_resources=tuple(f"arn:aws:sagemaker:*:*:{k}/*" for k in ("domain", "user-profile", "app", "space", "flow-definition")),
            sid="AllowAllNonAdminSageMakerActions",
        ),
        Statement(
            "allow",
            actions=("sagemaker:createpresigneddomainurl", "sagemaker:describe*", "sagemaker:list*", "sagemaker:*app"),
            resources=("*",),
            sid="AllowStudioActions",
        ),
        Statement(
            "allow",
            actions=("s3:getobject", "s3:putobject", "s3:deleteobject", "s3:abortmultipartupload"),
            resources=_NAMED_STORES,
            sid="AllowS3ObjectActions",
        ),
        Statement(
            "allow",
            actions=("s3:getobject",),
            resources=("arn:aws:s3:::*",),
            conditions=(Condition("StringEqualsIgnoreCase", "s3:existingobjecttag/sagemaker", ("true",)),),
            sid="AllowS3GetObjectWithSageMakerExistingObjectTag",
        ),
        Statement(
            "allow",
            actions=("iam:passrole",),
            resources=("arn:aws:iam::*:role/*",),
            conditions=_passed(_SAGEMAKER),
            sid="AllowPassRoleToSageMaker",
        ),
        Statement(
            "allow",
            actions=("iam:passrole",),
            resources=("arn:aws:iam::*:role/*AmazonSageMaker*",),
            conditions=_passed("glue.amazonaws.com", "robomaker.amazonaws.com", "states.amazonaws.com"),
            sid="AllowPassRoleForSageMakerRoles",
        ),
        Statement(
            "allow",
            actions=(
                *("s3:createbucket", "s3:getbucketlocation", "s3:listbucket", "s3:listallmybuckets", "s3:getbucketcors"),
                *("s3:putbucketcors", "s3:getbucketacl", "s3:putobjectacl", "ecr:batchcheck*", "ecr:batchget*"),
                *("ecr:describe*", "ecr:get*", "ecr:startimagescan", "kms:describekey", "kms:listaliases"),
                *("ec2:describe*", "ec2:createnetworkinterface*", "ec2:deletenetworkinterface*", "iam:listroles"),
                *("logs:create*", "logs:describe*", "logs:get*", "logs:put*", "cloudwatch:*", "lambda:listfunctions"),
                *("secretsmanager:listsecrets",),
            ),
            resources=("*",),
            sid="AllowAWSServiceActions",
        ),
        Statement(
            "allow",
            actions=("ecr:completelayerupload", "ecr:initiatelayerupload", "ecr:putimage", "ecr:uploadlayerpart",
                     "ecr:setrepositorypolicy", "ecr:deleterepositorypolicy", "ecr:batchdeleteimage"),
            resources=("arn:aws:ecr:*:*:repository/*sagemaker*",),
            sid="AllowECRActions",
        ),
        Statement(
            "allow",
            actions=("lambda:invokefunction",),
            resources=tuple(f"arn:aws:lambda:*:*:function:*{n}*" for n in ("SageMaker", "sagemaker", "Sagemaker", "LabelingFunction")),
            sid="AllowLambdaInvokeFunction",
        ),
        Statement(
            "allow",
            actions=("secretsmanager:describesecret", "secretsmanager:getsecretvalue", "secretsmanager:createsecret"),
            resources=("arn:aws:secretsmanager:*:*:secret:AmazonSageMaker-*",),
            sid="AllowSecretManagerActions",
        ),
    ),
}  # fmt: skip
_PASSING = {  # policies that also pass any role, to the service named
    "AmazonBedrockFullAccess": "bedrock.amazonaws.com",
    "AWSLambda_FullAccess": "lambda.amazonaws.com",
}


@lru_cache(maxsize=512)
def managed(arn: str) -> Document:
    """The document of a policy that AWS keeps. One that is not in the table may allow anything, and denies nothing."""
    name = arn.rpartition("/")[2]
    found = statements(name)
    if found is None:
        why = f"what {name} allows is not in these files"
        return Document(f"aws:{name}", name, hole=why, hole_denies=name in DENYING)
    return compiled(f"aws:{name}", name, found, lambda text: (text,))


def statements(name: str) -> tuple[Statement, ...] | None:
    """What a policy of AWS says; None for one that is not in the table."""
    if name in DENYING[:1]:
        return (Statement("deny", actions=("*",), resources=("*",), sid=name),)
    if name in _SPECIAL:
        return _SPECIAL[name]
    if name not in _ALLOWED:
        return None
    words = (w.lower() for w in _ALLOWED[name].split())
    every = Statement("allow", actions=tuple(w if ":" in w or w == "*" else f"{w}:*" for w in words), resources=("*",))
    if name not in _PASSING:
        return (every,)
    role = Statement(
        "allow", actions=("iam:passrole",), resources=("*",), conditions=_passed(_PASSING[name]), sid="PassRole"
    )
    return (every, role)
