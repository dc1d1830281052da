"""Which deed on which kind of AWS resource comes down to what.

Source: AWS Service Authorization Reference. How the deeds are read where the catalogue leaves it open:
docs/how/ask-who-can.md.
"""

from collections.abc import Callable, Iterator

from strongroom.assess.identity.aws_evaluate import Thing
from strongroom.assess.identity.aws_goal import Goal, Need, Option
from strongroom.assess.identity.aws_questions import (
    Asking,
    away_with,
    bucket_of,
    export_bucket,
    export_image,
    image,
    its_key,
    key_needs,
    own_key,
    push,
    read_bucket,
    secret,
    write_bucket,
)
from strongroom.assess.identity.globs import FRESH
from strongroom.assess.identity.levels import NO, PERHAPS
from strongroom.model.estate import Asset
from strongroom.model.who_can import Deed


def goal(asking: Asking, deed: Deed) -> Goal | None:
    """What the deed comes down to for the asset; None when the question does not arise for its kind."""
    if deed is Deed.ADMIN:
        return _admin(asking)
    make = _TABLE.get((deed, asking.asset.native_type)) or _COMMON.get(deed)
    return make(asking) if make is not None else None


def _admin(q: Asking) -> Goal:
    """Everything on everything: what no policy names, and IAM, which a power user is kept from."""
    anything = Thing("everything", f"arn:aws:{FRESH}:::{FRESH}", q.account.names.account)
    needs = (
        Need(f"{FRESH}:{FRESH}", anything, (anything.arn,)),
        Need(f"iam:{FRESH}", anything, (f"arn:aws:iam::{q.account.names.account}:{FRESH}",)),
    )
    return Goal((Option(needs),))


def _simple(*actions: str, perhaps: str = "", note: str = "") -> Callable[[Asking], Goal]:
    """Options of one or more actions on the asset itself: `A+B` is both."""

    def make(q: Asking) -> Goal:
        sure = tuple(Option(tuple(q.need(a) for a in each.split("+"))) for each in actions)
        return Goal((*sure, *q.each(*perhaps.split(), sure=PERHAPS, note=note)))

    return make


def _packages(*actions: str) -> Callable[[Asking], Goal]:
    """Actions on the versions of a registered model."""

    def make(q: Asking) -> Goal:
        front = q.thing.arn.replace("model-package-group/", "model-package/")
        needs = (q.need(a, f"{front}/*", f"{front}*") for a in actions)
        return Goal(tuple(Option((n,)) for n in needs))

    return make


def _aliases(action: str) -> Callable[[Asking], Goal]:
    """Actions on an agent's aliases, which are what is called."""

    def make(q: Asking) -> Goal:
        front = q.thing.arn.replace(":agent/", ":agent-alias/")
        return Goal((Option((q.need(action, f"{front}/*"),)),))

    return make


def _train(q: Asking) -> Goal | None:
    """A job of one's own, as a role that may be passed to it."""
    if not q.asset.native_type.startswith(("aws_s3_", "aws_sagemaker_", "aws_iam_role", "aws_ecr_", "aws_kms_")):
        return None
    read = read_bucket(q) if q.asset.native_type.startswith("aws_s3_") else None
    return Goal(tuple(q.trains(read)))


def _stop_trail(q: Asking) -> Goal:
    """Stopping or deleting it, taking events out of it, and making its bucket or key refuse what it writes."""
    own = q.each(
        "cloudtrail:StopLogging", "cloudtrail:DeleteTrail", "cloudtrail:UpdateTrail", "cloudtrail:PutEventSelectors"
    )
    options = list(own)
    found = bucket_of(q)
    if found is not None:
        bucket = found[0]
        options += bucket.each(
            "s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:DeleteBucket", note="its bucket refuses"
        )
    for need in key_needs(q, "trail.key", "decrypt", "cloudtrail"):
        for action in ("disablekey", "schedulekeydeletion", "putkeypolicy"):
            options.append(Option((Need(f"kms:{action}", need.thing, need.within),), note="its key refuses"))
    return Goal(tuple(options))


def _log_group(q: Asking) -> Goal:
    whole = (q.thing.arn, f"{q.thing.arn}:*")
    actions = ("logs:DeleteLogGroup", "logs:DeleteLogStream", "logs:PutRetentionPolicy")
    return Goal(tuple(Option((q.need(a, *whole),)) for a in actions))


def _read_logs(q: Asking) -> Goal:
    whole = (q.thing.arn, f"{q.thing.arn}:*")
    return Goal(
        tuple(Option((q.need(a, *whole),)) for a in ("logs:GetLogEvents", "logs:FilterLogEvents", "logs:StartQuery"))
    )


def _cluster(deed: Deed) -> Callable[[Asking], Goal]:
    """A cluster's own API: who is listed for it, and who can list himself."""

    def make(q: Asking) -> Goal:
        entry = Option((q.need("eks:CreateAccessEntry"), q.need("eks:AssociateAccessPolicy")))
        listed = frozenset(_listed(q, deed))
        own = q.each("eks:CreateAddon", "eks:UpdateAddon", "eks:DeleteAddon") if deed is Deed.MANAGE_GPU else ()
        held = Option(holders=listed, note="an access entry of the cluster") if listed else Option(sure=NO)
        return Goal((held, entry, *own))

    return make


def _listed(q: Asking, deed: Deed) -> Iterator[str]:
    """The principals whose access entry carries a policy that is enough."""
    enough = ("clusteradmin",) if deed is Deed.MANAGE_GPU else ("clusteradmin", "adminpolicy", "editpolicy")
    for a in q.account.assets:
        policy = a.value("grant.policy")
        if a.native_type != "aws_eks_access_policy_association" or not isinstance(policy, str):
            continue
        if any(e in policy.lower() for e in enough) and _names(q, a, "cluster"):
            for x in q.account.referred(a, "principal"):
                yield x if isinstance(x, str) else q.account.names.arn(x)


def _names(q: Asking, a: Asset, rel: str) -> bool:
    named = list(q.account.referred(a, rel))
    return not named or any(x == q.asset.name if isinstance(x, str) else x.id == q.asset.id for x in named)


_SHELL = (
    *("ssm:StartSession", "ssm:SendCommand", "ec2:ModifyInstanceAttribute", "ec2-instance-connect:SendSSHPublicKey"),
    *("ec2-instance-connect:SendSerialConsoleSSHPublicKey", "ec2:CreateReplaceRootVolumeTask"),
)
_SERVE = ("sagemaker:UpdateEndpoint", "sagemaker:DeleteEndpoint+sagemaker:CreateEndpoint")
_NOTEBOOK = "sagemaker:CreatePresignedNotebookInstanceUrl"
Make = Callable[[Asking], Goal | None]
_TABLE: dict[tuple[Deed, str], Make] = {
    **{(Deed.READ, t): read_bucket for t in ("aws_s3_bucket", "aws_s3_object", "aws_s3_bucket_object", "aws_s3_access_point")},
    (Deed.READ, "aws_secretsmanager_secret"): secret("secretsmanager:GetSecretValue", "secretsmanager"),
    (Deed.READ, "aws_ssm_parameter"): secret("ssm:GetParameter ssm:GetParameters ssm:GetParametersByPath ssm:GetParameterHistory", "ssm"),
    (Deed.READ, "aws_ecr_repository"): image,
    (Deed.READ, "aws_cloudwatch_log_group"): _read_logs,
    (Deed.READ, "aws_sagemaker_notebook_instance"): _simple(_NOTEBOOK),
    (Deed.READ, "aws_sagemaker_feature_group"): _simple("sagemaker:GetRecord", "sagemaker:BatchGetRecord"),
    (Deed.READ, "aws_bedrockagent_knowledge_base"): _simple("bedrock:Retrieve", "bedrock:RetrieveAndGenerate"),
    **{(Deed.UPDATE, t): write_bucket for t in ("aws_s3_bucket", "aws_s3_object", "aws_s3_bucket_object")},
    **{(Deed.EXPORT, t): export_bucket for t in ("aws_s3_bucket", "aws_s3_object", "aws_s3_bucket_object")},
    (Deed.EXPORT, "aws_ecr_repository"): export_image,
    (Deed.EXPORT, "aws_secretsmanager_secret"): away_with(secret("secretsmanager:GetSecretValue", "secretsmanager")),
    (Deed.EXPORT, "aws_ebs_volume"): _simple("ec2:CreateSnapshot"),
    (Deed.EXPORT, "aws_sagemaker_model_package_group"): _simple("sagemaker:PutModelPackageGroupPolicy"),
    **{(Deed.DECRYPT, f"aws_kms_{k}"): own_key("Decrypt") for k in ("key", "replica_key", "external_key")},
    **{(Deed.RELEASE, f"aws_kms_{k}"): own_key("Decrypt ReEncryptFrom") for k in ("key", "replica_key", "external_key")},
    (Deed.RELEASE, "aws_secretsmanager_secret"): secret("secretsmanager:GetSecretValue", "secretsmanager"),
    (Deed.INFER, "aws_sagemaker_endpoint"): _simple(
        "sagemaker:InvokeEndpoint",
        perhaps="sagemaker:InvokeEndpointWithResponseStream sagemaker:InvokeEndpointAsync",
        note="only where the endpoint answers in streams or to a bucket",
    ),
    (Deed.INFER, "aws_bedrockagent_agent"): _aliases("bedrock:InvokeAgent"),
    (Deed.INFER, "aws_bedrockagent_knowledge_base"): _simple("bedrock:Retrieve", "bedrock:RetrieveAndGenerate"),
    **{(Deed.INFER, f"aws_bedrock_{k}"): _simple("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
       for k in ("custom_model", "provisioned_model_throughput", "inference_profile")},
    (Deed.INFER, "aws_lambda_function"): _simple("lambda:InvokeFunction"),
    (Deed.DEPLOY, "aws_sagemaker_endpoint"): _simple(*_SERVE),
    (Deed.DEPLOY, "aws_sagemaker_endpoint_configuration"): _simple("sagemaker:DeleteEndpointConfig+sagemaker:CreateEndpointConfig"),
    (Deed.DEPLOY, "aws_sagemaker_model"): _simple("sagemaker:DeleteModel+sagemaker:CreateModel"),
    (Deed.DEPLOY, "aws_sagemaker_model_package_group"): _packages("sagemaker:UpdateModelPackage", "sagemaker:CreateModelPackage"),
    (Deed.DEPLOY, "aws_ecr_repository"): push,
    (Deed.DEPLOY, "aws_lambda_function"): _simple("lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"),
    (Deed.DEPLOY, "aws_bedrockagent_agent"): _simple("bedrock:UpdateAgent", "bedrock:UpdateAgentAlias"),
    (Deed.DEPLOY, "aws_eks_cluster"): _cluster(Deed.DEPLOY),
    (Deed.UPDATE, "aws_sagemaker_endpoint"): _simple(*_SERVE, "sagemaker:UpdateEndpointWeightsAndCapacities"),
    (Deed.UPDATE, "aws_sagemaker_model_package_group"): _packages("sagemaker:UpdateModelPackage"),
    (Deed.UPDATE, "aws_sagemaker_notebook_instance"): _simple("sagemaker:UpdateNotebookInstance"),
    (Deed.UPDATE, "aws_ecr_repository"): push,
    (Deed.UPDATE, "aws_lambda_function"): _simple("lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"),
    (Deed.UPDATE, "aws_secretsmanager_secret"): _simple("secretsmanager:PutSecretValue", "secretsmanager:UpdateSecret"),
    (Deed.STOP_LOGS, "aws_cloudtrail"): _stop_trail,
    (Deed.STOP_LOGS, "aws_cloudwatch_log_group"): _log_group,
    (Deed.STOP_LOGS, "aws_config_configuration_recorder"): _simple("config:StopConfigurationRecorder", "config:DeleteConfigurationRecorder", "config:PutConfigurationRecorder"),
    (Deed.STOP_LOGS, "aws_guardduty_detector"): _simple("guardduty:DeleteDetector", "guardduty:UpdateDetector"),
    (Deed.STOP_LOGS, "aws_bedrock_model_invocation_logging_configuration"): _simple("bedrock:DeleteModelInvocationLoggingConfiguration", "bedrock:PutModelInvocationLoggingConfiguration"),
    (Deed.MANAGE_GPU, "aws_instance"): _simple(*_SHELL),
    (Deed.MANAGE_GPU, "aws_launch_template"): _simple("ec2:CreateLaunchTemplateVersion", "ec2:ModifyLaunchTemplate"),
    (Deed.MANAGE_GPU, "aws_eks_node_group"): _simple("eks:UpdateNodegroupVersion", "eks:UpdateNodegroupConfig"),
    (Deed.MANAGE_GPU, "aws_eks_cluster"): _cluster(Deed.MANAGE_GPU),
    (Deed.MANAGE_GPU, "aws_sagemaker_notebook_instance"): _simple(_NOTEBOOK, "sagemaker:UpdateNotebookInstance"),
    (Deed.MANAGE_GPU, "aws_sagemaker_endpoint"): _simple(*_SERVE),
}  # fmt: skip
_COMMON: dict[Deed, Make] = {Deed.TRAIN: _train, Deed.DECRYPT: its_key, Deed.RELEASE: its_key}
