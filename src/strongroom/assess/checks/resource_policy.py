"""Policies on things themselves: repositories, secrets, model groups, vector stores, search domains."""

from strongroom.assess.checks._statements import listed, verdict
from strongroom.kit.iam_reach import public
from strongroom.model.codes import Effort, FindingCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, check, holds

PRINCIPAL = 'Principal = { AWS = "arn:aws:iam::<account>:role/<role>" }'
SEARCH = "aws_opensearch_domain"


@check(
    id="net.resource-policy.not-public",
    title="The policy lets nobody in who is not named",
    clause="NET-01.not-exposed",
    kinds=(Kind.REGISTRY, Kind.POLICY, Kind.MODEL, Kind.SECRET),
    needs=("resource.statements",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Name the roles or accounts, or tie the statement to your organisation.",
        (
            ("aws_ecr_repository_policy", PRINCIPAL),
            ("aws_secretsmanager_secret_policy", PRINCIPAL),
            ("aws_sagemaker_model_package_group_policy", PRINCIPAL),
        ),
        verify="aws ecr get-repository-policy --repository-name <name>",
    ),
    broken="it lets everybody in: {statement}",
    equivalents=("checkov:CKV_AWS_32", "trivy:AWS-0032", "prowler:ecr_repositories_not_publicly_accessible"),
)
def not_public(v: View) -> Answer:
    """A principal of `*` without a condition that fixes who is every AWS account in the world: they pull the images,
    read the secret, or replace the model.
    """
    return verdict(listed(v, "resource.statements"), public)


@check(
    id="net.search.policy-not-public",
    title="The search domain asks who calls",
    clause="IAM-03.no-anonymous",
    kinds=(Kind.SEARCH,),
    needs=("aws.service", "resource.statements"),
    severity=Severity.HIGH,
    fix=Fix(
        "Name the roles that may call the domain, and switch fine-grained access control on.",
        ((SEARCH, PRINCIPAL), (SEARCH, "advanced_security_options {\n  enabled = true\n}")),
        verify="aws opensearch describe-domain-config --domain-name <name> --query DomainConfig.AccessPolicies",
        effort=Effort.MEDIUM,
    ),
    broken="its policy lets everybody in and no other control asks who calls: {statement}",
)
def search_not_public(v: View) -> Answer:
    """Vector stores hold the documents that a model may quote; an open one is read without leaving a name."""
    answer = verdict(listed(v, "resource.statements"), public)
    guarded = answer.code is FindingCode.BROKEN and v.has("auth.fine_grained") and v.flag("auth.fine_grained")
    return holds() if guarded else answer


CHECKS = (not_public, search_not_public)
