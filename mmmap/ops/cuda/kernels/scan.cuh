// The selective scan, walked step by step. Letters: t token; N states; S tokens
// between the states that are kept; a direction k of one or two.
//
// A sequence (one channel of one image in one direction) belongs to one thread,
// or to a few lanes that share its states, which stay in registers. Sequences
// too few to fill the GPU are cut into segments of tokens.
//
// Constants from Python: T, N, DIRECTIONS, BACK0, BACK1 (walks from the last token
// to the first), GATED, SOFTPLUS, S, and those that a kernel names.

constexpr int TILE = 32;  // tokens whose B and C lie in shared memory

struct ScanArgs {
  Rows u[2], delta[2], B[2], C[2];
  Rows z, y, ungated;       // gate; result; the sum before the gate
  Rows dy, du[2], ddelta[2], dz, dB[2], dC[2];
  const float *A[2];        // (groups * channels, N)
  const float *skip[2], *bias[2];  // (groups * channels), or null
  float *starts;            // (k, images, chunks, N, channels), or null
  float *last;              // (k, images, N, channels), or null
  const float *entering;    // (k, images, segments, N, channels), or null
  const float *leaving;     // its counterpart in the backward pass
  float *end, *elapsed;     // of segments: like entering; without N
  float *dBC;               // (k, images, blocks, length, 2 N)
  // Of A, skip and bias: (k, images, segments, N + 2, channels).
  float *parameters;
  int images, groups, channels, length;
  int segments, segment, chunks, blocks;  // segment: its tokens
};

DEVICE bool is_back(int k) { return k ? BACK1 : BACK0; }
DEVICE float step_size(float x) { return SOFTPLUS ? softplus(x) : x; }
DEVICE float step_slope(float dt) { return SOFTPLUS ? softplus_slope(dt) : 1.0f; }
DEVICE float2 load_vector(const float *v, int channel) {
  return v ? make_pair(v[channel], v[channel + 1]) : make_pair(0.0f, 0.0f);
}
