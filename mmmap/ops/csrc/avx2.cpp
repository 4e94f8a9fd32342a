// For processors with AVX2 and FMA; empty elsewhere.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

#include "kernels.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("avx2,fma")
#define CAPABILITY avx2
#define LANES 8
#include "vector.inc"
#include "scan_kernel.inc"
#include "conv_kernel.inc"
#endif
