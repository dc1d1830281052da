"""Ids of Checkov, Trivy, Prowler and Powerpipe on AI and managed Kubernetes that no check lists as its equivalent, and why."""

from typing import Final

_TAGS: Final = "labels prove nothing; that each asset has an owner is asked of the inventory (INV-01)"
_WORTH: Final = "it asks for how a service is run, and not for who can reach, read or change it"
_COST: Final = "it is a question of cost"
_QUALITY: Final = "it asks how good a model or its process is, and not who can reach, read or change it"
_USE: Final = "only records of use tell who still needs a right; the checks judge what the right allows"
_WATCH: Final = "it looks for an attack in a log, which is watching and no posture"
_UPGRADE: Final = (
    "the version that runs is asked, and whether accelerators' drivers are renewed; how it is renewed is a choice"
)

CHECKOV: Final[dict[str, str | tuple[str, ...]]] = {
    "CKV2_AZURE_29": ("net.aks.network-policy",),
    "CKV_AZURE_116": "an add-on of Azure's for policies; that some admission refuses, whichever, is asked of the cluster's objects",
    "CKV_AZURE_168": _WORTH,
    "CKV_AZURE_169": _WORTH,
    "CKV_AZURE_170": _WORTH,
    "CKV_AZURE_171": _UPGRADE,
    "CKV_AZURE_172": "how soon a changed secret arrives; that secrets are kept under a key and roles decide is asked",
    "CKV_AZURE_226": _WORTH,
    "CKV_AZURE_232": _WORTH,
    "CKV_AZURE_246": "an add-on that Azure has retired; what leads into the cluster is asked by `assess reach`",
    "CKV_AZURE_8": "a cluster of today has no dashboard of its own; what runs in it is asked of its objects",
    "CKV_AZURE_150": _COST,
    "CKV_AZURE_208": _WORTH,
    "CKV_AZURE_209": _WORTH,
    "CKV_AZURE_210": ("net.ai-search.public",),
    "CKV2_GCP_19": "an alpha cluster ends by itself after 30 days, and Google gives it no promise",
    "CKV_GCP_123": _WORTH,
    "CKV_GCP_21": _TAGS,
    "CKV_GCP_23": "every cluster of today is native to its network; a policy is enforced without it too",
    "CKV_GCP_24": ("iam.namespace.pod-security",),
    "CKV_GCP_61": ("log.gcp-subnet.flows",),
    "CKV_GCP_65": "groups make bindings shorter; whom a binding gives what is asked of each",
    "CKV_GCP_70": _UPGRADE,
    "CKV_GCP_8": _WORTH,
    "CKV_GCP_10": ("gpu.gke.driver",),
    "CKV_GCP_22": "which system nodes boot; that they boot signed software and are renewed is asked",
    "CKV_GCP_9": _WORTH,
}

TRIVY: Final[dict[str, str | tuple[str, ...]]] = {
    "AZU-0066": "an add-on of Azure's for policies; that some admission refuses, whichever, is asked of the cluster's objects",
    "GCP-0048": ("net.gke.metadata",),
    "GCP-0049": "every cluster of today is native to its network; a policy is enforced without it too",
    "GCP-0051": _TAGS,
    "GCP-0052": _WORTH,
    "GCP-0054": "which system nodes boot; that they boot signed software and are renewed is asked",
    "GCP-0058": ("gpu.gke.driver",),
    "GCP-0063": _WORTH,
}

PROWLER: Final[dict[str, str | tuple[str, ...]]] = {
    "bedrock_agent_role_not_shared_across_agents": ("iam.agent.role-scoped",),
    "bedrock_api_key_no_administrative_privileges": ("iam.grant.admin", "iam.policy.escalation"),
    "bedrock_api_key_no_long_term_credentials": ("iam.user.standing-key",),
    "bedrock_full_access_policy_attached": ("iam.grant.full-access",),
    "bedrock_guardrail_contextual_grounding_filter_enabled": _QUALITY,
    "bedrock_guardrail_sensitive_information_filter_enforced": ("art.guardrail.private-data",),
    "bedrock_guardrails_configured": ("iam.agent.guardrail",),
    "bedrock_model_invocation_logs_encryption_enabled": ("enc.s3-bucket.cmk", "enc.log-group.cmk"),
    "bedrock_prompt_management_exists": _QUALITY,
    "bedrock_vpc_endpoints_configured": ("net.endpoint.policy-limited",),
    "cloudtrail_bedrock_logging_enabled": ("log.trail.on",),
    "cloudtrail_threat_detection_llm_jacking": _WATCH,
    "cloudwatch_log_group_agentcore_data_protection_policy_enabled": (
        "a log group's masking of private data; that the group is under a key and kept long enough is asked"
    ),
    "eks_cluster_deletion_protection_enabled": _WORTH,
    "eks_cluster_network_policy_enabled": ("net.cluster.eks-network-policy",),
    "iam_inline_policy_no_wildcard_marketplace_subscribe": _COST,
    "iam_policy_no_agentcore_workload_access_token_wildcard": ("iam.policy.star-actions",),
    "iam_policy_no_wildcard_marketplace_subscribe": _COST,
    "iam_policy_passrole_to_bedrock_agentcore_restricted": ("iam.policy.pass-role",),
    "iam_role_access_not_stale_to_bedrock": _USE,
    "iam_user_access_not_stale_to_bedrock": _USE,
    "organizations_opt_out_ai_services_policy": (
        "what AWS may learn from content is a contract of the organisation's, which only its management account shows"
    ),
    "sagemaker_clarify_exists": _QUALITY,
    "sagemaker_endpoint_config_prod_variant_instances": "how many machines serve is a question of availability",
    "sagemaker_models_monitor_enabled": _QUALITY,
    "sagemaker_models_registry_in_use": (
        "whether a registry of one vendor is used; every artifact's entry in the register is asked (ART-05)"
    ),
    "sagemaker_training_jobs_volume_and_output_encryption_enabled": ("enc.job.volume-cmk", "enc.job.output-cmk"),
    "aiservices_deployment_content_filter_prompt_shield_enabled": (
        "a deployment's content filter is no part of the account's configuration that is read"
    ),
    "aks_cluster_auto_upgrade_enabled": ("gpu.aks.driver",),
    "aks_cluster_defender_enabled": "which scanner is switched on; what it would find in the cluster's objects is asked of them",
    "apim_threat_detection_llm_jacking": _WATCH,
    "apikeys_api_restricted_with_gemini_api": "keys of Google's public API, which reaches no model, data or machine of yours",
    "gemini_api_disabled": "Google's public API, which reaches no model, data or machine of yours",
    "vertexai_workbench_instance_auto_upgrade_enabled": _UPGRADE,
    "vertexai_workbench_instance_file_download_disabled": (
        "whoever may run code in a notebook can send a file elsewhere; the notebook's way out is asked"
    ),
    "vertexai_workbench_instance_terminal_access_disabled": (
        "whoever may run code in a notebook needs no terminal; that its users have no root is asked"
    ),
}

POWERPIPE: Final[dict[str, str | tuple[str, ...]]] = {
    "eks_cluster_control_plane_audit_logging_enabled": ("log.cluster.eks-control-plane",),
    "eks_cluster_endpoint_public_access_restricted": ("net.cluster.eks-api-cidrs",),
    "eks_cluster_endpoint_restrict_public_access": ("net.cluster.eks-api-private",),
    "eks_cluster_no_default_vpc": "a default network is judged by what it lets through, as any other is: `assess reach`",
    "eks_cluster_no_multiple_security_groups": "what several groups let in together is asked by `assess reach`",
    "eks_cluster_secrets_encrypted": ("enc.cluster.eks-secrets-cmk",),
    "eks_cluster_with_latest_kubernetes_version": ("inv.cluster.eks-version",),
    "sagemaker_endpoint_configuration_encryption_at_rest_enabled": ("enc.endpoint-config.cmk",),
    "sagemaker_endpoint_configuration_prod_instance_count_greater_than_one": "how many machines serve is a question of availability",
    "sagemaker_model_in_vpc": ("net.model.in-vpc",),
    "sagemaker_model_network_isolation_enabled": ("net.model.isolated",),
    "sagemaker_notebook_instance_direct_internet_access_disabled": ("net.notebook.direct-internet",),
    "sagemaker_notebook_instance_encrypted_with_kms_cmk": ("enc.notebook.cmk",),
    "sagemaker_notebook_instance_encryption_at_rest_enabled": ("enc.notebook.cmk",),
    "sagemaker_notebook_instance_in_vpc": ("net.notebook.in-vpc",),
    "sagemaker_notebook_instance_root_access_disabled": ("iam.notebook.no-root",),
    "sagemaker_notebook_instance_supported_platform_version": _UPGRADE,
    "sagemaker_training_job_in_vpc": ("net.job.in-vpc",),
    "sagemaker_training_job_inter_container_traffic_encryption_enabled": ("enc.job.between-containers",),
    "sagemaker_training_job_network_isolation_enabled": ("net.job.isolated",),
    "sagemaker_training_job_volume_and_data_encryption_enabled": ("enc.job.volume-cmk", "enc.job.output-cmk"),
}
