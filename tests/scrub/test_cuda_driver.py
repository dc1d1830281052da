"""The real host code, kernels, NVRTC and bindings over a driver that is emulated: what is found, and what is refused."""

import ctypes
import struct
import time
from pathlib import Path

import fake_driver as fake
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.isolate.scrubbing import judge_leak, refusals
from strongroom.kit import scrub_pattern as pattern
from strongroom.kit.scrub_pattern import WORD
from strongroom.model.errors import GpuError
from strongroom.model.scrub import ATTACKS, CONTROLS, Case, Outcome, Remains, ScrubReport
from strongroom.scrub import kernels, matrix, nvrtc

GRANULE = 2 << 20
HEAD = GRANULE  # of the file: who has what, and shared memory
KEYS = st.binary(min_size=16, max_size=16)
U32 = ctypes.c_uint32


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The driver, built once."""
    return fake.built(tmp_path_factory.mktemp("driver"))


def said(found: tuple[ScrubReport, object]) -> str:
    """Every reason against it."""
    return "; ".join(getattr(found[1], "reasons"))  # noqa: B009 - one of two verdicts


def test_a_whole_gpu_is_scrubbed(tmp_path: Path, library: Path) -> None:
    """Kernels from NVRTC's own input, launched by the bindings: everything is read first, written, verified and told."""
    folder = fake.gpu(tmp_path / "gpu", library)
    vram = bytearray(HEAD + 65 * GRANULE)
    secret = pattern.canary(b"LEAKLEAK", 3)
    vram[HEAD + 9 * GRANULE : HEAD + 9 * GRANULE + WORD] = secret
    (folder / "vram").write_bytes(vram)
    report, verdict = fake.scrubbed(folder)
    assert (verdict.outcome, verdict.reasons) == (Outcome.SCRUBBED, ())
    assert (verdict.remains, verdict.remains_bytes) == (Remains.LEAK, WORD)
    assert report.audit is not None
    assert [(c.tag, c.words) for c in report.audit.canaries] == [(b"LEAKLEAK".hex(), 1)]
    assert report.bytes_verified == report.bytes_taken == 63 * GRANULE  # one is for what kernels tell
    assert report.gpu is not None
    assert report.gpu.method == "CUDA 13.0, sm_90"
    assert not any((folder / "vram").read_bytes()[HEAD + 9 * GRANULE : HEAD + 10 * GRANULE])


@settings(max_examples=25, deadline=None)
@given(KEYS, st.integers(0, (1 << 32) - 9), st.integers(1, 40), st.integers(1, 17))
def test_kernels_write_what_the_pattern_is(library: Path, key: bytes, first: int, words: int, page: int) -> None:
    """The pattern of the kernels is the pattern of Python, octet by octet, and each verifies the other's."""
    here = fake.Kernels(library)
    memory = ctypes.create_string_buffer(words * WORD)
    lanes = tuple(map(U32, pattern.lanes(key)))
    piece = (ctypes.addressof(memory), words, U32(page), first, *lanes)
    here.run("sr_fill", *piece)
    counts = [min(page, words - n) for n in range(0, words, page)]
    wanted = b"".join(pattern.page(key, first + n, count) for n, count in enumerate(counts))
    assert memory.raw == wanted
    assert here.run("sr_check", *piece)[:3] == [words, 0, (1 << 64) - 1]


@settings(max_examples=40, deadline=None)
@given(KEYS, st.integers(1, 60), st.data())
def test_kernels_judge_as_the_cpu_does(library: Path, key: bytes, words: int, data: st.DataObject) -> None:
    """Wrong words, words that are not zero, canaries and the first of each: the same numbers as by definition."""
    here, page, tag = fake.Kernels(library), data.draw(st.integers(1, 20)), b"TAGTAGTA"
    places = data.draw(st.sets(st.integers(0, words - 1), max_size=5))
    clean = b"".join(pattern.word(key, n // page, n % page) for n in range(words))
    memory = bytearray(clean)
    for at in places:
        memory[at * WORD : (at + 1) * WORD] = pattern.canary(tag, at)
    held = (ctypes.c_ubyte * len(memory)).from_buffer(memory)
    lanes = tuple(map(U32, pattern.lanes(key)))
    none = (1 << 64) - 1
    first = min(places, default=none)
    found = here.run("sr_check", ctypes.addressof(held), words, U32(page), 0, *lanes)
    assert found[:3] == [words, len(places), first]
    memory[:] = bytes(len(memory))
    for at in places:
        memory[at * WORD : (at + 1) * WORD] = pattern.canary(tag, at)
    tags = ctypes.create_string_buffer(b"another!" + tag, 16)
    told = kernels.told(
        here.run("sr_audit", ctypes.addressof(held), words, U32(page), ctypes.addressof(tags), U32(2), U32(0)),
        (b"another!", tag),
    )
    assert (told.words, told.bad, told.first) == (words, len(places), None if first == none else first * WORD)
    assert [(c.words, c.first) for c in told.canaries] == [(0, None), (len(places), told.first)]
    assert sum(told.histogram) == WORD * len(places)
    assert here.run("sr_check_zero", ctypes.addressof(held), words, U32(page))[1] == len(places)


REGISTERS, FRAME = 0x2F, 0x11  # attributes of `.nv.info`: a symbol, and a number for it


def _facts(cubin: bytes) -> dict[str, dict[int, int]]:
    """Of each kernel of a cubin: how many registers a thread of it has, and how many octets it spills."""
    (start,) = struct.unpack_from("<Q", cubin, 0x28)
    size, count, names = struct.unpack_from("<HHH", cubin, 0x3A)
    heads = [struct.unpack_from("<IIQQQQIIQQ", cubin, start + n * size) for n in range(count)]
    text = heads[names][4]
    called = {cubin[text + h[0] : cubin.index(b"\0", text + h[0])].decode(): h for h in heads}
    symbols = {h[7] & 0xFFFFFF: n.removeprefix(".text.") for n, h in called.items() if n.startswith(".text.")}
    found: dict[str, dict[int, int]] = {name: {} for name in symbols.values()}
    info = called[".nv.info"]
    at, end = info[4], info[4] + info[5]
    while at < end:
        form, kind, octets = struct.unpack_from("<BBH", cubin, at)
        if form == 4 and octets == 8:
            symbol, number = struct.unpack_from("<II", cubin, at + 4)
            if symbol in symbols:
                found[symbols[symbol]][kind] = number
        at += 4 + (octets if form == 4 else 0)
    return found


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("architecture", ["sm_75", "sm_80", "sm_90", "sm_100", "sm_120"])
def test_nvrtc_compiles_every_kernel(architecture: str) -> None:
    """Every kernel is in the cubin of each architecture; the one for registers has at least 95 % of a unit's, none spilled."""
    found = _facts(nvrtc.compiled(kernels.text(), architecture))
    assert set(kernels.NAMES) <= set(found)
    registers = found["sr_registers"]
    assert registers[REGISTERS] * kernels.REGISTER_THREADS >= 0.95 * 65_536
    assert registers[FRAME] == 0
    assert found["sr_local"][FRAME] >= 4 * kernels.STACK_WORDS


@pytest.mark.usefixtures("library")
def test_a_kernel_that_does_not_compile_says_why() -> None:
    """What the compiler said is in the error, and an architecture that it does not know is one too."""
    with pytest.raises(GpuError, match="does not apply here"):
        nvrtc.compiled("__global__ void f( {", "sm_90")
    with pytest.raises(GpuError, match="sm_1"):
        nvrtc.compiled(kernels.text(), "sm_1")


REFUSED = [
    ({"compute": 77}, "processes remain: 77"),
    ({"graphics": 78}, "processes remain: 78"),
    ({"mps": 79}, "MPS is alive: client 79"),
    ({"mig": 1}, f"each by its own UUID: {fake.MIG_UUID}"),
    ({"fail.nvmlInit": 18}, "nvml/rm version mismatch"),
    ({"fail.nvmlDeviceGetHandleByUUID": 6}, "found not found, wanted a GPU of this machine"),
    ({"fail.nvmlDeviceGetHandleByUUID": 15}, "gpu is lost"),
    ({"fail.nvmlDeviceGetComputeRunningProcesses": 15}, "cannot tell whether processes remain: gpu is lost"),
    ({"fail.nvmlDeviceGetGraphicsRunningProcesses": 4}, "cannot tell whether processes remain"),
    ({"fail.nvmlDeviceIsMigDeviceHandle": 999}, "cannot tell whether it is partitioned"),
    ({"fail.nvmlDeviceGetMigMode": 999}, "cannot tell whether it is partitioned"),
    ({"fail.nvmlDeviceGetMemoryInfo": 999}, "cannot tell how much memory"),
]


@pytest.mark.parametrize(("conf", "word"), REFUSED)
def test_a_gpu_that_may_not_be_touched_is_not(
    tmp_path: Path, library: Path, conf: dict[str, object], word: str
) -> None:
    """Live processes, MPS, MIG, a library that does not fit, half an answer: refused with the reason, and nothing is written."""
    folder = fake.gpu(tmp_path / "gpu", library, **conf)
    vram = bytearray(HEAD + 65 * GRANULE)
    vram[HEAD + 100 : HEAD + 104] = b"kept"
    (folder / "vram").write_bytes(vram)
    found = fake.scrubbed(folder)
    assert found[1].outcome is Outcome.NOT_SCRUBBED
    assert word in said(found), said(found)
    assert (folder / "vram").read_bytes()[HEAD:] == bytes(vram[HEAD:])


FAILED = [
    ({"fail.cuInit": 803}, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"),
    ({"fail.cuDeviceGetCount": 100}, "CUDA_ERROR_NO_DEVICE"),
    ({"cuda_uuid": "GPU-00000000-1234-1234-1234-123456789012"}, "GPU 00000000"),
    ({"fail.cuDevicePrimaryCtxRetain": 2}, "CUDA_ERROR_OUT_OF_MEMORY"),
    ({"fail.cuModuleLoadData": 209}, "CUDA_ERROR_NO_BINARY_FOR_GPU"),
    ({"reserved": 8 << 20}, "are wanted"),
    ({"fail.sr_audit": 700}, "CUDA_ERROR_ILLEGAL_ADDRESS"),
    ({"fail.sr_fill": 719}, "CUDA_ERROR_LAUNCH_FAILED"),
    ({"fail.cuStreamQuery.5": 214}, "CUDA_ERROR_ECC_UNCORRECTABLE"),
    ({"fail.cuStreamQuery": 600}, "no answer within"),
    ({"fail.cuMemcpyDtoH.3": 999}, "CUDA_ERROR_UNKNOWN"),
    ({"fail.nvmlInit.2": 15}, "look-after: nvml: found gpu is lost"),
    ({"fail.nvmlDeviceGetComputeRunningProcesses.2": 15}, "after: cannot tell whether processes remain"),
    ({"skips": "sr_fill"}, "pattern: 0 of"),
    ({"skips": "sr_zero"}, "zero: 0 of"),
    ({"skips": "sr_audit"}, "audit: 0 of"),
    ({"skips": "sr_check_zero"}, "check-zero: 0 of"),
    ({"skips": "sr_shared_zero"}, "shared: 0 of 4 units"),
    ({"skips": "sr_registers"}, "registers: 0 of 4 units"),
    ({"skips": "sr_local"}, "local: 0 of 4 units"),
    ({"dies": "sr_zero"}, "an end with status -9"),
]


@pytest.mark.parametrize(("conf", "word"), FAILED)
def test_what_fails_midway_is_never_scrubbed(tmp_path: Path, library: Path, conf: dict[str, object], word: str) -> None:
    """A GPU that is lost, a launch that is lost, a driver that does not fit, too little memory: the verdict names it."""
    folder = fake.gpu(tmp_path / "gpu", library, **conf)
    found = fake.scrubbed(folder, seconds=4.0)
    assert found[1].outcome is Outcome.NOT_SCRUBBED
    assert word in said(found), said(found)


@pytest.mark.parametrize(
    ("conf", "how"),
    [
        ({"largest": 8 * GRANULE}, "cuMemCreate, 9 pieces"),
        ({"fail.cuMemCreate": 801}, "as cuMemCreate did not do: CUDA_ERROR_NOT_SUPPORTED"),
        ({"fail.cuMemAddressReserve": 801}, "as cuMemCreate did not do: CUDA_ERROR_NOT_SUPPORTED"),
    ],
)
def test_memory_is_had_the_way_that_it_can_be(tmp_path: Path, library: Path, conf: dict[str, object], how: str) -> None:
    """In smaller pieces, or by plain allocations where there is no virtual memory management: all of it in any case."""
    report, verdict = fake.scrubbed(fake.gpu(tmp_path / "gpu", library, **conf))
    assert (verdict.outcome, verdict.reasons) == (Outcome.SCRUBBED, ())
    assert how in report.how
    assert report.bytes_taken == 63 * GRANULE


@pytest.mark.parametrize(("mig", "word"), [(2, ""), (3, "a part of its slice")])
def test_an_instance_is_scrubbed_by_its_own_name(tmp_path: Path, library: Path, mig: int, word: str) -> None:
    """An instance that has all of its slice is a GPU of its own; processes of other slices are not in its way."""
    folder = fake.gpu(tmp_path / "gpu", library, uuid=fake.MIG_UUID, mig=mig, compute=77, process_gi=4)
    found = fake.scrubbed(folder, fake.MIG_UUID)
    assert (found[1].outcome is Outcome.SCRUBBED) is not bool(word)
    assert word in said(found)


def test_errors_that_rise_while_it_runs_are_told(tmp_path: Path, library: Path) -> None:
    """A GPU that cannot count its memory errors any more after a scrub is not known to have written well."""
    found = fake.scrubbed(fake.gpu(tmp_path / "gpu", library, **{"fail.nvmlDeviceGetTotalEccErrors.2": 15}))
    assert "memory errors that were not corrected: 0 before, cannot be told after" in said(found)


@pytest.mark.parametrize(
    ("conf", "remains", "found"),
    [
        ({}, Remains.CLEAN, {*CONTROLS}),
        ({"clears": 0}, Remains.LEAK, {*CONTROLS, *ATTACKS} - {Case.SHARED_OTHER}),
        ({"clears_shared": 0}, Remains.LEAK, {*CONTROLS, Case.SHARED_OTHER}),
    ],
)
def test_the_leak_test_tells_drivers_apart(
    tmp_path: Path, library: Path, conf: dict[str, object], remains: Remains, found: set[Case]
) -> None:
    """Kernels of one process look for what kernels of another planted: a driver that clears is clean, one that does not leaks."""
    folder = fake.gpu(tmp_path / "gpu", library, **conf)
    tags = {case: f"{n:02x}" * 8 for n, case in enumerate(Case, 1)}
    asked = matrix.Asked("cuda", fake.UUID, {}, tags, 60.0, str(folder))
    report = matrix.leak_test(asked, lambda s: refusals(fake.UUID, s), time.monotonic)
    assert [t.failure for t in report.tried if t.failure] == []
    assert {t.case for t in report.tried if sum(t.hits.values())} == found
    assert judge_leak(report).remains is remains
