"""Terraform's JSON output (`terraform show -json`, format 0.x and 1.x) in neutral form.

Source: Terraform, "JSON Output Format": planned_values, resource_changes, configuration. Values stay as undecoded
slices of the file until their resource is read, so that a plan of 100,000 resources fits in memory.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from strongroom.collect.resource import Link, Resource, Sensitive, base
from strongroom.model.codes import GapCode
from strongroom.model.errors import Malformed
from strongroom.model.values import Unknown, Where

_NOTHING = msgspec.Raw(b"null")


class _Resource(msgspec.Struct):
    address: str
    type: str
    name: str
    mode: str = "managed"
    values: msgspec.Raw = _NOTHING
    sensitive_values: msgspec.Raw = _NOTHING


class _Module(msgspec.Struct):
    address: str = ""
    resources: list[_Resource] = []
    child_modules: list["_Module"] = []


class _Values(msgspec.Struct):
    root_module: _Module = msgspec.field(default_factory=_Module)


class _Diff(msgspec.Struct):
    actions: list[str] = []
    after: msgspec.Raw = _NOTHING
    after_unknown: msgspec.Raw = _NOTHING
    after_sensitive: msgspec.Raw = _NOTHING


class _Change(msgspec.Struct):
    address: str
    type: str
    name: str
    mode: str = "managed"
    change: _Diff = msgspec.field(default_factory=_Diff)


class _Configured(msgspec.Struct):
    address: str
    expressions: msgspec.Raw = _NOTHING


class _Output(msgspec.Struct):
    expression: msgspec.Raw = _NOTHING


class _Call(msgspec.Struct):
    source: str = ""
    expressions: msgspec.Raw = _NOTHING
    module: "_ConfigModule | None" = None


class _ConfigModule(msgspec.Struct):
    resources: list[_Configured] = []
    module_calls: dict[str, _Call] = {}
    outputs: dict[str, _Output] = {}


class _Configuration(msgspec.Struct):
    root_module: _ConfigModule = msgspec.field(default_factory=_ConfigModule)


class _State(msgspec.Struct):
    values: _Values | None = None


class Plan(msgspec.Struct):
    """The document, as far as it is read; what is not named here is skipped without being built."""

    format_version: str = ""
    planned_values: _Values | None = None
    values: _Values | None = None
    prior_state: _State | None = None
    resource_changes: list[_Change] = []
    configuration: _Configuration | None = None


_DECODER = msgspec.json.Decoder(Plan)


def load(data: bytes, subject: str) -> Plan:
    """Decode a plan. Raises Malformed when it is none, or of a format that is not understood."""
    try:
        plan = _DECODER.decode(data)
    except (msgspec.DecodeError, RecursionError) as e:
        found = re.sub(r"\s+", " ", str(e)).lower()[:120]
        raise Malformed(
            subject, found, "the output of terraform show -json", "terraform show -json PLAN > plan.json"
        ) from None
    major = plan.format_version.partition(".")[0]
    if major not in ("0", "1"):
        raise Malformed(
            subject, f"format_version {plan.format_version!r}", "0.x or 1.x", "terraform show -json PLAN > plan.json"
        )
    if plan.planned_values is None and plan.values is None:
        raise Malformed(
            subject,
            "neither planned_values nor values",
            "both belong to a plan",
            "terraform show -json PLAN > plan.json",
        )
    return plan


def resources(plan: Plan, file: str, label: str) -> Iterator[Resource]:
    """Every resource that will exist, data sources included, with masks applied and links resolved."""
    scope = _Scope(plan)
    changes = {c.address: c for c in plan.resource_changes}
    root = (plan.planned_values or plan.values or _Values()).root_module
    seen: set[str] = set()
    for module, r in _walk(root):
        seen.add(r.address)
        change = changes.get(r.address)
        diff = change.change if change else _Diff()
        values = _masked(
            r.values, diff.after_unknown, r.sensitive_values, diff.after_sensitive, scope, module, r.address
        )
        yield _resource(r.address, r.type, r.name, r.mode, module, values, file, label)
    for c in plan.resource_changes:
        if c.mode == "data" and c.address not in seen:
            seen.add(c.address)
            module = _module_of(c.address)
            d = c.change
            values = _masked(d.after, d.after_unknown, _NOTHING, d.after_sensitive, scope, module, c.address)
            yield _resource(c.address, c.type, c.name, c.mode, module, values, file, label)
    if plan.prior_state is not None and plan.prior_state.values is not None:
        for module, r in _walk(plan.prior_state.values.root_module):
            if r.mode == "data" and r.address not in seen:
                values = _masked(r.values, _NOTHING, r.sensitive_values, _NOTHING, scope, module, r.address)
                yield _resource(r.address, r.type, r.name, r.mode, module, values, file, label)


def _resource(
    address: str, native: str, name: str, mode: str, module: str, values: dict[str, object], file: str, label: str
) -> Resource:
    where = Where(file, path=address)
    return Resource(address, native, name, values, where, mode=mode, module=module, label=label)


def _walk(module: _Module) -> Iterator[tuple[str, _Resource]]:
    stack = [module]
    while stack:
        m = stack.pop()
        for r in m.resources:
            yield m.address, r
        stack.extend(reversed(m.child_modules))


def _module_of(address: str) -> str:
    found = re.match(r"(?:module\.[\w-]+(?:\[(?:\"[^\"]*\"|\d+)\])?\.)+", address)
    return found[0].rstrip(".") if found else ""


def _decode(raw: msgspec.Raw) -> object:
    return msgspec.json.decode(raw)


def _masked(
    values: msgspec.Raw,
    unknown: msgspec.Raw,
    sensitive: msgspec.Raw,
    after_sensitive: msgspec.Raw,
    scope: "_Scope",
    module: str,
    address: str,
) -> dict[str, object]:
    found = _decode(values)
    tree: dict[str, object] = found if isinstance(found, dict) else {}
    mask = _decode(unknown)
    if isinstance(mask, Mapping):
        asked = _Asked(scope, module, address)
        for name, part in mask.items():
            if part not in (False, [], {}):
                tree[name] = asked.fill(tree.get(name), part, (name,))
    for secret in (_decode(sensitive), _decode(after_sensitive)):
        if secret is True:
            return {k: Sensitive(v) for k, v in tree.items()}
        if isinstance(secret, Mapping):
            for name, part in secret.items():
                if part not in (False, [], {}) and tree.get(name) is not None:
                    tree[name] = _hide(tree[name], part)
    return tree


def _hide(value: object, mask: object) -> object:
    if isinstance(value, Sensitive):
        return value
    if mask is True:
        return Sensitive(value)
    if isinstance(mask, Mapping) and isinstance(value, Mapping):
        return {k: _hide(v, mask[k]) if k in mask else v for k, v in value.items()}
    if isinstance(mask, list) and isinstance(value, list):
        return [_hide(v, mask[i]) if i < len(mask) else v for i, v in enumerate(value)]
    return value


@dataclass(slots=True)
class _Asked:
    """Fills what is known after apply: with a link where the configuration names one block, else with Unknown."""

    scope: "_Scope"
    module: str
    address: str

    def fill(self, value: object, mask: object, path: tuple[str | int, ...]) -> object:
        if mask is True:
            return self.scope.unknown(self.module, self.address, path)
        if isinstance(mask, Mapping):
            known = dict(value) if isinstance(value, Mapping) else {}
            for name, part in mask.items():
                if part not in (False, [], {}):
                    known[name] = self.fill(known.get(name), part, (*path, name))
            return known
        if isinstance(mask, list):
            items = list(value) if isinstance(value, list) else []
            items += [None] * (len(mask) - len(items))
            return [
                self.fill(v, mask[i], (*path, i)) if i < len(mask) and mask[i] not in (False, [], {}) else v
                for i, v in enumerate(items)
            ]
        return value


@dataclass(slots=True)
class _Scope:
    """The configuration: which expressions stand where, and what their references mean."""

    plan: Plan
    _expressions: dict[str, msgspec.Raw] = field(default_factory=dict)
    _calls: dict[str, tuple[str, _Call]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.plan.configuration is None:
            return
        stack = [("", self.plan.configuration.root_module)]
        while stack:
            path, module = stack.pop()
            for r in module.resources:
                self._expressions[f"{path}|{r.address}"] = r.expressions
            for name, call in module.module_calls.items():
                inner = f"{path}.module.{name}".lstrip(".")
                self._calls[inner] = (path, call)
                if call.module is not None:
                    stack.append((inner, call.module))

    def unknown(self, module: str, address: str, path: tuple[str | int, ...]) -> object:
        """What stands for a value that is known only after apply; None when it was never given."""
        plain = re.sub(r"\[(?:\"[^\"]*\"|\d+)\]", "", module)
        local = base(address).removeprefix(f"{module}.") if module else base(address)
        raw = self._expressions.get(f"{plain}|{local}")
        if raw is None:
            return Unknown(GapCode.UNDECIDED, f"{_dotted(path)} is known only after apply")
        expression = _enter(_decode(raw), path)
        if expression is None:
            return None
        links = [x for r in _references(expression) if (x := self._resolve(plain, r, 0)) is not None]
        links = _narrowed(links, local)
        if len({x.address for x in links}) == 1:
            link = max(links, key=lambda x: len(x.attribute))
            return Link(_with_index(link.address, module, plain, address, expression), link.attribute)
        return Unknown(GapCode.UNDECIDED, f"{_dotted(path)} is known only after apply")

    def _resolve(self, module: str, reference: str, depth: int) -> Link | None:
        pieces = reference.split(".")
        if depth > 8 or pieces[0] in ("each", "count", "local", "path", "terraform", "self"):
            return None
        if pieces[0] == "var":
            if module not in self._calls or len(pieces) < 2:
                return None
            outer, call = self._calls[module]
            return self._first(outer, _enter(_decode(call.expressions), (pieces[1],)), depth)
        if pieces[0] == "module":
            inner = f"{module}.module.{re.sub(r'[[].*', '', pieces[1])}".lstrip(".")
            call_of = self._calls.get(inner)
            if call_of is None or call_of[1].module is None or len(pieces) < 3:
                return None
            output = call_of[1].module.outputs.get(pieces[2])
            return self._first(inner, _decode(output.expression), depth) if output is not None else None
        size = 3 if pieces[0] == "data" else 2
        if len(pieces) < size:
            return None
        prefix = f"{module}." if module else ""
        return Link(prefix + ".".join(pieces[:size]), ".".join(pieces[size:]))

    def _first(self, module: str, expression: object, depth: int) -> Link | None:
        for reference in _references(expression):
            link = self._resolve(module, reference, depth + 1)
            if link is not None:
                return link
        return None


def _narrowed(links: list[Link], local: str) -> list[Link]:
    """Of several references, those to what the resource completes: an aws_s3_bucket_acl names its aws_s3_bucket."""
    own = local.partition(".")[0]
    parents = [x for x in links if own.startswith(x.address.rpartition(".")[0].rpartition(".")[2] + "_")]
    return parents or links


def _dotted(path: tuple[str | int, ...]) -> str:
    return ".".join(str(p) for p in path)


def _enter(expression: object, path: tuple[str | int, ...]) -> object:
    """The expression at a path; a nested block is a list or a mapping of expressions."""
    here = expression
    for piece in path:
        if isinstance(here, Mapping) and ("references" in here or "constant_value" in here):
            return here
        if isinstance(here, list):
            here = here[piece] if isinstance(piece, int) and piece < len(here) else (here[0] if here else None)
        elif isinstance(here, Mapping):
            here = here if isinstance(piece, int) else here.get(piece)
    return here


def _references(expression: object) -> list[str]:
    if isinstance(expression, Mapping):
        found = expression.get("references")
        if isinstance(found, list):
            return [str(r) for r in found]
        return [r for v in expression.values() for r in _references(v)]
    if isinstance(expression, list):
        return [r for v in expression for r in _references(v)]
    return []


def _with_index(target: str, module: str, plain: str, address: str, expression: object) -> str:
    """`aws_s3_bucket.b[count.index]` is written in the plan as two references: give the link its instance back."""
    if module != plain and target.startswith(f"{plain}."):
        target = module + target.removeprefix(plain)
    index = re.search(r"\[(?:\"[^\"]*\"|\d+)\]$", address)
    paired = any(r in ("count.index", "each.key", "each.value") for r in _references(expression))
    return target + index[0] if index and paired and base(target) == target else target
