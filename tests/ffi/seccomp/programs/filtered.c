/*
 * Installs the filter in the file FILTER (none for "-"), calls getpid by one of the kernel's three
 * system call interfaces, and prints "its pid" or the error.
 *
 *     filtered FILTER native     the interface of 64-bit programs
 *     filtered FILTER i386       that of 32-bit programs: int $0x80
 *     filtered FILTER x32        that of x32 programs
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static long call(const char *abi) {
  if (strcmp(abi, "i386") == 0) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
    return result;
  }
  long result = syscall(SYS_getpid | (strcmp(abi, "x32") == 0 ? 0x40000000L : 0));
  return result == -1 ? -errno : result;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  if (strcmp(argv[1], "-") != 0) {
    static struct sock_filter instructions[BPF_MAXINSNS];
    FILE *file = fopen(argv[1], "rb");
    if (file == NULL) return 3;
    size_t length = fread(instructions, sizeof *instructions, BPF_MAXINSNS, file);
    struct sock_fprog program = {.len = length, .filter = instructions};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 4;
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) return 5;
  }
  long result = call(argv[2]);
  puts(result == getpid() ? "its pid" : strerror(-result));
  return 0;
}
