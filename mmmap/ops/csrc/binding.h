// What the torch bindings share.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/library.h>

#include <string>

#include "kernels.h"

// Expands to the kernels of an operator for the processor that is here, or for
// what ATEN_CPU_CAPABILITY in the environment says of it, as for torch's own.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define MMMAP_BEST(kernels) (has_avx2() ? avx2::kernels() : baseline::kernels())
#else
#define MMMAP_BEST(kernels) baseline::kernels()
#endif

namespace mmmap {

inline bool has_avx2() {
  static const bool has = [] {
    const std::string capability = at::get_cpu_capability();
    return capability == "AVX2" || capability == "AVX512";
  }();
  return has;
}

// A tensor of three dimensions as it lies in memory; null if undefined.
template <class real>
View<const real> view(const at::Tensor& x) {
  if (!x.defined()) return {};
  return {x.const_data_ptr<real>(), {x.stride(0), x.stride(1), x.stride(2)}};
}

template <class real>
View<real> mutable_view(const at::Tensor& x) {
  if (!x.defined()) return {};
  return {x.data_ptr<real>(), {x.stride(0), x.stride(1), x.stride(2)}};
}

template <class Run>
void for_each_task(int64_t tasks, Run run) {
  at::parallel_for(0, tasks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) run(task);
  });
}

}  // namespace mmmap
