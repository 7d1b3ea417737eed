/* A native binary of Kitten's: WASI for output, arguments and the end, the module "kitten" for ranks and the clock. */
#include "platform.h"

#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name)))
#define KITTEN(name) __attribute__((import_module("kitten"), import_name(name)))

typedef struct {
  const void *from;
  unsigned length;
} Vector;

WASI("fd_write") int fd_write(int fd, const Vector *vectors, int count, unsigned *written);
WASI("args_sizes_get") int args_sizes_get(unsigned *count, unsigned *bytes);
WASI("args_get") int args_get(char **arguments, char *text);
WASI("proc_exit") void proc_exit(int code) __attribute__((noreturn));
KITTEN("clock") double kitten_clock(void);
KITTEN("rank") int kitten_rank(void);
KITTEN("size") int kitten_size(void);
KITTEN("barrier") void kitten_barrier(void);
KITTEN("allreduce_sum") int allreduce_sum(double *values, int count);
KITTEN("smartmap_read") int smartmap_read(unsigned long long address, void *to, unsigned bytes);

#define PAGE 65536UL
extern unsigned char __heap_base;
static unsigned long heap_end;
static char **arguments;
static unsigned arguments_count;

__attribute__((export_name("_start"))) void start(void) {
  unsigned bytes;
  args_sizes_get(&arguments_count, &bytes);
  arguments = allocate((arguments_count + 1) * sizeof *arguments);
  args_get(arguments, allocate(bytes));
  finish(program());
}

void finish(int code) { proc_exit(code); }

static void write_to(int fd, const char *text) {
  unsigned length = 0, written;
  while (text[length]) length++;
  Vector vector = {text, length};
  fd_write(fd, &vector, 1, &written);
}

void print(const char *text) { write_to(1, text); }
void print_error(const char *text) { write_to(2, text); }
const char *argument_text(int index) { return index < (int)arguments_count ? arguments[index] : 0; }

void *allocate(unsigned bytes) {
  if (heap_end == 0) heap_end = ((unsigned long)&__heap_base + 15) & ~15UL;
  unsigned long start = heap_end, available = __builtin_wasm_memory_size(0) * PAGE;
  if (bytes > 0x7fffffffU || start + bytes > 0x7fffffffUL) bytes = 0x7fffffffU - start;
  heap_end = (start + bytes + 15) & ~15UL;
  if (heap_end > available &&
      __builtin_wasm_memory_grow(0, (heap_end - available + PAGE - 1) / PAGE) == (unsigned long)-1) {
    print_error("not enough memory\n");
    finish(1);
  }
  return (void *)start;
}

double clock_ns(void) { return kitten_clock(); }
int rank(void) { return kitten_rank(); }
int size(void) { return kitten_size(); }
void barrier(void) { kitten_barrier(); }

void sum(double *values, int count) {
  if (allreduce_sum(values, count)) {
    print_error("allreduce failed\n");
    finish(1);
  }
}

void peer_read(int peer, void *to, const void *from, unsigned bytes) {
  unsigned long long address = ((unsigned long long)(peer + 1) << 39) + (unsigned long)from;
  if (smartmap_read(address, to, bytes)) {
    write_to(2, "SMARTMAP read failed\n");
    finish(1);
  }
}
