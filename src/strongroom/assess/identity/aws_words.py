"""The actions of AWS as people write them; they are compared in lower case.

Source: AWS Service Authorization Reference.
"""

_WORDS = {
    "batch": "RegisterJobDefinition SubmitJob",
    "bedrock": (
        "DeleteModelInvocationLoggingConfiguration InvokeAgent InvokeModel InvokeModelWithResponseStream "
        "PutModelInvocationLoggingConfiguration Retrieve RetrieveAndGenerate UpdateAgent UpdateAgentAlias"
    ),
    "cloudformation": "CreateStack",
    "cloudtrail": "DeleteTrail PutEventSelectors StopLogging UpdateTrail",
    "codebuild": "CreateProject StartBuild",
    "config": "DeleteConfigurationRecorder PutConfigurationRecorder StopConfigurationRecorder",
    "datapipeline": "ActivatePipeline CreatePipeline PutPipelineDefinition",
    "ec2-instance-connect": "SendSSHPublicKey SendSerialConsoleSSHPublicKey",
    "ec2": (
        "CreateLaunchTemplateVersion CreateReplaceRootVolumeTask CreateSnapshot ModifyInstanceAttribute "
        "ModifyLaunchTemplate RunInstances"
    ),
    "ecr": (
        "BatchGetImage DeleteRepositoryPolicy GetDownloadUrlForLayer PutImage PutReplicationConfiguration "
        "REGION SetRepositoryPolicy"
    ),
    "ecs": "RegisterTaskDefinition RunTask",
    "eks": (
        "AssociateAccessPolicy CreateAccessEntry CreateAddon DeleteAddon UpdateAddon UpdateNodegroupConfig "
        "UpdateNodegroupVersion"
    ),
    "elasticmapreduce": "RunJobFlow",
    "glue": "CreateDevEndpoint CreateJob StartJobRun",
    "guardduty": "DeleteDetector UpdateDetector",
    "iam": (
        "AddUserToGroup AttachGroupPolicy AttachRolePolicy AttachUserPolicy CreateAccessKey "
        "CreateLoginProfile CreatePolicyVersion CreateRole CreateUser DeleteRolePermissionsBoundary "
        "DeleteRolePolicy DeleteUserPermissionsBoundary DeleteUserPolicy DetachRolePolicy DetachUserPolicy "
        "PassRole PutGroupPolicy PutRolePermissionsBoundary PutRolePolicy PutUserPermissionsBoundary "
        "PutUserPolicy SetDefaultPolicyVersion UpdateAssumeRolePolicy UpdateLoginProfile"
    ),
    "kms": (
        "CreateGrant Decrypt DisableKey Encrypt GenerateDataKey PutKeyPolicy REGION ReEncryptFrom ScheduleKeyDeletion"
    ),
    "lambda": (
        "AddPermission CreateEventSourceMapping CreateFunction CreateFunctionUrlConfig InvokeFunction "
        "UpdateFunctionCode UpdateFunctionConfiguration"
    ),
    "logs": "DeleteLogGroup DeleteLogStream FilterLogEvents GetLogEvents PutRetentionPolicy StartQuery",
    "s3": "DeleteBucket DeleteBucketPolicy GetObject PutBucketPolicy PutObject",
    "sagemaker": (
        "BatchGetRecord CreateDomain CreateEndpoint CreateEndpointConfig CreateHyperParameterTuningJob "
        "CreateModel CreateModelPackage CreateNotebookInstance CreateNotebookInstanceLifecycleConfig "
        "CreatePipeline CreatePresignedDomainUrl CreatePresignedNotebookInstanceUrl CreateProcessingJob "
        "CreateTrainingJob CreateTransformJob CreateUserProfile DeleteEndpoint DeleteEndpointConfig "
        "DeleteModel GetRecord InvokeEndpoint InvokeEndpointAsync InvokeEndpointWithResponseStream "
        "PutModelPackageGroupPolicy StartPipelineExecution UpdateEndpoint UpdateEndpointWeightsAndCapacities "
        "UpdateModelPackage UpdateNotebookInstance"
    ),
    "secretsmanager": "DeleteResourcePolicy GetSecretValue PutResourcePolicy PutSecretValue UpdateSecret",
    "ssm": "GetParameter GetParameterHistory GetParameters GetParametersByPath SendCommand StartSession",
    "states": "CreateStateMachine StartExecution",
    "sts": "AssumeRole",
}
_PROPER = {
    f"{service}:{name}".lower(): f"{service}:{name}" for service, names in _WORDS.items() for name in names.split()
}


def proper(action: str) -> str:
    """An action in the letters that AWS gives it; what is made up here stands for every action."""
    service, _, name = action.partition(":")
    if "\ue000" in action:
        return "every action" if "\ue000" in service else f"every action of {service}"
    return _PROPER.get(action, f"{service}:{name}")
