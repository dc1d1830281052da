"""NVIDIA's GPUs, by the driver's API and NVRTC. The bindings are imported at the call; no torch, no nvcc.

All memory is mapped into one range by the virtual memory management of the driver (CUDA driver API, 6.14), so that a pass
over it is one launch. It is asked for in the largest pieces that it can be had in, down to one granule; where a GPU has no
such management, by plain allocations in the same way.
"""

import ctypes
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import cast

from strongroom.model.errors import GpuError
from strongroom.model.scrub import DeviceKind, Gpu, Standing, Until, Way
from strongroom.scrub import kernels
from strongroom.scrub.devices import _nvml
from strongroom.scrub.kernel_device import SCRATCH, U32, U64, KernelDevice, Memory, Started
from strongroom.scrub.nvrtc import binding, compiled
from strongroom.scrub.programs import run

GRANULE = 2 << 20  # octets: the page of the GPU, and the granule of the driver's physical memory
_POLL = 0.0002  # seconds between two looks at whether a kernel has ended
_REGISTER = 4  # octets
_RESET = 120.0  # seconds


class CudaRuntime:
    """The driver API. Every call is checked; a kernel is waited for with an eye on the time that is left."""

    def __init__(self, uuid: str) -> None:
        """Nothing is loaded before a call."""
        self._uuid = uuid
        self._driver: ModuleType | None = None
        self._device: object = None
        self._retained = False
        self._functions: dict[str, object] = {}
        self._pieces: list[tuple[int, int, object]] = []  # address, octets, handle
        self._range: tuple[int, int] | None = None
        self._scratch = 0
        self._until: Until | None = None

    def look(self) -> Standing:
        """By NVML."""
        return _nvml.look(self._uuid)

    def _call(self, name: str, *arguments: object) -> tuple[object, ...]:
        """One call of the driver. Raises GpuError with the driver's own name of the error."""
        if self._driver is None:
            raise GpuError("cuda driver", "not started", "a context")
        try:
            result, *rest = cast("tuple[object, ...]", getattr(self._driver, name)(*arguments))
        except (RuntimeError, AttributeError, TypeError, ValueError) as e:
            # No library, or none that has this call: the bindings say so in a RuntimeError of their own.
            raise GpuError(
                f"cuda {name}", str(e).lower()[:200], "a driver that has it", "nvidia-smi says more"
            ) from None
        if int(cast("int", result)):
            raise GpuError(f"cuda {name}", getattr(result, "name", str(result)), "CUDA_SUCCESS")
        return tuple(rest)

    def _number(self, name: str, *arguments: object) -> int:
        return int(cast("int", self._call(name, *arguments)[0]))

    def _named(self, kind: str, member: str) -> object:
        return cast("object", getattr(getattr(self._driver, kind), member))

    def _attribute(self, member: str) -> int:
        kind = self._named("CUdevice_attribute", f"CU_DEVICE_ATTRIBUTE_{member}")
        return self._number("cuDeviceGetAttribute", kind, self._device)

    def start(self, until: Until) -> Started:
        """A context on the one GPU that this process sees, if it is the one that was named."""
        self._until = until
        self._driver = binding("driver")
        self._call("cuInit", 0)
        if (count := self._number("cuDeviceGetCount")) != 1:
            hint = f"CUDA_VISIBLE_DEVICES must be {self._uuid} alone"
            raise GpuError("cuda", f"{count} GPUs that can be seen", "the one that is named", hint)
        (self._device,) = self._call("cuDeviceGet", 0)
        self._is_named()
        architecture = f"sm_{self._attribute('COMPUTE_CAPABILITY_MAJOR')}{self._attribute('COMPUTE_CAPABILITY_MINOR')}"
        with ThreadPoolExecutor(1) as beside:  # the compiler and the context each take half a second
            cubin = beside.submit(compiled, kernels.text(), architecture)
            (context,) = self._call("cuDevicePrimaryCtxRetain", self._device)
            self._retained = True
            self._call("cuCtxSetCurrent", context)
            self._load(cubin.result())
        self._scratch = self._number("cuMemAlloc", SCRATCH)
        return Started(self._gpu(architecture), self._scratch, self._attribute("MAX_THREADS_PER_MULTIPROCESSOR"))

    def _is_named(self) -> None:
        """A GPU that took the other's place is never written to."""
        (found,) = self._call("cuDeviceGetUuid", self._device)
        octets = bytes(cast("bytes", getattr(found, "bytes"))).hex()  # noqa: B009 - a foreign record without types
        wanted = self._uuid.partition("-")[2].replace("-", "").lower()
        if octets != wanted:
            raise GpuError("cuda", f"GPU {octets}", f"GPU {wanted}")

    def _load(self, cubin: bytes) -> None:
        (module,) = self._call("cuModuleLoadData", cubin)
        for name in kernels.NAMES:
            (self._functions[name],) = self._call("cuModuleGetFunction", module, name.encode())
        attribute = self._named("CUfunction_attribute", "CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES")
        most = self._attribute("MAX_SHARED_MEMORY_PER_BLOCK_OPTIN")
        for name in kernels.WHOLE_UNIT:
            self._call("cuFuncSetAttribute", self._functions[name], attribute, most)

    def _gpu(self, architecture: str) -> Gpu:
        version = self._number("cuDriverGetVersion")
        return Gpu(
            uuid=self._uuid,
            units=self._attribute("MULTIPROCESSOR_COUNT"),
            shared_bytes=self._attribute("MAX_SHARED_MEMORY_PER_BLOCK_OPTIN"),
            register_bytes=_REGISTER * self._attribute("MAX_REGISTERS_PER_MULTIPROCESSOR"),
            l2_bytes=self._attribute("L2_CACHE_SIZE"),
            method=f"CUDA {version // 1000}.{version % 1000 // 10}, {architecture}",
        )

    def grab(self) -> Memory:
        """All memory: by virtual memory management, else by plain allocations."""
        try:
            return self._grab_mapped()
        except GpuError as e:
            self._unmap()
            return self._grab_plain(e.found)

    def _free(self) -> int:
        return int(cast("int", self._call("cuMemGetInfo")[0]))

    def _largest_first(self, granule: int, get: Callable[[int], None]) -> None:
        """Ask for pieces, halving what is refused, down to one granule."""
        size = self._free() // granule * granule
        while size >= granule:
            try:
                get(size)
            except GpuError as e:
                if e.found != "CUDA_ERROR_OUT_OF_MEMORY":
                    raise
                size = size // 2 // granule * granule

    def _grab_mapped(self) -> Memory:
        driver = cast("ModuleType", self._driver)
        prop = driver.CUmemAllocationProp()
        prop.type = self._named("CUmemAllocationType", "CU_MEM_ALLOCATION_TYPE_PINNED")
        prop.location.type = self._named("CUmemLocationType", "CU_MEM_LOCATION_TYPE_DEVICE")
        prop.location.id = int(cast("int", self._device))
        least = self._named("CUmemAllocationGranularity_flags", "CU_MEM_ALLOC_GRANULARITY_MINIMUM")
        granule = max(GRANULE, self._number("cuMemGetAllocationGranularity", prop, least))
        total = (self._free() // granule + 1) * granule
        self._range = (self._number("cuMemAddressReserve", total, 0, 0, 0), total)
        start = self._range[0]
        used = 0

        def get(size: int) -> None:
            nonlocal used
            size = min(size, total - used)
            if not size:
                raise GpuError("cuda", "CUDA_ERROR_OUT_OF_MEMORY", "room in the range")
            (handle,) = self._call("cuMemCreate", size, prop, 0)
            try:
                self._call("cuMemMap", start + used, size, 0, handle, 0)
            except GpuError:
                self._call("cuMemRelease", handle)
                raise
            self._pieces.append((start + used, size, handle))
            used += size

        self._largest_first(granule, get)
        if used:
            access = driver.CUmemAccessDesc()
            access.location = prop.location
            access.flags = self._named("CUmemAccess_flags", "CU_MEM_ACCESS_FLAGS_PROT_READWRITE")
            self._call("cuMemSetAccess", start, used, [access], 1)
        return Memory(((start, used),) if used else (), granule, f"cuMemCreate, {len(self._pieces)} pieces")

    def _grab_plain(self, why: str) -> Memory:
        def get(size: int) -> None:
            self._pieces.append((self._number("cuMemAlloc", size), size, None))

        self._largest_first(GRANULE, get)
        pieces = tuple((address, size) for address, size, _ in self._pieces)
        return Memory(pieces, GRANULE, f"cuMemAlloc, {len(pieces)} pieces, as cuMemCreate did not do: {why}")

    def _unmap(self) -> None:
        """Give the mapped pieces back; what fails is left to the end of the process, which gives all back."""
        for address, size, handle in self._pieces:
            for name, arguments in (("cuMemUnmap", (address, size)), ("cuMemRelease", (handle,))):
                if handle is not None:
                    self._quietly(name, *arguments)
            if handle is None:
                self._quietly("cuMemFree", address)
        self._pieces.clear()
        if self._range is not None:
            self._quietly("cuMemAddressFree", *self._range)
            self._range = None

    def _quietly(self, name: str, *arguments: object) -> None:
        try:
            self._call(name, *arguments)
        except GpuError:
            return  # the context is broken, and everything of it ends with the process

    def get(self, way: Way, octets: int) -> int:
        """By a plain allocation, or one of the driver's pool, which keeps what is freed."""
        if way is Way.PLAIN:
            return self._number("cuMemAlloc", octets)
        driver = cast("ModuleType", self._driver)
        (pool,) = self._call("cuDeviceGetDefaultMemPool", self._device)
        threshold = self._named("CUmemPool_attribute", "CU_MEMPOOL_ATTR_RELEASE_THRESHOLD")
        self._call("cuMemPoolSetAttribute", pool, threshold, driver.cuuint64_t((1 << 64) - 1))
        address = self._number("cuMemAllocAsync", octets, 0)
        self._wait()
        return address

    def drop(self, way: Way, address: int) -> None:
        """Free it the way it was got."""
        if way is Way.PLAIN:
            self._call("cuMemFree", address)
        else:
            self._call("cuMemFreeAsync", address, 0)
            self._wait()

    def launch(self, name: str, grid: int, threads: int, shared: int, arguments: tuple[U32 | U64, ...]) -> None:
        """Run a kernel to its end."""
        values = tuple(int(a) for a in arguments)
        kinds = tuple(ctypes.c_uint32 if isinstance(a, U32) else ctypes.c_uint64 for a in arguments)
        self._call("cuLaunchKernel", self._functions[name], grid, 1, 1, threads, 1, 1, shared, 0, (values, kinds), 0)
        self._wait()

    def _wait(self) -> None:
        """Until everything is done. A GPU that hangs answers nothing, so it is asked again and again, and not waited for."""
        while True:
            try:
                self._call("cuStreamQuery", 0)
            except GpuError as e:
                if e.found != "CUDA_ERROR_NOT_READY":
                    raise
            else:
                return
            if self._until is not None:
                self._until("kernel")
            time.sleep(_POLL)

    def registers(self, name: str) -> int:
        """As the compiler gave them."""
        attribute = self._named("CUfunction_attribute", "CU_FUNC_ATTRIBUTE_NUM_REGS")
        return self._number("cuFuncGetAttribute", attribute, self._functions[name])

    def read(self, address: int, octets: int) -> bytes:
        """To this process."""
        held = ctypes.create_string_buffer(octets)
        self._call("cuMemcpyDtoH", ctypes.addressof(held), address, octets)
        return held.raw

    def write(self, address: int, data: bytes) -> None:
        """From this process."""
        self._call("cuMemcpyHtoD", address, data, len(data))

    def stop(self) -> None:
        """Give everything back."""
        if self._driver is None:
            return
        self._unmap()
        if self._scratch:
            self._quietly("cuMemFree", self._scratch)
            self._scratch = 0
        if self._retained:
            self._quietly("cuDevicePrimaryCtxRelease", self._device)
            self._retained = False
        self._driver = None


def _environment(uuid: str) -> Mapping[str, str]:
    """One GPU is seen, every kernel is loaded before memory is taken, and nothing is kept on disk."""
    return {"CUDA_VISIBLE_DEVICES": uuid, "CUDA_MODULE_LOADING": "EAGER", "CUDA_CACHE_DISABLE": "1"}


def _open(uuid: str, _: Mapping[str, str]) -> KernelDevice:
    return KernelDevice(CudaRuntime(uuid))


def _reset(uuid: str, _: Mapping[str, str]) -> str:
    """By NVIDIA's own program: as root, and with nobody on the GPU, its persistence daemon included."""
    if not uuid.lower().startswith("gpu-"):
        raise GpuError(f"reset of {uuid}", "an instance", "a whole GPU: an instance has no reset of its own")
    return run("nvidia-smi", "--gpu-reset", f"--id={uuid}", seconds=_RESET)


DEVICE = DeviceKind("cuda", "GPUs of NVIDIA", emulated=False, open=_open, environment=_environment, reset=_reset)
