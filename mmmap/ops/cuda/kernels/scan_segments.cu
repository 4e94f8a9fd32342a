// What enters each segment, in two launches: every segment from zero, then one
// walk over the segments. In the forward pass that is the state; in the backward
// pass (constant GRADIENT) the gradient of the state that leaves the segment.

constexpr int THREADS = 128, CHANNELS = THREADS / 4, STATES = N / 4, UNROLL = 4;

// A block: one image, one segment, one direction, 32 channels; four lanes a channel.
KERNEL(THREADS, 1) scan_segments(const ScanArgs p) {
  float *tile = shared();
  const int thread = threadIdx.x, lane = thread & 31, q = thread & 3;
  const int image = blockIdx.x / p.blocks, group = image % p.groups;
  const int segment = blockIdx.y % p.segments, k = blockIdx.y / p.segments;
  const int channel = blockIdx.x % p.blocks * CHANNELS + thread / 4;
  const int c = min(channel, p.channels - 1), parameter = group * p.channels + c;
  const int begin = segment * p.segment, end = min(p.length, begin + p.segment);
  const bool down = is_back(k) != GRADIENT;  // the walk goes down in t
  float a[STATES], h[STATES], elapsed = 0.0f;
#pragma unroll
  for (int i = 0; i < STATES; i++) {
    a[i] = p.A[k][(int64)parameter * N + q * STATES + i] * LOG2E;
    h[i] = 0.0f;
  }
  const float bias = p.bias[k] ? p.bias[k][parameter] : 0.0f;
  const T *delta = rows_of<T>(p.delta[k], image, p.groups) + c;
  const T *u = rows_of<T>(p.u[k], image, p.groups) + c;
  const T *z = GRADIENT && GATED ? rows_of<T>(p.z, image, p.groups) + c : nullptr;
  const T *dy = GRADIENT ? rows_of<T>(p.dy, image, p.groups) + c : nullptr;
  const Rows &weights = GRADIENT ? p.C[k] : p.B[k];
  const T *w = rows_of<T>(weights, image, p.groups);
  const int tokens = end - begin;
#pragma unroll 1
  for (int from = 0; from < tokens; from += TILE) {
    __syncthreads();
    for (int e = thread; e < TILE * N; e += THREADS) {
      const int j = from + e / N;
      const int t = down ? end - 1 - j : begin + j;
      tile[e] = j < tokens ? to_float(w[t * weights.token + e % N]) : 0.0f;
    }
    __syncthreads();
#pragma unroll 1
    for (int g = 0; g < TILE && from + g < tokens; g += UNROLL) {
      const int j = from + g + q;  // a lane brings one of the four steps
      const bool inside = j < tokens;
      const int t = inside ? (down ? end - 1 - j : begin + j) : begin;
      const float own_dt = inside ? step_size(to_float(delta[t * p.delta[k].token]) + bias) : 0.0f;
      float own_x;
      if (GRADIENT) {
        own_x = inside ? to_float(dy[t * p.dy.token]) : 0.0f;
        if (GATED) {
          const float gate = to_float(z[t * p.z.token]);
          own_x *= gate * sigmoid(gate);
        }
      } else {
        own_x = own_dt * to_float(u[t * p.u[k].token]);
      }
      elapsed += own_dt;
#pragma unroll
      for (int r = 0; r < UNROLL; r++) {
        const float d = __shfl_sync(0xffffffffu, own_dt, (lane & ~3) | r);
        const float x = __shfl_sync(0xffffffffu, own_x, (lane & ~3) | r);
#pragma unroll
        for (int i = 0; i < STATES; i++) {
          const float decay = exp2_fast(d * a[i]), input = x * tile[(g + r) * N + q * STATES + i];
          h[i] = GRADIENT ? (h[i] + input) * decay : fmaf(h[i], decay, input);
        }
      }
    }
  }
  elapsed += __shfl_xor_sync(0xffffffffu, elapsed, 1);
  elapsed += __shfl_xor_sync(0xffffffffu, elapsed, 2);
  if (channel >= p.channels) return;
  const int64 row = ((int64)k * p.images + image) * p.segments + segment;
#pragma unroll
  for (int i = 0; i < STATES; i++)
    p.end[(row * N + q * STATES + i) * p.channels + c] = h[i];
  if (q == 0) p.elapsed[row * p.channels + c] = elapsed;
}

// A thread: one state of one channel; replaces ends by what enters. What enters
// first is in `leaving`, (k, images, N, channels), or zero.
KERNEL(THREADS, 1) scan_join(const ScanArgs p) {
  const int64 e = (int64)blockIdx.x * THREADS + threadIdx.x;
  if (e >= (int64)DIRECTIONS * p.images * N * p.channels) return;
  const int c = (int)(e % p.channels), n = (int)(e / p.channels % N);
  const int64 row = e / p.channels / N;
  const int k = (int)(row / p.images), group = (int)(row % p.images) % p.groups;
  const float a = p.A[k][(int64)(group * p.channels + c) * N + n] * LOG2E;
  float carry = GRADIENT && p.leaving ? p.leaving[e] : 0.0f;
  const bool down = is_back(k) != GRADIENT;
  for (int i = 0; i < p.segments; i++) {
    const int64 place = row * p.segments + (down ? p.segments - 1 - i : i);
    float *slot = p.end + (place * N + n) * p.channels + c;
    const float own = *slot;
    *slot = carry;
    carry = fmaf(carry, exp2_fast(a * p.elapsed[place * p.channels + c]), own);
  }
}
