// An NVIDIA driver for tests: libcuda.so.1 and libnvidia-ml.so.1 in one, on memory of a file that processes share.
//
// The kernels are the package's own text, compiled for this machine and run one thread at a time. What is real is the text
// of the kernels, the bindings, and every call; what is not is the hardware, and what a real driver would do otherwise.
// `fake.conf` beside the library says what the GPU is like and which call fails.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

struct uint4 { unsigned int x, y, z, w; };
struct Dim { unsigned int x; };
static uint4 make_uint4(unsigned a, unsigned b, unsigned c, unsigned d) { return {a, b, c, d}; }
static thread_local Dim threadIdx, blockIdx, blockDim, gridDim;
static unsigned char *host_shared;  // of all units
static unsigned host_shared_bytes, host_units;
static long long host_clock;
template <class T, class U> static T atomicAdd(T *p, U v) { T old = *p; *p = old + (T)v; return old; }
template <class T, class U> static T atomicMin(T *p, U v) { T old = *p; if ((T)v < old) *p = (T)v; return old; }
template <class T, class U> static T atomicOr(T *p, U v) { T old = *p; *p = old | (T)v; return old; }
static void __syncthreads() {}
#define SR_HOST 1
#define __global__
#define __device__
#define __forceinline__ inline
#undef __noinline__
#define __noinline__
#define __launch_bounds__(...)
#define SR_UNIT() (blockIdx.x % host_units)
#define SR_CLOCK() (host_clock += 1000000)
#define SR_SHARED(name) uint4 *name = (uint4 *)(host_shared + (size_t)SR_UNIT() * host_shared_bytes)
#include "kernels.inc"

// --- kernels by name

template <class... A, size_t... I> static void apply(void (*k)(A...), void **p, std::index_sequence<I...>) {
  k(*(std::remove_reference_t<A> *)p[I]...);
}
template <class... A> static void run_one(void (*k)(A...), void **p, unsigned grid, unsigned threads) {
  gridDim.x = grid;
  blockDim.x = threads;
  for (blockIdx.x = 0; blockIdx.x < grid; blockIdx.x++)
    for (threadIdx.x = 0; threadIdx.x < threads; threadIdx.x++) apply(k, p, std::index_sequence_for<A...>{});
}
typedef void (*Runner)(void **, unsigned, unsigned);
#define KERNEL(name) {#name, [](void **p, unsigned g, unsigned t) { run_one(name, p, g, t); }}
static std::map<std::string, Runner> kernels() {
  return {KERNEL(sr_fill), KERNEL(sr_zero), KERNEL(sr_check), KERNEL(sr_check_zero), KERNEL(sr_audit), KERNEL(sr_plant),
          KERNEL(sr_shared_listen), KERNEL(sr_shared_plant), KERNEL(sr_shared_zero), KERNEL(sr_registers), KERNEL(sr_local)};
}

extern "C" int host_launch(const char *name, unsigned grid, unsigned threads, void **p, unsigned char *shared, unsigned bytes, unsigned units) {
  static auto known = kernels();
  host_shared = shared;
  host_shared_bytes = bytes;
  host_units = units;
  auto found = known.find(name);
  if (found == known.end()) return 1;
  found->second(p, grid, threads);
  return 0;
}

// --- the card: a file of owners, shared memory and granules

static const size_t GRANULE = 2 << 20, HEAD = GRANULE;
static std::map<std::string, std::string> conf;
static std::string folder;
static std::map<std::string, int> calls;
struct Head {
  int owner[4096];
  int shared_by;
};
static Head *head;
static int card = -1, lock_fd = -1;
static size_t total_granules;

static long number(const char *key, long otherwise) {
  auto found = conf.find(key);
  return found == conf.end() ? otherwise : strtol(found->second.c_str(), nullptr, 0);
}
static std::string text(const char *key, const char *otherwise) {
  auto found = conf.find(key);
  return found == conf.end() ? otherwise : found->second;
}
static void begin() {
  if (card >= 0) return;
  Dl_info info;
  dladdr((void *)begin, &info);
  folder = info.dli_fname;
  folder = folder.substr(0, folder.rfind('/'));
  if (FILE *f = fopen((folder + "/fake.conf").c_str(), "r")) {
    char line[512];
    while (fgets(line, sizeof line, f)) {
      std::string s(line);
      size_t at = s.find('=');
      if (at != std::string::npos) conf[s.substr(0, at)] = s.substr(at + 1, s.find_last_not_of("\n") - at);
    }
    fclose(f);
  }
  total_granules = number("granules", 16);
  lock_fd = open((folder + "/lock").c_str(), O_RDWR | O_CREAT, 0600);
  card = open((folder + "/vram").c_str(), O_RDWR | O_CREAT, 0600);
  struct stat st;
  fstat(card, &st);
  if ((size_t)st.st_size < HEAD + GRANULE * (total_granules + 1)) ftruncate(card, HEAD + GRANULE * (total_granules + 1));
  head = (Head *)mmap(nullptr, HEAD, PROT_READ | PROT_WRITE, MAP_SHARED, card, 0);
  host_units = number("units", 4);
  host_shared_bytes = number("shared", 4096);
  host_shared = (unsigned char *)head + 65536;
}
struct Locked {
  Locked() { flock(lock_fd, LOCK_EX); }
  ~Locked() { flock(lock_fd, LOCK_UN); }
};
static void clear(size_t granule) {
  if (!number("clears", 1)) return;
  void *p = mmap(nullptr, GRANULE, PROT_READ | PROT_WRITE, MAP_SHARED, card, HEAD + granule * GRANULE);
  memset(p, 0, GRANULE);
  munmap(p, GRANULE);
}
static bool gone(int pid) {
  if (kill(pid, 0) != 0) return true;
  char path[64], state = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  if (FILE *f = fopen(path, "r")) {
    fscanf(f, "%*d (%*[^)]) %c", &state);
    fclose(f);
  }
  return state == 'Z' || state == 0;
}
static void reap() {
  for (size_t g = 0; g < total_granules; g++)
    if (head->owner[g] && head->owner[g] != getpid() && gone(head->owner[g])) {
      clear(g);
      head->owner[g] = 0;
    }
}
static size_t free_granules() {
  size_t n = 0;
  for (size_t g = 0; g < total_granules; g++) n += !head->owner[g];
  return n;
}
static bool take(size_t count, std::vector<size_t> &out) {
  Locked l;
  reap();
  if (free_granules() < count) return false;
  for (size_t g = 0; g < total_granules && out.size() < count; g++)
    if (!head->owner[g]) {
      head->owner[g] = getpid();
      out.push_back(g);
    }
  return true;
}
static void give(const std::vector<size_t> &granules) {
  Locked l;
  for (size_t g : granules) {
    clear(g);
    head->owner[g] = 0;
  }
}
static void map_at(unsigned char *at, const std::vector<size_t> &granules) {
  for (size_t n = 0; n < granules.size(); n++)
    mmap(at + n * GRANULE, GRANULE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, card, HEAD + granules[n] * GRANULE);
}

// `fail.NAME=CODE` fails each call of that name, `fail.NAME.N=CODE` the N-th.
static int failing(const char *name) {
  begin();
  int n = ++calls[name];
  std::string key = std::string("fail.") + name;
  if (long code = number(key.c_str(), 0)) return code;
  return number((key + "." + std::to_string(n)).c_str(), 0);
}
#define ENTER(name) if (int bad = failing(name)) return bad

// --- libcuda

extern "C" {
typedef unsigned long long ptr;
static std::map<ptr, std::vector<size_t>> plain, handles;
static std::map<ptr, std::pair<size_t, bool>> small_;  // offset, used
static std::map<size_t, std::vector<ptr>> pool;
static std::map<ptr, size_t> pooled;
static ptr small_base;
static ptr next_handle = 1000;
static std::vector<size_t> context;

int cuGetProcAddress_v2(const char *symbol, void **pfn, int, unsigned long long, int *status) {
  static void *self = nullptr;
  if (!self) {
    Dl_info info;
    dladdr((void *)begin, &info);
    self = dlopen(info.dli_fname, RTLD_NOW);
  }
  *pfn = dlsym(self, symbol);
  if (status) *status = *pfn ? 0 : 1;
  return *pfn ? 0 : 500;
}
int cuGetProcAddress(const char *symbol, void **pfn, int v, unsigned long long f) { return cuGetProcAddress_v2(symbol, pfn, v, f, nullptr); }
int cuGetExportTable(const void **, const void *) { return 801; }  // NVRTC asks for it
int cuInit(unsigned) { ENTER("cuInit"); return 0; }
int cuDriverGetVersion(int *v) { ENTER("cuDriverGetVersion"); *v = 13000; return 0; }
int cuDeviceGetCount(int *n) {
  ENTER("cuDeviceGetCount");
  const char *seen = getenv("CUDA_VISIBLE_DEVICES");
  *n = seen && text("uuid", "") == seen ? 1 : 0;
  return 0;
}
int cuDeviceGet(int *d, int) { ENTER("cuDeviceGet"); *d = 0; return 0; }
int cuDeviceGetUuid(unsigned char *out, int) {
  ENTER("cuDeviceGetUuid");
  std::string hex = text("cuda_uuid", text("uuid", "").c_str());
  hex = hex.substr(hex.find('-') + 1);
  for (size_t i = 0, n = 0; i + 1 < hex.size() && n < 16; i++) {
    if (hex[i] == '-') continue;
    out[n++] = (unsigned char)strtol(hex.substr(i, 2).c_str(), nullptr, 16);
    i++;
  }
  return 0;
}
int cuDeviceGetUuid_v2(unsigned char *out, int d) { return cuDeviceGetUuid(out, d); }
int cuDeviceGetAttribute(int *v, int a, int) {
  ENTER("cuDeviceGetAttribute");
  switch (a) {
    case 16: *v = host_units; break;                        // MULTIPROCESSOR_COUNT
    case 97: *v = host_shared_bytes; break;                 // MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
    case 82: *v = 65536; break;                             // MAX_REGISTERS_PER_MULTIPROCESSOR
    case 38: *v = number("l2", 1 << 20); break;             // L2_CACHE_SIZE
    case 39: *v = 2048; break;                              // MAX_THREADS_PER_MULTIPROCESSOR
    case 75: *v = 9; break;                                 // COMPUTE_CAPABILITY_MAJOR
    case 76: *v = 0; break;
    default: *v = 0; return 1;
  }
  return 0;
}
int cuDevicePrimaryCtxRetain(void **c, int) {
  ENTER("cuDevicePrimaryCtxRetain");
  if (context.empty() && !take(number("context", 0), context)) return 2;
  *c = (void *)0x77;
  return 0;
}
int cuDevicePrimaryCtxRelease(int) {
  ENTER("cuDevicePrimaryCtxRelease");
  for (auto &p : plain) give(p.second);
  for (auto &p : handles) give(p.second);
  give(context);
  return 0;
}
int cuDevicePrimaryCtxRelease_v2(int d) { return cuDevicePrimaryCtxRelease(d); }
int cuCtxSetCurrent(void *) { ENTER("cuCtxSetCurrent"); return 0; }
int cuModuleLoadData(void **m, const void *image) {
  ENTER("cuModuleLoadData");
  if (memcmp(image, "\x7f" "ELF", 4)) return 200;
  *m = (void *)0x88;
  return 0;
}
int cuModuleGetFunction(void **f, void *, const char *name) {
  ENTER("cuModuleGetFunction");
  static auto known = kernels();
  auto found = known.find(name);
  if (found == known.end()) return 500;
  *f = (void *)found->first.c_str();
  return 0;
}
int cuFuncSetAttribute(void *, int a, int v) { ENTER("cuFuncSetAttribute"); return a == 8 && v <= (int)host_shared_bytes ? 0 : 1; }
int cuFuncGetAttribute(int *v, int, void *) { ENTER("cuFuncGetAttribute"); *v = 255; return 0; }
int cuMemGetInfo(size_t *f, size_t *t) {
  ENTER("cuMemGetInfo");
  Locked l;
  reap();
  *f = free_granules() * GRANULE + number("free_more", 0);
  *t = total_granules * GRANULE;
  return 0;
}
int cuMemGetInfo_v2(size_t *f, size_t *t) { return cuMemGetInfo(f, t); }
int cuMemGetAllocationGranularity(size_t *g, const void *, int) { ENTER("cuMemGetAllocationGranularity"); *g = GRANULE; return 0; }
int cuMemAddressReserve(ptr *p, size_t size, size_t, ptr, unsigned long long) {
  ENTER("cuMemAddressReserve");
  *p = (ptr)mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return 0;
}
int cuMemAddressFree(ptr p, size_t size) { ENTER("cuMemAddressFree"); munmap((void *)p, size); return 0; }
int cuMemCreate(ptr *h, size_t size, const void *, unsigned long long) {
  ENTER("cuMemCreate");
  if (size > (size_t)number("largest", 1 << 30)) return 2;
  std::vector<size_t> got;
  if (!take(size / GRANULE, got)) return 2;
  *h = next_handle++;
  handles[*h] = got;
  return 0;
}
int cuMemRelease(ptr h) { ENTER("cuMemRelease"); give(handles[h]); handles.erase(h); return 0; }
int cuMemMap(ptr p, size_t, size_t, ptr h, unsigned long long) { ENTER("cuMemMap"); map_at((unsigned char *)p, handles[h]); return 0; }
int cuMemUnmap(ptr p, size_t size) {
  ENTER("cuMemUnmap");
  mmap((void *)p, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  return 0;
}
int cuMemSetAccess(ptr, size_t, const void *, size_t) { ENTER("cuMemSetAccess"); return 0; }
static int get_plain(ptr *p, size_t size) {
  std::vector<size_t> got;
  size_t count = (size + GRANULE - 1) / GRANULE;
  if (!take(count, got)) return 2;
  *p = (ptr)mmap(nullptr, count * GRANULE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  map_at((unsigned char *)*p, got);
  plain[*p] = got;
  return 0;
}
int cuMemAlloc(ptr *p, size_t size) {
  ENTER("cuMemAlloc");
  if (size >= GRANULE) return get_plain(p, size);
  if (!small_base) {  // small ones share a granule, and are had again before others
    if (int bad = get_plain(&small_base, GRANULE)) return bad;
    for (size_t at = 0; at < GRANULE; at += 65536) small_[small_base + at] = {65536, false};
  }
  for (auto &one : small_)
    if (!one.second.second) {
      one.second.second = true;
      *p = one.first;
      return 0;
    }
  return 2;
}
int cuMemAlloc_v2(ptr *p, size_t size) { return cuMemAlloc(p, size); }
int cuMemFree(ptr p) {
  ENTER("cuMemFree");
  auto one = small_.find(p);
  if (one != small_.end()) {
    one->second.second = false;
  } else {
    give(plain[p]);
    munmap((void *)p, plain[p].size() * GRANULE);
    plain.erase(p);
  }
  return 0;
}
int cuMemFree_v2(ptr p) { return cuMemFree(p); }
int cuDeviceGetDefaultMemPool(void **p, int) { ENTER("cuDeviceGetDefaultMemPool"); *p = (void *)0x99; return 0; }
int cuMemPoolSetAttribute(void *, int a, void *v) { ENTER("cuMemPoolSetAttribute"); return a == 4 && *(unsigned long long *)v ? 0 : 1; }
int cuMemAllocAsync(ptr *p, size_t size, void *) {
  ENTER("cuMemAllocAsync");
  if (!pool[size].empty()) {
    *p = pool[size].back();
    pool[size].pop_back();
    return 0;
  }
  pooled.size();
  int bad = get_plain(p, size);
  pooled[*p] = size;
  return bad;
}
int cuMemFreeAsync(ptr p, void *) { ENTER("cuMemFreeAsync"); pool[pooled[p]].push_back(p); return 0; }
int cuLaunchKernel(void *f, unsigned gx, unsigned, unsigned, unsigned bx, unsigned, unsigned, unsigned shared, void *, void **params, void **) {
  ENTER("cuLaunchKernel");
  std::string name((const char *)f);
  ENTER(name.c_str());
  if (shared > host_shared_bytes) return 1;
  if (shared) {
    Locked l;
    if (head->shared_by && head->shared_by != getpid() && number("clears_shared", 1)) memset(host_shared, 0, (size_t)host_shared_bytes * host_units);
    head->shared_by = getpid();
  }
  if (text("skips", "") == name) return 0;  // a launch that is lost without a word
  if (text("dies", "") == name) raise(SIGKILL);
  return host_launch(name.c_str(), gx, bx, params, host_shared, host_shared_bytes, host_units);
}
int cuStreamQuery(void *) { ENTER("cuStreamQuery"); return 0; }
int cuMemcpyDtoH(void *h, ptr p, size_t n) { ENTER("cuMemcpyDtoH"); memcpy(h, (void *)p, n); return 0; }
int cuMemcpyDtoH_v2(void *h, ptr p, size_t n) { return cuMemcpyDtoH(h, p, n); }
int cuMemcpyHtoD(ptr p, const void *h, size_t n) { ENTER("cuMemcpyHtoD"); memcpy((void *)p, h, n); return 0; }
int cuMemcpyHtoD_v2(ptr p, const void *h, size_t n) { return cuMemcpyHtoD(p, h, n); }

// --- libnvidia-ml

struct Process { unsigned pid; unsigned long long used; unsigned gi, ci; };
struct Memory { unsigned long long total, free, used; };
struct Attributes { unsigned sm, copy, dec, enc, jpeg, ofa, gi, ci; unsigned long long mb; };
static int whole, instance;

int nvmlInitWithFlags(unsigned) { ENTER("nvmlInit"); return 0; }
int nvmlInit_v2() { return nvmlInitWithFlags(0); }
int nvmlShutdown() { return 0; }
const char *nvmlErrorString(int e) { return e == 15 ? "GPU is lost" : e == 18 ? "Driver/library version mismatch" : e == 3 ? "Not Supported" : "an error"; }
int nvmlDeviceGetHandleByUUID(const char *uuid, void **h) {
  ENTER("nvmlDeviceGetHandleByUUID");
  if (text("uuid", "") != uuid) return 6;
  *h = number("mig", 0) == 2 || number("mig", 0) == 3 ? (void *)&instance : (void *)&whole;
  return 0;
}
int nvmlDeviceIsMigDeviceHandle(void *h, unsigned *is) { ENTER("nvmlDeviceIsMigDeviceHandle"); *is = h == &instance; return 0; }
int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(void *, void **h) { ENTER("nvmlDeviceGetDeviceHandleFromMigDeviceHandle"); *h = &whole; return 0; }
int nvmlDeviceGetMigMode(void *, unsigned *now, unsigned *then) { ENTER("nvmlDeviceGetMigMode"); *now = *then = number("mig", 0) == 1; return 0; }
int nvmlDeviceGetMaxMigDeviceCount(void *, unsigned *n) { ENTER("nvmlDeviceGetMaxMigDeviceCount"); *n = 7; return 0; }
int nvmlDeviceGetMigDeviceHandleByIndex(void *, unsigned i, void **h) { if (i != 2) return 6; *h = &instance; return 0; }
int nvmlDeviceGetUUID(void *h, char *out, unsigned n) {
  ENTER("nvmlDeviceGetUUID");
  snprintf(out, n, "%s", h == &instance ? "MIG-11111111-2222-3333-4444-555555555555" : text("uuid", "").c_str());
  return 0;
}
int nvmlDeviceGetCount_v2(unsigned *n) { ENTER("nvmlDeviceGetCount"); *n = number("count", 1); return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **h) { ENTER("nvmlDeviceGetHandleByIndex"); if (i) return 15; *h = &whole; return 0; }
int nvmlSystemGetNVMLVersion(char *out, unsigned n) { snprintf(out, n, "13.580.1"); return 0; }
int nvmlSystemGetCudaDriverVersion_v2(int *n) { *n = 13000; return 0; }
int nvmlDeviceGetEccMode(void *, unsigned *now, unsigned *then) { ENTER("nvmlDeviceGetEccMode"); *now = 1; *then = number("ecc_pending", 1); return 0; }
int nvmlDeviceGetArchitecture(void *, unsigned *n) { ENTER("nvmlDeviceGetArchitecture"); *n = 9; return 0; }
int nvmlDeviceGetMemoryBusWidth(void *, unsigned *n) { ENTER("nvmlDeviceGetMemoryBusWidth"); *n = 5120; return 0; }
int nvmlDeviceGetComputeMode(void *, unsigned *n) { ENTER("nvmlDeviceGetComputeMode"); *n = 3; return 0; }
struct Banks { unsigned max, high, partial, low, none; };
int nvmlDeviceGetRowRemapperHistogram(void *, Banks *b) { ENTER("nvmlDeviceGetRowRemapperHistogram"); *b = {640, 0, 1, 0, (unsigned)number("banks", 0)}; return 0; }
struct Fabric { unsigned char cluster[16]; unsigned status, clique, state; };
int nvmlDeviceGetGpuFabricInfo(void *, Fabric *f) {
  ENTER("nvmlDeviceGetGpuFabricInfo");
  memset(f->cluster, 0xab, 16);
  f->status = 0; f->clique = 7; f->state = 3;
  return 0;
}
struct Settings { unsigned version, environment, feature, tools, multi; };
int nvmlSystemGetConfComputeSettings(Settings *s) {
  ENTER("nvmlSystemGetConfComputeSettings");
  s->feature = number("cc", 0); s->tools = number("devtools", 0); s->multi = 0;
  return 0;
}
int nvmlSystemGetConfComputeGpusReadyState(unsigned *n) { ENTER("nvmlSystemGetConfComputeGpusReadyState"); *n = 1; return 0; }
int nvmlDeviceGetDramEncryptionMode(void *, void *, void *) { return 3; }
int nvmlDeviceGetAttributes_v2(void *, Attributes *a) {
  ENTER("nvmlDeviceGetAttributes_v2");
  memset(a, 0, sizeof *a);
  a->gi = 2;
  a->ci = number("mig", 0) == 3 ? 1 : 2;
  return 0;
}
int nvmlDeviceGetGpuInstanceId(void *, unsigned *i) { ENTER("nvmlDeviceGetGpuInstanceId"); *i = 5; return 0; }
int nvmlDeviceGetMemoryInfo(void *, Memory *m) {
  ENTER("nvmlDeviceGetMemoryInfo");
  m->total = total_granules * GRANULE + number("reserved", 0);
  m->free = m->total;
  m->used = 0;
  return 0;
}
int nvmlDeviceGetTotalEccErrors(void *, int, int, unsigned long long *n) {
  ENTER("nvmlDeviceGetTotalEccErrors");
  *n = number("ecc", 0);
  return 0;
}
int nvmlDeviceGetName(void *, char *out, unsigned n) { ENTER("nvmlDeviceGetName"); snprintf(out, n, "a GPU of a test"); return 0; }
int nvmlSystemGetDriverVersion(char *out, unsigned n) { ENTER("nvmlSystemGetDriverVersion"); snprintf(out, n, "580.1"); return 0; }
static int processes(const char *key, unsigned *n, Process *out) {
  long pid = number(key, 0);
  unsigned had = *n;
  *n = pid ? 1 : 0;
  if (!pid) return 0;
  if (had < 1 || !out) return 7;
  out[0] = {(unsigned)pid, 1 << 20, (unsigned)number("process_gi", 5), 0};
  return 0;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *, unsigned *n, Process *p) { ENTER("nvmlDeviceGetComputeRunningProcesses"); return processes("compute", n, p); }
int nvmlDeviceGetGraphicsRunningProcesses_v3(void *, unsigned *n, Process *p) { ENTER("nvmlDeviceGetGraphicsRunningProcesses"); return processes("graphics", n, p); }
int nvmlDeviceGetMPSComputeRunningProcesses_v3(void *, unsigned *n, Process *p) { ENTER("nvmlDeviceGetMPSComputeRunningProcesses"); return processes("mps", n, p); }
int nvmlDeviceGetRemappedRows(void *, unsigned *c, unsigned *u, unsigned *p, unsigned *f) {
  ENTER("nvmlDeviceGetRemappedRows");
  *c = 0; *u = number("rows", 0); *p = number("row_pending", 0); *f = 0;
  return 0;
}
struct Pci { char legacy[16]; unsigned domain, bus, device, id, subsystem; char bus_id[32]; };
int nvmlDeviceGetPciInfo_v3(void *, Pci *p) {
  ENTER("nvmlDeviceGetPciInfo");
  memset(p, 0, sizeof *p);
  snprintf(p->bus_id, sizeof p->bus_id, "%s", text("bus", "00000000:3B:00.0").c_str());
  return 0;
}
int nvmlDeviceGetMinorNumber(void *, unsigned *n) { ENTER("nvmlDeviceGetMinorNumber"); *n = number("minor", 0); return 0; }
int nvmlDeviceGetVbiosVersion(void *, char *out, unsigned n) { ENTER("nvmlDeviceGetVbiosVersion"); snprintf(out, n, "%s", text("vbios", "96.00.1").c_str()); return 0; }
int nvmlDeviceGetInforomImageVersion(void *, char *out, unsigned n) { ENTER("nvmlDeviceGetInforomImageVersion"); snprintf(out, n, "%s", text("inforom", "G520.1").c_str()); return 0; }
}  // extern "C"
