"""DeviceClasses for the rungs that isolate: what a claim can name so that it gets no less (resource.k8s.io/v1)."""

import yaml

from strongroom.model.isolate import Document, Rendering, Rung, Target

_DRIVER = "gpu.nvidia.com"


def _class(rung: Rung, kind: str) -> dict[str, object]:
    expression = f"device.driver == '{_DRIVER}' && device.attributes['{_DRIVER}'].type == '{kind}'"
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "DeviceClass",
        "metadata": {"name": f"{rung}.gpu-isolation"},
        "spec": {"selectors": [{"cel": {"expression": expression}}]},
    }


def _render(_what: Rendering) -> tuple[Document, ...]:
    made = [_class(Rung.WHOLE, "gpu"), _class(Rung.MIG, "mig")]
    return (Document("gpu-isolation-classes.yaml", yaml.safe_dump_all(made, sort_keys=False, width=120)),)


TARGET = Target(
    "dra",
    "DeviceClasses without sharing: a whole GPU, a MIG slice",
    "names for who wants to ask rightly; it keeps nobody from asking otherwise, which vap and the webhook do",
    _render,
)
