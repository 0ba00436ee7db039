/*
 * A process that sleeps in a system call while a tracer stops it, under a filter of system calls.
 *
 *     interrupted CALL NUMBER ACTION [late]
 *
 * The filter answers call NUMBER with ACTION (SECCOMP_RET_…, hexadecimal), and allows all others.
 * CALL is `poll`, `nanosleep` or `futex`, which last a second, or `read`, which waits for a byte on
 * standard input. With `late`, another thread installs the filter on both once the call has begun.
 *
 * It prints "ready", and after the call its result and errno, such as "-1 4".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static char **words;

static void install_filter(void) {
  struct sock_filter instructions[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, atoi(words[2]), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, strtoul(words[3], NULL, 16)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = 4, .filter = instructions};
  unsigned flags = SECCOMP_FILTER_FLAG_TSYNC;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(2);
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) != 0) _exit(2);
}

static void ready(void) {
  if (write(1, "ready\n", 6) != 6) _exit(2);
}

static void *install_late(void *unused) {
  usleep(50000); /* the call has begun */
  install_filter();
  ready();
  pause();
  return unused;
}

static int call(void) {
  static int word;
  struct timespec time = {.tv_sec = 1};
  char byte;
  if (strcmp(words[1], "poll") == 0) return poll(NULL, 0, 1000);
  if (strcmp(words[1], "nanosleep") == 0) return nanosleep(&time, NULL);
  if (strcmp(words[1], "futex") == 0) return syscall(SYS_futex, &word, FUTEX_WAIT, 0, &time);
  if (strcmp(words[1], "read") == 0) return read(0, &byte, 1);
  _exit(2);
}

int main(int count, char **given) {
  if (count < 4) return 2;
  words = given;
  alarm(60);
  pthread_t other;
  if (count == 4) {
    install_filter();
    ready();
  } else if (pthread_create(&other, NULL, install_late, NULL) != 0) return 2;
  errno = 0;
  int result = call();
  printf("%d %d\n", result, errno);
  fflush(stdout);
  _exit(7);
}
