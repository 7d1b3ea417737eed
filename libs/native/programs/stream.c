/*
 * Memory bandwidth after STREAM (McCalpin): four kernels over arrays of doubles, best of ROUNDS, checked at the end.
 *   stream [ELEMENTS [ROUNDS]]
 */
#include "platform.h"

enum { COPY, SCALE, ADD, TRIAD, KERNELS };
static const char *const names[] = {"Copy", "Scale", "Add", "Triad"};
/* Arrays that a kernel reads and writes, as STREAM counts. */
static const int arrays[] = {2, 2, 3, 3};
static const double scalar = 3.0;

static int wrong(const double *values, int elements, double expected) {
  for (int i = 0; i < elements; i++) {
    double error = values[i] / expected - 1;
    if (!(error > -1e-13 && error < 1e-13)) return 1;
  }
  return 0;
}

int program(void) {
  int elements = argument(1, 400000), rounds = argument(2, 10);
  if (elements < 1 || elements > 100000000 || rounds < 2) {
    print("stream [ELEMENTS [ROUNDS]]: at least one element and two rounds\n");
    return 2;
  }
  unsigned bytes = (unsigned)elements * sizeof(double);
  double *restrict a = allocate(bytes), *restrict b = allocate(bytes), *restrict c = allocate(bytes);
  double best[KERNELS] = {1e30, 1e30, 1e30, 1e30};
  double expected_a = 1, expected_b = 2, expected_c = 0;
  for (int i = 0; i < elements; i++) a[i] = 1, b[i] = 2, c[i] = 0;

  for (int round = 0; round < rounds; round++) {
    for (int kernel = 0; kernel < KERNELS; kernel++) {
      barrier();
      double begin = clock_ns();
      switch (kernel) {
        case COPY:
          for (int i = 0; i < elements; i++) c[i] = a[i];
          break;
        case SCALE:
          for (int i = 0; i < elements; i++) b[i] = scalar * c[i];
          break;
        case ADD:
          for (int i = 0; i < elements; i++) c[i] = a[i] + b[i];
          break;
        default:
          for (int i = 0; i < elements; i++) a[i] = b[i] + scalar * c[i];
      }
      barrier();
      double took = clock_ns() - begin;
      /* The first round warms up, as in STREAM. */
      if (round > 0 && took < best[kernel]) best[kernel] = took;
    }
    expected_c = expected_a;
    expected_b = scalar * expected_c;
    expected_c = expected_a + expected_b;
    expected_a = expected_b + scalar * expected_c;
    /* 10 rounds make 1e11 of 1; many would overflow. */
    if (expected_a > 1e100) {
      for (int i = 0; i < elements; i++) a[i] = 1, b[i] = 2, c[i] = 0;
      expected_a = 1, expected_b = 2, expected_c = 0;
    }
  }

  double failures = wrong(a, elements, expected_a) + wrong(b, elements, expected_b) + wrong(c, elements, expected_c);
  sum(&failures, 1);
  if (rank() == 0) {
    for (int kernel = 0; kernel < KERNELS; kernel++) {
      print(names[kernel]);
      print(" ");
      print_number((double)arrays[kernel] * bytes * size() / best[kernel] * 1e3, 1);
      print(" MB/s\n");
    }
    print(failures == 0 ? "Solution validates\n" : "Solution does NOT validate\n");
  }
  return failures == 0 ? 0 : 1;
}
