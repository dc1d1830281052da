// The kernels of the scrub and of the leak test. One text: NVRTC compiles it for NVIDIA's GPUs, HIPRTC for AMD's, and the
// tests compile it for the machine that they run on, one thread at a time. The constants before it are generated from
// strongroom.kit.scrub_pattern, which is where the pattern is defined.
//
// A word is 16 octets. Every kernel counts the words that its own threads touched: what a launch left out is seen by its sum.

typedef unsigned int u32;
typedef unsigned long long u64;

#if defined(SR_HOST)
// The tests define what follows: threads, atomics, shared memory.
#elif defined(__HIPCC_RTC__) || defined(__HIP__)
#define SR_SHARED(name) extern __shared__ uint4 name[]
#define SR_UNIT() __smid()
#define SR_CLOCK() clock64()
#else
#define SR_SHARED(name) extern __shared__ uint4 name[]
__device__ static __forceinline__ u32 sr_unit() {
  u32 id;
  asm volatile("mov.u32 %0, %%smid;" : "=r"(id));
  return id;
}
#define SR_UNIT() sr_unit()
#define SR_CLOCK() clock64()
#endif

// Where each kernel puts what it found, in 64-bit places of `out`.
#define OUT_WORDS 0
#define OUT_BAD 1
#define OUT_FIRST 2
#define OUT_UNITS 3  // a bit for each unit
#define OUT_TAGS (OUT_UNITS + SR_UNIT_PLACES)
#define OUT_TAG_FIRST (OUT_TAGS + SR_MOST_TAGS)
#define OUT_HISTOGRAM (OUT_TAG_FIRST + SR_MOST_TAGS)

__device__ static __forceinline__ u32 sr_mixed(u32 x) {
  x ^= x >> SR_SHIFT_1;
  x *= SR_MIX_1;
  x ^= x >> SR_SHIFT_2;
  x *= SR_MIX_2;
  return x ^ (x >> SR_SHIFT_3);
}

__device__ static __forceinline__ uint4 sr_seed(u32 page, uint4 key) {
  uint4 s;
  s.x = sr_mixed(sr_mixed(key.x + page * SR_STEP_0) ^ key.y);
  s.y = sr_mixed(sr_mixed(key.y + page * SR_STEP_1) ^ key.z);
  s.z = sr_mixed(sr_mixed(key.z + page * SR_STEP_2) ^ key.w);
  s.w = sr_mixed(sr_mixed(key.w + page * SR_STEP_3) ^ key.x);
  return s;
}

__device__ static __forceinline__ u32 sr_lane(u32 v) {
  v ^= v >> SR_WORD_SHIFT;
  v *= SR_MIX_1;
  return v ^ (v >> SR_WORD_SHIFT);
}

__device__ static __forceinline__ uint4 sr_word(uint4 seed, u32 index) {
  uint4 w;
  w.x = sr_lane(seed.x + index * SR_STEP_0);
  w.y = sr_lane(seed.y + index * SR_STEP_1);
  w.z = sr_lane(seed.z + index * SR_STEP_2);
  w.w = sr_lane(seed.w + index * SR_STEP_3);
  return w;
}

__device__ static __forceinline__ u32 sr_nonzero(uint4 w) { return w.x | w.y | w.z | w.w; }

__device__ static __forceinline__ u64 sr_head(uint4 w) { return (u64)w.x | ((u64)w.y << 32); }

// The words of page `page` of a piece of `words`.
__device__ static __forceinline__ u32 sr_count(u64 words, u32 page_words, u64 page) {
  u64 left = words - page * page_words;
  return left < page_words ? (u32)left : page_words;
}

__device__ static __forceinline__ void sr_tell(u64 *out, u64 words, u64 bad, u64 first) {
  if (words) atomicAdd(out + OUT_WORDS, words);
  if (bad) {
    atomicAdd(out + OUT_BAD, bad);
    atomicMin(out + OUT_FIRST, first);
  }
}

extern "C" __global__ void __launch_bounds__(SR_THREADS)
sr_fill(uint4 *base, u64 words, u32 page_words, u64 first_page, u32 k0, u32 k1, u32 k2, u32 k3, u64 *out) {
  uint4 key = make_uint4(k0, k1, k2, k3);
  u64 done = 0;
  for (u64 page = blockIdx.x; page * page_words < words; page += gridDim.x) {
    uint4 seed = sr_seed((u32)(first_page + page), key);
    uint4 *p = base + page * page_words;
    u32 count = sr_count(words, page_words, page);
#pragma unroll 4
    for (u32 i = threadIdx.x; i < count; i += blockDim.x) {
      p[i] = sr_word(seed, i);
      done++;
    }
  }
  sr_tell(out, done, 0, 0);
}

extern "C" __global__ void __launch_bounds__(SR_THREADS) sr_zero(uint4 *base, u64 words, u32 page_words, u64 *out) {
  uint4 zero = make_uint4(0, 0, 0, 0);
  u64 done = 0;
  for (u64 page = blockIdx.x; page * page_words < words; page += gridDim.x) {
    uint4 *p = base + page * page_words;
    u32 count = sr_count(words, page_words, page);
#pragma unroll 4
    for (u32 i = threadIdx.x; i < count; i += blockDim.x) {
      p[i] = zero;
      done++;
    }
  }
  sr_tell(out, done, 0, 0);
}

extern "C" __global__ void __launch_bounds__(SR_THREADS)
sr_check(const uint4 *base, u64 words, u32 page_words, u64 first_page, u32 k0, u32 k1, u32 k2, u32 k3, u64 *out) {
  uint4 key = make_uint4(k0, k1, k2, k3);
  u64 done = 0, bad = 0, first = ~0ull;
  for (u64 page = blockIdx.x; page * page_words < words; page += gridDim.x) {
    uint4 seed = sr_seed((u32)(first_page + page), key);
    const uint4 *p = base + page * page_words;
    u32 count = sr_count(words, page_words, page);
#pragma unroll 4
    for (u32 i = threadIdx.x; i < count; i += blockDim.x) {
      uint4 found = p[i], want = sr_word(seed, i);
      done++;
      if ((found.x ^ want.x) | (found.y ^ want.y) | (found.z ^ want.z) | (found.w ^ want.w)) {
        u64 at = page * page_words + i;
        bad++;
        if (at < first) first = at;
      }
    }
  }
  sr_tell(out, done, bad, first);
}

extern "C" __global__ void __launch_bounds__(SR_THREADS) sr_check_zero(const uint4 *base, u64 words, u32 page_words, u64 *out) {
  u64 done = 0, bad = 0, first = ~0ull;
  for (u64 page = blockIdx.x; page * page_words < words; page += gridDim.x) {
    const uint4 *p = base + page * page_words;
    u32 count = sr_count(words, page_words, page);
#pragma unroll 4
    for (u32 i = threadIdx.x; i < count; i += blockDim.x) {
      done++;
      if (sr_nonzero(p[i])) {
        u64 at = page * page_words + i;
        bad++;
        if (at < first) first = at;
      }
    }
  }
  sr_tell(out, done, bad, first);
}

// A word that is not zero: whose it is, and at every so many words what octets it has.
__device__ static __noinline__ void sr_found(uint4 w, u64 at, const u64 *tags, u32 tag_count, u32 mask, u64 *out) {
  u64 head = sr_head(w);
#pragma unroll 1
  for (u32 t = 0; t < tag_count; t++) {
    if (head == tags[t]) {
      atomicAdd(out + OUT_TAGS + t, 1ull);
      atomicMin(out + OUT_TAG_FIRST + t, at);
    }
  }
  if ((at & mask) == 0) {
    u32 lanes[4] = {w.x, w.y, w.z, w.w};
#pragma unroll 1
    for (u32 lane = 0; lane < 4; lane++)
#pragma unroll 1
      for (u32 shift = 0; shift < 32; shift += 8) atomicAdd(out + OUT_HISTOGRAM + ((lanes[lane] >> shift) & 255), 1ull);
  }
}

extern "C" __global__ void __launch_bounds__(SR_THREADS)
sr_audit(const uint4 *base, u64 words, u32 page_words, const u64 *tags, u32 tag_count, u32 mask, u64 *out) {
  u64 done = 0, bad = 0, first = ~0ull;
  for (u64 page = blockIdx.x; page * page_words < words; page += gridDim.x) {
    const uint4 *p = base + page * page_words;
    u32 count = sr_count(words, page_words, page);
#pragma unroll 4
    for (u32 i = threadIdx.x; i < count; i += blockDim.x) {
      uint4 w = p[i];
      done++;
      if (sr_nonzero(w)) {
        u64 at = page * page_words + i;
        bad++;
        if (at < first) first = at;
        sr_found(w, at, tags, tag_count, mask, out);
      }
    }
  }
  sr_tell(out, done, bad, first);
}

extern "C" __global__ void __launch_bounds__(SR_THREADS) sr_plant(uint4 *base, u64 words, u64 tag, u64 *out) {
  u64 done = 0;
  for (u64 at = (u64)blockIdx.x * blockDim.x + threadIdx.x; at < words; at += (u64)gridDim.x * blockDim.x) {
    base[at] = make_uint4((u32)tag, (u32)(tag >> 32), (u32)at, (u32)(at >> 32));
    done++;
  }
  sr_tell(out, done, 0, 0);
}

// One block for each unit: it has all the shared memory that a block can have, so that no second one fits beside it, and
// stays long enough that no second one comes after it.
__device__ static void sr_stay(u64 *out) {
  if (threadIdx.x == 0) {
    u32 unit = SR_UNIT();
    if (unit < SR_UNIT_PLACES * 64) atomicOr(out + OUT_UNITS + unit / 64, 1ull << (unit % 64));
    long long began = SR_CLOCK();
    while (SR_CLOCK() - began < SR_STAY) {
    }
  }
  __syncthreads();
}

__device__ static void sr_heard(const volatile uint4 *held, u32 words, const u64 *tags, u32 tag_count, u64 *out) {
  u64 done = 0, bad = 0, first = ~0ull;
#pragma unroll 1
  for (u32 i = threadIdx.x; i < words; i += blockDim.x) {
    uint4 w = make_uint4(held[i].x, held[i].y, held[i].z, held[i].w);
    done++;
    if (sr_nonzero(w)) {
      bad++;
      if (i < first) first = i;
      sr_found(w, i, tags, tag_count, 0xffffffffu, out);
    }
  }
  sr_tell(out, done, bad, first);
}

extern "C" __global__ void __launch_bounds__(SR_THREADS)
sr_shared_listen(u32 words, const u64 *tags, u32 tag_count, u64 *out) {
  SR_SHARED(held);
  sr_heard(held, words, tags, tag_count, out);
  sr_stay(out);
}

extern "C" __global__ void __launch_bounds__(SR_THREADS) sr_shared_plant(u32 words, u64 tag, u64 *out) {
  SR_SHARED(held);
  volatile uint4 *h = held;
  u64 done = 0;
#pragma unroll 1
  for (u32 i = threadIdx.x; i < words; i += blockDim.x) {
    h[i].x = (u32)tag;
    h[i].y = (u32)(tag >> 32);
    h[i].z = i;
    h[i].w = 0;
    done++;
  }
  sr_tell(out, done, 0, 0);
  sr_stay(out);
}

extern "C" __global__ void __launch_bounds__(SR_THREADS) sr_shared_zero(u32 words, u64 *out) {
  SR_SHARED(held);
  volatile uint4 *h = held;
  u64 done = 0, bad = 0;
#pragma unroll 1
  for (u32 i = threadIdx.x; i < words; i += blockDim.x) h[i].x = h[i].y = h[i].z = h[i].w = 0;
  __syncthreads();
#pragma unroll 1
  for (u32 i = threadIdx.x; i < words; i += blockDim.x) {
    done++;
    if (h[i].x | h[i].y | h[i].z | h[i].w) bad++;
  }
  sr_tell(out, done, bad, 0);
  sr_stay(out);
}

// Zeros from memory into as many registers as a thread can have, all alive at once: a volatile read is never made twice, and
// what they are used for needs a number that is read only after a barrier. It is zero too.
extern "C" __global__ void __launch_bounds__(SR_REGISTER_THREADS, 1) sr_registers(const volatile u32 *zeros, u64 *out) {
  u32 r[SR_REGISTERS];
  u32 sum = 0;
#pragma unroll
  for (u32 i = 0; i < SR_REGISTERS; i++) r[i] = zeros[i];
  __syncthreads();
  u32 factor = zeros[SR_REGISTERS] + 3;
#pragma unroll
  for (u32 i = 0; i < SR_REGISTERS; i++) sum = sum * factor + r[i];
  sr_tell(out, 1, sum ? 1 : 0, 0);
  sr_stay(out);
}

// The stack of every thread that can be there at once, which lies in memory of this context.
extern "C" __global__ void __launch_bounds__(SR_THREADS) sr_local(u64 *out) {
  volatile u32 stack[SR_STACK_WORDS];
  u32 sum = 0;
#pragma unroll 1
  for (u32 i = 0; i < SR_STACK_WORDS; i++) stack[i] = 0;
#pragma unroll 1
  for (u32 i = 0; i < SR_STACK_WORDS; i++) sum |= stack[(i * 7 + threadIdx.x) % SR_STACK_WORDS];
  sr_tell(out, 1, sum ? 1 : 0, 0);
  sr_stay(out);
}
