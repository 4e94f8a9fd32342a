// Backward: a block is one image, one segment, one direction and CHANNELS channels.
//
// A thread has 4 states of two channels; lanes of a warp are STATE_LANES x PAIRS.
// Chunks of S tokens are taken against the walk: from the kept state the states at
// every STEPS-th step are found again (in shared memory), then, piece by piece, all
// states and decays of a piece (in registers), then the gradients against the walk.
// Sums over channels (for B, C) and over states (for u, delta) pass through lanes
// in a fixed order. Constants: WARPS.

constexpr int STEPS = 4, STATES = 4, PIECES = S / STEPS;
constexpr int STATE_LANES = N / STATES, PAIRS = 32 / STATE_LANES;
constexpr int THREADS = 32 * WARPS, CHANNELS = WARPS * PAIRS * 2;
constexpr int ROWS = THREADS / (CHANNELS / 2);  // steps staged at a time
template <int X> struct Log2 { static constexpr int value = 1 + Log2<X / 2>::value; };
template <> struct Log2<1> { static constexpr int value = 0; };
constexpr int PAIR_BITS = Log2<PAIRS>::value, STATE_BITS = Log2<STATE_LANES>::value;
static_assert(S % STEPS == 0 && S % ROWS == 0 && S * 2 * N % THREADS == 0, "sizes do not fit");

// Shared memory, in floats.
constexpr int AT_B = 0, AT_C = AT_B + S * N, AT_STEP = AT_C + S * N;
constexpr int AT_DY = AT_STEP + S * CHANNELS * 2, AT_U = AT_DY + S * CHANNELS;
constexpr int AT_DX = AT_U + S * CHANNELS, AT_DRATE = AT_DX + S * CHANNELS;
constexpr int AT_DBC = AT_DRATE + S * CHANNELS, AT_H = AT_DBC + WARPS * S * 2 * N;
static_assert((AT_H + (PIECES - 1) * 2 * STATES * THREADS) * 4 == BACKWARD_BYTES, "as in Python");

KERNEL(THREADS, MIN_BLOCKS) scan_backward(const ScanArgs p) {
  float *memory = shared();
  float *tile_B = memory + AT_B, *tile_C = memory + AT_C, *step = memory + AT_STEP;
  float *step_dy = memory + AT_DY, *step_u = memory + AT_U;
  float *dx = memory + AT_DX, *drate = memory + AT_DRATE;
  const int thread = threadIdx.x, lane = thread & 31, warp = thread >> 5;
  const int q = lane / PAIRS, mine = (warp * PAIRS + lane % PAIRS) * 2;
  const int block = blockIdx.x % p.blocks, base = block * CHANNELS;
  const int image = blockIdx.x / p.blocks, group = image % p.groups;
  const int segment = blockIdx.y % p.segments, k = blockIdx.y / p.segments;
  const bool back = is_back(k);
  const int begin = segment * p.segment, end = min(p.length, begin + p.segment);
  const int64 row = (int64)k * p.images + image, place = row * p.segments + segment;

  // The two channels whose states this thread has.
  const bool alive = base + mine < p.channels;  // there is an even number of them
  const int c = alive ? base + mine : 0;
  float a[2][STATES], g[2][STATES], dA[2][STATES];
#pragma unroll
  for (int e = 0; e < 2; e++)
#pragma unroll
    for (int i = 0; i < STATES; i++) {
      const int n = q * STATES + i;
      a[e][i] = p.A[k][(int64)(group * p.channels + c + e) * N + n] * LOG2E;
      g[e][i] = p.leaving && alive ? p.leaving[(place * N + n) * p.channels + c + e] : 0.0f;
      dA[e][i] = 0.0f;
    }
  // The two channels that it stages, at every ROWS-th step.
  const int staged = thread % (CHANNELS / 2) * 2, first_row = thread / (CHANNELS / 2);
  const bool live = base + staged < p.channels;
  const int cs = live ? base + staged : 0, parameter = group * p.channels + cs;
  const float2 bias = load_vector(p.bias[k], parameter), skip = load_vector(p.skip[k], parameter);
  float2 dskip = make_pair(0.0f, 0.0f), dbias = make_pair(0.0f, 0.0f);
  const T *u = rows_of<T>(p.u[k], image, p.groups) + cs;
  const T *delta = rows_of<T>(p.delta[k], image, p.groups) + cs;
  const T *dy = rows_of<T>(p.dy, image, p.groups) + cs;
  const T *z = GATED ? rows_of<T>(p.z, image, p.groups) + cs : nullptr;
  const T *ungated = GATED ? rows_of<T>(p.ungated, image, p.groups) + cs : nullptr;
  T *dz = GATED ? rows_of<T>(p.dz, image, p.groups) + cs : nullptr;
  T *du = rows_of<T>(p.du[k], image, p.groups) + cs;
  T *ddelta = rows_of<T>(p.ddelta[k], image, p.groups) + cs;
  const T *B = rows_of<T>(p.B[k], image, p.groups), *C = rows_of<T>(p.C[k], image, p.groups);
  float *dBC = p.dBC + (row * p.blocks + block) * (int64)p.length * 2 * N;
  const float *starts = p.starts + row * p.chunks * N * p.channels + c;

  const int chunks = (end - begin + S - 1) / S;
#pragma unroll 1
  for (int turn = 0; turn < chunks; turn++) {
    const int chunk = begin / S + (back ? turn : chunks - 1 - turn), t0 = chunk * S;
    // Step j of the walk is token t0 + j, or t0 + S - 1 - j backwards.
#pragma unroll
    for (int r = 0; r < S / ROWS; r++) {
      const int j = r * ROWS + first_row, t = back ? t0 + S - 1 - j : t0 + j;
      const bool inside = t < end && live;
      const int at = min(t, end - 1);
      const float keep = inside ? 1.0f : 0.0f;
      const float2 uu = unpack(T(), load_pair(u + at * p.u[k].token));
      const float2 raw = unpack(T(), load_pair(delta + at * p.delta[k].token));
      float2 grad = unpack(T(), load_pair(dy + at * p.dy.token));
      if (GATED) {
        const float2 gate = unpack(T(), load_pair(z + at * p.z.token));
        const float sx = sigmoid(gate.x), sy = sigmoid(gate.y);
        if (k == 0) {
          const float2 sum = unpack(T(), load_pair(ungated + at * p.ungated.token));
          if (inside)
            store_pair(dz + at * p.dz.token, make_pair(grad.x * sum.x * silu_slope(gate.x, sx),
                                                       grad.y * sum.y * silu_slope(gate.y, sy)));
        }
        grad = make_pair(grad.x * gate.x * sx, grad.y * gate.y * sy);
      }
      float4 s;
      s.x = step_size(raw.x + bias.x) * keep;
      s.y = s.x * uu.x;
      s.z = step_size(raw.y + bias.y) * keep;
      s.w = s.z * uu.y;
      *(float4 *)(step + (j * CHANNELS + staged) * 2) = s;
      store_pair(step_dy + j * CHANNELS + staged, make_pair(grad.x * keep, grad.y * keep));
      store_pair(step_u + j * CHANNELS + staged, uu);
    }
    for (int e = thread; e < S * N; e += THREADS) {
      const int j = e / N, t = back ? t0 + S - 1 - j : t0 + j;
      const int at = min(t, end - 1);  // beyond the end they meet zeros
      tile_B[e] = to_float(B[at * p.B[k].token + e % N]);
      tile_C[e] = to_float(C[at * p.C[k].token + e % N]);
    }
    if (turn + 1 < chunks) {
#pragma unroll
      for (int r = 0; r < S / ROWS; r++) {
        const int t = (back ? t0 + S : t0 - S) + r * ROWS + first_row;
        if (t < end) {
          prefetch(u + t * p.u[k].token);
          prefetch(delta + t * p.delta[k].token);
          prefetch(dy + t * p.dy.token);
          if (GATED) prefetch(z + t * p.z.token);
          if (GATED && k == 0) prefetch(ungated + t * p.ungated.token);
        }
      }
    }
    float h[2][STATES];
#pragma unroll
    for (int i = 0; i < STATES; i++) {
      const float *start = starts + (chunk * N + q * STATES + i) * p.channels;
      h[0][i] = start[0];
      h[1][i] = start[1];
    }
    __syncthreads();
    // h becomes the state before the last piece, those before others are kept.
#pragma unroll 1
    for (int piece = 0; piece < PIECES - 1; piece++) {
      float *kept = memory + AT_H + piece * 2 * STATES * THREADS + thread;
#pragma unroll
      for (int i = 0; i < STATES; i++) {
        kept[(2 * i) * THREADS] = h[0][i];
        kept[(2 * i + 1) * THREADS] = h[1][i];
      }
#pragma unroll
      for (int r = 0; r < STEPS; r++) {
        const int j = piece * STEPS + r;
        const float4 s = *(const float4 *)(step + (j * CHANNELS + mine) * 2);
        const Floats<STATES> b = load_floats<STATES>(tile_B + j * N + q * STATES);
#pragma unroll
        for (int i = 0; i < STATES; i++) {
          h[0][i] = fmaf(h[0][i], exp2_fast(s.x * a[0][i]), s.y * b.v[i]);
          h[1][i] = fmaf(h[1][i], exp2_fast(s.z * a[1][i]), s.w * b.v[i]);
        }
      }
    }
#pragma unroll 1
    for (int piece = PIECES - 1; piece >= 0; piece--) {
      float before[STEPS][2][STATES], decay[STEPS][2][STATES];
#pragma unroll
      for (int r = 0; r < STEPS; r++) {
        const int j = piece * STEPS + r;
        const float4 s = *(const float4 *)(step + (j * CHANNELS + mine) * 2);
        const Floats<STATES> b = load_floats<STATES>(tile_B + j * N + q * STATES);
#pragma unroll
        for (int i = 0; i < STATES; i++) {
          before[r][0][i] = h[0][i];
          before[r][1][i] = h[1][i];
          decay[r][0][i] = exp2_fast(s.x * a[0][i]);
          decay[r][1][i] = exp2_fast(s.z * a[1][i]);
          h[0][i] = fmaf(h[0][i], decay[r][0][i], s.y * b.v[i]);
          h[1][i] = fmaf(h[1][i], decay[r][1][i], s.w * b.v[i]);
        }
      }
#pragma unroll
      for (int r = STEPS - 1; r >= 0; r--) {
        const int j = piece * STEPS + r;
        const float4 s = *(const float4 *)(step + (j * CHANNELS + mine) * 2);
        const float2 grad_y = *(const float2 *)(step_dy + j * CHANNELS + mine);
        const Floats<STATES> b = load_floats<STATES>(tile_B + j * N + q * STATES);
        const Floats<STATES> w = load_floats<STATES>(tile_C + j * N + q * STATES);
        float dbc[2 * STATES];  // of B, then of C
        float own[4] = {0.0f, 0.0f, 0.0f, 0.0f};  // dx of both channels, then drate
#pragma unroll
        for (int i = 0; i < STATES; i++) {
          float g0 = fmaf(w.v[i], grad_y.x, g[0][i]), g1 = fmaf(w.v[i], grad_y.y, g[1][i]);
          dbc[STATES + i] = fmaf(grad_y.x, h[0][i], grad_y.y * h[1][i]);
          dbc[i] = fmaf(g0, s.y, g1 * s.w);
          own[0] = fmaf(g0, b.v[i], own[0]);
          own[1] = fmaf(g1, b.v[i], own[1]);
          g0 *= decay[r][0][i];
          g1 *= decay[r][1][i];
          const float e0 = g0 * before[r][0][i], e1 = g1 * before[r][1][i];
          own[2] = fmaf(e0, a[0][i], own[2]);
          own[3] = fmaf(e1, a[1][i], own[3]);
          dA[0][i] = fmaf(e0, s.x, dA[0][i]);
          dA[1][i] = fmaf(e1, s.z, dA[1][i]);
          g[0][i] = g0;
          g[1][i] = g1;
          h[0][i] = before[r][0][i];
          h[1][i] = before[r][1][i];
        }
        deal_sums<PAIR_BITS, STATE_BITS>(own);
        constexpr int OWN = STATE_BITS < 2 ? 4 >> STATE_BITS : 1;
        constexpr int SPARE = STATE_BITS > 2 ? STATE_BITS - 2 : 0;
#pragma unroll
        for (int i = 0; i < OWN; i++) {
          const int which = (q >> SPARE) * OWN + i;
          (which & 2 ? drate : dx)[j * CHANNELS + mine + (which & 1)] = own[i];
        }
        deal_sums<0, PAIR_BITS>(dbc);
        constexpr int KEPT = PAIR_BITS < 3 ? 8 >> PAIR_BITS : 1;
        constexpr int IDLE = PAIR_BITS > 3 ? PAIR_BITS - 3 : 0;
#pragma unroll
        for (int i = 0; i < KEPT; i++) {
          const int which = (lane % PAIRS >> IDLE) * KEPT + i;
          memory[AT_DBC + (warp * S + j) * 2 * N + which / STATES * N + q * STATES + which % STATES] = dbc[i];
        }
      }
      if (piece > 0) {
        const float *kept = memory + AT_H + (piece - 1) * 2 * STATES * THREADS + thread;
#pragma unroll
        for (int i = 0; i < STATES; i++) {
          h[0][i] = kept[(2 * i) * THREADS];
          h[1][i] = kept[(2 * i + 1) * THREADS];
        }
      }
    }
    __syncthreads();
#pragma unroll
    for (int r = 0; r < S / ROWS; r++) {
      const int j = r * ROWS + first_row, t = back ? t0 + S - 1 - j : t0 + j;
      const int e = j * CHANNELS + staged;
      const float4 s = *(const float4 *)(step + e * 2);
      const float2 grad = *(const float2 *)(step_dy + e), uu = *(const float2 *)(step_u + e);
      const float2 gx = *(const float2 *)(dx + e), ga = *(const float2 *)(drate + e);
      const float2 gdelta = make_pair(fmaf(gx.x, uu.x, ga.x * LN2) * step_slope(s.x),
                                      fmaf(gx.y, uu.y, ga.y * LN2) * step_slope(s.z));
      if (t < end && live) {
        store_pair(du + t * p.du[k].token,
                   make_pair(fmaf(gx.x, s.x, skip.x * grad.x), fmaf(gx.y, s.z, skip.y * grad.y)));
        store_pair(ddelta + t * p.ddelta[k].token, gdelta);
        dskip = make_pair(fmaf(grad.x, uu.x, dskip.x), fmaf(grad.y, uu.y, dskip.y));
        dbias = make_pair(dbias.x + gdelta.x, dbias.y + gdelta.y);
      }
    }
#pragma unroll
    for (int r = 0; r < S * 2 * N / THREADS; r++) {
      const int e = r * THREADS + thread, j = e / (2 * N), t = back ? t0 + S - 1 - j : t0 + j;
      float sum = 0.0f;
#pragma unroll
      for (int w = 0; w < WARPS; w++) sum += memory[AT_DBC + w * S * 2 * N + e];
      if (t < end) dBC[t * 2 * N + e % (2 * N)] = sum;
    }
    __syncthreads();
  }
  float *parameters = p.parameters + place * (N + 2) * p.channels;
  if (alive) {
#pragma unroll
    for (int i = 0; i < STATES; i++)
      store_pair(parameters + (q * STATES + i) * p.channels + c, make_pair(dA[0][i], dA[1][i]));
  }
  store_pair(memory + first_row * CHANNELS + staged, dskip);
  store_pair(memory + (ROWS + first_row) * CHANNELS + staged, dbias);
  __syncthreads();
  for (int e = thread; e < CHANNELS && base + e < p.channels; e += THREADS) {
    float skip_sum = 0.0f, bias_sum = 0.0f;
    for (int r = 0; r < ROWS; r++) {
      skip_sum += memory[r * CHANNELS + e];
      bias_sum += memory[(ROWS + r) * CHANNELS + e];
    }
    parameters[N * p.channels + base + e] = skip_sum;
    parameters[(N + 1) * p.channels + base + e] = bias_sum;
  }
}

// A thread: one token's gradient of one state's B or C, summed over the blocks.
KERNEL(128, 1) scan_sum(const ScanArgs p) {
  const int64 e = (int64)blockIdx.x * 128 + threadIdx.x, row = e / (2 * N);
  if (row >= (int64)DIRECTIONS * p.images * p.length) return;
  const int t = (int)(row % p.length);
  const int64 image = row / p.length % p.images;
  const int k = (int)(row / p.length / p.images), n = (int)(e % (2 * N));
  const float *part = p.dBC + (row / p.length * p.blocks * p.length + t) * 2 * N + n;
  float sum = 0.0f;
  for (int i = 0; i < p.blocks; i++) sum += part[(int64)i * p.length * 2 * N];
  const Rows &to = n < N ? p.dB[k] : p.dC[k];
  rows_of<T>(to, (int)image, p.groups)[t * to.token + n % N] = from_float(T(), sum);
}
