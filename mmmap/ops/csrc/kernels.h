// The operators on the CPU: what the torch bindings and the kernels share.
//
// Letters: B batch, G groups of channels, D channels, L tokens, N state size.
#pragma once

#include <cstdint>

namespace mmmap {

// Steps whose decays and states are kept at a time; what is saved for the
// backward is one state for each so many steps.
constexpr int64_t kChunk = 64;
// Channels of one task. Their gradients of B and C are summed in the task, so
// that the sum's order does not depend on the number of threads.
constexpr int64_t kTaskChannels = 64;

// A tensor of three dimensions by its strides, in elements.
template <class real>
struct View {
  real* data = nullptr;
  int64_t strides[3] = {0, 0, 0};
  real& operator()(int64_t i, int64_t j, int64_t k) const {
    return data[i * strides[0] + j * strides[1] + k * strides[2]];
  }
};

// One direction. B and C are indexed (batch, group * N + state, time).
template <class real>
struct Direction {
  View<const real> u, delta, B, C;     // (B, D, L) and (B, G*N, L)
  const real* A = nullptr;             // (D, N)
  const real* D = nullptr;             // (D,) or null
  const real* delta_bias = nullptr;    // (D,) or null
  real* starts = nullptr;              // (B, chunks, D, N): state before each
  real* last = nullptr;                // (B, D, N): state after the last step
  bool reverse = false;
};

// Where a direction's gradients go; those of parameters are to be summed over
// the batch.
template <class real>
struct Gradients {
  View<real> u, delta;       // (B, D, L)
  View<real> D, delta_bias;  // (B, D, 1), or null
  real* A = nullptr;         // (B, D, N)
  real* B = nullptr;         // (B, tasks of D, N, L), to be summed in a group
  real* C = nullptr;      // as B
  const real* last = nullptr;       // gradient of the last state, (B, D, N)
};

template <class real>
struct Problem {
  int64_t batch, groups, channels, length, state;
  bool softplus;
  int directions;
  Direction<real> direction[2];
  View<const real> z;   // gate, data is null where there is none
  int64_t chunks() const { return (length + kChunk - 1) / kChunk; }
  int64_t per_group() const { return channels / groups; }
  int64_t tasks_per_group() const {
    return (per_group() + kTaskChannels - 1) / kTaskChannels;
  }
  int64_t tasks() const { return batch * groups * tasks_per_group(); }
};

// The part of the work that task number `task` is: forward writes y (B, D, L)
// and the states, backward the gradients, dz among them.
template <class real>
struct ScanKernels {
  void (*forward)(const Problem<real>&, int64_t task, View<real> y);
  void (*backward)(const Problem<real>&, int64_t task, View<const real> dy,
                   const Gradients<real>* grads, View<real> dz);
};

// A depthwise causal convolution, with zeros before the first token.
template <class real>
struct Convolution {
  int64_t batch, channels, length, width;
  bool silu, reverse;
  View<const real> x;            // (B, D, L)
  const real* weight = nullptr;  // (D, width); the last tap meets the token
  const real* bias = nullptr;    // (D,) or null
  int64_t tasks_per_image() const {
    return (channels + kTaskChannels - 1) / kTaskChannels;
  }
  int64_t tasks() const { return batch * tasks_per_image(); }
};

// Forward writes y, backward the gradients; those of weight (B, D, width) and
// bias (B, D, 1) are to be summed over the batch.
template <class real>
struct ConvKernels {
  void (*forward)(const Convolution<real>&, int64_t task, View<real> y);
  void (*backward)(const Convolution<real>&, int64_t task, View<const real> dy,
                   View<real> dx, real* dweight, View<real> dbias);
};

// The same source, compiled for different processors.
namespace baseline {
template <class real> ScanKernels<real> scan();
template <class real> ConvKernels<real> convolution();
}
namespace avx2 {
template <class real> ScanKernels<real> scan();
template <class real> ConvKernels<real> convolution();
}

}  // namespace mmmap
