/*
 * What the programs need of the system they run on. They are written once: platform-kitten.c makes native binaries of
 * them (WebAssembly), platform-linux.c programs for an i386 Linux guest. Neither needs a C library.
 */
#ifndef PLATFORM_H
#define PLATFORM_H

/* Of the program: its exit code. */
int program(void);

void print(const char *text);
void print_error(const char *text);
void print_integer(long value);
void print_number(double value, int decimals);

/* The number that an argument is, counted from 1; `otherwise` where it is left out. Ends the program where it is none. */
int argument(int index, int otherwise);
/* As it was given; 0 where it is left out. */
const char *argument_text(int index);
/* Zeroed memory, 16-byte aligned; ends the program where there is not enough. */
void *allocate(unsigned bytes);
/* A clock that only goes forward, ns. */
double clock_ns(void);
void finish(int code) __attribute__((noreturn));

/* The ranks of a job. A program in a guest is rank 0 of 1. */
int rank(void);
int size(void);
void barrier(void);
/* Each value becomes the sum of all ranks'. */
void sum(double *values, int count);
/* SMARTMAP: reads what `from` is in another rank, whose memory is laid out as ours. */
void peer_read(int peer, void *to, const void *from, unsigned bytes);

#endif
