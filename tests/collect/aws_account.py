"""An AWS account of the tests: canned answers behind boto3's own form, and what was asked of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from strongroom.collect.aws import telling
from strongroom.collect.aws.answers import Faults
from strongroom.collect.aws.asking import listings
from strongroom.collect.aws.session import Account
from strongroom.collect.aws.walking import Deadline, Walk, Walked
from strongroom.model.estate import Asset, Estate

NUMBER = "123456789012"
REGION = "eu-west-1"
NOW = datetime(2026, 11, 1, tzinfo=UTC)
Answers = dict[str, object]  # service:Operation -> an answer, a list of pages, or what is raised

NETWORK: Answers = {
    "ec2:DescribeVpcs": {"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}]},
    "ec2:DescribeSubnets": {
        "Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24", "MapPublicIpOnLaunch": False}]
    },
    "ec2:DescribeInternetGateways": {
        "InternetGateways": [{"InternetGatewayId": "igw-1", "Attachments": [{"VpcId": "vpc-1", "State": "available"}]}]
    },
    "ec2:DescribeRouteTables": {
        "RouteTables": [
            {
                "RouteTableId": "rtb-1",
                "VpcId": "vpc-1",
                "Routes": [
                    {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"},
                    {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"},
                ],
                "Associations": [{"Main": True, "RouteTableId": "rtb-1"}],
            }
        ]
    },
    "ec2:DescribeNetworkAcls": {
        "NetworkAcls": [
            {
                "NetworkAclId": "acl-1",
                "VpcId": "vpc-1",
                "IsDefault": True,
                "Associations": [{"SubnetId": "subnet-1"}],
                "Entries": [
                    {"Egress": out, "Protocol": "-1", "RuleAction": "allow", "RuleNumber": 100, "CidrBlock": "0.0.0.0/0"}
                    for out in (True, False)
                ],
            }
        ]
    },
    "ec2:DescribeSecurityGroups": {
        "SecurityGroups": [
            {
                "GroupId": "sg-1",
                "GroupName": "web",
                "VpcId": "vpc-1",
                "IpPermissions": [
                    {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
                ],
                "IpPermissionsEgress": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
            },
            {"GroupId": "sg-0", "GroupName": "default", "VpcId": "vpc-1", "IpPermissions": [], "IpPermissionsEgress": []},
        ]
    },
    "ec2:DescribeVolumes": {"Volumes": [{"VolumeId": "vol-1", "Encrypted": True, "KmsKeyId": "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000001"}]},
    "ec2:DescribeInstances": {
        "Reservations": [
            {
                "Instances": [
                    {
                        "InstanceId": "i-1",
                        "InstanceType": "p5.48xlarge",
                        "State": {"Name": "running"},
                        "SubnetId": "subnet-1",
                        "PublicIpAddress": "52.1.2.3",
                        "SecurityGroups": [{"GroupId": "sg-1"}],
                        "MetadataOptions": {"HttpTokens": "required", "HttpEndpoint": "enabled", "HttpPutResponseHopLimit": 1},
                        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeId": "vol-1"}}],
                        "NetworkInterfaces": [{"NetworkInterfaceId": "eni-1"}],
                    },
                    {"InstanceId": "i-0", "State": {"Name": "terminated"}},
                ]
            }
        ]
    },
    "kms:ListKeys": {
        "Keys": [{"KeyId": "0a1b2c3d-0000-4000-8000-000000000001", "KeyArn": "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000001"}]
    },
    "kms:DescribeKey": {"KeyMetadata": {"KeyId": "0a1b2c3d-0000-4000-8000-000000000001", "KeyManager": "CUSTOMER", "Enabled": True}},
    "kms:GetKeyRotationStatus": {"KeyRotationEnabled": True},
}  # fmt: skip

AI: Answers = {
    "sagemaker:ListNotebookInstances": {
        "NotebookInstances": [
            {
                "NotebookInstanceName": "lab",
                "NotebookInstanceArn": "arn:aws:sagemaker:eu-west-1:123456789012:notebook-instance/lab",
            }
        ]
    },
    "sagemaker:DescribeNotebookInstance": {
        "NotebookInstanceName": "lab",
        "NotebookInstanceArn": "arn:aws:sagemaker:eu-west-1:123456789012:notebook-instance/lab",
        "DirectInternetAccess": "Enabled",
        "RootAccess": "Disabled",
        "InstanceType": "ml.g5.xlarge",
        "SubnetId": "subnet-1",
        "SecurityGroups": ["sg-1"],
        "KmsKeyId": "0a1b2c3d-0000-4000-8000-000000000001",
    },
    "s3:ListBuckets": {"Buckets": [{"Name": "weights"}]},
    "s3:GetBucketVersioning": {"Status": "Enabled"},
    "s3:GetBucketEncryption": {
        "ServerSideEncryptionConfiguration": {
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "arn:aws:kms:eu-west-1:999999999999:key/0a1b2c3d-0000-4000-8000-000000000009"}}]
        }
    },
    "s3:GetPublicAccessBlock": {
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": True, "BlockPublicPolicy": True, "IgnorePublicAcls": True, "RestrictPublicBuckets": True,
        }
    },
    "eks:ListClusters": {"clusters": ["train"]},
    "eks:DescribeCluster": {
        "cluster": {
            "name": "train",
            "arn": "arn:aws:eks:eu-west-1:123456789012:cluster/train",
            "resourcesVpcConfig": {"endpointPublicAccess": True, "publicAccessCidrs": ["0.0.0.0/0"], "subnetIds": ["subnet-1"]},
            "logging": {"clusterLogging": [{"types": ["audit", "api"], "enabled": True}, {"types": ["scheduler"], "enabled": False}]},
        }
    },
    "eks:ListNodegroups": {"nodegroups": ["gpu"]},
    "eks:DescribeNodegroup": {
        "nodegroup": {
            "nodegroupName": "gpu",
            "clusterName": "train",
            "instanceTypes": ["p5.48xlarge"],
            "subnets": ["subnet-1"],
            "taints": [{"key": "nvidia.com/gpu", "value": "present", "effect": "NO_SCHEDULE"}],
        }
    },
}  # fmt: skip

WATCH: Answers = {
    "guardduty:ListDetectors": {"DetectorIds": ["d1"]},
    "guardduty:GetDetector": {"status": "ENABLED", "features": [{"name": "S3_DATA_EVENTS", "status": "DISABLED"}]},
    "cloudtrail:DescribeTrails": {
        "trailList": [
            {
                "Name": "all",
                "TrailARN": "arn:aws:cloudtrail:eu-west-1:123456789012:trail/all",
                "S3BucketName": "weights",
                "IsMultiRegionTrail": True,
                "HomeRegion": REGION,
                "LogFileValidationEnabled": True,
            },
            {"Name": "there", "TrailARN": "arn:aws:cloudtrail:us-east-1:123456789012:trail/there", "HomeRegion": "us-east-1"},
        ]
    },
    "cloudtrail:GetTrailStatus": {"IsLogging": True},
    "cloudtrail:GetEventSelectors": {
        "EventSelectors": [
            {
                "ReadWriteType": "All",
                "IncludeManagementEvents": True,
                "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}],
            }
        ]
    },
    "config:DescribeConfigurationRecorders": {
        "ConfigurationRecorders": [{"name": "default", "recordingGroup": {"allSupported": True}}]
    },
    "config:DescribeConfigurationRecorderStatus": {
        "ConfigurationRecordersStatus": [{"name": "default", "recording": True}]
    },
    "logs:DescribeMetricFilters": {
        "metricFilters": [
            {
                "filterName": "root",
                "logGroupName": "trail",
                "filterPattern": "{ $.userIdentity.type = Root }",
                "metricTransformations": [{"metricName": "RootUse", "metricNamespace": "sec"}],
            }
        ]
    },
    "cloudwatch:DescribeAlarms": {
        "MetricAlarms": [
            {"AlarmName": "root", "MetricName": "RootUse", "Namespace": "sec", "ActionsEnabled": True, "AlarmActions": ["t"]}
        ]
    },
    "events:ListRules": {
        "Rules": [
            {
                "Name": "calls",
                "Arn": "arn:aws:events:eu-west-1:123456789012:rule/calls",
                "State": "ENABLED",
                "EventPattern": '{"detail": {"eventName": ["StopLogging"]}}',
            }
        ]
    },
    "events:ListTargetsByRule": {"Targets": [{"Id": "1", "Arn": "arn:aws:sns:eu-west-1:123456789012:t"}]},
    "budgets:DescribeBudgets": {"Budgets": [{"BudgetName": "gpu", "BudgetType": "COST"}]},
    "budgets:DescribeNotificationsForBudget": {"Notifications": [{"NotificationType": "ACTUAL", "Threshold": 80.0}]},
    "bedrock:ListGuardrails": {"guardrails": [{"id": "g1", "arn": "arn:aws:bedrock:eu-west-1:123456789012:guardrail/g1", "name": "g"}]},
    "bedrock:GetGuardrail": {
        "name": "g",
        "contentPolicy": {"filters": [{"type": "PROMPT_ATTACK", "inputStrength": "HIGH"}]},
        "sensitiveInformationPolicy": {"piiEntities": [{"type": "EMAIL", "action": "BLOCK"}], "regexes": []},
    },
    "bedrock:GetModelInvocationLoggingConfiguration": {
        "loggingConfig": {"s3Config": {"bucketName": "weights"}, "textDataDeliveryEnabled": True}
    },
    "lambda:ListFunctions": {
        "Functions": [
            {
                "FunctionName": "f",
                "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:f",
                "Role": "arn:aws:iam::123456789012:role/f",
                "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
            }
        ]
    },
    "lambda:GetPolicy": {
        "Policy": '{"Statement": [{"Sid": "all", "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction"}]}'
    },
    "elbv2:DescribeLoadBalancers": {
        "LoadBalancers": [
            {
                "LoadBalancerArn": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/lb/1",
                "LoadBalancerName": "lb",
                "Scheme": "internet-facing",
                "Type": "application",
                "SecurityGroups": ["sg-1"],
                "AvailabilityZones": [{"SubnetId": "subnet-1"}],
            }
        ]
    },
    "elbv2:DescribeListeners": {
        "Listeners": [
            {
                "ListenerArn": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/lb/1/2",
                "LoadBalancerArn": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/lb/1",
                "Port": 443,
                "Protocol": "HTTPS",
                "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
                "DefaultActions": [{"Type": "forward", "TargetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/tg/3"}],
            }
        ]
    },
    "elbv2:DescribeTargetGroups": {
        "TargetGroups": [
            {
                "TargetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/tg/3",
                "TargetGroupName": "tg",
                "Protocol": "HTTP",
                "Port": 8000,
                "VpcId": "vpc-1",
                "TargetType": "instance",
            }
        ]
    },
    "elbv2:DescribeTargetHealth": {"TargetHealthDescriptions": [{"Target": {"Id": "i-1", "Port": 8000}}]},
}  # fmt: skip
"""What watches, serves and calls."""


def error(code: str, status: int = 400, said: str = "no") -> ClientError:
    """What boto3 raises for an answer that is an error."""
    told = {"Error": {"Code": code, "Message": said}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(told, "Operation")  # type: ignore[arg-type]


class _Paged:
    def __init__(self, pages: list[object]) -> None:
        self._pages = pages

    def paginate(self, **arguments: object) -> Iterator[dict[str, object]]:
        """Page after page; a page that is an error is raised."""
        del arguments
        for page in self._pages:
            if isinstance(page, Exception):
                raise page
            assert isinstance(page, dict)
            yield page


@dataclass
class _Client:
    account: "Canned"
    service: str

    def can_paginate(self, operation: str) -> bool:
        """What is canned as a list of pages has pages."""
        return isinstance(self._answer(operation), list)

    def get_paginator(self, operation: str) -> _Paged:
        """The pages."""
        answer = self._answer(operation)
        assert isinstance(answer, list)
        return _Paged(answer)

    def _answer(self, operation: str) -> object:
        return self.account.answers.get(f"{self.service}:{self.account.names[operation]}", {})

    def __getattr__(self, operation: str):  # noqa: ANN204 - as boto3, which has no types
        def asked(**arguments: object) -> object:
            self.account.asked.append((f"{self.service}:{self.account.names[operation]}", dict(arguments)))
            answer = self._answer(operation)
            if isinstance(answer, BaseException):
                raise answer
            return answer

        return asked


@dataclass
class Canned:
    """A session of boto3 over canned answers; what is not canned is empty."""

    answers: Mapping[str, object]
    region_name: str | None = REGION
    nowhere: tuple[str, ...] = ()
    asked: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        every = {c.operation for one in listings() for c in one.calls}
        self.names = {xform_name(n): n for n in every}

    def client(self, service: str, **options: object) -> _Client:
        """A client."""
        del options
        return _Client(self, service)

    def get_available_regions(self, service: str, partition_name: str = "aws") -> list[str]:
        """Where the catalogue has a service."""
        del partition_name
        return ["us-east-1"] if service in self.nowhere else [REGION]


def walked(answers: Mapping[str, object], seconds: float = 30.0, **more: object) -> tuple[Walked, Canned]:
    """What an account of these answers tells."""
    canned = Canned(answers, **more)  # type: ignore[arg-type]
    faults = Faults((BotoCoreError, ClientError), (), (ReadTimeoutError,), xform_name)
    account = Account(canned, faults, None, NUMBER, "aws", REGION, (REGION,))
    return Walk(account, listings(), "2026-08-01", Deadline(seconds), None).run(), canned


def estate(answers: Mapping[str, object], **more: object) -> Estate:
    """The estate of such an account."""
    told, _ = walked(answers, **more)  # type: ignore[arg-type]
    found = tuple(telling.Account(told, NUMBER, "aws:").assets())
    return Estate(found, tuple(telling.gaps(told, "aws:")), (), NOW)


def one(of: Estate, native: str) -> Asset:
    """The only asset of a type."""
    found = [a for a in of.assets if a.native_type == native]
    assert len(found) == 1, [a.address for a in found]
    return found[0]
