//===- TinyKernel.c - The smallest kernel worth the name ------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include <stdint.h>

/// out = a + b, four floats a row.
void tiny_add(void *const *buffers, const int64_t *symbols, int64_t begin,
              int64_t end) {
  (void)symbols;
  const float *a = (const float *)buffers[0];
  const float *b = (const float *)buffers[1];
  float *out = (float *)buffers[2];
  for (int64_t row = begin; row < end; ++row)
    for (int i = 0; i < 4; ++i)
      out[row * 4 + i] = a[row * 4 + i] + b[row * 4 + i];
}
