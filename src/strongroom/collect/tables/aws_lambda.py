"""Functions of AWS Lambda, as far as they are ways to the role that they run as."""

from collections.abc import Iterator

from strongroom.collect.native import Native, Reader, Row, given
from strongroom.collect.tables._aws_arns import arn
from strongroom.collect.tables._aws_links import placed
from strongroom.model.kinds import Kind
from strongroom.model.values import Statement, Unknown, Value


def _permissions(r: Reader) -> Value:
    """Who may call it beside the account's own identities: the permissions that name it, as statements."""
    found = r.satellites("aws_lambda_permission", "function_name")
    out: list[Statement | Unknown] = [s for one in found.found for s in _statement(r.reading(one))]
    return (*out, found.doubt) if found.doubt is not None else tuple(out)


def _statement(r: Reader) -> Iterator[Statement | Unknown]:
    action, who = r.text("action"), r.text("principal")
    for part in (action, who):
        if isinstance(part, Unknown):
            yield part
            return
    kind = "" if who == "*" else "Service:" if str(who).endswith(".amazonaws.com") else "AWS:"
    sid = r.text("statement_id")
    yield Statement(
        "allow",
        (f"{kind}{who}",),
        actions=(str(action).lower(),),
        sid=sid if isinstance(sid, str) else "",
    )


_PLACED = (given("net.in_vpc", "vpc_config"), *placed("vpc_config.subnet_ids", "vpc_config.security_group_ids"))

TABLE = (
    Native(
        type="aws_lambda_function",
        kind=Kind.OTHER,
        provider="aws",
        rows=(arn("lambda", "function:", "function_name"), Row("resource.statements", _permissions), *_PLACED),
        name_at=("function_name", "id"),
        refs=(("role", "role"),),
    ),
    Native(type="aws_lambda_permission", kind=Kind.GRANT, provider="aws", refs=(("function", "function_name"),)),
)
