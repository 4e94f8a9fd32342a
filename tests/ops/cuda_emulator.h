// CUDA on a CPU, for tests: the threads of a block are fibers that take turns at
// barriers and shuffles. Shared memory begins as NaN, so that what nobody wrote is
// seen; with EMULATE_REVERSED set, threads run in the opposite order, so that what
// depends on the order is seen too.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <algorithm>
#include <functional>
#include <vector>

using std::max;
using std::min;

#define EMULATED
#define DEVICE static inline
#define KERNEL(THREADS, BLOCKS) static void
#define __forceinline__ inline

struct float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct Index { unsigned x = 0, y = 0, z = 0; };
static Index threadIdx, blockIdx;
static float *shared_memory;
DEVICE float *shared() { return shared_memory; }

namespace emulator {

struct Fiber {
  ucontext_t context;
  bool done;
  long barriers, exchanges;
  float slot;
};
static std::vector<Fiber> fibers;
static ucontext_t scheduler;
static int current;
static std::function<void()> body;

static void give_way() {
  const int self = current;
  swapcontext(&fibers[self].context, &scheduler);
  threadIdx.x = self;
}
// Wait until fibers first .. last have counted as far as this one.
static void meet(int first, int last, long Fiber::*count) {
  const long mine = ++(fibers[current].*count);
  for (int i = first; i < last;) {
    if (fibers[i].*count >= mine) {
      i++;
    } else if (fibers[i].done) {
      fprintf(stderr, "a thread waits for one that has ended\n");
      abort();
    } else {
      give_way();
    }
  }
}
static void meet_warp() {
  const int first = current / 32 * 32;
  meet(first, min(first + 32, (int)fibers.size()), &Fiber::exchanges);
}
static void run_fiber() {
  body();
  fibers[current].done = true;
  for (;;) give_way();
}
static void run_block(int threads, char *stacks, size_t stack) {
  fibers.assign(threads, Fiber());
  for (int i = 0; i < threads; i++) {
    getcontext(&fibers[i].context);
    fibers[i].context.uc_stack.ss_sp = stacks + i * stack;
    fibers[i].context.uc_stack.ss_size = stack;
    fibers[i].context.uc_link = &scheduler;
    makecontext(&fibers[i].context, run_fiber, 0);
  }
  const bool reversed = getenv("EMULATE_REVERSED") != nullptr;
  for (int left = threads; left;) {
    left = 0;
    for (int k = 0; k < threads; k++) {
      const int i = reversed ? threads - 1 - k : k;
      if (fibers[i].done) continue;
      left++;
      current = i;
      threadIdx.x = i;
      swapcontext(&scheduler, &fibers[i].context);
    }
  }
}
static void launch(unsigned columns, unsigned rows, int threads, int bytes,
                   std::function<void()> kernel) {
  body = kernel;
  const size_t stack = 64 * 1024;
  std::vector<char> stacks(stack * threads);
  std::vector<float4> memory(bytes / 16 + 1);
  shared_memory = (float *)memory.data();
  for (unsigned y = 0; y < rows; y++)
    for (unsigned x = 0; x < columns; x++) {
      blockIdx.x = x;
      blockIdx.y = y;
      memset((void *)memory.data(), 0xff, memory.size() * sizeof(float4));
      run_block(threads, stacks.data(), stack);
    }
}

}  // namespace emulator

static void __syncthreads() {
  emulator::meet(0, (int)emulator::fibers.size(), &emulator::Fiber::barriers);
}
static float __shfl_sync(unsigned, float value, int source) {
  const int warp = emulator::current / 32 * 32;
  emulator::fibers[emulator::current].slot = value;
  emulator::meet_warp();
  const float received = emulator::fibers[warp + source].slot;
  emulator::meet_warp();
  return received;
}
static float __shfl_xor_sync(unsigned mask, float value, int bits) {
  return __shfl_sync(mask, value, (emulator::current % 32) ^ bits);
}

struct bf16 { unsigned short bits; };
struct f16 { unsigned short bits; };
DEVICE float exp2_fast(float x) { return exp2f(x); }
DEVICE float log2_fast(float x) { return log2f(x); }
DEVICE float reciprocal(float x) { return 1.0f / x; }
DEVICE float select_less(float x, float y, float a, float b) { return x < y ? a : b; }
DEVICE void prefetch(const void *) {}
DEVICE float as_float(unsigned x) { float y; memcpy(&y, &x, 4); return y; }
DEVICE unsigned short half_bits(bf16, float x) {
  unsigned v;
  memcpy(&v, &x, 4);
  if ((v & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
  return (unsigned short)((v + 0x7fffu + ((v >> 16) & 1)) >> 16);
}
DEVICE unsigned short half_bits(f16, float x) {
  _Float16 h = (_Float16)x;
  unsigned short bits;
  memcpy(&bits, &h, 2);
  return bits;
}
template <class E> DEVICE unsigned pack(E type, float x, float y) {
  return half_bits(type, x) | (unsigned)half_bits(type, y) << 16;
}
DEVICE float to_float(f16 x) {
  _Float16 h;
  memcpy(&h, &x.bits, 2);
  return h;
}
