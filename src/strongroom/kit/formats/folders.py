"""The small JSON files of a model folder: what its kind is, which shards it has, and whether it brings code."""

import re

import msgspec

from strongroom.kit import strict_json
from strongroom.kit.formats.bounded import safe_name
from strongroom.model.errors import Malformed

MOST = 64 << 20  # an index of a model of a million tensors
_SPLIT = re.compile(r"(?P<stem>.+?)[-_.](?P<number>\d{5,6})-of-(?P<total>\d{5,6})(?P<suffix>(?:\.[A-Za-z0-9]+)*)")
MOST_SHARDS = 100_000


class _Index(msgspec.Struct):
    weight_map: dict[str, str]


class _Config(msgspec.Struct):
    model_type: str | None = None
    architectures: list[str] | None = None
    auto_map: dict[str, object] | None = None
    custom_pipelines: dict[str, object] | None = None
    peft_type: str | None = None
    base_model: str | None = msgspec.field(name="base_model_name_or_path", default=None)
    tokenizer_class: str | None = None
    class_name: str | None = msgspec.field(name="_class_name", default=None)
    trust_remote_code: bool | None = None


class Config(msgspec.Struct, frozen=True):
    """What a configuration says: the kind of model, of adapter, and the code that it would have a loader run."""

    kind: str = ""
    adapter: str = ""
    base: str = ""
    architecture: str = ""
    code: tuple[str, ...] = ()


def shards_of(data: bytes) -> tuple[str, ...]:
    """The files that an index of shards names. Raises Malformed, TooLarge; a name that leaves the folder is malformed."""
    strict_json.check(data, "index of shards")
    try:
        index = msgspec.json.decode(data, type=_Index)
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise Malformed("index of shards", str(e).lower()[:120], "a weight_map") from None
    names = sorted(set(index.weight_map.values()))
    for name in names:
        if not safe_name(name):
            raise Malformed("index of shards", f"the shard {name[:80]!r}", "a name within the folder")
    return tuple(names)


def config(data: bytes, subject: str) -> Config:
    """What a `config.json` or one of its kin says. Raises Malformed, TooLarge."""
    strict_json.check(data, subject)
    try:
        c = msgspec.json.decode(data, type=_Config)
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise Malformed(subject, str(e).lower()[:120], "the configuration of a model") from None
    code = []
    if c.auto_map:
        code.append(f"{subject} names code by auto_map ({', '.join(sorted(c.auto_map))[:100]})")
    if c.custom_pipelines:
        code.append(f"{subject} names pipelines of its own")
    if c.trust_remote_code:
        code.append(f"{subject} sets trust_remote_code")
    kind = c.model_type or (c.architectures or [""])[0] or c.class_name or ""
    architecture = (c.architectures or [""])[0] or c.class_name or c.model_type or ""
    return Config(kind[:100], (c.peft_type or "")[:40], (c.base_model or "")[:200], architecture[:100], tuple(code))


def is_config(data: bytes) -> bool:
    """Whether a JSON object is the configuration of a model, and not of another program."""
    words = (b'"model_type"', b'"architectures"', b'"auto_map"', b'"_class_name"', b'"peft_type"', b'"tokenizer_class"')
    return data[:1024].lstrip()[:1] == b"{" and any(word in data for word in words)


def split_name(name: str) -> tuple[str, str, int, int] | None:
    """Stem, suffix, number and total of a name such as `model-00001-of-00005.safetensors`; None for other names."""
    found = _SPLIT.fullmatch(name)
    if found is None:
        return None
    total = int(found["total"])
    return (found["stem"], found["suffix"], int(found["number"]), total) if 0 < total <= MOST_SHARDS else None


def missing(names: list[str]) -> tuple[str, ...]:
    """Of shards that are numbered, those that are not there; the names must be of one stem, suffix and total."""
    split = [s for s in (split_name(n) for n in names) if s is not None]
    if not split:
        return ()
    total = split[0][3]
    have = {s[2] for s in split}
    first = 0 if 0 in have else 1  # datasets count from 0, models from 1
    gone = [n for n in range(first, total + first) if n not in have]
    return tuple(f"{n:05d} of {total:05d}" for n in gone)
