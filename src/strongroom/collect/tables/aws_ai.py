"""The ready-made AI services, search over documents, and batch computing that GPU jobs run on."""

from strongroom.collect.native import Default, Native, Row
from strongroom.collect.tables._aws import SENSITIVE, aws_key, service
from strongroom.collect.tables._aws_accelerators import accelerators
from strongroom.model.kinds import Kind
from strongroom.model.values import Key

_KENDRA = Default(Key("provider", "aws owned"), "https://docs.aws.amazon.com/kendra/latest/dg/encryption-at-rest.html")
_COMPREHEND = Default(Key("provider", "aws"), "https://docs.aws.amazon.com/comprehend/latest/dg/kms-in-comprehend.html")
_Q = Default(
    Key("provider", "aws owned"), "https://docs.aws.amazon.com/amazonq/latest/qbusiness-ug/data-encryption.html"
)


def _of(native: str, kind: Kind, *rows: Row, name: str = "name") -> Native:
    return Native(
        type=native,
        kind=kind,
        provider="aws",
        rows=(service(native.split("_")[1]), *rows),
        name_at=(name, "name", "id"),
    )


_MODEL_KEYS = (
    aws_key("enc.key", "model_kms_key_id", _COMPREHEND),
    aws_key("enc.volume_key", "volume_kms_key_id", _COMPREHEND),
    SENSITIVE,
)

TABLE = (
    _of(
        "aws_kendra_index",
        Kind.INDEX,
        aws_key("enc.key", "server_side_encryption_configuration.kms_key_id", _KENDRA),
        SENSITIVE,
    ),
    _of("aws_kendra_data_source", Kind.DATASET),
    _of("aws_kendra_faq", Kind.DATASET),
    _of("aws_kendra_experience", Kind.ENDPOINT),
    _of("aws_kendra_query_suggestions_block_list", Kind.DATASET),
    _of("aws_kendra_thesaurus", Kind.DATASET),
    _of("aws_comprehend_entity_recognizer", Kind.MODEL, *_MODEL_KEYS),
    _of("aws_comprehend_document_classifier", Kind.MODEL, *_MODEL_KEYS),
    _of(
        "aws_qbusiness_application",
        Kind.AGENT,
        aws_key("enc.key", "encryption_configuration.kms_key_id", _Q),
        name="display_name",
    ),
    _of("aws_lexv2models_bot", Kind.AGENT),
    _of("aws_lex_bot", Kind.AGENT),
    _of("aws_rekognition_project", Kind.MODEL),
    _of("aws_rekognition_collection", Kind.INDEX, name="collection_id"),
    _of("aws_rekognition_stream_processor", Kind.JOB, aws_key("enc.output_key", "kms_key_id")),
    _of("aws_transcribe_language_model", Kind.MODEL, name="model_name"),
    _of("aws_transcribe_vocabulary", Kind.DATASET, name="vocabulary_name"),
    _of("aws_transcribe_medical_vocabulary", Kind.DATASET, name="vocabulary_name"),
    _of("aws_transcribe_vocabulary_filter", Kind.DATASET, name="vocabulary_filter_name"),
    Native(
        type="aws_batch_compute_environment",
        kind=Kind.NODE_POOL,
        provider="aws",
        rows=accelerators("compute_resources.instance_type"),
        name_at=("compute_environment_name", "name", "id"),
        refs=(("subnet", "compute_resources.subnets"), ("firewall", "compute_resources.security_group_ids")),
    ),
    _of("aws_batch_job_definition", Kind.JOB),
    _of("aws_batch_job_queue", Kind.JOB),
)
