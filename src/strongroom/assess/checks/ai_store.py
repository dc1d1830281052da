"""Where AI services keep what they were given: models, training volumes, indexes, documents, prompts."""

from strongroom.assess.checks._keys import customer_key
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, check


@check(
    id="enc.model.cmk",
    title="The custom model is encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=(Kind.MODEL,),
    needs=("aws.service", "enc.key"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a KMS key of your own.",
        (
            ("aws_bedrock_custom_model", "custom_model_kms_key_id = aws_kms_key.models.arn"),
            ("aws_comprehend_entity_recognizer", "model_kms_key_id = aws_kms_key.models.arn"),
            ("aws_comprehend_document_classifier", "model_kms_key_id = aws_kms_key.models.arn"),
        ),
        verify="aws bedrock get-custom-model --model-identifier <name> --query modelKmsKeyArn",
        effort=Effort.MEDIUM,
    ),
    broken="it is encrypted with {found}",
    equivalents=("checkov:CKV_AWS_267", "prowler:bedrock_custom_model_encrypted_with_cmk"),
)
def model_key(v: View) -> Answer:
    """A tuned model is the training data in another form; only a key of the owner's can be withdrawn from it."""
    return customer_key(v, "enc.key")


@check(
    id="enc.model.volume-cmk",
    title="The volumes that the model is trained on are encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=(Kind.MODEL,),
    needs=("aws.service", "enc.volume_key"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a KMS key of your own for the training volumes.",
        (
            ("aws_comprehend_entity_recognizer", "volume_kms_key_id = aws_kms_key.models.arn"),
            ("aws_comprehend_document_classifier", "volume_kms_key_id = aws_kms_key.models.arn"),
        ),
        verify="aws comprehend describe-entity-recognizer --entity-recognizer-arn <arn>",
    ),
    broken="the training volumes are encrypted with {found}",
    equivalents=("checkov:CKV_AWS_268",),
)
def model_volume(v: View) -> Answer:
    """The training documents lie on these volumes in plain text."""
    return customer_key(v, "enc.volume_key")


@check(
    id="enc.index.cmk",
    title="The index is encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=(Kind.INDEX,),
    needs=("aws.service", "enc.key"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a KMS key of your own.",
        (
            ("aws_kendra_index", "server_side_encryption_configuration {\n  kms_key_id = aws_kms_key.index.arn\n}"),
            (
                "aws_sagemaker_feature_group",
                (
                    "online_store_config {\n  enable_online_store = true\n  security_config {\n"
                    "    kms_key_id = aws_kms_key.index.arn\n  }\n}"
                ),
            ),
            ("aws_bedrockagentcore_memory", "encryption_key_arn = aws_kms_key.index.arn"),
        ),
        verify="aws kendra describe-index --id <id> --query ServerSideEncryptionConfiguration",
        effort=Effort.MEDIUM,
    ),
    broken="it is encrypted with {found}",
    equivalents=("checkov:CKV_AWS_262",),
)
def index_key(v: View) -> Answer:
    """An index for retrieval is a copy of the documents, with their permissions left behind."""
    return customer_key(v, "enc.key")


@check(
    id="enc.knowledge.cmk",
    title="What the model is given for context is encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=(Kind.DATASET,),
    needs=("aws.service", "enc.key"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a KMS key of your own.",
        (
            (
                "aws_bedrockagent_data_source",
                "server_side_encryption_configuration {\n  kms_key_arn = aws_kms_key.knowledge.arn\n}",
            ),
            ("aws_bedrockagent_prompt", "customer_encryption_key_arn = aws_kms_key.knowledge.arn"),
        ),
        verify="aws bedrock-agent get-data-source --knowledge-base-id <id> --data-source-id <id>",
    ),
    broken="it is encrypted with {found}",
    equivalents=("prowler:bedrock_knowledge_base_encrypted_with_cmk", "prowler:bedrock_prompt_encrypted_with_cmk"),
)
def knowledge_key(v: View) -> Answer:
    """While it is taken in, the knowledge of a business lies in a store of the provider's."""
    return customer_key(v, "enc.key")


CHECKS = (model_key, model_volume, index_key, knowledge_key)
