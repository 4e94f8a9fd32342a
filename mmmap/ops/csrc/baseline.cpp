// For any processor.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

#include "kernels.h"

#define CAPABILITY baseline
#define LANES 4
#include "vector.inc"
#include "scan_kernel.inc"
#include "conv_kernel.inc"
