"""Kubernetes objects that Terraform applies as whole manifests: the cluster gets them, so they are judged as such."""

from collections.abc import Iterable, Iterator, Mapping

from strongroom.collect import yaml_text
from strongroom.collect.kubernetes.assets import assets
from strongroom.collect.kubernetes.reading import Found
from strongroom.collect.resource import Resource, Sensitive, undecided
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset, Gap
from strongroom.model.values import Unknown, Where

TEXT, TREE = "kubectl_manifest", "kubernetes_manifest"


def carried(resources: Iterable[Resource], gaps: list[Gap], source: str, label: str) -> tuple[Asset, ...]:
    """The objects of every manifest as assets, at the lines of the block that applies them.

    A manifest that is not wholly known is a gap, added to `gaps`. While there are gaps, or other blocks that put
    objects into a cluster, no object counts as absent.
    """
    resources = tuple(resources)
    found = [one for r in resources if r.native in (TEXT, TREE) for one in _objects(r, gaps, source)]
    unread = [
        Gap(r.address, source, GapCode.UNSUPPORTED, "its objects were not read", r.where)
        for r in resources
        if _makes_others(r)
    ]
    return tuple(assets(found, [*gaps, *unread], source, label)) if found else ()


def _makes_others(r: Resource) -> bool:
    return r.native == "helm_release" or (r.native.startswith("kubernetes_") and r.native != TREE)


def _objects(r: Resource, gaps: list[Gap], source: str) -> Iterator[Found]:
    raw = r.values.get("yaml_body" if r.native == TEXT else "manifest")
    doubt = _doubt(raw)
    if doubt is not None:
        gaps.append(
            Gap(r.address, source, doubt.code, f"the object that it applies is not judged: {doubt.detail}", r.where)
        )
        return
    where = Where(r.where.file, r.where.line_start, r.where.line_end, called_from=r.where.called_from)
    if isinstance(raw, Mapping):
        yield Found(dict(raw), where, skips=r.skips)
        return
    try:
        for chunk in yaml_text.chunks(str(raw)):
            for document in yaml_text.parse(chunk):
                if isinstance(document.value, dict):
                    yield Found(document.value, where, skips=r.skips)
    except yaml_text.YamlError as e:
        gaps.append(Gap(r.address, source, e.code, f"line {e.line} of its manifest: {e.detail}", r.where))


def _doubt(value: object) -> Unknown | None:
    """Why a manifest cannot be judged: a part of it has no value, or nobody may see it."""
    if value is None:
        return Unknown(GapCode.ABSENT, "it names no manifest")
    if isinstance(value, Sensitive):
        return Unknown(GapCode.UNDECIDED, "it is set by a sensitive value")
    if isinstance(value, Mapping):
        return next((d for v in value.values() if (d := _doubt_within(v)) is not None), None)
    return undecided(value)


def _doubt_within(value: object) -> Unknown | None:
    if isinstance(value, Mapping):
        return next((d for v in value.values() if (d := _doubt_within(v)) is not None), None)
    if isinstance(value, list):
        return next((d for v in value if (d := _doubt_within(v)) is not None), None)
    return (
        Unknown(GapCode.UNDECIDED, "it is set by a sensitive value")
        if isinstance(value, Sensitive)
        else undecided(value)
    )
