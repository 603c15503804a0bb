/*===- test_kernels.c - A kernel library made by hand -----------------------===*\
|*
|* Part of the Fleet project.
|*
|* Kernels as the compiler emits them, for plans that tests build by hand.
|* symbols[0] is the batch.
|*
\*===----------------------------------------------------------------------===*/

#include <stdint.h>

#define KERNEL(NAME)                                                           \
  void NAME(void *const *buffers, const int64_t *symbols, int64_t begin,       \
            int64_t end)

/* out[i] = a[i] + b[i] */
KERNEL(add) {
  const float *a = buffers[0], *b = buffers[1];
  float *out = buffers[2];
  (void)symbols;
  for (int64_t i = begin; i < end; ++i)
    out[i] = a[i] + b[i];
}

/* loss = mean of (a[i] - b[i])^2, diff[i] = 2/batch (a[i] - b[i]). Not
   splittable; writes the loss of an empty batch too. */
KERNEL(square_error) {
  const float *a = buffers[0], *b = buffers[1];
  float *diff = buffers[2], *loss = buffers[3];
  float sum = 0, n = (float)symbols[0];
  for (int64_t i = begin; i < end; ++i) {
    float d = a[i] - b[i];
    sum += d * d;
    diff[i] = 2 * d / n;
  }
  *loss = symbols[0] == 0 ? 0 : sum / n;
}

/* w[i] -= rate * g[i], in place */
KERNEL(sgd) {
  float *w = buffers[0];
  const float *g = buffers[1], *rate = buffers[2];
  (void)symbols;
  for (int64_t i = begin; i < end; ++i)
    w[i] -= *rate * g[i];
}

/* out[0] = begin, out[1] = end, out[2] = symbols[0] */
KERNEL(arguments) {
  int64_t *out = buffers[0];
  out[0] = begin;
  out[1] = end;
  out[2] = symbols[0];
}

/* counts[0] += 1 */
KERNEL(count) {
  int64_t *counts = buffers[0];
  (void)symbols;
  (void)begin;
  (void)end;
  ++counts[0];
}

/* pieces[i] = begin of the piece that row i was in */
KERNEL(pieces) {
  int64_t *out = buffers[0];
  (void)symbols;
  for (int64_t i = begin; i < end; ++i)
    out[i] = begin;
}

/* Does nothing: the cost of a call. */
KERNEL(nothing) {
  (void)buffers;
  (void)symbols;
  (void)begin;
  (void)end;
}

/* out[0..3] = a[0..3] + b[0..3] */
KERNEL(add4) {
  const float *a = buffers[0], *b = buffers[1];
  float *out = buffers[2];
  (void)symbols;
  (void)begin;
  (void)end;
  for (int i = 0; i < 4; ++i)
    out[i] = a[i] + b[i];
}

/* Rows of four: loss = mean over rows of |a - b|^2, diff = 2/batch (a - b). */
KERNEL(square_error4) {
  const float *a = buffers[0], *b = buffers[1];
  float *diff = buffers[2], *loss = buffers[3];
  float sum = 0, n = (float)symbols[0];
  for (int64_t i = 4 * begin; i < 4 * end; ++i) {
    float d = a[i] - b[i];
    sum += d * d;
    diff[i] = 2 * d / n;
  }
  *loss = symbols[0] == 0 ? 0 : sum / n;
}

/* Rows of two: velocity = velocity / 2 + g, w -= rate * velocity, in place. */
KERNEL(momentum2) {
  const float *g = buffers[0];
  float *w = buffers[1], *velocity = buffers[2];
  const float *rate = buffers[3];
  (void)symbols;
  for (int64_t i = 2 * begin; i < 2 * end; ++i) {
    velocity[i] = velocity[i] / 2 + g[i];
    w[i] -= *rate * velocity[i];
  }
}

/* rate /= 2 */
KERNEL(halve) {
  float *rate = buffers[0];
  (void)symbols;
  (void)begin;
  (void)end;
  *rate /= 2;
}
