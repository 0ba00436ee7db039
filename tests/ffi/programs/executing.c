/*
 * A process that executes itself from its second thread, again and again, and exits with 7.
 *
 *     executing TIMES
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int left;

static void *sleeping(void *unused) {
  for (;;) pause();
  return unused;
}

static void *executing(void *unused) {
  char words[16];
  usleep(1000);
  snprintf(words, sizeof words, "%d", left - 1);
  execl("/proc/self/exe", "executing", words, NULL);
  _exit(2);
  return unused;
}

int main(int count, char **words) {
  if (count < 2) return 2;
  alarm(60);
  left = atoi(words[1]);
  if (left == 0) return 7;
  pthread_t id;
  if (pthread_create(&id, NULL, executing, NULL) != 0) return 2;
  for (int i = 0; i < 4; i++) pthread_create(&id, NULL, sleeping, NULL);
  for (;;) pause();
}
