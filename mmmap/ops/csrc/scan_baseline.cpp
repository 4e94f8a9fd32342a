// For any processor.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

#include "scan.h"

#define CAPABILITY baseline
#define LANES 4
#include "scan_kernel.inc"
