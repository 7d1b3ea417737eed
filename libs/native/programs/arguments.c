#include "platform.h"

int argument(int index, int otherwise) {
  const char *text = argument_text(index);
  if (!text) return otherwise;
  int value = 0;
  do {
    if (*text < '0' || *text > '9' || value > 99999999) {
      print_error("an argument is not a number from 0 to 999999999\n");
      finish(2);
    }
    value = value * 10 + (*text++ - '0');
  } while (*text);
  return value;
}
