"""How an EC2 machine is described, whichever block describes it: its own, its launch template, its account's defaults."""

import re
from collections.abc import Iterator, Mapping

from strongroom.collect.native import INAPPLICABLE, Inapplicable, Reader, Row, as_text
from strongroom.collect.resource import Link, Resource, undecided
from strongroom.collect.tables._aws import marked
from strongroom.collect.tables._aws_accelerators import count_of, model_of, types_at
from strongroom.kit.kleene import Tri, all_of, any_of, negate
from strongroom.kit.leaks import secrets_in
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Value

_SECRET_SOURCES = ("random_password.", "secretsmanager_secret_version.", "tls_private_key.", "the secret parameter")
_FETCHED = re.compile(r"\{\{resolve:(secretsmanager|ssm-secure):")  # CloudFormation puts the secret itself there


def template_of(r: Reader, at: str = "launch_template") -> Reader | Unknown | None:
    """The launch template that a block names by id or name; None when it names none."""
    blocks = r.blocks(at)
    if isinstance(blocks, Unknown):
        return blocks
    for block in blocks:
        raw = next((v for v in (r.open(block.get("id")), r.open(block.get("name"))) if v is not None), None)
        target = r.follow(raw)
        if target is None and isinstance(raw, str):
            target = _named(r, raw)
        if target is None:
            return Unknown(GapCode.UNDECIDED, "its launch template is not in these files")
        return r.reading(target)
    return None


def _named(r: Reader, name: str) -> Resource | None:
    same = (t for t in r.pool.of_type("aws_launch_template") if name in (t.values.get("name"), t.values.get("id")))
    return next(same, None)


def own_or_template(r: Reader, path: str) -> object:
    """A raw value of the machine, or of its launch template where it has none; Unknown when that was not read."""
    found = r.at(path)
    if found is not None:
        return found
    template = template_of(r)
    return template.at(path) if isinstance(template, Reader) else template


def account_default(r: Reader, native: str, path: str) -> object:
    """A setting of the account that the same configuration makes, for the same provider; None when it makes none."""
    for other in r.pool.of_type(native):
        same = other.label == r.resource.label and other.values.get("provider") == r.resource.values.get("provider")
        if same and other.values.get("region") == r.resource.values.get("region"):
            return r.reading(other).at(path)
    return None


def _metadata(r: Reader, name: str) -> str | Unknown | None:
    found = as_text(own_or_template(r, f"metadata_options.{name}"))
    return found if found is not None else as_text(account_default(r, "aws_ec2_instance_metadata_defaults", name))


def imds_v2(r: Reader) -> Value:
    """Whether a session token is asked for; a metadata service that is off asks more than enough."""
    endpoint, tokens = _metadata(r, "http_endpoint"), _metadata(r, "http_tokens")
    off: Tri = endpoint if isinstance(endpoint, Unknown) else endpoint == "disabled"
    asked: Tri = tokens if isinstance(tokens, Unknown) else tokens == "required"
    if endpoint is None and tokens is None:
        return None
    return any_of((asked, off))


def imds_hops(r: Reader) -> Value:
    """The hop limit; 0 when the metadata service is off."""
    if _metadata(r, "http_endpoint") == "disabled":
        return 0
    found = _metadata(r, "http_put_response_hop_limit")
    if found is None or isinstance(found, Unknown):
        return found
    return int(found) if found.isdigit() else Unknown(GapCode.MALFORMED, f"found hop limit {found[:20]!r}")


def encrypted(r: Reader, *paths: str, root: str = "") -> Tri:
    """Whether every volume is encrypted. A root volume that is not described is what the account makes of it.

    A volume from a snapshot takes the snapshot's state (Amazon EBS User Guide, "How Amazon EBS encryption works").
    """
    answers: list[Tri] = []
    for path in paths:
        blocks = r.blocks(path)
        if isinstance(blocks, Unknown):
            answers.append(blocks)
            continue
        answers += [one_encrypted(r, b) for b in blocks]
        if path == root and not blocks:
            answers.append(by_default(r))
    return all_of(answers)


def one_encrypted(r: Reader, block: Mapping[str, object]) -> Tri:
    """Whether one volume is encrypted."""
    said = r.flag("encrypted", block)
    if said is True or isinstance(said, Unknown):
        return said
    if r.given("snapshot_id", block) is not False:
        return Unknown(GapCode.UNDECIDED, "it is made from a snapshot, whose encryption it takes over")
    return by_default(r) if said is None or by_default(r) is True else said


def by_default(r: Reader) -> Tri:
    """Whether the account encrypts what says nothing of encryption, so far as this configuration sets that."""
    blocks = [b for b in r.pool.of_type("aws_ebs_encryption_by_default") if b.label == r.resource.label]
    if not blocks:
        return False
    enabled = account_default(r, "aws_ebs_encryption_by_default", "enabled")
    doubt = undecided(enabled)
    return doubt if doubt is not None else enabled is not False


def subnet_gives_address(r: Reader, raw: object) -> Tri:
    """Whether a subnet gives what starts in it a public address."""
    target = r.follow(raw)
    if target is None or target.mode == "data":
        shown = raw if isinstance(raw, Link) else (undecided(raw) or Unknown(GapCode.UNDECIDED, str(raw)[:80]))
        detail = shown.detail if isinstance(shown, Unknown) else str(shown)
        return Unknown(GapCode.UNDECIDED, f"whether its subnet gives public addresses is not in these files: {detail}")
    found = r.reading(target).flag("map_public_ip_on_launch")
    return found if found is not None else target.type == "aws_default_subnet"


def interfaces_give_address(r: Reader, path: str) -> Tri | None:
    """Whether the network interfaces of a template give a public address; None when they say nothing of it."""
    blocks = r.blocks(path)
    if isinstance(blocks, Unknown):
        return blocks
    said = [f for f in (r.flag("associate_public_ip_address", b) for b in blocks) if f is not None]
    return any_of(said) if said else None


def subnets_give_address(r: Reader, path: str) -> Tri:
    """Whether some of the subnets give public addresses."""
    raw = r.at(path)
    if raw is None:
        return False
    return any_of(subnet_gives_address(r, r.open(s)) for s in (raw if isinstance(raw, list) else [raw]))


def private(answer: Tri) -> Tri:
    """The other way round: that no public address is given."""
    return negate(answer)


def user_data_secrets(r: Reader) -> Value:
    """The kinds of secret in the start script; a secret that another block makes is in it after the apply."""
    found: set[str] = set()
    doubt: Unknown | None = None
    for path in ("user_data", "user_data_base64"):
        raw = r.at(path)
        target = r.follow(raw)
        if isinstance(raw, Unknown) or (isinstance(raw, Link) and target is None):
            doubt = undecided(raw)
        for text in _leaves(r, raw if target is None else target.values):
            found |= set(secrets_in(text))
            found |= {f"value of {s.rstrip('.')}" for s in _SECRET_SOURCES if "${" in text and s in text}
            found |= {f"value of {m[1]}" for m in _FETCHED.finditer(text)}
    return doubt if doubt is not None and not found else tuple(sorted(found))


def _leaves(r: Reader, raw: object) -> Iterator[str]:
    """Every text of a value, however deep: a script may be put together in parts."""
    raw = r.open(raw)
    if isinstance(raw, str):
        yield raw
    elif isinstance(raw, Mapping):
        for value in raw.values():
            yield from _leaves(r, value)
    elif isinstance(raw, list | tuple):
        for value in raw:
            yield from _leaves(r, value)


def confidential(r: Reader) -> Value:
    """The confidential-computing technology of a machine; empty for none."""
    enclave = own_or_template(r, "enclave_options.enabled")
    snp = own_or_template(r, "cpu_options.amd_sev_snp")
    if enclave is True or str(enclave).lower() == "true":
        return "nitro-enclave"
    if as_text(snp) == "enabled":
        return "sev-snp"
    return undecided(enclave) or undecided(snp) or ""


def machine_types(r: Reader) -> Iterator[str | Unknown]:
    """The instance types that a machine or a pool may have, its launch template's where it names none."""
    own = types_at(r, "instance_type", "instance_types")
    if own:
        yield from own
        return
    template = template_of(r)
    if isinstance(template, Reader):
        yield from types_at(template, "instance_type", "instance_requirements.allowed_instance_types")
    elif template is not None:
        yield template


def _gpu_model(r: Reader) -> Value | Inapplicable:
    return model_of(tuple(machine_types(r))) or INAPPLICABLE


def _gpu_count(r: Reader) -> Value | Inapplicable:
    return count_of(tuple(machine_types(r))) or INAPPLICABLE


MACHINE_ACCELERATORS = (Row("gpu.model", _gpu_model), Row("gpu.count", _gpu_count))


def sensitive_by(r: Reader, model: Value | Inapplicable) -> Value | Inapplicable:
    """Marked as sensitive by its owner; machines with accelerators are taken as such until a mark says otherwise."""
    said = marked(r)
    if said is not None:
        return INAPPLICABLE if said is False else said
    return True if isinstance(model, str) else INAPPLICABLE if model is None else model


def _sensitive_machine(r: Reader) -> Value | Inapplicable:
    return sensitive_by(r, _gpu_model(r))


SENSITIVE_MACHINE = Row("sensitive", _sensitive_machine)
