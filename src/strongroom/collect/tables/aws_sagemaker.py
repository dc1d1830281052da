"""SageMaker."""

from strongroom.collect.native import Default, Native, choice, flag, key, text
from strongroom.model.kinds import Kind
from strongroom.model.values import Key

DOCS = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateNotebookInstance.html"

TABLE = (
    Native(
        type="aws_sagemaker_notebook_instance",
        kind=Kind.NOTEBOOK,
        provider="aws",
        rows=(
            choice("net.direct_internet", "direct_internet_access", {"Enabled": True, "Disabled": False}, Default(True, DOCS)),
        ),
    ),
)
