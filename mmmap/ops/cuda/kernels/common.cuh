// What the kernels share: types, arithmetic, sums over lanes, memory.
//
// A kernel is compiled for one case at a time: Python puts the case's constants
// (the element type T, sizes, switches) between this file and the kernel's. The
// tests compile the same text for the CPU, where EMULATED is defined and
// tests/ops/cuda_emulator.h provides what CUDA does here.

typedef long long int64;

#ifndef EMULATED
struct bf16 { unsigned short bits; };
struct f16 { unsigned short bits; };
#define DEVICE static __device__ __forceinline__
#define KERNEL(THREADS, BLOCKS) extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)

extern __shared__ float4 shared_memory[];
DEVICE float *shared() { return (float *)shared_memory; }

DEVICE float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
DEVICE float log2_fast(float x) {
  float y;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
DEVICE float reciprocal(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
#if __CUDA_ARCH__ >= 800
DEVICE unsigned pack(bf16, float x, float y) {
  unsigned r;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(y), "f"(x));
  return r;
}
#else  // Turing rounds to fp16 only
DEVICE unsigned bf16_bits(float x) {
  const unsigned v = __float_as_uint(x);
  return x != x ? 0x7fff : (v + 0x7fff + (v >> 16 & 1)) >> 16;
}
DEVICE unsigned pack(bf16, float x, float y) { return bf16_bits(x) | bf16_bits(y) << 16; }
#endif
DEVICE unsigned pack(f16, float x, float y) {
  unsigned r;
  asm("{.reg .f16 a, b; cvt.rn.f16.f32 a, %1; cvt.rn.f16.f32 b, %2; mov.b32 %0, {a, b};}"
      : "=r"(r) : "f"(x), "f"(y));
  return r;
}
DEVICE float to_float(f16 x) {
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
  return y;
}
DEVICE float as_float(unsigned x) { return __uint_as_float(x); }
DEVICE void prefetch(const void *p) { asm volatile("prefetch.global.L2 [%0];" ::"l"(p)); }
// a where x < y, else b, without a branch.
DEVICE float select_less(float x, float y, float a, float b) {
  float r;
  asm("{.reg .pred p; setp.lt.f32 p, %1, %2; selp.f32 %0, %3, %4, p;}"
      : "=f"(r) : "f"(x), "f"(y), "f"(a), "f"(b));
  return r;
}
#endif

DEVICE float to_float(float x) { return x; }
DEVICE float to_float(bf16 x) { return as_float((unsigned)x.bits << 16); }

// Two neighbouring channels: as they lie in memory, and as numbers.
template <class E> struct Pair { typedef unsigned type; };
template <> struct Pair<float> { typedef float2 type; };

template <class E> DEVICE typename Pair<E>::type load_pair(const E *p) {
  return *(const typename Pair<E>::type *)p;
}
DEVICE float2 make_pair(float x, float y) {
  float2 r;
  r.x = x;
  r.y = y;
  return r;
}
DEVICE float2 unpack(float, float2 r) { return r; }
DEVICE float2 unpack(bf16, unsigned r) { return make_pair(as_float(r << 16), as_float(r & 0xffff0000u)); }
DEVICE float2 unpack(f16, unsigned r) {
  f16 low, high;
  low.bits = (unsigned short)r;
  high.bits = (unsigned short)(r >> 16);
  return make_pair(to_float(low), to_float(high));
}
DEVICE float from_float(float, float x) { return x; }
DEVICE bf16 from_float(bf16, float x) { return {(unsigned short)pack(bf16(), x, 0.0f)}; }
DEVICE f16 from_float(f16, float x) { return {(unsigned short)pack(f16(), x, 0.0f)}; }
DEVICE void store_pair(float *p, float2 v) { *(float2 *)p = v; }
DEVICE void store_pair(bf16 *p, float2 v) { *(unsigned *)p = pack(bf16(), v.x, v.y); }
DEVICE void store_pair(f16 *p, float2 v) { *(unsigned *)p = pack(f16(), v.x, v.y); }

// COUNT floats that lie one after the other; COUNT is a multiple of 4.
template <int COUNT> struct Floats { float v[COUNT]; };
template <int COUNT> DEVICE Floats<COUNT> load_floats(const float *p) {
  Floats<COUNT> r;
#pragma unroll
  for (int i = 0; i < COUNT; i += 4) {
    float4 x = *(const float4 *)(p + i);
    r.v[i] = x.x, r.v[i + 1] = x.y, r.v[i + 2] = x.z, r.v[i + 3] = x.w;
  }
  return r;
}

constexpr float LOG2E = 1.4426950408889634f;
constexpr float LN2 = 0.6931471805599453f;

DEVICE float sigmoid(float x) { return reciprocal(1.0f + exp2_fast(-x * LOG2E)); }
// d silu(x) / dx from s = sigmoid(x).
DEVICE float silu_slope(float x, float s) { return s * fmaf(x, 1.0f - s, 1.0f); }
// log(1 + exp(x)); a series where 1 + e would lose e.
DEVICE float softplus(float x) {
  float e = exp2_fast(-fabsf(x) * LOG2E);
  float series = e * (1.0f + e * (-0.5f + e * 0.33333333f));
  return fmaxf(x, 0.0f) + select_less(e, 0.0078125f, series, log2_fast(1.0f + e) * LN2);
}
// 1 - exp(-d), the derivative of softplus from its value d; a series for small d.
DEVICE float softplus_slope(float d) {
  float series = d * (1.0f - d * (0.5f - d * (0.16666667f - d * 0.041666667f)));
  return select_less(d, 0.03f, series, 1.0f - exp2_fast(-d * LOG2E));
}

// Sums of COUNT values over the lanes that differ in bits LOW .. LOW + BITS - 1.
// The sums are dealt out: lane q of these (q: its bits) is left, in v[0 .. own),
// with sums q * own ..., own = COUNT >> BITS; with fewer sums than lanes, each
// lane holds one, number q >> (the bits that are too many).
template <int LOW, int BITS, int COUNT> DEVICE void deal_sums(float (&v)[COUNT]) {
  const int lane = threadIdx.x & 31;
#pragma unroll
  for (int bit = BITS - 1, count = COUNT; bit >= 0; bit--) {
    const int mask = 1 << (LOW + bit);
    const bool up = lane & mask;
    if (count > 1) {
      count /= 2;
#pragma unroll
      for (int i = 0; i < COUNT / 2; i++) {
        if (i >= count) break;
        float keep = up ? v[count + i] : v[i], send = up ? v[i] : v[count + i];
        v[i] = keep + __shfl_xor_sync(0xffffffffu, send, mask);
      }
    } else {
      v[0] += __shfl_xor_sync(0xffffffffu, v[0], mask);
    }
  }
}

// A tensor (images, tokens, channels), channels next to each other. Images are
// those of the batch, by groups of channels. Python sees to it that the elements
// of an image can be counted in 32 bits; those of a batch need 64.
struct Rows {
  void *data;
  int64 batch, group;  // strides in elements
  int token;
};
template <class E> DEVICE E *rows_of(const Rows &r, int image, int groups) {
  return (E *)r.data + image / groups * r.batch + image % groups * r.group;
}
