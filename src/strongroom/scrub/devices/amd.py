"""GPUs of AMD, by HIP and amdgpu's sysfs: the same kernels, and the driver's own shader for what kernels cannot reach.

Nobody has run this on such a GPU; `docs/proof.md` says so. HIP's libraries are loaded at the call.
"""

import ctypes
import time
from collections.abc import Mapping
from pathlib import Path

from strongroom.model.errors import GpuError
from strongroom.model.scrub import Cover, DeviceKind, Gpu, Standing, Step, Until, Way
from strongroom.scrub import kernels
from strongroom.scrub.devices import _kfd
from strongroom.scrub.kernel_device import SCRATCH, U32, U64, KernelDevice, Memory, Started
from strongroom.scrub.programs import run

GRANULE = 2 << 20
_SYSFS = Path("/sys")
_OUT_OF_MEMORY, _NOT_READY = "2", "600"  # hip_runtime_api.h, hipError_t
_NUM_REGS = 4  # hipFunction_attribute
_POLL = 0.0002
_RESET = 120.0  # seconds
_REGISTERS = 512 << 10  # octets of vector registers of a compute unit (CDNA 3 ISA, 2.1)
_THREADS = 2048  # that a compute unit holds at once
_ROCM = "is ROCm installed, and is LD_LIBRARY_PATH set to it?"


def _library(name: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(name)
    except OSError:
        raise GpuError(name, "no such library", "ROCm", _ROCM) from None


class HipRuntime:
    """HIP's driver-like API, through its C functions."""

    def __init__(self, uuid: str, sysfs: Path = _SYSFS) -> None:
        """Nothing is loaded before a call."""
        self._uuid, self._sysfs = uuid, sysfs
        self._hip: ctypes.CDLL | None = None
        self._functions: dict[str, ctypes.c_void_p] = {}
        self._pieces: list[tuple[int, int]] = []
        self._scratch = 0
        self._until: Until | None = None

    def look(self) -> Standing:
        """By sysfs."""
        return _kfd.look(self._uuid, self._sysfs)

    def _call(self, name: str, *arguments: object) -> None:
        if self._hip is None:
            raise GpuError("hip", "not started", "a context")
        try:
            result = int(getattr(self._hip, name)(*arguments))
        except AttributeError:
            raise GpuError(f"hip {name}", "no such function", "a newer ROCm", _ROCM) from None
        if result:
            raise GpuError(f"hip {name}", str(result), "hipSuccess")

    def start(self, until: Until) -> Started:
        """A context on the one GPU that this process sees, if it is the one that was named."""
        self._until = until
        self._hip = _library("libamdhip64.so")
        count, octets = ctypes.c_int(), (ctypes.c_char * 16)()
        self._call("hipInit", 0)
        self._call("hipGetDeviceCount", ctypes.byref(count))
        if count.value != 1:
            hint = f"ROCR_VISIBLE_DEVICES must be {self._uuid} alone"
            raise GpuError("hip", f"{count.value} GPUs that can be seen", "the one that is named", hint)
        self._call("hipDeviceGetUuid", octets, 0)
        wanted = self._uuid.partition("-")[2].lower()
        if octets.raw.decode("ascii", "replace").lower() != wanted:  # HIP has the digits themselves as octets
            raise GpuError("hip", f"GPU {octets.raw.hex()}", f"GPU {wanted}")
        found = _kfd.find(self._uuid, self._sysfs)
        self._call("hipSetDevice", 0)
        self._load(_compiled(kernels.text(), found.architecture))
        self._scratch = self.get(Way.PLAIN, SCRATCH)
        p = found.properties
        gpu = Gpu(
            uuid=self._uuid,
            units=found.units,
            shared_bytes=p.get("lds_size_in_kb", 64) << 10,
            register_bytes=_REGISTERS,
            l2_bytes=_last_cache(found, self._sysfs),
            method=f"HIP, {found.architecture}",
        )
        return Started(gpu, self._scratch, _THREADS)

    def _load(self, code: bytes) -> None:
        module = ctypes.c_void_p()
        self._call("hipModuleLoadData", ctypes.byref(module), code)
        for name in kernels.NAMES:
            function = self._functions[name] = ctypes.c_void_p()
            self._call("hipModuleGetFunction", ctypes.byref(function), module, name.encode())

    def grab(self) -> Memory:
        """All memory, by allocations that are halved where they are refused."""
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        self._call("hipMemGetInfo", ctypes.byref(free), ctypes.byref(total))
        size = free.value // GRANULE * GRANULE
        while size >= GRANULE:
            try:
                self._pieces.append((self.get(Way.PLAIN, size), size))
            except GpuError as e:
                if e.found != _OUT_OF_MEMORY:
                    raise
                size = size // 2 // GRANULE * GRANULE
        return Memory(tuple(self._pieces), GRANULE, f"hipMalloc, {len(self._pieces)} pieces")

    def get(self, way: Way, octets: int) -> int:
        """Some memory."""
        address = ctypes.c_void_p()
        if way is Way.PLAIN:
            self._call("hipMalloc", ctypes.byref(address), ctypes.c_size_t(octets))
        else:
            self._call("hipMallocAsync", ctypes.byref(address), ctypes.c_size_t(octets), None)
            self._wait()
        return address.value or 0

    def drop(self, way: Way, address: int) -> None:
        """Give it back."""
        if way is Way.PLAIN:
            self._call("hipFree", ctypes.c_void_p(address))
        else:
            self._call("hipFreeAsync", ctypes.c_void_p(address), None)
            self._wait()

    def launch(self, name: str, grid: int, threads: int, shared: int, arguments: tuple[U32 | U64, ...]) -> None:
        """Run a kernel to its end."""
        held = [ctypes.c_uint32(a) if isinstance(a, U32) else ctypes.c_uint64(a) for a in arguments]
        places = (ctypes.c_void_p * len(held))(*(ctypes.addressof(h) for h in held))
        self._call(
            "hipModuleLaunchKernel", self._functions[name], grid, 1, 1, threads, 1, 1, shared, None, places, None
        )
        self._wait()

    def _wait(self) -> None:
        while True:
            try:
                self._call("hipStreamQuery", None)
            except GpuError as e:
                if e.found != _NOT_READY:
                    raise
            else:
                return
            if self._until is not None:
                self._until("kernel")
            time.sleep(_POLL)

    def registers(self, name: str) -> int:
        """As the compiler gave them."""
        value = ctypes.c_int()
        self._call("hipFuncGetAttribute", ctypes.byref(value), _NUM_REGS, self._functions[name])
        return value.value

    def read(self, address: int, octets: int) -> bytes:
        """To this process."""
        held = ctypes.create_string_buffer(octets)
        self._call("hipMemcpyDtoH", held, ctypes.c_void_p(address), ctypes.c_size_t(octets))
        return held.raw

    def write(self, address: int, data: bytes) -> None:
        """From this process."""
        self._call("hipMemcpyHtoD", ctypes.c_void_p(address), data, ctypes.c_size_t(len(data)))

    def clean(self) -> None:
        """Have the driver clear local data and registers, on each partition."""
        found = _kfd.find(self._uuid, self._sysfs)
        path = found.device / _kfd.CLEANER
        try:
            for partition in range(found.partitions):
                path.write_text(f"{partition}\n", encoding="ascii")
        except OSError as e:
            why = (e.strerror or "an error").lower()
            raise GpuError(str(path), why, "amdgpu's cleaner shader, and the right to run it") from None

    def stop(self) -> None:
        """Give everything back."""
        for address in (*(a for a, _ in self._pieces), *([self._scratch] if self._scratch else [])):
            try:
                self.drop(Way.PLAIN, address)
            except GpuError:
                break  # the context is broken, and everything of it ends with the process
        self._pieces, self._scratch, self._hip = [], 0, None


def _compiled(text: str, architecture: str) -> bytes:
    """A code object, by HIPRTC."""
    rtc = _library("libhiprtc.so")
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    option = f"--offload-arch={architecture}".encode()
    options = (ctypes.c_char_p * 1)(option)
    results = [int(rtc.hiprtcCreateProgram(ctypes.byref(program), text.encode(), b"kernels.cu", 0, None, None))]
    if not any(results):
        results.append(int(rtc.hiprtcCompileProgram(program, 1, options)))
    if not any(results):
        results.append(int(rtc.hiprtcGetCodeSize(program, ctypes.byref(size))))
    if any(results):
        raise GpuError(f"hiprtc, step {len(results)}", str(results[-1]), f"the kernels for {architecture}")
    held = ctypes.create_string_buffer(size.value)
    if result := int(rtc.hiprtcGetCode(program, held)):
        raise GpuError("hiprtc", str(result), "the code of the kernels")
    return held.raw


def _last_cache(found: _kfd.Found, sysfs: Path) -> int:
    """The largest cache that KFD tells of, as that is the last one. Raises GpuError: without it nothing can be flushed."""
    nodes = (sysfs / "class/kfd/kfd/topology/nodes").glob("*/gpu_id")
    node = next((n.parent for n in nodes if n.read_text(encoding="ascii").strip() == str(found.gpu_id)), None)
    sizes = []
    for path in node.glob("caches/*/properties") if node else ():
        words = dict(w for line in path.read_text(encoding="ascii").splitlines() if len(w := line.split()) == 2)
        sizes.append(int(words.get("size", "0")) << 10)
    if not sizes:
        raise GpuError(f"kfd {found.gpu_id}", "no caches", "the size of the last one")
    return max(sizes)


class AmdDevice(KernelDevice):
    """Kernels, and the driver's shader."""

    def __init__(self, runtime: HipRuntime) -> None:
        """Nothing is touched before a call."""
        super().__init__(runtime)
        self._hip = runtime

    def sweep(self, step: Step, tags: tuple[bytes, ...]) -> Cover:
        """Registers by the driver's shader alone: no kernel has all of a unit's. It does not tell what it cleared."""
        if step is not Step.REGISTERS:
            return super().sweep(step, tags)
        gpu = self._open.gpu
        self._hip.clean()
        return Cover(gpu.units, gpu.units, gpu.register_bytes, gpu.register_bytes)


def _environment(uuid: str) -> Mapping[str, str]:
    return {"ROCR_VISIBLE_DEVICES": uuid}


def _open(uuid: str, _: Mapping[str, str]) -> AmdDevice:
    return AmdDevice(HipRuntime(uuid))


def _reset(uuid: str, _: Mapping[str, str]) -> str:
    """By AMD's own program, which knows a GPU by the address of its PCI device."""
    bus = _kfd.look(uuid, _SYSFS).bus
    return run("amd-smi", "reset", "--gpureset", "--gpu", f"{bus}.0", seconds=_RESET)


DEVICE = DeviceKind(
    "amd", "GPUs of AMD (never run on one)", emulated=False, open=_open, environment=_environment, reset=_reset
)
