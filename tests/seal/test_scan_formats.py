"""The verdict on everything that is no bare pickle: archives, headers, graphs, configurations, templates, programs."""

import io
import json
import zipfile

import artifact_files as files
import pytest
import scan_minting as mint

from strongroom.kit.formats.bounded import Memory
from strongroom.kit.formats.budgets import Budget
from strongroom.kit.formats.scanning import scan
from strongroom.kit.formats.verdicts import Verdict

MALICIOUS, REVIEW, UNREADABLE, SAFE = Verdict.MALICIOUS, Verdict.REVIEW, Verdict.UNREADABLE, Verdict.SAFE
CHECKPOINT = files.checkpoint(evil=True)


def _nested(depth: int) -> bytes:
    data = files.packed({"model.pkl": mint.EVIL})
    for n in range(depth):
        data = files.packed({f"{n}.zip": data})
    return data


def _config(**more: object) -> bytes:
    return json.dumps({"model_type": "llama", **more}).encode()


ARCHIVES: dict[str, tuple[str, bytes, Verdict, str]] = {
    "checkpoint": ("m.pt", files.checkpoint(), SAFE, ""),
    "evil checkpoint": ("m.pt", CHECKPOINT, MALICIOUS, "os.system"),
    "deflated": ("m.pt", files.packed({"m/data.pkl": files.torch_pickle(evil=True)}, zipfile.ZIP_DEFLATED), MALICIOUS, ""),
    "flag 0x1": ("m.pt", mint.flagged(CHECKPOINT, 0x1), MALICIOUS, "is not"),
    "flag 0x40": ("m.pt", mint.flagged(CHECKPOINT, 0x40), MALICIOUS, "is not"),
    "checksum": ("m.zip", mint.damaged_checksum(files.packed({"a.pkl": mint.EVIL})), MALICIOUS, "checksum"),
    "checksum of text": ("m.zip", mint.damaged_checksum(files.packed({"a.txt": b"text"})), REVIEW, "checksum"),
    "another name before the bytes": ("m.zip", mint.renamed_locally(files.packed({"a.txt": b"x"}), b"a.txt", b"b.pkl"),
                                      REVIEW, "called"),
    "the same name twice": ("m.pt", mint.zipped([("m/data.pkl", files.torch_pickle()), ("m/data.pkl", mint.EVIL)]),
                            MALICIOUS, "two entries"),
    "names that differ by capitals": ("m.zip", mint.zipped([("a.txt", b"x"), ("A.txt", b"y")]), REVIEW, "capitals"),
    "an entry that is not listed": ("m.zip", mint.hidden_entry(mint.EVIL), MALICIOUS, "does not list"),
    "a name that climbs": ("m.zip", files.packed({"../../x.txt": b"x"}), MALICIOUS, "leaves"),
    "an absolute name": ("m.zip", files.packed({"/etc/x.txt": b"x"}), MALICIOUS, "leaves"),
    "no directory": ("m.zip", files.packed({"a.pkl": mint.EVIL}).partition(b"PK\x01\x02")[0], MALICIOUS, "os.system"),
    "wrong ending within": ("m.zip", files.packed({"readme.txt": mint.EVIL}), MALICIOUS, "readme.txt"),
    "old pickle as text within": ("m.zip", files.packed({"readme.txt": mint.EVIL_OLD}), MALICIOUS, "readme.txt"),
    "archive in archive": ("m.zip", _nested(3), MALICIOUS, "os.system"),
    "archives without end": ("m.zip", _nested(12), UNREADABLE, "too deeply"),
    "zip in tar in gzip": ("m.tgz", mint.gzip.compress(mint.tarred({"a.zip": CHECKPOINT})), MALICIOUS, "os.system"),
    "behind a picture": ("m.png", b"\x89PNG\r\n\x1a\n" + bytes(64) + CHECKPOINT, MALICIOUS, "ends in a ZIP"),
    "behind a pickle": ("m.pkl", mint.SAFE["plain"] + CHECKPOINT, MALICIOUS, "ends in a ZIP"),
    "npz": ("a.npz", files.packed({"a.npy": files.npy()}), SAFE, ""),
    "npz of objects": ("a.npz", files.packed({"a.npy": files.npy("'|O'", mint.EVIL)}), MALICIOUS, "a.npy"),
    "torchscript": ("m.pt", files.packed({"m/data.pkl": files.torch_pickle(), "m/code/a.py": b"x"}), REVIEW, "TorchScript"),
    "tar": ("m.tar", mint.tarred({"a/model.pkl": mint.EVIL}), MALICIOUS, "a/model.pkl"),
    "tar with a long name that climbs": ("m.tar", mint.tarred({"../" * 50 + "x": b"x"}), MALICIOUS, "leaves"),
    "tar with a link": ("m.tar", mint.tarred({"a.txt": b"x"}, ("b", "/etc/passwd")), REVIEW, "links"),
    "nemo": ("m.nemo", mint.tarred({"model_config.yaml": b"_target_: nemo.Model\n", "w.ckpt": files.checkpoint()}), SAFE, ""),
    "evil nemo": ("m.nemo", mint.tarred({"model_config.yaml": b"m:\n  _target_: os.system\n"}), MALICIOUS, "os.system"),
    "strange nemo": ("m.nemo", mint.tarred({"model_config.yaml": b"_target_: strange.Model\n"}), REVIEW, "strange"),
    "7z": ("m.7z", b"7z\xbc\xaf\x27\x1c" + bytes(60), UNREADABLE, "7z"),
    "cut gzip": ("m.pkl.gz", mint.STREAMS["model.pkl.gz"][:-9], UNREADABLE, "end"),
}  # fmt: skip

OTHERS: dict[str, tuple[str, bytes, Verdict, str]] = {
    "safetensors": ("m.safetensors", files.safetensors(), SAFE, ""),
    "safetensors with a gap": ("m.safetensors", files.raw_safetensors(
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', 2), UNREADABLE, "gap"),
    "a key twice": ("m.safetensors", files.raw_safetensors('{"a":{},"a":{}}'), UNREADABLE, ""),
    "pickle called safetensors": ("m.safetensors", mint.EVIL, MALICIOUS, "holds pickle"),
    "safetensors called pickle": ("m.pkl", files.safetensors(), REVIEW, "holds safetensors"),
    "gguf": ("m.gguf", mint.gguf_with_template(mint.TEMPLATE), SAFE, ""),
    "gguf with a template": ("m.gguf", mint.gguf_with_template(mint.TEMPLATE_EVIL), MALICIOUS, "__globals__"),
    "gguf of another version": ("m.gguf", files.gguf(version=9), UNREADABLE, "version"),
    "npy": ("a.npy", files.npy(), SAFE, ""),
    "npy of objects": ("a.npy", files.npy("'|O'", mint.EVIL), MALICIOUS, "os.system"),
    "onnx": ("m.onnx", files.onnx(), SAFE, ""),
    "onnx of another library": ("m.onnx", files.onnx(domain="evil.domain"), REVIEW, "evil.domain"),
    "onnx that climbs": ("m.onnx", files.onnx(location="../../etc/passwd"), MALICIOUS, "outside"),
    "onnx with its data": ("m.onnx", files.onnx(location="weights.bin"), SAFE, ""),
    "saved model": ("saved_model.pb", files.saved_model(), SAFE, ""),
    "saved model with python": ("saved_model.pb", files.saved_model("EagerPyFunc"), MALICIOUS, "EagerPyFunc"),
    "saved model that writes": ("saved_model.pb", files.saved_model("WriteFile"), MALICIOUS, "WriteFile"),
    "saved model that reads": ("saved_model.pb", files.saved_model("ReadFile"), REVIEW, "ReadFile"),
    "keras": ("m.keras", mint.keras(), SAFE, ""),
    "keras lambda": ("m.keras", mint.keras(layer="Lambda"), REVIEW, "Lambda"),
    "keras of another library": ("m.keras", mint.keras(module="strange.layers"), REVIEW, "strange"),
    "keras of the system": ("m.keras", mint.keras(layer="system", module="os"), MALICIOUS, "os.system"),
    "keras past safe mode": ("m.keras", mint.keras(layer="TorchModuleWrapper"), MALICIOUS, "TorchModuleWrapper"),
    "hdf5 lambda": ("m.h5", mint.keras_hdf5(mint.lambda_layer()), REVIEW, "Lambda"),
    "hdf5 lambda that runs": ("m.h5", mint.keras_hdf5(mint.lambda_layer(b"\xda\x02os\xda\x06system")), MALICIOUS, "Lambda"),
    "hdf5 weights": ("w.h5", b"\x89HDF\r\n\x1a\n" + bytes(500), SAFE, ""),
    "hdf5 unreadable config": ("m.h5", b"\x89HDF\r\n\x1a\n" + bytes(50) + b"model_config" + bytes(90), REVIEW, "could not"),
    "hdf5 of pytables": ("t.h5", b"\x89HDF\r\n\x1a\n" + b"PYTABLES_FORMAT_VERSION" + bytes(90), REVIEW, "PyTables"),
    "engine": ("m.engine", b"ftrt" + bytes(range(200)), REVIEW, "TensorRT"),
    "plan by its name": ("m.plan", bytes(range(128, 256)), REVIEW, "TensorRT"),
    "elf": ("libops.so", b"\x7fELF" + bytes(60), REVIEW, "ELF"),
    "elf called a model": ("pytorch_model.bin", b"\x7fELF" + bytes(60), MALICIOUS, "ELF"),
    "mach-o": ("x", b"\xcf\xfa\xed\xfe" + bytes(60), REVIEW, "Mach-O"),
    "pe": ("x.dll", b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0" + bytes(40), REVIEW, "Windows"),
    "python beside": ("modeling.py", b"import os\n", REVIEW, "Python"),
    "notebook": ("a.ipynb", b'{"cells": []}', REVIEW, "notebook"),
    "script without ending": ("run", b"#!/bin/sh\ntrue\n", REVIEW, "script"),
    "readme": ("README.md", b"# A model\n\nIt does {{ nothing }}.\n", SAFE, ""),
    "config": ("config.json", _config(hidden_size=8), SAFE, ""),
    "auto_map": ("config.json", _config(auto_map={"AutoModel": "modeling.M"}), REVIEW, "auto_map"),
    "trust_remote_code": ("config.json", _config(trust_remote_code=True), REVIEW, "trust_remote_code"),
    "target in json": ("config.json", _config(x={"_target_": "subprocess.run"}), MALICIOUS, "subprocess"),
    "a key of json twice": ("config.json", b'{"a": 1, "a": 2}', UNREADABLE, ""),
    "template": ("tokenizer_config.json", _config(chat_template=mint.TEMPLATE), SAFE, ""),
    "evil template": ("tokenizer_config.json", _config(chat_template=mint.TEMPLATE_EVIL), MALICIOUS, "__globals__"),
    "named templates": ("tokenizer_config.json", _config(chat_template=[{"name": "a", "template": mint.TEMPLATE_EVIL}]),
                        MALICIOUS, "__globals__"),
    "broken template": ("chat_template.jinja", b"{% for", UNREADABLE, "parsed"),
    "template by index": ("t.jinja", b"{{ x['__class__'] }}", MALICIOUS, "__class__"),
    "template by escapes": ("t.jinja", b"{{ x['\\x5f\\x5fclass\\x5f\\x5f'] }}", MALICIOUS, "__class__"),
    "template by pieces": ("t.jinja", b"{{ x['__cl' ~ 'ass__'] }}", MALICIOUS, "__class__"),
    "template by unknown pieces": ("t.jinja", b"{{ x['__' ~ y ~ '__'] }}", MALICIOUS, "puts"),
    "template by filter": ("t.jinja", b"{{ x|attr('__class__') }}", MALICIOUS, "__class__"),
    "template by computed filter": ("t.jinja", b"{{ x|attr(y) }}", MALICIOUS, "puts"),
    "template by map": ("t.jinja", b"{{ x|map(attribute='__class__')|list }}", MALICIOUS, "__class__"),
    "template that includes": ("t.jinja", b"{% include '/etc/passwd' %}", REVIEW, "other templates"),
    "template with generation": ("t.jinja", b"{% generation %}{{ m }}{% endgeneration %}", SAFE, ""),
    "yaml": ("c.yaml", b"a: 1\nb: [x, y]\n", SAFE, ""),
    "yaml object": ("c.yaml", b"a: !!python/object/apply:os.system ['true']\n", MALICIOUS, "python/object"),
    "yaml of another tag": ("c.yaml", b"a: !strange b\n", REVIEW, "tag"),
    "yaml template": ("c.yaml", f'chat_template: "{mint.TEMPLATE_EVIL}"\n'.encode(), MALICIOUS, "__globals__"),
    "broken yaml": ("c.yaml", b"a: [", UNREADABLE, "YAML"),
    "parquet": ("d.parquet", files.parquet(), SAFE, ""),
    "tfrecord": ("d.tfrecord", files.tfrecord(), SAFE, ""),
    "faiss": ("i.faiss", files.faiss(), SAFE, ""),
    "picture": ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(50), SAFE, ""),
    "picture called a model": ("a.pt", b"\x89PNG\r\n\x1a\n" + bytes(50), UNREADABLE, "called"),
    "empty model": ("m.safetensors", b"", UNREADABLE, "empty"),
    "empty text": ("__init__.txt", b"", SAFE, ""),
    "pointer": ("m.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", UNREADABLE, "LFS"),
    "sealed": ("m.safetensors.age", b"age-encryption.org/v1\n" + bytes(90), UNREADABLE, "sealed"),
    "noise": ("x.dat", bytes(range(255, 100, -1)), REVIEW, "no format"),
    "noise called a model": ("model.bin", bytes(range(255, 100, -1)), UNREADABLE, "called"),
}  # fmt: skip


@pytest.mark.parametrize("case", [*ARCHIVES, *OTHERS])
def test_scan_gives_every_format_its_verdict(case: str) -> None:
    """A table of files: what each is called, what it holds, its verdict, and a word of the reason."""
    name, data, verdict, word = {**ARCHIVES, **OTHERS}[case]
    found = scan(Memory(data), name)
    assert found.verdict is verdict, list(found)
    assert any(word in r.text for r in found) if verdict is not SAFE else not list(found)


@pytest.mark.parametrize("name", mint.STREAMS)
def test_scan_looks_into_streams(name: str) -> None:
    """A pickle that is compressed as a whole is found in every kind of stream."""
    assert scan(Memory(mint.STREAMS[name]), name).verdict is MALICIOUS


def test_scan_bounds_what_it_unpacks() -> None:
    """An archive that unpacks to more than is allowed is unreadable, and is not unpacked."""
    bomb = files.packed({"a.bin": bytes(4_000_000), "b.bin": bytes(4_000_000)}, zipfile.ZIP_DEFLATED)
    found = scan(Memory(bomb), "a.zip", Budget(unpacked=1_000_000))
    assert found.verdict is UNREADABLE
    many = files.packed({f"{n}.txt": b"x" for n in range(50)})
    assert scan(Memory(many), "a.zip", Budget(entries=10)).verdict is UNREADABLE


def test_scan_leaves_an_encrypted_text_alone_and_refuses_an_encrypted_model() -> None:
    """What is really encrypted cannot be looked into: a text is no model, anything else is refused."""
    for name, verdict in (("notes.txt", SAFE), ("model.pkl", UNREADABLE), ("data", UNREADABLE)):
        plain = files.packed({name: b"\x13\x97\xfe" * 7})
        data = mint.flagged(mint.damaged_checksum(plain), 0x1)
        assert scan(Memory(data), "a.zip").verdict is verdict, name


def test_scan_follows_zip64() -> None:
    """The sizes of a large archive stand in a field of their own, and its entries are looked into all the same."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, archive.open("model.pkl", "w", force_zip64=True) as entry:
        entry.write(mint.EVIL)
    assert scan(Memory(out.getvalue()), "a.zip").verdict is MALICIOUS
