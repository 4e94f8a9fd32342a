// The depthwise causal convolution with SiLU, for one direction or two that read
// the same x. A thread walks TOKENS tokens of two channels with what the taps
// reach in registers. Constants: T, W taps, DIRECTIONS, BACK0, BACK1, SILU, TOKENS.
//
// Forward in t: out[t] = act(bias + sum_k weight[k] x[t - (W - 1) + k]); backwards the
// taps reach ahead: x[t + (W - 1) - k].

constexpr int THREADS = 64, REACH = W - 1, UNROLL = 4;

struct ConvArgs {
  Rows x, y[2], dy[2], dx;
  const float *weight[2], *bias[2];  // (channels, W); (channels) or null
  float *parts;  // (k, images, tiles, W + 1, channels): of weight, then of bias
  int images, channels, length, tiles, blocks;
};

struct Taps { float2 w[W], bias; };
DEVICE Taps load_taps(const ConvArgs &p, int k, int c) {
  Taps taps;
#pragma unroll
  for (int i = 0; i < W; i++)
    taps.w[i] = make_pair(p.weight[k][(int64)c * W + i], p.weight[k][(int64)(c + 1) * W + i]);
  taps.bias = p.bias[k] ? make_pair(p.bias[k][c], p.bias[k][c + 1]) : make_pair(0.0f, 0.0f);
  return taps;
}
DEVICE float2 add(float2 sum, float2 x, float2 y) {
  return make_pair(fmaf(x.x, y.x, sum.x), fmaf(x.y, y.y, sum.y));
}
// The sum before the activation from x[0 .. W), in order of t.
DEVICE float2 filtered(const Taps &taps, const float2 *x, bool back) {
  float2 sum = taps.bias;
#pragma unroll
  for (int i = 0; i < W; i++) sum = add(sum, taps.w[back ? W - 1 - i : i], x[i]);
  return sum;
}
DEVICE bool is_back(int k) { return k ? BACK1 : BACK0; }

KERNEL(THREADS, 1) conv_forward(const ConvArgs p) {
  const int c = (blockIdx.x % p.blocks * THREADS + threadIdx.x) * 2, image = blockIdx.x / p.blocks;
  if (c >= p.channels) return;  // there is an even number of them
  const int begin = blockIdx.y * TOKENS, end = min(p.length, begin + TOKENS);
  const T *x = rows_of<T>(p.x, image, 1) + c;
  auto value = [&](int t) {
    return t >= 0 && t < p.length ? unpack(T(), load_pair(x + t * p.x.token)) : make_pair(0.0f, 0.0f);
  };
  Taps taps[DIRECTIONS];
  T *y[DIRECTIONS];
#pragma unroll
  for (int k = 0; k < DIRECTIONS; k++) {
    taps[k] = load_taps(p, k, c);
    y[k] = rows_of<T>(p.y[k], image, 1) + c;
  }
  float2 window[UNROLL + 2 * REACH];  // x from t - REACH on
#pragma unroll
  for (int i = 0; i < 2 * REACH; i++) window[i] = value(begin - REACH + i);
#pragma unroll 1
  for (int t = begin; t < end; t += UNROLL) {
#pragma unroll
    for (int i = 0; i < UNROLL; i++) window[2 * REACH + i] = value(t + REACH + i);
#pragma unroll
    for (int i = 0; i < UNROLL; i++) {
      if (t + i >= end) continue;
#pragma unroll
      for (int k = 0; k < DIRECTIONS; k++) {
        float2 v = filtered(taps[k], window + i + (is_back(k) ? REACH : 0), is_back(k));
        if (SILU) v = make_pair(v.x * sigmoid(v.x), v.y * sigmoid(v.y));
        store_pair(y[k] + (t + i) * p.y[k].token, v);
      }
    }
#pragma unroll
    for (int i = 0; i < 2 * REACH; i++) window[i] = window[UNROLL + i];
  }
}

// Step t reads x[t .. t + REACH] and gives, from these, the gradient before the
// activation of output t + REACH forwards and of output t backwards; dx[t] then
// needs the W last of each. A tile starts REACH steps early to have them.
KERNEL(THREADS, 1) conv_backward(const ConvArgs p) {
  const int c = (blockIdx.x % p.blocks * THREADS + threadIdx.x) * 2, image = blockIdx.x / p.blocks;
  if (c >= p.channels) return;
  const int begin = blockIdx.y * TOKENS, end = min(p.length, begin + TOKENS);
  const T *x = rows_of<T>(p.x, image, 1) + c;
  T *dx = rows_of<T>(p.dx, image, 1) + c;
  Taps taps[DIRECTIONS], grads[DIRECTIONS];
  const T *dy[DIRECTIONS];
  float2 window[W], before[DIRECTIONS][W];
#pragma unroll
  for (int k = 0; k < DIRECTIONS; k++) {
    taps[k] = load_taps(p, k, c);
    dy[k] = rows_of<T>(p.dy[k], image, 1) + c;
    grads[k].bias = make_pair(0.0f, 0.0f);
#pragma unroll
    for (int i = 0; i < W; i++) grads[k].w[i] = before[k][i] = make_pair(0.0f, 0.0f);
  }
  auto value = [&](const T *from, int64 token, int t) {
    return t >= 0 && t < p.length ? unpack(T(), load_pair(from + t * token)) : make_pair(0.0f, 0.0f);
  };
#pragma unroll
  for (int i = 0; i < REACH; i++) window[i] = value(x, p.x.token, begin - REACH + i);
  auto advance = [&](int t, float2 new_x, const float2 *new_dy) {
    window[REACH] = new_x;
#pragma unroll
    for (int k = 0; k < DIRECTIONS; k++) {
      const int at = is_back(k) ? t : t + REACH;
      float2 grad = new_dy[k];
      if (SILU) {
        const float2 v = filtered(taps[k], window, is_back(k));
        grad = make_pair(grad.x * silu_slope(v.x, sigmoid(v.x)), grad.y * silu_slope(v.y, sigmoid(v.y)));
      }
#pragma unroll
      for (int i = 0; i < REACH; i++) before[k][i] = before[k][i + 1];
      before[k][REACH] = grad;
      if (at >= begin && at < end) {
        grads[k].bias = make_pair(grads[k].bias.x + grad.x, grads[k].bias.y + grad.y);
#pragma unroll
        for (int i = 0; i < W; i++) {
          const int tap = is_back(k) ? W - 1 - i : i;
          grads[k].w[tap] = add(grads[k].w[tap], grad, window[i]);
        }
      }
    }
    if (t >= begin) {
      float2 sum = make_pair(0.0f, 0.0f);
#pragma unroll
      for (int k = 0; k < DIRECTIONS; k++)
#pragma unroll
        for (int i = 0; i < W; i++)
          // before[i]: forwards of output t + i, backwards of output t - REACH + i.
          sum = add(sum, taps[k].w[is_back(k) ? i : W - 1 - i], before[k][i]);
      store_pair(dx + t * p.dx.token, sum);
    }
#pragma unroll
    for (int i = 0; i < REACH; i++) window[i] = window[i + 1];
  };
#pragma unroll 1
  for (int t = begin - REACH; t < end; t += UNROLL) {
    float2 new_x[UNROLL], new_dy[UNROLL][DIRECTIONS];
#pragma unroll
    for (int i = 0; i < UNROLL; i++) {
      new_x[i] = value(x, p.x.token, t + i + REACH);
#pragma unroll
      for (int k = 0; k < DIRECTIONS; k++)
        new_dy[i][k] = value(dy[k], p.dy[k].token, is_back(k) ? t + i : t + i + REACH);
    }
#pragma unroll
    for (int i = 0; i < UNROLL; i++)
      if (t + i < end) advance(t + i, new_x[i], new_dy[i]);
  }
#pragma unroll
  for (int k = 0; k < DIRECTIONS; k++) {
    float *part = p.parts + (((int64)k * p.images + image) * p.tiles + blockIdx.y) * (W + 1) * p.channels + c;
#pragma unroll
    for (int i = 0; i < W; i++) store_pair(part + i * p.channels, grads[k].w[i]);
    store_pair(part + W * p.channels, grads[k].bias);
  }
}
