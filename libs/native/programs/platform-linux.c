/* A program for Linux on i386: system calls alone. It is rank 0 of 1. */
#include "platform.h"

enum { SYS_EXIT = 1, SYS_WRITE = 4, SYS_MMAP2 = 192, SYS_CLOCK_GETTIME = 265 };
enum { CLOCK_MONOTONIC = 1, PROT_READ_WRITE = 3, MAP_PRIVATE_ANONYMOUS_POPULATE = 0x8022 };

static long call(long number, long a, long b, long c, long d, long e) {
  long result;
  register long no_file __asm__("esi") = d;
  register long descriptor __asm__("edi") = e;
  __asm__ volatile("push %%ebp\n\txor %%ebp, %%ebp\n\tint $0x80\n\tpop %%ebp"
                   : "=a"(result)
                   : "a"(number), "b"(a), "c"(b), "d"(c), "r"(no_file), "r"(descriptor)
                   : "memory");
  return result;
}

static char **arguments;
static int arguments_count;
static double ns_per_tick, first_tick;

static double ticks(void) {
  unsigned low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (double)high * 4294967296.0 + (double)low;
}

static double monotonic_ns(void) {
  long time[2];
  call(SYS_CLOCK_GETTIME, CLOCK_MONOTONIC, (long)time, 0, 0, 0);
  return (double)time[0] * 1e9 + (double)time[1];
}

/* How long a tick of the TSC takes, by the kernel's clock. */
static void calibrate(void) {
  double from = monotonic_ns(), now;
  first_tick = ticks();
  do now = monotonic_ns();
  while (now - from < 5e7);
  ns_per_tick = (now - from) / (ticks() - first_tick);
}

__attribute__((used)) void begin(long *stack) {
  arguments_count = (int)stack[0];
  arguments = (char **)(stack + 1);
  calibrate();
  finish(program());
}

__asm__(".globl _start\n_start:\n\tmov %esp, %eax\n\tand $-16, %esp\n\tsub $12, %esp\n\tpush %eax\n\tcall begin\n");

void finish(int code) {
  for (;;) call(SYS_EXIT, code, 0, 0, 0, 0);
}

static void write_to(int fd, const char *text) {
  long length = 0;
  while (text[length]) length++;
  call(SYS_WRITE, fd, (long)text, length, 0, 0);
}

void print(const char *text) { write_to(1, text); }
void print_error(const char *text) { write_to(2, text); }
const char *argument_text(int index) { return index < arguments_count ? arguments[index] : 0; }

/* All of it up front, as Kitten does: no page fault later. */
void *allocate(unsigned bytes) {
  long at = call(SYS_MMAP2, 0, (long)bytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS_POPULATE, -1);
  if (at < 0 && at > -4096) {
    print_error("not enough memory\n");
    finish(1);
  }
  return (void *)at;
}

double clock_ns(void) { return (ticks() - first_tick) * ns_per_tick; }
int rank(void) { return 0; }
int size(void) { return 1; }
void barrier(void) {}
void sum(double *values, int count) {
  (void)values;
  (void)count;
}
void peer_read(int peer, void *to, const void *from, unsigned bytes) {
  (void)peer, (void)to, (void)from, (void)bytes;
}
