// Makes prctl(PR_GET_DUMPABLE) under a filter that refuses its number and does not look at the
// architecture: once as a 64-bit program does, once by the number and the gate of 32-bit programs.
// Prints both results; -1 if the call is refused.

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
  struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_prctl, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 1;
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return 1;

  int by_64_bits = prctl(PR_GET_DUMPABLE);
  int by_32_bits;
  __asm__ volatile("int $0x80"
                   : "=a"(by_32_bits)
                   : "a"(172), "b"(PR_GET_DUMPABLE), "c"(0), "d"(0), "S"(0), "D"(0)
                   : "memory", "r8", "r9", "r10", "r11");
  printf("%d %d\n", by_64_bits, by_32_bits < 0 ? -1 : by_32_bits);
  return 0;
}
