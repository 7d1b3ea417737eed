/*
 * Noise after selfish-detour: spins on the clock and records every detour, a round that took longer than a threshold.
 * The original's threshold is 500 cycles; a clock that is called through an emulator needs a longer one.
 *   selfish [MILLISECONDS [THRESHOLD_NS]]
 * Prints the detours as "start_us length_us", then the sum.
 */
#include "platform.h"

enum { RECORDS = 5000 };

int program(void) {
  double duration = argument(1, 1000) * 1e6, threshold = argument(2, 20000);
  double *start = allocate(RECORDS * sizeof(double)), *length = allocate(RECORDS * sizeof(double));
  double lost = 0, longest = 0, shortest = 1e30;
  int detours = 0, rounds = 0;
  barrier();
  double begin = clock_ns(), before = begin, now = begin;
  while (now - begin < duration) {
    now = clock_ns();
    double took = now - before;
    if (took > threshold) {
      if (detours < RECORDS) start[detours] = before - begin, length[detours] = took;
      detours++;
      lost += took;
      if (took > longest) longest = took;
    } else if (took < shortest) {
      shortest = took;
    }
    before = now;
    rounds++;
  }
  for (int i = 0; i < detours && i < RECORDS; i++) {
    print_number(start[i] / 1e3, 1);
    print(" ");
    print_number(length[i] / 1e3, 1);
    print("\n");
  }
  print("rank ");
  print_integer(rank());
  print(": ");
  print_integer(detours);
  print(" detours, lost ");
  print_number(lost / 1e3, 1);
  print(" us of ");
  print_number((now - begin) / 1e3, 1);
  print(" us, longest ");
  print_number(longest / 1e3, 1);
  print(" us, shortest round ");
  print_number(shortest, 0);
  print(" ns, rounds ");
  print_integer(rounds);
  print("\n");
  return 0;
}
