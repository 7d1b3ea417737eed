#include "platform.h"

void print_integer(long value) {
  char text[24];
  int at = sizeof text;
  unsigned long rest = value < 0 ? 0UL - (unsigned long)value : (unsigned long)value;
  text[--at] = 0;
  do text[--at] = (char)('0' + rest % 10);
  while (rest /= 10);
  if (value < 0) text[--at] = '-';
  print(text + at);
}

/* Up to 9 decimals; a value of 2^31 or more is printed without them. */
void print_number(double value, int decimals) {
  double scale = 1;
  char text[12];
  if (value != value) {
    print("nan");
    return;
  }
  if (value < 0) {
    print("-");
    value = -value;
  }
  if (value >= 2147483647.0) {
    int thousands = 0;
    for (; value >= 1e9; value /= 1000) thousands++;
    print_integer((long)value);
    while (thousands--) print("000");
    return;
  }
  for (int i = 0; i < decimals; i++) scale *= 10;
  value += 0.5 / scale;
  long whole = (long)value;
  print_integer(whole);
  if (decimals == 0) return;
  long part = (long)((value - (double)whole) * scale);
  for (int i = decimals; i > 0; i--, part /= 10) text[i] = (char)('0' + part % 10);
  text[0] = '.';
  text[decimals + 1] = 0;
  print(text);
}
