// Forward: a block is one image, one segment and CHANNELS channels, and walks one
// direction after the other: the second adds to what the first wrote, and gates.
// A thread has N / LANES states of two channels. Constants: LANES, SAVE.

constexpr int THREADS = 64, UNROLL = 4;
constexpr int STATES = N / LANES, OWN = UNROLL / LANES;
constexpr int CHANNELS = THREADS / LANES * 2;

template <bool BACK, bool FIRST, bool LAST> DEVICE void walk(const ScanArgs &p, int k) {
  typedef typename Pair<T>::type Raw;
  float *tile_B = shared(), *tile_C = tile_B + TILE * N;
  const int thread = threadIdx.x, lane = thread & 31, q = thread % LANES;
  const int image = blockIdx.x / p.blocks, group = image % p.groups, segment = blockIdx.y;
  const int channel = blockIdx.x % p.blocks * CHANNELS + thread / LANES * 2;
  const bool live = channel < p.channels;  // there is an even number of them
  const int c = live ? channel : 0, parameter = group * p.channels + c;
  const int begin = segment * p.segment, end = min(p.length, begin + p.segment);
  const int64 row = ((int64)k * p.images + image) * p.segments + segment;

  float a[2][STATES], h[2][STATES];
  const float2 bias = load_vector(p.bias[k], parameter), skip = load_vector(p.skip[k], parameter);
#pragma unroll
  for (int i = 0; i < STATES; i++) {
    const int n = q * STATES + i;
    const float *entering = p.entering + (row * N + n) * p.channels + c;
    a[0][i] = p.A[k][(int64)parameter * N + n] * LOG2E;
    a[1][i] = p.A[k][(int64)(parameter + 1) * N + n] * LOG2E;
    h[0][i] = p.entering ? entering[0] : 0.0f;
    h[1][i] = p.entering ? entering[1] : 0.0f;
  }
  const T *u = rows_of<T>(p.u[k], image, p.groups) + c;
  const T *delta = rows_of<T>(p.delta[k], image, p.groups) + c;
  const T *z = GATED ? rows_of<T>(p.z, image, p.groups) + c : nullptr;
  const T *B = rows_of<T>(p.B[k], image, p.groups), *C = rows_of<T>(p.C[k], image, p.groups);
  T *y = rows_of<T>(p.y, image, p.groups) + c;
  T *ungated = SAVE && GATED ? rows_of<T>(p.ungated, image, p.groups) + c : nullptr;
  float *starts = p.starts + ((int64)k * p.images + image) * p.chunks * N * p.channels + c;

  // Tokens come in tiles, tiles in groups of UNROLL; lane q of those that share a
  // channel brings tokens q * OWN ... of a group, one group ahead.
  const int tiles = (end - begin + TILE - 1) / TILE, all = (end - begin + UNROLL - 1) / UNROLL;
  Raw next_u[OWN], next_delta[OWN], next_z[OWN], next_y[OWN];
  auto fetch = [&](int g) {
#pragma unroll
    for (int i = 0; i < OWN; i++) {
      const int t = min(begin + g * UNROLL + q * OWN + i, end - 1);
      next_u[i] = load_pair(u + t * p.u[k].token);
      next_delta[i] = load_pair(delta + t * p.delta[k].token);
      if (LAST && GATED) next_z[i] = load_pair(z + t * p.z.token);
      if (!FIRST) next_y[i] = load_pair(y + t * p.y.token);
    }
  };
  fetch(BACK ? all - 1 : 0);
#pragma unroll 1
  for (int turn = 0; turn < tiles; turn++) {
    const int tile = BACK ? tiles - 1 - turn : turn;
    __syncthreads();
    for (int e = thread; e < TILE * N; e += THREADS) {
      const int t = begin + tile * TILE + e / N;
      tile_B[e] = t < end ? to_float(B[t * p.B[k].token + e % N]) : 0.0f;
      tile_C[e] = t < end ? to_float(C[t * p.C[k].token + e % N]) : 0.0f;
    }
    __syncthreads();
    const int first = tile * (TILE / UNROLL), count = min(TILE / UNROLL, all - first);
#pragma unroll 1
    for (int i_group = 0; i_group < count; i_group++) {
      const int g = first + (BACK ? count - 1 - i_group : i_group), t0 = begin + g * UNROLL;
      float2 own_u[OWN], own_z[OWN], own_y[OWN];
      float dt[2][OWN], x[2][OWN];
#pragma unroll
      for (int i = 0; i < OWN; i++) {
        own_u[i] = unpack(T(), next_u[i]);
        if (LAST && GATED) own_z[i] = unpack(T(), next_z[i]);
        if (!FIRST) own_y[i] = unpack(T(), next_y[i]);
        const float2 raw = unpack(T(), next_delta[i]);
        // A step of zero beyond the end leaves the state as it is.
        const float t = (float)(t0 + q * OWN + i);
        dt[0][i] = select_less(t, (float)end, step_size(raw.x + bias.x), 0.0f);
        dt[1][i] = select_less(t, (float)end, step_size(raw.y + bias.y), 0.0f);
        x[0][i] = dt[0][i] * own_u[i].x;
        x[1][i] = dt[1][i] * own_u[i].y;
      }
      const int next = BACK ? g - 1 : g + 1;
      if (next >= 0 && next < all) fetch(next);
      const bool border = BACK ? (t0 + UNROLL) % S == 0 || t0 + UNROLL >= p.length : t0 % S == 0;
      if (SAVE && border && live) {
#pragma unroll
        for (int i = 0; i < STATES; i++)
          store_pair(starts + (t0 / S * N + q * STATES + i) * p.channels,
                     make_pair(h[0][i], h[1][i]));
      }
      const float *row_B = tile_B + (g - first) * UNROLL * N + q * STATES;
      const float *row_C = tile_C + (g - first) * UNROLL * N + q * STATES;
      float sum[2][UNROLL];
#pragma unroll
      for (int j = 0; j < UNROLL; j++) {
        const int r = BACK ? UNROLL - 1 - j : j;
        const Floats<STATES> b = load_floats<STATES>(row_B + r * N);
        const Floats<STATES> w = load_floats<STATES>(row_C + r * N);
#pragma unroll
        for (int e = 0; e < 2; e++) {
          float d = dt[e][r % OWN], v = x[e][r % OWN];
          if (LANES > 1) {
            const int owner = (lane & ~(LANES - 1)) | r / OWN;
            d = __shfl_sync(0xffffffffu, d, owner);
            v = __shfl_sync(0xffffffffu, v, owner);
          }
          float even = 0.0f, odd = 0.0f;
#pragma unroll
          for (int i = 0; i < STATES; i++) {
            h[e][i] = fmaf(h[e][i], exp2_fast(d * a[e][i]), v * b.v[i]);
            if (i & 1) odd = fmaf(h[e][i], w.v[i], odd);
            else even = fmaf(h[e][i], w.v[i], even);
          }
          sum[e][r] = even + odd;
        }
      }
      constexpr int BITS = LANES == 4 ? 2 : LANES == 2 ? 1 : 0;
      deal_sums<0, BITS>(sum[0]);
      deal_sums<0, BITS>(sum[1]);
#pragma unroll
      for (int i = 0; i < OWN; i++) {
        const int t = t0 + q * OWN + i;
        float2 v = make_pair(fmaf(skip.x, own_u[i].x, sum[0][i]), fmaf(skip.y, own_u[i].y, sum[1][i]));
        if (!FIRST) v = make_pair(v.x + own_y[i].x, v.y + own_y[i].y);
        if (t >= end || !live) continue;
        if (LAST && GATED) {
          if (SAVE) store_pair(ungated + t * p.ungated.token, v);
          const float2 gate = own_z[i];
          v = make_pair(v.x * gate.x * sigmoid(gate.x), v.y * gate.y * sigmoid(gate.y));
        }
        store_pair(y + t * p.y.token, v);
      }
    }
  }
  if (p.last && live && segment == (BACK ? 0 : p.segments - 1)) {
#pragma unroll
    for (int i = 0; i < STATES; i++)
      store_pair(p.last + (((int64)k * p.images + image) * N + q * STATES + i) * p.channels + c,
                 make_pair(h[0][i], h[1][i]));
  }
}

KERNEL(THREADS, MIN_BLOCKS) scan_forward(const ScanArgs p) {
  walk<BACK0, true, DIRECTIONS == 1>(p, 0);
  if (DIRECTIONS == 2) {
    __syncthreads();  // what the first wrote is read now
    walk<BACK1, false, true>(p, 1);
  }
}
