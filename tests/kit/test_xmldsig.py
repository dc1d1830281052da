"""XML signatures: the whole document counts, to the octet, and hostile XML is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest
from nvidia_minting import of_vbios

from strongroom.kit import xml_tree, xmldsig
from strongroom.model.errors import BadInput, BadSignature, Malformed, TooLarge

GOOD = of_vbios().text()


def _texts(root: xml_tree.Element) -> tuple[object, ...]:
    return (root.space, root.local, tuple((a.space, a.local, a.value) for a in root.attributes), *_inside(root))


def _inside(root: xml_tree.Element) -> tuple[object, ...]:
    held = (c if isinstance(c, str) else _texts(c) for c in root.children)
    return tuple(c for c in held if not (isinstance(c, tuple) and c[1] == "Signature"))


def test_a_signed_document_verifies() -> None:
    """The document that was signed is given back with its signer."""
    assert xmldsig.verified(GOOD).certificates[0].common_name == "Made Up RIM Signer"


def test_every_changed_octet_of_what_was_signed_is_refused() -> None:
    """A document that differs in one octet is refused, or says the same as the one that was signed."""
    end = GOOD.index(b"<d:KeyInfo>")
    said = _texts(xmldsig.read(GOOD).root)
    for at in range(end):
        changed = GOOD[:at] + bytes([GOOD[at] ^ 1]) + GOOD[at + 1 :]
        try:
            found = xmldsig.verified(changed)
        except BadInput:
            continue
        assert _texts(found.root) == said, at


def test_every_recorded_manifest_verifies_but_the_edited_one(vectors: Path) -> None:
    """NVIDIA's manifests verify as they were published, and the one that was edited does not."""
    files = sorted((vectors / "attest/nvidia").glob("*.rim.xml"))
    assert len(files) == 4
    for file in files:
        if "mismatch" in file.name:
            with pytest.raises(BadSignature, match="changed after it was signed"):
                xmldsig.verified(file.read_bytes())
        else:
            assert xmldsig.verified(file.read_bytes()).certificates[0].common_name == "HCC RIM L4 Signer"


_EDITS: dict[str, Callable[[bytes], bytes]] = {
    "a document type": lambda d: b"<!DOCTYPE a>" + d,
    "an entity": lambda d: b'<!DOCTYPE a [<!ENTITY b "c">]>' + d.replace(b"GH100", b"&b;"),
    "a comment": lambda d: d.replace(b"<n:Payload>", b"<!-- --><n:Payload>"),
    "an instruction": lambda d: d.replace(b"<n:Payload>", b"<?a b?><n:Payload>"),
    "a CDATA section": lambda d: d.replace(b"<n:Payload>", b"<![CDATA[]]><n:Payload>"),
    "a second signature": lambda d: d.replace(b"</SoftwareIdentity>", d[d.index(b"<d:Signature ") :]),
    "a signature that is not the last": lambda d: d.replace(b"</SoftwareIdentity>", b"<n:Meta/></SoftwareIdentity>"),
    "a reference to a part": lambda d: d.replace(b'URI=""', b'URI="#a"'),
    "another transform": lambda d: d.replace(b"#enveloped-signature", b"#base64", 1),
    "an attribute twice": lambda d: d.replace(b"<n:Meta", b'<n:Meta product="a"'),
    "an unknown prefix": lambda d: d.replace(b"<n:Meta", b"<q:Meta"),
    "a text behind the root": lambda d: d + b"a",
    "another encoding": lambda d: b'<?xml version="1.0" encoding="x-none"?>' + d.replace(b"GH100", b"\xff"),
}


@pytest.mark.parametrize("edit", _EDITS.values(), ids=_EDITS)
def test_what_has_two_readings_is_refused(edit: Callable[[bytes], bytes]) -> None:
    """A document that parsers or signers may read in two ways does not verify."""
    changed = edit(GOOD)
    assert changed != GOOD
    with pytest.raises(BadInput):
        xmldsig.verified(changed)


def test_xml_is_bounded() -> None:
    """Depth, count and size of a document have limits."""
    with pytest.raises(TooLarge):
        xml_tree.parse(b"<a>" * 30 + b"</a>" * 30)
    with pytest.raises(TooLarge):
        xml_tree.parse(b"<a>" + b"<b/>" * 5000 + b"</a>")
    with pytest.raises(TooLarge):
        xml_tree.parse(b"<a>" + b" " * xml_tree.MOST + b"</a>")
    with pytest.raises(Malformed):
        xml_tree.parse(b"")


def test_the_canonical_form_is_that_of_the_recommendation() -> None:
    """Namespaces and attributes are sorted, empty elements are opened, and values are escaped as the text says."""
    text = (
        b"""<e2 xmlns="urn:d" xmlns:b="urn:b" xmlns:a="urn:a" b:z='2' y="&lt;&#9;&quot;>" a:x='1'><e/> &gt;&amp;</e2>"""
    )
    assert xml_tree.canonical(xml_tree.parse(text)) == (
        b'<e2 xmlns="urn:d" xmlns:a="urn:a" xmlns:b="urn:b" y="&lt;&#x9;&quot;>" a:x="1" b:z="2"><e></e> &gt;&amp;</e2>'
    )
