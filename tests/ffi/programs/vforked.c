/*
 * A process that cannot stop for a tracer until a line comes: it waits in vfork(2) for a child,
 * which reads that line. It prints "ready" before the line and "on" after it, and exits with 7 at
 * the second line.
 */
#include <unistd.h>

int main(void) {
  char byte;
  if (vfork() == 0) {
    if (write(1, "ready\n", 6) != 6 || read(0, &byte, 1) != 1) _exit(1);
    _exit(0);
  }
  if (write(1, "on\n", 3) != 3) return 1;
  return read(0, &byte, 1) < 0 ? 1 : 7;
}
