/*
 * A process in which a tracer makes system calls, and which checks that they change nothing. It
 * prints "ready", runs the check that its argument names, and exits with 7 if the check holds.
 *
 *     asked signals N    a child of its own queues N signals to it, while it computes and waits:
 *                        every signal arrives, in order
 *     asked waits        waits by nanosleep(2) and poll(2): each wait lasts its full time
 *     asked intact       reads a line; then SIGUSR1 is blocked and pending, no other signal is, and
 *                        one SIGSEGV was handled
 *     asked filtered     becomes nobody under a filter that fails socket(2) with errno 42 and traps
 *                        getppid(2), and reads a line; no trap has come by then
 *     asked strict       becomes nobody in strict mode (seccomp), and reads a line
 *     asked leader       its first thread ends, and another reads a line
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t received, out_of_order;

static void in_order(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)context;
  if (info->si_value.sival_int != received) out_of_order = 1;
  received++;
}

static void on(int signal, void (*handler)(int, siginfo_t *, void *)) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
  if (sigaction(signal, &action, NULL) != 0) exit(2);
}

static void ready(void) {
  if (write(1, "ready\n", 6) != 6) exit(2);
}

static void await_line(void) {
  char byte;
  if (read(0, &byte, 1) != 1) exit(3);
}

static void queue(pid_t receiver, int count) {
  for (int i = 0; i < count; i++) {
    while (sigqueue(receiver, SIGRTMIN, (union sigval){.sival_int = i}) != 0) {
      if (errno != EAGAIN) exit(2);
    }
    usleep(100);
  }
  exit(0);
}

static unsigned long computed(void) {
  unsigned long a = 1, b = 2, c = 3, d = 4, e = 5, f = 6;
  double x = 1;
  for (int i = 0; i < 2000; i++) {
    a += b * 3, b ^= c + 5, c += d * 7, d ^= e + 11, e += f * 13, f ^= a + 17;
    x = x * 1.0000001 + 0.5;
  }
  return a ^ b ^ c ^ d ^ e ^ f ^ (unsigned long)x;
}

static int signals(int count) {
  on(SIGRTMIN, in_order);
  pid_t receiver = getpid();
  if (fork() == 0) queue(receiver, count);
  alarm(60);
  ready();
  unsigned long expected = computed();
  sigset_t none, queued;
  sigemptyset(&none);
  sigemptyset(&queued);
  sigaddset(&queued, SIGRTMIN);
  for (int round = 0; received < count; round++) {
    if (out_of_order || computed() != expected) return 1;
    if (round % 8 != 0) continue;
    sigprocmask(SIG_BLOCK, &queued, NULL);
    if (received < count) sigsuspend(&none);
    sigprocmask(SIG_UNBLOCK, &queued, NULL);
  }
  return out_of_order ? 1 : 7;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static int waits(void) {
  ready();
  for (int round = 0; round < 5; round++) {
    double before = now();
    if (nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL) != 0) return 1;
    if (now() - before < 0.1) return 1;
    before = now();
    if (poll(NULL, 0, 100) != 0) return 1;
    if (now() - before < 0.1) return 1;
  }
  return 7;
}

static int intact(void) {
  on(SIGSEGV, in_order);
  sigset_t blocked, mask, pending;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  sigprocmask(SIG_SETMASK, &blocked, NULL);
  ready();
  await_line();
  sigprocmask(SIG_BLOCK, NULL, &mask);
  sigpending(&pending);
  for (int signal = 1; signal < SIGRTMIN; signal++) {
    if (sigismember(&mask, signal) != (signal == SIGUSR1)) return 1;
    if (sigismember(&pending, signal) != (signal == SIGUSR1)) return 1;
  }
  return received == 1 ? 7 : 1;
}

static int filtered(void) {
  struct sock_filter instructions[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 42),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = 6, .filter = instructions};
  on(SIGSYS, in_order);
  if (setgroups(0, NULL) != 0 || setresgid(65534, 65534, 65534) != 0) return 2;
  if (setresuid(65534, 65534, 65534) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 2;
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) return 2;
  ready();
  await_line();
  if (received != 0) return 1;
  getppid();
  return received == 1 ? 7 : 1; /* the handler is still there */
}

static int strict(void) {
  if (setgroups(0, NULL) != 0 || setresgid(65534, 65534, 65534) != 0) return 2;
  if (setresuid(65534, 65534, 65534) != 0) return 2;
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) return 2;
  ready();
  await_line();
  syscall(SYS_exit, 7); /* exit_group(2) would kill it */
  return 1;
}

static void *other_thread(void *first) {
  pthread_join(*(pthread_t *)first, NULL);
  ready();
  await_line();
  exit(7);
}

static int leader(void) {
  static pthread_t first, other;
  first = pthread_self();
  if (pthread_create(&other, NULL, other_thread, &first) != 0) return 2;
  pthread_exit(NULL);
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  if (strcmp(argv[1], "signals") == 0) return signals(atoi(argv[2]));
  if (strcmp(argv[1], "waits") == 0) return waits();
  if (strcmp(argv[1], "intact") == 0) return intact();
  if (strcmp(argv[1], "filtered") == 0) return filtered();
  if (strcmp(argv[1], "strict") == 0) return strict();
  if (strcmp(argv[1], "leader") == 0) return leader();
  return 2;
}
