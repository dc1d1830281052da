"""What a policy calls a resource: its ARN, with `${…}` where account, region or name are not known.

Source: AWS Service Authorization Reference, "Resource types defined by" each service.
"""

from strongroom.collect.native import Reader, Row
from strongroom.collect.resource import undecided
from strongroom.model.values import Unknown, Value

_PLACE = "arn:aws:{service}:${{region}}:${{account}}:"
_GLOBAL = {"iam": "arn:aws:iam::${account}:", "s3": "arn:aws:s3:::"}


def arn(service: str, kind: str, *names: str, path: str = "") -> Row:
    """A row for the ARN of a resource whose name stands under the first of `names` that is set; `path` for IAM's paths."""
    front = _GLOBAL.get(service) or _PLACE.format(service=service)
    return Row("aws.arn", lambda r: _arn(r, f"{front}{kind}", names, path))


def _arn(r: Reader, front: str, names: tuple[str, ...], path: str) -> Value:
    known = r.at("arn")
    if isinstance(known, str) and known.startswith("arn:") and undecided(known) is None:
        return known
    between = r.text(path) if path else ""
    if isinstance(between, Unknown):
        between = "/${path}"
    for name in names:
        said = r.text(name)
        if isinstance(said, str) and said:
            return f"{front}{_middle(between or '', path)}{said}"
    prefix = r.text(f"{names[0]}_prefix")
    start = prefix if isinstance(prefix, str) else ""
    return f"{front}{_middle(between or '', path)}{start}${{{r.resource.address}}}"


def _middle(between: str, path: str) -> str:
    """The path of an IAM name, which begins and ends with a slash; others have none."""
    return f"/{between.strip('/')}/".replace("//", "/") if path else ""
