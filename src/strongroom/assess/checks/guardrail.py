"""What stands before and behind a model of Bedrock, and the log of what it was asked."""

from strongroom.model.codes import Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds

SEE_GUARDRAIL = "aws bedrock get-guardrail --guardrail-identifier <id> --query "
ATTACKS = """content_policy_config {
  filters_config {
    type            = "PROMPT_ATTACK"
    input_strength  = "HIGH"
    output_strength = "NONE"
  }
}"""
PRIVATE = """sensitive_information_policy_config {
  pii_entities_config {
    type   = "AWS_SECRET_KEY"
    action = "BLOCK"
  }
}"""


@check(
    id="iam.guardrail.prompt-attacks",
    title="The guardrail looks for attacks in prompts with full strength",
    clause="IAM-02.no-escalation",
    kinds=(Kind.GUARDRAIL,),
    needs=("aws.service", "guardrail.prompt_attack"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Add the filter for prompt attacks with high strength.",
        (("aws_bedrock_guardrail", ATTACKS),),
        verify=SEE_GUARDRAIL + "contentPolicy",
    ),
    broken="its filter for prompt attacks is {strength}",
    equivalents=("prowler:bedrock_guardrail_prompt_attack_filter_enabled",),
)
def prompt_attacks(v: View) -> Answer:
    """A guardrail without this filter checks manners and lets instructions to the model pass."""
    strength = v.text("guardrail.prompt_attack").upper()
    return holds() if strength == "HIGH" else broken(strength=(strength or "none").lower())


@check(
    id="art.guardrail.private-data",
    title="The guardrail blocks or masks private data",
    clause="ART-07.no-copy-outside",
    kinds=(Kind.GUARDRAIL,),
    needs=("aws.service", "guardrail.private_data"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "List the kinds of private data that must not pass.",
        (("aws_bedrock_guardrail", PRIVATE),),
        verify=SEE_GUARDRAIL + "sensitiveInformationPolicy",
    ),
    broken="it lets private data pass in both directions",
    equivalents=("prowler:bedrock_guardrail_sensitive_information_filter_enabled",),
)
def private_data(v: View) -> bool:
    """What a model was tuned on or handed for context can be talked out of it again; the filter is the last look."""
    return v.flag("guardrail.private_data")


@check(
    id="log.bedrock.invocations",
    title="Model invocations are logged with what was asked and answered",
    clause="LOG-01.sources-on",
    kinds=(Kind.TRAIL,),
    needs=("log.delivered", "log.prompts"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Deliver the log, texts included, to a bucket that few may read.",
        (
            (
                "aws_bedrock_model_invocation_logging_configuration",
                (
                    "logging_config {\n  text_data_delivery_enabled = true\n  s3_config {\n"
                    "    bucket_name = aws_s3_bucket.invocations.id\n  }\n}"
                ),
            ),
        ),
        verify="aws bedrock get-model-invocation-logging-configuration",
    ),
    broken="{what}",
    equivalents=(
        "prowler:bedrock_model_invocation_logging_enabled",
        "prowler:bedrock_model_invocation_logging_text_data_enabled",
    ),
)
def invocations(v: View) -> Answer:
    """Without the texts nobody can say afterwards what a stolen key was used for or what left through an answer."""
    if not v.flag("log.delivered"):
        return broken(what="the log is written nowhere")
    return holds() if v.flag("log.prompts") else broken(what="the texts are left out of the log")


CHECKS = (prompt_attacks, private_data, invocations)
