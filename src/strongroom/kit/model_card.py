"""What a model folder says of itself in words: the front matter of its README, its configurations, its licence.

Sources: Hugging Face Hub, "Model Cards" (metadata of README.md) and the configuration files of transformers and PEFT.
Whatever is not said is absent here; nothing is concluded from names or shapes.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import yaml

from strongroom.kit import strict_json
from strongroom.model.errors import Malformed, TooLarge

MOST_CARD = 4 << 20  # octets of a README that are looked at
_MOST_MATTER = 256 << 10
_MOST_NAMES = 1000
_LONGEST = 300
_FRONT = re.compile(rb"\A(?:\xef\xbb\xbf)?---[ \t]*\r?\n(?P<matter>.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_TAG = re.compile(r"SPDX-License-Identifier:\s*(?P<id>[A-Za-z0-9.+-]+)\s*$", re.MULTILINE)
# Identifiers of the SPDX licence list that the Hub has words for; a word is the identifier in lower case.
_SPDX = {
    i.lower(): i
    for i in (  # noqa: SIM905 - sixty words in quotes are no list that a person reads
        "AFL-3.0 AGPL-3.0 Apache-2.0 Artistic-2.0 BSD-2-Clause BSD-3-Clause BSD-3-Clause-Clear BSL-1.0 CC-BY-2.0 "
        "CC-BY-2.5 CC-BY-3.0 CC-BY-4.0 CC-BY-NC-2.0 CC-BY-NC-3.0 CC-BY-NC-4.0 CC-BY-NC-ND-3.0 CC-BY-NC-ND-4.0 "
        "CC-BY-NC-SA-2.0 CC-BY-NC-SA-3.0 CC-BY-NC-SA-4.0 CC-BY-ND-4.0 CC-BY-SA-3.0 CC-BY-SA-4.0 CC0-1.0 "
        "CDLA-Permissive-1.0 CDLA-Permissive-2.0 CDLA-Sharing-1.0 ECL-2.0 EPL-1.0 EPL-2.0 EUPL-1.1 EUPL-1.2 GPL-2.0 "
        "GPL-2.0-only GPL-2.0-or-later GPL-3.0 GPL-3.0-only GPL-3.0-or-later ISC LGPL-2.1 LGPL-3.0 LPPL-1.3c MIT "
        "MPL-2.0 MS-PL NCSA OFL-1.1 OSL-3.0 PostgreSQL Unlicense WTFPL Zlib"
    ).split()
}


class Licence(NamedTuple):
    """A licence as it is declared: an identifier of SPDX, or else the words and perhaps where its text is."""

    spdx: str
    name: str
    url: str = ""


class Card(NamedTuple):
    """What a README says of its model; empty for what it does not say."""

    licences: tuple[Licence, ...] = ()
    datasets: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    relation: str = ""  # to its base: finetune, adapter, quantized, merge
    task: str = ""
    library: str = ""
    languages: tuple[str, ...] = ()


class Configured(NamedTuple):
    """What a configuration says. `facts` are its numbers and words by name, in the order of their names."""

    family: str = ""
    architecture: str = ""
    adapter: str = ""
    base: str = ""
    packed: bool = False  # its weights are stored quantised, several in one element
    facts: tuple[tuple[str, str], ...] = ()


def card(readme: bytes) -> Card:
    """What the front matter of a README says; an empty card where it has none. Raises Malformed, TooLarge."""
    matter = _matter(readme)
    words = {k.lower(): k for k in matter}

    def named(key: str) -> tuple[str, ...]:
        return _names(matter.get(words.get(key, "")))

    def one(key: str) -> str:
        return next(iter(named(key)), "")

    return Card(
        _licences(named("license"), one("license_name"), one("license_link")),
        named("datasets"),
        named("base_model"),
        one("base_model_relation"),
        one("pipeline_tag"),
        one("library_name"),
        named("language"),
    )


def licence_file(data: bytes) -> Licence | None:
    """What the text of a licence calls itself: its SPDX tag, or its first line. None where it has no words."""
    text = data[: 64 << 10].decode("utf-8", "replace")
    if tag := _TAG.search(text):
        return licence(tag["id"])
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip(" \t*#=-_\r\x0c\ufeff")]
    if not lines:
        return None
    version = re.match(r"version (\d+(?:\.\d+)*)\b", lines[1], re.IGNORECASE) if len(lines) > 1 else None
    title = f"{lines[0]}, version {version[1]}" if version else lines[0]
    known = {"apache license, version 2.0": "Apache-2.0", "mit license": "MIT", "the mit license": "MIT",
             "the mit license (mit)": "MIT"}  # fmt: skip
    return Licence(known.get(title.lower(), ""), _plain(title.strip("#*= ")))


def licence(word: str) -> Licence:
    """A licence by the word that a README has for it."""
    return Licence(_SPDX.get(word.lower(), ""), _plain(word))


def config(data: bytes, subject: str) -> Configured:
    """What a configuration in JSON says of the model. Raises Malformed, TooLarge."""
    strict_json.check(data, subject)
    try:
        said = msgspec.json.decode(data, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise Malformed(subject, str(e).lower()[:120], "the configuration of a model") from None
    quantised = said.get("quantization_config")
    inner = quantised if isinstance(quantised, dict) else {}
    adapter = _word(said.get("peft_type"))
    facts = {
        "adapter-rank": said.get("r") if adapter else None,
        "configured-dtype": said.get("dtype") or said.get("torch_dtype"),
        "context-length": said.get("max_position_embeddings"),
        "hidden-size": said.get("hidden_size"),
        "layers": said.get("num_hidden_layers"),
        "quantization": inner.get("quant_method"),
        "quantization-bits": inner.get("bits"),
        "tokenizer-class": said.get("tokenizer_class"),
        "vocabulary": said.get("vocab_size"),
    }
    named = said.get("architectures")
    return Configured(
        _word(said.get("model_type")),
        _word(named[0] if isinstance(named, list) and named else said.get("_class_name")),
        adapter,
        _word(said.get("base_model_name_or_path")),
        bool(inner),
        tuple((n, w) for n, v in facts.items() if (w := _word(v))),
    )


def _licences(words: tuple[str, ...], name: str, link: str) -> tuple[Licence, ...]:
    """`other` is the Hub's word for a licence that `license_name` and `license_link` name."""
    found = []
    for word in words:
        if word.lower() != "other":
            found.append(licence(word)._replace(url=link if len(words) == 1 else ""))
        elif name or link:
            found.append(Licence("", name or link, link))
    return tuple(found)


def _matter(readme: bytes) -> Mapping[str, object]:
    front = _FRONT.match(readme)
    if front is None:
        return {}
    matter = front["matter"]
    if len(matter) > _MOST_MATTER:
        raise TooLarge("front matter", f"{len(matter)} octets", f"at most {_MOST_MATTER}")
    try:
        text = matter.decode()
        if any(isinstance(e, yaml.AliasEvent) for e in yaml.parse(text, Loader=yaml.SafeLoader)):
            # A few aliases of aliases unfold to more words than any memory holds.
            raise Malformed("front matter", "an alias", "each value where it stands")
        found: object = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - it makes texts, lists and maps of texts
    except (yaml.YAMLError, RecursionError, ValueError) as e:
        raise Malformed("front matter", " ".join(str(e).split())[:120], "YAML") from None
    if not isinstance(found, dict):
        return {}
    return {k: v for k, v in found.items() if isinstance(k, str)}


def _names(found: object) -> tuple[str, ...]:
    """A word or a list of them; what is neither says nothing."""
    listed = found if isinstance(found, list) else [found]
    words = (_plain(w) for w in listed[:_MOST_NAMES] if isinstance(w, str))
    return tuple(dict.fromkeys(w for w in words if w and w.lower() not in ("null", "~", "none")))


def _word(found: object) -> str:
    """A text, or a number as text; other programs have lists and objects under the same names, which say nothing here."""
    return _plain(str(found)) if isinstance(found, str | int) and not isinstance(found, bool) else ""


def _plain(text: str) -> str:
    """On one line, without what a terminal would act on."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))[:_LONGEST].strip()
