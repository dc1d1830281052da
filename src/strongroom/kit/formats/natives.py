"""Files by their first bytes that are no models: programs for machines, pictures, and archives that nobody opens here."""

_PROGRAMS = (
    (b"\x7fELF", "an ELF program or library"),
    (b"MZ", "a Windows program or library"),
    (b"\xfe\xed\xfa\xce", "a Mach-O program or library"),
    (b"\xfe\xed\xfa\xcf", "a Mach-O program or library"),
    (b"\xce\xfa\xed\xfe", "a Mach-O program or library"),
    (b"\xcf\xfa\xed\xfe", "a Mach-O program or library"),
    (b"\xca\xfe\xba\xbe", "a Mach-O library for several machines, or a class of Java"),
    (b"\x00asm", "a program in WebAssembly"),
    (b"BC\xc0\xde", "bitcode of LLVM"),
    (b"!<arch>\n", "a static library"),
    (b"#!", "a script"),
)
_ENGINES = ((b"ftrt", "an engine of TensorRT"), (b"ptrt", "an engine of TensorRT"))
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"%PDF-", b"\x00\x00\x01\x00", b"OggS", b"fLaC",
             b"ID3", b"wOFF", b"wOF2", b"\x00\x01\x00\x00\x00")  # fmt: skip
_CLOSED = (
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"\x04\x22\x4d\x18", "LZ4"),
    (b"LZIP", "lzip"),
    (b"MSCF", "cabinet"),
    (b"\x1f\x9d", "compress"),
)
_ENGINE_NAMES = (".engine", ".plan", ".trt", ".mplan")


def program(head: bytes) -> str:
    """What machine code or script a file begins as; empty for none."""
    found = next((word for begin, word in _PROGRAMS if head.startswith(begin)), "")
    if found and head.startswith(b"MZ"):
        # Two letters prove nothing: the header of the program must follow where it is said to be.
        place = int.from_bytes(head[0x3C:0x40], "little") if len(head) >= 0x40 else 0
        return found if 0x40 <= place <= len(head) and head[place : place + 2] in (b"PE", b"NE", b"LE") else ""
    return found


def engine(head: bytes, name: str) -> str:
    """Whether a file is a compiled engine, by its first bytes or its name; empty for no."""
    found = next((word for begin, word in _ENGINES if head.startswith(begin)), "")
    return found or ("an engine of TensorRT by its name" if name.lower().endswith(_ENGINE_NAMES) else "")


def picture(head: bytes) -> bool:
    """Whether a file begins as a picture, a document, a sound or a font."""
    if head[:4] == b"RIFF" and head[8:12] in (b"WEBP", b"WAVE", b"AVI "):
        return True
    return head.startswith(_PICTURES) or head[4:8] == b"ftyp"


def closed(head: bytes) -> str:
    """The kind of an archive that is not opened; empty for none."""
    return next((word for begin, word in _CLOSED if head.startswith(begin)), "")
