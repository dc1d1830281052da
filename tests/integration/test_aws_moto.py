"""A running account on moto's server: real requests over the wire, what it does not know, and a policy that is enforced."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import boto3.session
import pytest
from tests.integration.kube_server import free_port

from strongroom.app.init_policies import POLICIES
from strongroom.collect.aws import asking
from strongroom.collect.sources.aws import COLLECTOR
from strongroom.model.codes import GapCode
from strongroom.model.errors import Unreadable
from strongroom.model.estate import Asset, Estate
from strongroom.model.ports import Limits, Request
from strongroom.model.values import Key, Unknown

pytestmark = pytest.mark.integration

CACHE = Path(os.getenv("XDG_CACHE_HOME", Path.home() / ".cache")) / "strongroom-tests" / "moto"
SERVER = CACHE / "v" / "bin" / "moto_server"
NOW = datetime(2026, 11, 1, tzinfo=UTC)
REGION = "us-east-1"
MISNAMED = (
    "bedrock:", "bedrock-agentcore:", "budgets:", "cloudwatch:", "eks:", "elasticfilesystem:", "es:", "guardduty:", "lambda:",
    "macie2:", "securityhub:", "s3:GetBucketObjectLockConfiguration", "s3:GetBucketPublicAccessBlock",
    "s3:GetEncryptionConfiguration",
)  # fmt: skip
"""What moto calls otherwise than IAM does, or not at all, when it enforces policies."""


@contextmanager
def running(log: Path) -> Iterator[str]:
    """Moto's server on loopback."""
    if not SERVER.exists():
        pytest.skip("moto's server is not installed: .ci/run does")
    port = free_port()
    with log.open("wb") as out:
        command = [SERVER, "-H", "127.0.0.1", "-p", str(port)]
        started = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, started)
            yield url
        finally:
            started.terminate()
            started.wait(20)


def _wait(url: str, started: "subprocess.Popen[bytes]") -> None:
    for _ in range(300):
        assert started.poll() is None
        try:
            with urlopen(f"{url}/moto-api/", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("moto's server did not answer")


class Maker:
    """Makes things in the account."""

    def __init__(self, url: str) -> None:
        self._session = boto3.session.Session("key", "secret", region_name=REGION)
        self._url = url

    def __call__(self, service: str):  # noqa: ANN204 - as boto3, which has no types
        return self._session.client(service, endpoint_url=self._url)


def furnish(make: Maker) -> None:
    """A small account with a notebook on the internet, an open bucket, a sealed one, and a cluster."""
    ec2, iam, s3, sagemaker = make("ec2"), make("iam"), make("s3"), make("sagemaker")
    network = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=network, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    trust = {
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ]
    }
    role = iam.create_role(RoleName="lab", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="lab", PolicyName="all", PolicyDocument=json.dumps(everything))
    iam.create_user(UserName="ada")
    iam.create_login_profile(UserName="ada", Password="a-Pass-w0rd-for-tests")
    key = make("kms").create_key(Description="for weights")["KeyMetadata"]["KeyId"]
    for name in ("weights", "open", "trails"):
        s3.create_bucket(Bucket=name)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket="weights", ServerSideEncryptionConfiguration={"Rules": [rule]})
    anybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::open/*"}
    s3.put_bucket_policy(Bucket="open", Policy=json.dumps({"Version": "2012-10-17", "Statement": [anybody]}))
    sagemaker.create_notebook_instance(NotebookInstanceName="loose", InstanceType="ml.p3.2xlarge", RoleArn=role)
    sagemaker.create_notebook_instance(
        NotebookInstanceName="tight", InstanceType="ml.t2.medium", RoleArn=role, SubnetId=subnet, KmsKeyId=key,
        DirectInternetAccess="Disabled", RootAccess="Disabled",
    )  # fmt: skip
    make("eks").create_cluster(name="train", roleArn=role, resourcesVpcConfig={"subnetIds": [subnet]})
    make("eks").create_nodegroup(clusterName="train", nodegroupName="gpu", subnets=[subnet], nodeRole=role)
    make("cloudtrail").create_trail(Name="all", S3BucketName="trails", IsMultiRegionTrail=True)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a furnished account."""
    with running(tmp_path_factory.mktemp("moto") / "log") as url:
        furnish(Maker(url))
        yield url


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in (("ACCESS_KEY_ID", "key"), ("SECRET_ACCESS_KEY", "secret"), ("DEFAULT_REGION", REGION)):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def read(url: str, target: str = f"@{REGION}", *, seconds: float = 120.0, monkeypatch: pytest.MonkeyPatch) -> Estate:
    """What the source makes of an account."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    return COLLECTOR.collect(Request(f"aws:{target}", target, NOW, Limits(wall_seconds=seconds)))


def named(estate: Estate, name: str) -> Asset:
    """The asset of a name."""
    found = [a for a in estate.assets if a.name == name]
    assert len(found) == 1, [(a.native_type, a.address) for a in found]
    return found[0]


def test_an_account_is_read_over_the_wire(account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notebooks, buckets, keys, clusters, trails and users of a running account come to their facts."""
    found = read(account, monkeypatch=monkeypatch)
    loose, tight = named(found, "loose"), named(found, "tight")
    assert [loose.value(n) for n in ("net.direct_internet", "root")] == [True, True]
    assert [tight.value(n) for n in ("net.direct_internet", "root", "net.in_vpc")] == [False, False, True]
    key = tight.value("enc.key")
    assert isinstance(key, Key)
    assert key.tech == "cmk"
    assert key == named(found, "weights").value("s3.key")
    assert named(found, "gpu").kind.value
    trail = next(a for a in found.assets if a.native_type == "AWS::CloudTrail::Trail")
    assert [trail.value(n) for n in ("log.enabled", "log.all_regions")] == [False, True]
    people = [a for a in found.assets if a.address.endswith(":user/ada")]
    assert any("mfa" in n for a in people for n in a.facts)
    assert {a.account for a in found.assets} == {"123456789012"}


def test_what_the_server_does_not_know_is_a_gap_and_nothing_else(account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that is answered with a page of HTML is a gap that names it and the kinds that it hides."""
    found = read(account, monkeypatch=monkeypatch)
    profiles = next(g for g in found.gaps if "ListUserProfiles" in g.detail)
    assert profiles.code is GapCode.NOT_FETCHED
    assert profiles.hides
    assert not any("<" in g.detail for g in found.gaps)
    assert not any("DescribeSubnets" in g.detail for g in found.gaps)
    doubts = [f.value for a in found.assets for f in a.facts.values() if isinstance(f.value, Unknown)]
    assert not any("<" in d.detail for d in doubts)


def test_two_readings_are_one(account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What did not change is told in the same order with the same digest, whichever thread was first."""
    one, other = (read(account, monkeypatch=monkeypatch) for _ in range(2))
    assert [a.address for a in one.assets] == [a.address for a in other.assets]
    assert [(g.scope, g.detail) for g in one.gaps] == [(g.scope, g.detail) for g in other.gaps]


def test_several_regions_are_told_apart(account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What two regions have of one name stays two, and what belongs to the account is there once."""
    found = read(account, f"@{REGION},eu-west-1", monkeypatch=monkeypatch)
    assert {a.region for a in found.assets if a.native_type == "AWS::EC2::VPC"} == {REGION, "eu-west-1"}
    assert len([a for a in found.assets if a.native_type == "AWS::S3::Bucket" and a.name == "open"]) == 1


def test_the_printed_policy_is_enough_and_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where policies are enforced, the printed one lets every call through, and without it the account tells nothing."""
    with running(tmp_path / "log") as url:
        make = Maker(url)
        furnish(make)
        iam = make("iam")
        keys = {}
        for user in ("reader", "nobody"):
            iam.create_user(UserName=user)
            keys[user] = iam.create_access_key(UserName=user)["AccessKey"]
        iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument="".join(POLICIES["aws"]("")))
        plain = {"Content-Type": "application/octet-stream"}
        with urlopen(HttpRequest(f"{url}/moto-api/reset-auth", b"0", plain), timeout=5):
            pass
        told = {}
        for user in ("reader", "nobody"):
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys[user]["AccessKeyId"])
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys[user]["SecretAccessKey"])
            told[user] = read(url, monkeypatch=monkeypatch)
    of_gaps = [(g.code, g.detail) for g in told["reader"].gaps]
    facts = [f.value for a in told["reader"].assets for f in a.facts.values()]
    of_facts = [(v.code, v.detail) for v in facts if isinstance(v, Unknown)]
    barred = tuple(f"no permission for {one}" for one in MISNAMED)
    refused = {d for code, d in (*of_gaps, *of_facts) if code is GapCode.DENIED and not d.startswith(barred)}
    assert not refused
    assert len([g for g in told["nobody"].gaps if g.code is GapCode.DENIED]) > len(asking.listings()) // 3
    assert not [a for a in told["nobody"].assets if a.native_type == "AWS::S3::Bucket"]


def test_an_account_that_does_not_answer_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address where nobody answers is an error that says what to try, and no traceback."""
    with pytest.raises(Unreadable) as e:
        read(f"http://127.0.0.1:{free_port()}", seconds=8.0, monkeypatch=monkeypatch)
    assert "sts:GetCallerIdentity" in str(e.value)
