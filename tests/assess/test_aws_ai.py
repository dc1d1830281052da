"""Bedrock, AgentCore, Kendra, Comprehend: agents, guardrails, models, indexes, the log of invocations."""

import pytest
from iac import UNKNOWN, table, verdict

HCL = (
    UNKNOWN
    + """
resource "aws_kms_key" "k" {}
data "aws_kms_key" "managed" {
  key_id = "alias/aws/kendra"
}
data "aws_kms_key" "asked" {
  key_id = var.x
}
resource "aws_iam_role" "wide" {
  name = "wide"
  inline_policy {
    policy = jsonencode({ Statement = { Effect = "Allow", Action = ["s3:*"], Resource = "*" } })
  }
}
data "aws_iam_policy_document" "narrow" {
  statement {
    actions   = ["bedrock:InvokeModel"]
    resources = [aws_bedrock_custom_model.good.custom_model_arn]
  }
}
resource "aws_iam_policy" "narrow" {
  policy = data.aws_iam_policy_document.narrow.json
}
resource "aws_iam_role" "narrow" {
  name = "narrow"
}
resource "aws_iam_role_policy_attachment" "narrow" {
  role       = aws_iam_role.narrow.name
  policy_arn = aws_iam_policy.narrow.arn
}
resource "aws_bedrockagent_agent" "bare" {
  agent_resource_role_arn = aws_iam_role.wide.arn
}
resource "aws_bedrockagent_agent" "good" {
  agent_resource_role_arn     = aws_iam_role.narrow.arn
  customer_encryption_key_arn = aws_kms_key.k.arn
  guardrail_configuration {
    guardrail_identifier = aws_bedrock_guardrail.good.guardrail_id
    guardrail_version    = "1"
  }
}
resource "aws_bedrockagent_agent" "asked" {
  agent_resource_role_arn     = var.x
  customer_encryption_key_arn = var.x
  guardrail_configuration {
    guardrail_identifier = var.x
  }
}
resource "aws_bedrock_guardrail" "bare" {
  content_policy_config {
    filters_config {
      type           = "HATE"
      input_strength = "HIGH"
    }
  }
}
resource "aws_bedrock_guardrail" "low" {
  content_policy_config {
    filters_config {
      type           = "PROMPT_ATTACK"
      input_strength = "LOW"
    }
  }
}
resource "aws_bedrock_guardrail" "good" {
  content_policy_config {
    filters_config {
      type           = "HATE"
      input_strength = "LOW"
    }
    filters_config {
      type           = "PROMPT_ATTACK"
      input_strength = "HIGH"
    }
  }
  sensitive_information_policy_config {
    pii_entities_config {
      type   = "PASSWORD"
      action = "BLOCK"
    }
  }
}
resource "aws_bedrock_guardrail" "asked" {
  content_policy_config {
    filters_config {
      type           = "PROMPT_ATTACK"
      input_strength = var.x
    }
  }
  sensitive_information_policy_config {
    pii_entities_config = var.x
  }
}
resource "aws_bedrock_custom_model" "bare" {}
resource "aws_bedrock_custom_model" "good" {
  custom_model_kms_key_id = aws_kms_key.k.arn
  vpc_config {
    subnet_ids = ["subnet-1"]
  }
}
resource "aws_comprehend_entity_recognizer" "bare" {}
resource "aws_comprehend_document_classifier" "good" {
  model_kms_key_id  = aws_kms_key.k.arn
  volume_kms_key_id = aws_kms_key.k.arn
}
resource "aws_comprehend_entity_recognizer" "asked" {
  model_kms_key_id  = var.x
  volume_kms_key_id = var.x
}
resource "aws_kendra_index" "bare" {}
resource "aws_kendra_index" "managed" {
  server_side_encryption_configuration {
    kms_key_id = data.aws_kms_key.managed.arn
  }
}
resource "aws_kendra_index" "good" {
  server_side_encryption_configuration {
    kms_key_id = aws_kms_key.k.id
  }
}
resource "aws_kendra_index" "asked" {
  server_side_encryption_configuration {
    kms_key_id = data.aws_kms_key.asked.arn
  }
}
resource "aws_bedrockagent_data_source" "bare" {}
resource "aws_bedrockagent_data_source" "good" {
  server_side_encryption_configuration {
    kms_key_arn = aws_kms_key.k.arn
  }
}
resource "aws_bedrockagent_prompt" "asked" {
  customer_encryption_key_arn = var.x
}
resource "aws_bedrock_model_invocation_logging_configuration" "bare" {}
resource "aws_bedrock_model_invocation_logging_configuration" "textless" {
  logging_config {
    text_data_delivery_enabled = false
    s3_config {
      bucket_name = "b"
    }
  }
}
resource "aws_bedrock_model_invocation_logging_configuration" "good" {
  logging_config {
    cloudwatch_config {
      log_group_name = "g"
    }
  }
}
resource "aws_bedrock_model_invocation_logging_configuration" "asked" {
  logging_config {
    text_data_delivery_enabled = var.x
    s3_config {
      bucket_name = "b"
    }
  }
}
resource "aws_bedrockagentcore_agent_runtime" "public" {
  network_configuration {
    network_mode = "PUBLIC"
  }
}
resource "aws_bedrockagentcore_agent_runtime" "good" {
  network_configuration {
    network_mode = "VPC"
  }
}
resource "aws_bedrockagentcore_code_interpreter" "asked" {
  network_configuration {
    network_mode = var.x
  }
}
resource "aws_bedrockagentcore_gateway" "open" {
  authorizer_type = "NONE"
}
resource "aws_bedrockagentcore_gateway" "good" {
  authorizer_type = "CUSTOM_JWT"
}
resource "aws_bedrockagentcore_gateway" "asked" {
  authorizer_type = var.x
}
"""
)


@pytest.mark.parametrize(
    ("check", "address", "status"),
    table("""
enc.agent.cmk                  aws_bedrockagent_agent.bare                                   fail
enc.agent.cmk                  aws_bedrockagent_agent.good                                   pass
enc.agent.cmk                  aws_bedrockagent_agent.asked                                  unknown
iam.agent.guardrail            aws_bedrockagent_agent.bare                                   fail
iam.agent.guardrail            aws_bedrockagent_agent.good                                   pass
iam.agent.guardrail            aws_bedrockagent_agent.asked                                  unknown
iam.agent.role-scoped          aws_bedrockagent_agent.bare                                   fail
iam.agent.role-scoped          aws_bedrockagent_agent.good                                   pass
iam.agent.role-scoped          aws_bedrockagent_agent.asked                                  unknown
net.agent.no-internet          aws_bedrockagentcore_agent_runtime.public                     fail
net.agent.no-internet          aws_bedrockagentcore_agent_runtime.good                       pass
net.agent.no-internet          aws_bedrockagentcore_code_interpreter.asked                   unknown
iam.gateway.authenticated      aws_bedrockagentcore_gateway.open                             fail
iam.gateway.authenticated      aws_bedrockagentcore_gateway.good                             pass
iam.gateway.authenticated      aws_bedrockagentcore_gateway.asked                            unknown
iam.guardrail.prompt-attacks   aws_bedrock_guardrail.bare                                    fail
iam.guardrail.prompt-attacks   aws_bedrock_guardrail.low                                     fail
iam.guardrail.prompt-attacks   aws_bedrock_guardrail.good                                    pass
iam.guardrail.prompt-attacks   aws_bedrock_guardrail.asked                                   unknown
art.guardrail.private-data     aws_bedrock_guardrail.bare                                    fail
art.guardrail.private-data     aws_bedrock_guardrail.good                                    pass
art.guardrail.private-data     aws_bedrock_guardrail.asked                                   unknown
enc.model.cmk                  aws_bedrock_custom_model.bare                                 fail
enc.model.cmk                  aws_bedrock_custom_model.good                                 pass
net.model.in-vpc               aws_bedrock_custom_model.bare                                 fail
net.model.in-vpc               aws_bedrock_custom_model.good                                 pass
enc.model.cmk                  aws_comprehend_entity_recognizer.bare                         fail
enc.model.cmk                  aws_comprehend_document_classifier.good                       pass
enc.model.cmk                  aws_comprehend_entity_recognizer.asked                        unknown
enc.model.volume-cmk           aws_comprehend_entity_recognizer.bare                         fail
enc.model.volume-cmk           aws_comprehend_document_classifier.good                       pass
enc.model.volume-cmk           aws_comprehend_entity_recognizer.asked                        unknown
enc.index.cmk                  aws_kendra_index.bare                                         fail
enc.index.cmk                  aws_kendra_index.managed                                      fail
enc.index.cmk                  aws_kendra_index.good                                         pass
enc.index.cmk                  aws_kendra_index.asked                                        unknown
enc.knowledge.cmk              aws_bedrockagent_data_source.bare                             fail
enc.knowledge.cmk              aws_bedrockagent_data_source.good                             pass
enc.knowledge.cmk              aws_bedrockagent_prompt.asked                                 unknown
log.bedrock.invocations        aws_bedrock_model_invocation_logging_configuration.bare       fail
log.bedrock.invocations        aws_bedrock_model_invocation_logging_configuration.textless   fail
log.bedrock.invocations        aws_bedrock_model_invocation_logging_configuration.good       pass
log.bedrock.invocations        aws_bedrock_model_invocation_logging_configuration.asked      unknown
"""),
)
def test_ai_services(check: str, address: str, status: str) -> None:
    """Agents, models and indexes are judged by their keys, roles, networks and guardrails."""
    assert verdict(HCL, check, address) == status
