/*
 * Asks the kernel what stacks of filters answer to system calls.
 *
 *     filter_answers FILE
 *
 * FILE is a sequence of cases, in words of 32 bits: the number of filters; of each filter the
 * number of instructions and the instructions; the number of calls; of each call its number and six
 * arguments of two words, the low one first.
 *
 * The first line printed is the address behind the instruction that calls. Then comes a line for
 * each call:
 *
 *     refused          seccomp(2) refused a filter of the case with EINVAL
 *     allowed          the call had its own result
 *     errno N          it failed, or returned 0 (N = 0)
 *     trap N           SIGSYS with si_errno N
 *     kill-thread      the calling thread is gone
 *     kill-process     the process is gone
 *
 * The filters must allow every call but getpid, getppid, and numbers that the kernel does not have.
 * Each call is made by a thread of its own; the filters are in a process of their own, and after
 * that was killed a new one continues with the next call.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_CALLS = 4096, WORDS_OF_CALL = 13 };
enum outcome { PENDING, REFUSED, ALLOWED, RETURNED, TRAPPED, THREAD_KILLED, PROCESS_KILLED };

struct answer {
  enum outcome outcome;
  int64_t number;
};

/* A call for a thread. */
struct job {
  const uint32_t *words;
  struct answer *answer;
};

static struct answer *answers; /* shared with the children */
static pid_t own_pid, parent_pid;
static __thread struct answer *trap;

extern char behind_the_call[];

__attribute__((noinline, noclone)) static int64_t call(int64_t number, const uint64_t *args) {
#if defined(__x86_64__)
  register uint64_t r10 __asm__("r10") = args[3];
  register uint64_t r8 __asm__("r8") = args[4];
  register uint64_t r9 __asm__("r9") = args[5];
  int64_t result;
  __asm__ volatile(
      "syscall\n"
      ".globl behind_the_call\n"
      "behind_the_call:"
      : "=a"(result)
      : "a"(number), "D"(args[0]), "S"(args[1]), "d"(args[2]), "r"(r10), "r"(r8), "r"(r9)
      : "memory", "rcx", "r11");
  return result;
#elif defined(__aarch64__)
  register uint64_t x8 __asm__("x8") = number;
  register uint64_t x0 __asm__("x0") = args[0];
  register uint64_t x1 __asm__("x1") = args[1];
  register uint64_t x2 __asm__("x2") = args[2];
  register uint64_t x3 __asm__("x3") = args[3];
  register uint64_t x4 __asm__("x4") = args[4];
  register uint64_t x5 __asm__("x5") = args[5];
  __asm__ volatile(
      "svc #0\n"
      ".globl behind_the_call\n"
      "behind_the_call:"
      : "+r"(x0)
      : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
      : "memory");
  return x0;
#endif
}

static void trapped(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)context;
  *trap = (struct answer){TRAPPED, info->si_errno};
}

static void *make_call(void *argument) {
  const struct job *job = argument;
  uint64_t args[6];
  memcpy(args, job->words + 1, sizeof args);
  trap = job->answer;
  int32_t number = job->words[0];
  int64_t result = call(number, args);
  if (job->answer->outcome == TRAPPED) return NULL;
  int is_its_own = (number == SYS_getpid && result == own_pid) ||
                   (number == SYS_getppid && result == parent_pid);
  *job->answer = (struct answer){is_its_own ? ALLOWED : RETURNED, result};
  return NULL;
}

/* The child: installs the filters, and makes the calls from `first` on. */
static void make_calls(const uint32_t *filters, const uint32_t *calls, uint32_t first) {
  own_pid = getpid();
  parent_pid = getppid();
  struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO};
  if (sigaction(SIGSYS, &action, NULL) != 0) _exit(3);
  /* No core dump of the killed. */
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0) _exit(4);
  for (uint32_t left = *filters++; left > 0; left--, filters += 1 + 2 * filters[0]) {
    struct sock_fprog program = {.len = filters[0], .filter = (void *)(filters + 1)};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0) continue;
    if (errno != EINVAL) _exit(5);
    for (uint32_t i = 0; i < calls[0]; i++) answers[i].outcome = REFUSED;
    _exit(0);
  }
  for (uint32_t i = first; i < calls[0]; i++) {
    struct job job = {calls + 1 + WORDS_OF_CALL * i, answers + i};
    pthread_t thread;
    if (pthread_create(&thread, NULL, make_call, &job) != 0) _exit(6);
    pthread_join(thread, NULL);
    if (answers[i].outcome == PENDING) answers[i].outcome = THREAD_KILLED;
  }
  _exit(0);
}

static void print(const struct answer *answer) {
  switch (answer->outcome) {
    case REFUSED: puts("refused"); break;
    case ALLOWED: puts("allowed"); break;
    case RETURNED: printf("errno %lld\n", (long long)-answer->number); break;
    case TRAPPED: printf("trap %lld\n", (long long)answer->number); break;
    case THREAD_KILLED: puts("kill-thread"); break;
    case PROCESS_KILLED: puts("kill-process"); break;
    case PENDING: puts("no answer"); break;
  }
}

/* Asks one case. Returns the words behind it. */
static const uint32_t *ask(const uint32_t *filters) {
  const uint32_t *calls = filters + 1;
  for (uint32_t i = 0; i < filters[0]; i++) calls += 1 + 2 * calls[0];
  if (calls[0] > MOST_CALLS) exit(7);
  memset(answers, 0, calls[0] * sizeof *answers);
  for (uint32_t next = 0; next < calls[0]; next++) {
    if (answers[next].outcome != PENDING) continue;
    pid_t child = fork();
    if (child == 0) make_calls(filters, calls, next);
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child) exit(8);
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) exit(10 + WEXITSTATUS(status));
    while (next < calls[0] && answers[next].outcome != PENDING) next++;
    if (WIFEXITED(status)) break;
    if (WTERMSIG(status) != SIGSYS) exit(9);
    if (next < calls[0]) answers[next].outcome = PROCESS_KILLED;
  }
  for (uint32_t i = 0; i < calls[0]; i++) print(answers + i);
  return calls + 1 + WORDS_OF_CALL * calls[0];
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  FILE *file = fopen(argv[1], "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) return 2;
  long size = ftell(file);
  rewind(file);
  uint32_t *words = malloc(size);
  if (words == NULL || fread(words, 1, size, file) != (size_t)size) return 2;
  answers = mmap(NULL, MOST_CALLS * sizeof *answers, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (answers == MAP_FAILED) return 2;
  setvbuf(stdout, NULL, _IOFBF, 1 << 16);
  printf("%llu\n", (unsigned long long)(uintptr_t)behind_the_call);
  fflush(stdout); /* or the children would have it too */
  for (const uint32_t *next = words; next < words + size / 4;) next = ask(next);
  return 0;
}
