// SPDX-License-Identifier: MIT
// test_lanes.c of lanes as they are where there is no SSE2.
#define LANES_BY_WORDS
#include "util/test_simd.c"
