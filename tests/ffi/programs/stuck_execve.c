/*
 * A child that hangs in execve(2): its second thread executes a program, and waits until the third
 * one is reaped. This process traces that one, and does not reap it before it ends itself.
 *
 * Prints "PID TID" of the child and of the thread that executes, and exits with 7 after a line.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <unistd.h>

static int here[2], there[2];
static pid_t executing_tid;

static void *sleeping(void *unused) {
  pid_t tids[2] = {executing_tid, gettid()};
  if (write(here[1], tids, sizeof tids) != sizeof tids) _exit(2);
  for (;;) pause();
  return unused;
}

static void *executing(void *unused) {
  char go;
  executing_tid = gettid();
  pthread_t id;
  if (pthread_create(&id, NULL, sleeping, NULL) != 0) _exit(2);
  if (read(there[0], &go, 1) != 1) _exit(2);
  execl("/bin/true", "true", NULL);
  _exit(2);
  return unused;
}

int main(void) {
  alarm(60);
  if (pipe(here) != 0 || pipe(there) != 0) return 2;
  pid_t child = fork();
  if (child == 0) {
    pthread_t id;
    alarm(60);
    if (pthread_create(&id, NULL, executing, NULL) != 0) _exit(2);
    for (;;) pause();
  }
  pid_t tids[2];
  if (read(here[0], tids, sizeof tids) != sizeof tids) return 2;
  if (ptrace(PTRACE_SEIZE, tids[1], 0, 0) != 0) return 2;
  if (write(there[1], "x", 1) != 1) return 2;
  printf("%d %d\n", child, tids[0]);
  fflush(stdout);
  char line[8];
  if (read(0, line, sizeof line) < 0) return 2;
  return 7;
}
