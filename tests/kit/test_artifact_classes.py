"""The register of artifacts: read strictly, signed whole, matched exactly, edited without losing a comment."""

import tomllib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit import artifact_classes as classes
from strongroom.kit import artifact_register as texts
from strongroom.kit.artifact_classes import Entry, Register
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.model.errors import BadInput, BadSignature, Malformed

TODAY = date(2026, 11, 22)
KEY = SignerKey("a.example/artifacts", Kind.ED25519, bytes(range(32)))
OTHER = SignerKey("a.example/artifacts", Kind.ED25519, bytes(32))


def parse(text: str) -> Register:
    return classes.read(tomllib.loads(text), "artifacts.toml")


def test_the_template_is_a_register() -> None:
    """What `define` writes reads back with the eight classes and four tiers, whoever owns it."""
    found = parse(texts.template('the "owner"\n', TODAY))
    assert (len(found.classes), len(found.tier), found.reviewed) == (8, 4, TODAY)
    assert found.owner == 'the "owner"\n'


@given(st.text())
def test_any_text_can_be_quoted(text: str) -> None:
    """A text comes back from TOML as it went in, but for halves of surrogate pairs, which TOML has not."""
    kept = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    assert tomllib.loads(f"a = {texts.quoted(text)}") == {"a": kept}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('schema = "strongroom.artifacts/1"', 'schema = "x"'), "schema"),
        (('sensitivity = "restricted"', 'sensitivity = "secret"'), "sensitivity"),
        (("tier = 0\nowner", "tier = 9\nowner"), "9|tier|<= 3|expected"),
        (('"ART-01", "ART-03"', '"art", "ART-03"'), "requires"),
        (("[class.weights]", "[class.Weights]"), "class"),
        (("version = 1", "versoin = 1"), "versoin"),
    ],
)
def test_a_register_is_read_strictly(change: tuple[str, str], said: str) -> None:
    """A key that is not known, a tier or a sensitivity that does not exist, is refused by name."""
    text = texts.template("x", TODAY)
    assert change[0] in text
    with pytest.raises(Malformed, match=said):
        parse(text.replace(*change, 1))


@pytest.mark.parametrize("entry", ['class = "w"', 'path = "a"\nuri = "s3://b"', 'path = "a"\nsha256 = "AB"'])
def test_an_entry_says_where_and_what(entry: str) -> None:
    """An entry has a path or a URI, and a digest that is one."""
    with pytest.raises(Malformed):
        parse(f'schema = "strongroom.artifacts/1"\n[[artifact]]\n{entry}\n')


def test_a_signature_covers_the_file() -> None:
    """The key's signature over exactly this file is accepted; another file, another key and no key are refused."""
    data = texts.template("x", TODAY).encode()
    register = parse(data.decode())
    note = classes.sign(data, register, Ed25519Signer(KEY))
    assert classes.verify(data, register, note, (KEY.verifier,)).verified[0].key == KEY.verifier
    for changed, keys in ((data + b"#", (KEY.verifier,)), (data, (OTHER.verifier,)), (data, ())):
        with pytest.raises(BadSignature):
            classes.verify(changed, register, note, keys)


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        ("a/*.safetensors", "a/x.safetensors", True),
        ("a/*.safetensors", "a/b/x.safetensors", False),
        ("a/**/x", "a/x", True),
        ("a/**/x", "a/b/c/x", True),
        ("a/**", "a/b/c", True),
        ("a?", "ab", True),
        ("a?", "a/", False),
        ("a.b", "axb", False),
        ("./a", "a", True),
    ],
)
def test_paths_and_patterns(pattern: str, name: str, found: bool) -> None:
    """A star stays within a name, two stars cross folders, everything else means itself."""
    matcher = classes.Matcher(Register("s", artifact=(Entry("w", pattern),)))
    assert (matcher.find((name,)) is not None) is found


def test_the_plain_path_counts_before_the_pattern() -> None:
    """An entry that names the artifact itself is the entry, wherever it stands."""
    register = Register("s", artifact=(Entry("datasets", "**"), Entry("weights", "a/b")))
    assert classes.Matcher(register).find(("a/b",)) == 1


def test_entries_are_put_in_with_every_comment_kept() -> None:
    """Added entries stand at the end, a replaced one in its place, and every line of the owner's stays."""
    text = (
        texts.template("x", TODAY)
        + '\n[[artifact]]  # mine\npath = "a"\nclass = "weights"\n\n# of b\n[[artifact]]\npath = "b"\n'
    )
    put = texts.put(text, [Entry("datasets", "c", registered=TODAY)], {0: Entry("adapters", "a", size=5)}, 2)
    found = parse(put)
    assert [(e.path, e.name, e.size) for e in found.artifact] == [
        ("a", "adapters", 5),
        ("b", "", None),
        ("c", "datasets", None),
    ]
    assert found.version == 2
    lost = [line for line in text.splitlines() if line.lstrip().startswith("#") and line not in put.splitlines()]
    assert lost == []


def test_an_edit_that_cannot_be_made_is_refused() -> None:
    """Artifacts in another layout, and a register without a version, are left as they are."""
    with pytest.raises(BadInput, match="table of its own"):
        texts.put('version = 1\nartifact = [{path = "a"}]\n', [], {0: Entry("w", "a")}, 2)
    with pytest.raises(BadInput, match="version"):
        texts.put('schema = "x"\n', [], {}, 2)
