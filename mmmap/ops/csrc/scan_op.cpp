// The selective scan on the CPU as torch operators.
//
// Their arguments were checked in Python: shapes fit, all lie on the CPU.
#include "binding.h"

namespace mmmap {
namespace {

using at::Tensor;
using Tensors = std::vector<Tensor>;

// The arguments in the type of the state, which the views point into.
struct Arguments {
  int64_t groups;
  Tensors u, delta, A, B, C, D, delta_bias;
  Tensor z;

  Arguments(at::TensorList u, at::TensorList delta, at::TensorList A, at::TensorList B,
            at::TensorList C, at::TensorList D, at::TensorList delta_bias,
            const std::optional<Tensor>& z, int64_t groups, at::ScalarType type)
      : groups(groups),
        u(as(u, type)),
        delta(as(delta, type)),
        A(as(A, type, true)),
        B(as(B, type)),
        C(as(C, type)),
        D(as(D, type, true)),
        delta_bias(as(delta_bias, type, true)),
        z(z ? z->to(type) : Tensor()) {}

  static Tensors as(at::TensorList list, at::ScalarType type, bool contiguous = false) {
    Tensors converted;
    for (const Tensor& x : list)
      converted.push_back(contiguous ? x.to(type).contiguous() : x.to(type));
    return converted;
  }
};

at::ScalarType state_type(at::TensorList u, at::TensorList A) {
  const bool wide = u[0].scalar_type() == at::kDouble || A[0].scalar_type() == at::kDouble;
  return wide ? at::kDouble : at::kFloat;
}

template <class real>
Problem<real> problem(const Arguments& x, at::IntArrayRef reverse, bool softplus,
                      const Tensor& starts, const Tensor& last) {
  const Tensor &u = x.u[0];
  Problem<real> p{u.size(0), x.groups, u.size(1), u.size(2), x.A[0].size(1), softplus,
                  static_cast<int>(x.u.size()), {}, {}};
  for (int k = 0; k < p.directions; ++k) {
    Direction<real>& d = p.direction[k];
    d.u = view<real>(x.u[k]);
    d.delta = view<real>(x.delta[k]);
    d.B = view<real>(x.B[k]);
    d.C = view<real>(x.C[k]);
    d.A = x.A[k].const_data_ptr<real>();
    d.D = x.D.empty() ? nullptr : x.D[k].const_data_ptr<real>();
    d.delta_bias = x.delta_bias.empty() ? nullptr : x.delta_bias[k].const_data_ptr<real>();
    if (starts.numel()) d.starts = starts[k].data_ptr<real>();
    if (last.defined()) d.last = last[k].data_ptr<real>();
    d.reverse = reverse[k] != 0;
  }
  if (x.z.defined()) p.z = view<real>(x.z);
  return p;
}

std::tuple<Tensor, Tensor, Tensor> scan_forward(
    at::TensorList u, at::TensorList delta, at::TensorList A, at::TensorList B,
    at::TensorList C, at::TensorList D, at::TensorList delta_bias,
    const std::optional<Tensor>& z, int64_t groups, at::IntArrayRef reverse, bool softplus,
    bool save) {
  const auto type = state_type(u, A);
  const Arguments x(u, delta, A, B, C, D, delta_bias, z, groups, type);
  const auto options = u[0].options().dtype(type);
  const int64_t count = u.size(), batch = u[0].size(0), channels = u[0].size(1),
                length = u[0].size(2), state = A[0].size(1);
  const int64_t chunks = save ? (length + kChunk - 1) / kChunk : 0;
  Tensor y = at::empty_like(x.u[0]);
  Tensor starts = at::empty({count, batch, chunks, channels, state}, options);
  Tensor last = at::empty({count, batch, channels, state}, options);
  AT_DISPATCH_FLOATING_TYPES(type, "scan_forward", [&] {
    const auto p = problem<scalar_t>(x, reverse, softplus, starts, last);
    const auto run = MMMAP_BEST(scan<scalar_t>).forward;
    const auto out = mutable_view<scalar_t>(y);
    for_each_task(p.tasks(), [&](int64_t task) { run(p, task, out); });
  });
  return {y, starts, last};
}

Tensors scan_backward(const Tensor& dy, const Tensor& dlast, const Tensor& starts,
                      at::TensorList u, at::TensorList delta, at::TensorList A,
                      at::TensorList B, at::TensorList C, at::TensorList D,
                      at::TensorList delta_bias, const std::optional<Tensor>& z,
                      int64_t groups, at::IntArrayRef reverse, bool softplus) {
  const auto type = state_type(u, A);
  const Arguments x(u, delta, A, B, C, D, delta_bias, z, groups, type);
  const auto options = u[0].options().dtype(type);
  const int64_t count = u.size(), batch = u[0].size(0), channels = u[0].size(1),
                length = u[0].size(2), state = A[0].size(1);
  const Tensor incoming = dy.to(type), dstate = dlast.to(type).contiguous();
  const auto many = [&](bool wanted, at::IntArrayRef size) {
    Tensors list;
    for (int64_t k = 0; wanted && k < count; ++k) list.push_back(at::empty(size, options));
    return list;
  };
  const int64_t parts = (channels / groups + kTaskChannels - 1) / kTaskChannels;
  const auto alike = [](const Tensors& list) {
    Tensors made;
    for (const Tensor& x : list) made.push_back(at::empty_like(x));
    return made;
  };
  Tensors du = alike(x.u), ddelta = alike(x.delta),
          dA = many(true, {batch, channels, state}),
          dB = many(true, {batch, groups, parts, state, length}),
          dC = many(true, {batch, groups, parts, state, length}),
          dD = many(!D.empty(), {batch, channels, 1}),
          dbias = many(!delta_bias.empty(), {batch, channels, 1});
  Tensor dz = z ? at::empty_like(x.z) : Tensor();
  AT_DISPATCH_FLOATING_TYPES(type, "scan_backward", [&] {
    const auto p = problem<scalar_t>(x, reverse, softplus, starts, Tensor());
    Gradients<scalar_t> grads[2];
    const auto place = [&](const Tensors& list, int k) {
      return mutable_view<scalar_t>(list.empty() ? Tensor() : list[k]);
    };
    for (int k = 0; k < count; ++k)
      grads[k] = {place(du, k),
                  place(ddelta, k),
                  place(dD, k),
                  place(dbias, k),
                  dA[k].data_ptr<scalar_t>(),
                  dB[k].data_ptr<scalar_t>(),
                  dC[k].data_ptr<scalar_t>(),
                  dstate[k].const_data_ptr<scalar_t>()};
    const auto run = MMMAP_BEST(scan<scalar_t>).backward;
    const auto out = mutable_view<scalar_t>(dz);
    for_each_task(p.tasks(), [&](int64_t task) { run(p, task, view<scalar_t>(incoming), grads, out); });
  });
  Tensors all;
  // Sums over a dimension where there is one to sum over, and takes the form of
  // the argument.
  const auto add = [&](const Tensors& made, at::TensorList like, int64_t summed = -1) {
    for (size_t k = 0; k < made.size(); ++k) {
      const Tensor sum = summed < 0 ? made[k] : made[k].sum(summed);
      all.push_back(sum.reshape(like[k].sizes()).to(like[k].scalar_type()));
    }
  };
  add(du, u);
  add(ddelta, delta);
  add(dA, A, 0);
  add(dB, B, 2);
  add(dC, C, 2);
  add(dD, D, 0);
  add(dbias, delta_bias, 0);
  if (z) all.push_back(dz.to(z->scalar_type()));
  return all;
}

}  // namespace

// Defined in mmmap/ops/selective_scan/operator.py.
TORCH_LIBRARY_IMPL(mmmap, CPU, m) {
  m.impl("scan_forward_cpp", scan_forward);
  m.impl("scan_backward_cpp", scan_backward);
}

}  // namespace mmmap
