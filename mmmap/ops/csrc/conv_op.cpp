// The depthwise causal convolution on the CPU as torch operators.
//
// Their arguments were checked in Python: shapes fit, all lie on the CPU.
#include "binding.h"

namespace mmmap {
namespace {

using at::Tensor;

at::ScalarType compute_type(const Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

// The arguments in the type of the sums, which the views point into.
struct ConvArguments {
  Tensor x, weight, bias;
  ConvArguments(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias)
      : x(x.to(compute_type(x))),
        weight(weight.to(compute_type(x)).contiguous()),
        bias(bias ? bias->to(compute_type(x)).contiguous() : Tensor()) {}

  template <class real>
  Convolution<real> problem(bool silu, bool reverse) const {
    return {x.size(0), x.size(1), x.size(2), weight.size(1), silu, reverse,
            view<real>(x), weight.const_data_ptr<real>(),
            bias.defined() ? bias.const_data_ptr<real>() : nullptr};
  }
};

Tensor conv_forward(const Tensor& x, const Tensor& weight,
                    const std::optional<Tensor>& bias, bool silu, bool reverse) {
  const ConvArguments arguments(x, weight, bias);
  Tensor y = at::empty_like(arguments.x);
  AT_DISPATCH_FLOATING_TYPES(y.scalar_type(), "conv_forward", [&] {
    const auto p = arguments.problem<scalar_t>(silu, reverse);
    const auto run = MMMAP_BEST(convolution<scalar_t>).forward;
    const auto out = mutable_view<scalar_t>(y);
    for_each_task(p.tasks(), [&](int64_t task) { run(p, task, out); });
  });
  return y.to(x.scalar_type());
}

std::vector<Tensor> conv_backward(const Tensor& dy, const Tensor& x, const Tensor& weight,
                                  const std::optional<Tensor>& bias, bool silu,
                                  bool reverse) {
  const ConvArguments arguments(x, weight, bias);
  const auto options = arguments.x.options();
  const int64_t batch = x.size(0), channels = x.size(1), width = weight.size(1);
  const Tensor incoming = dy.to(options.dtype());
  Tensor dx = at::empty_like(arguments.x),
         dweight = at::empty({batch, channels, width}, options),
         dbias = bias ? at::empty({batch, channels, 1}, options) : Tensor();
  AT_DISPATCH_FLOATING_TYPES(dx.scalar_type(), "conv_backward", [&] {
    const auto p = arguments.problem<scalar_t>(silu, reverse);
    const auto run = MMMAP_BEST(convolution<scalar_t>).backward;
    const auto from = view<scalar_t>(incoming);
    const auto to = mutable_view<scalar_t>(dx), to_bias = mutable_view<scalar_t>(dbias);
    scalar_t* to_weight = dweight.data_ptr<scalar_t>();
    for_each_task(p.tasks(), [&](int64_t task) {
      run(p, task, from, to, to_weight, to_bias);
    });
  });
  std::vector<Tensor> grads{dx.to(x.scalar_type()), dweight.sum(0).to(weight.scalar_type())};
  if (bias) grads.push_back(dbias.sum(at::IntArrayRef({0, 2})).to(bias->scalar_type()));
  return grads;
}

}  // namespace

// Defined in mmmap/ops/causal_conv1d/cpp.py.
TORCH_LIBRARY_IMPL(mmmap, CPU, m) {
  m.impl("conv_forward_cpp", conv_forward);
  m.impl("conv_backward_cpp", conv_backward);
}

}  // namespace mmmap
