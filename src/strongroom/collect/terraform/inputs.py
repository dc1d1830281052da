"""What the call of a public module says by itself: inputs that it hands to its main resource as they are.

The module's own text was not read, so everything else about the resource stays unknown. An input is listed here only
where every published version of the module that has it means the same by it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from strongroom.collect.native import Default
from strongroom.model.values import Unknown

_EKS = "https://registry.terraform.io/modules/terraform-aws-modules/eks/aws/latest?tab=inputs"


@dataclass(frozen=True, slots=True)
class Passed:
    """One attribute of the resource, the input's names in the module's versions, and the facts that follow from it.

    `default`: what the module gives the resource when the call does not name the input.
    """

    path: str
    names: tuple[str, ...]
    facts: tuple[str, ...]
    default: Default | None = None


PASSED: Mapping[str, tuple[Passed, ...]] = {
    "aws_eks_cluster": (
        Passed(
            "vpc_config.endpoint_public_access",
            ("cluster_endpoint_public_access", "endpoint_public_access"),
            ("api.public",),
        ),
        Passed(
            "vpc_config.public_access_cidrs",
            ("cluster_endpoint_public_access_cidrs", "endpoint_public_access_cidrs"),
            ("api.public_cidrs",),
            Default(("0.0.0.0/0",), _EKS),
        ),
        Passed(
            "vpc_config.endpoint_private_access",
            ("cluster_endpoint_private_access", "endpoint_private_access"),
            ("api.private",),
        ),
        Passed("version", ("cluster_version", "kubernetes_version"), ("version",)),
    ),
    "aws_eks_node_group": (
        Passed("instance_types", ("instance_types",), ("gpu.model", "gpu.count", "gpu.taints", "sensitive")),
        Passed("ami_type", ("ami_type",), ("image.line",)),
    ),
}

LACKING = {"aws_eks_node_group": ("instance_type",)}
"""Attributes that a table asks many types for and this one does not have: absent, not unread."""


def plain(inputs: Mapping[str, object]) -> dict[str, object]:
    """The inputs that some module hands on; one that is named and has no value that is known is None."""
    names = {n for passed in PASSED.values() for p in passed for n in p.names}
    return {n: v if _known(v) else None for n, v in inputs.items() if n in names}


def _known(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(v, str) for v in value)
    return isinstance(value, bool | str | int | float)


class Unread(dict[str, object]):
    """Attributes of which only some are known: what is not there was not read, and is not absent."""

    def __init__(self, why: Unknown) -> None:
        super().__init__()
        self.why = why

    def get(self, key: str, _default: object = None) -> object:
        """The value, or the reason why it is not known."""
        return super().get(key, self.why)


def attributes(native: str, inputs: Mapping[str, object], why: Unknown) -> tuple[Unread, dict[str, str]]:
    """The resource's attributes as the call tells them, and the facts that follow, each with its default's source."""
    values, facts = Unread(why), dict[str, str]()
    values.update(dict.fromkeys(LACKING.get(native, ())))
    for passed in PASSED.get(native, ()):
        name = next((n for n in passed.names if n in inputs), None)
        if name is not None and inputs[name] is not None:
            _put(values, passed.path, inputs[name], lambda: Unread(why))
            facts |= dict.fromkeys(passed.facts, "")
        elif name is None and passed.default is not None:
            given = passed.default.value
            _put(values, passed.path, list(given) if isinstance(given, tuple) else given, lambda: Unread(why))
            facts |= dict.fromkeys(passed.facts, passed.default.source)
    return values, facts


def _put(values: Unread, path: str, value: object, inner: Callable[[], Unread]) -> None:
    *outside, last = path.split(".")
    here = values
    for name in outside:
        found = here.setdefault(name, inner())
        here = found if isinstance(found, Unread) else here
    here[last] = value
