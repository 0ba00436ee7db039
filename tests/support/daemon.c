/*
 * A daemon for tests of the inspection, which does whatever its words name: see daemon.ts.
 *
 * Every word acts on the thread that runs it, by raw system calls: threads that are started later
 * inherit the result, and the others are not affected. The process ends after 60 s, or when its
 * standard input is closed.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LIFETIME = 60, WORDS = 256, LINE = 65536 };

static char **arguments;
static int ring = -1;
static int above = -1; /* where the process above waits until the words of this one are done */
static __thread sem_t *started; /* posted once the words of a thread are done */

static void fail(const char *word) {
  fprintf(stderr, "%s: %s\n", word, strerror(errno));
  _exit(1);
}

static long must(const char *word, long result) {
  if (result < 0) fail(word);
  return result;
}

/* The comma-separated numbers of a word, decimal or hexadecimal. Returns how many there are. */
static int numbers(char *text, unsigned long long *into, int most) {
  int count = 0;
  for (char *each = text; each != NULL && *each != 0 && count < most;) {
    into[count++] = strtoull(each, &each, 0);
    if (*each == ',') each++;
  }
  return count;
}

/* The first process of a PID namespace ignores signals that it does not handle. */
static void end(int signal) {
  _exit(128 + signal);
}

static void wait_for_the_end(void) {
  struct pollfd input = {.fd = 0, .events = 0};
  while (poll(&input, 1, -1) < 0 && errno == EINTR);
  _exit(0);
}

static void set_capabilities(const char *word, unsigned long long *sets) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  for (int half = 0; half < 2; half++) {
    data[half].effective = sets[0] >> (32 * half);
    data[half].permitted = sets[1] >> (32 * half);
    data[half].inheritable = sets[2] >> (32 * half);
  }
  must(word, syscall(SYS_capset, &header, data));
}

static void set_groups(const char *word, unsigned long long *numbers, int count) {
  gid_t groups[1024];
  for (int i = 0; i < count; i++) groups[i] = numbers[i];
  must(word, syscall(SYS_setgroups, count, groups));
}

static void open_packet_socket(const char *word, unsigned ifindex) {
  int fd = must(word, socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (ifindex == 0) return;
  struct sockaddr_ll address = {
      .sll_family = AF_PACKET, .sll_protocol = htons(3), .sll_ifindex = ifindex};
  must(word, bind(fd, (struct sockaddr *)&address, sizeof address));
}

static void send_into_flight(const char *word, int fd) {
  int pair[2];
  must(word, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair));
  char byte = 0;
  struct iovec payload = {&byte, 1};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof fd)];
  } control = {.header = {CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS}};
  memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
  struct msghdr message = {.msg_iov = &payload, .msg_iovlen = 1, .msg_control = &control,
                           .msg_controllen = sizeof control};
  must(word, sendmsg(pair[0], &message, 0));
  close(fd);
}

static void map_packet_ring(const char *word, int fd) {
  struct tpacket_req request = {4096, 1, 2048, 2};
  must(word, setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof request));
  if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED) fail(word);
  close(fd);
}

static void make_ring(const char *word, unsigned flags) {
  struct io_uring_params parameters = {.flags = flags, .sq_thread_idle = 60000};
  ring = must(word, syscall(SYS_io_uring_setup, 4, &parameters));
}

static void register_files(const char *word, unsigned long long *numbers, int count) {
  int files[16];
  for (int i = 0; i < count; i++) files[i] = numbers[i];
  must(word, syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, files, count));
}

/*
 * A ring that shows nowhere, with the credentials of the thread: its descriptor is registered
 * and closed, and its memory is that of the process. The values are those of linux/io_uring.h,
 * which may be older here.
 */
static void make_ring_without_trace(const char *word) {
  enum { NO_MMAP = 1 << 14, NO_SQARRAY = 1 << 16, REGISTER_RING_FDS = 20 };
  enum { SIZE = 65536, USER_ADDRESS = 32 /* in both structures of offsets */ };
  struct io_uring_params parameters = {.flags = NO_MMAP | NO_SQARRAY};
  for (int i = 0; i < 2; i++) {
    void *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) fail(word);
    char *offsets = i == 0 ? (char *)&parameters.sq_off : (char *)&parameters.cq_off;
    memcpy(offsets + USER_ADDRESS, &memory, sizeof memory);
  }
  ring = must(word, syscall(SYS_io_uring_setup, 4, &parameters));
  must(word, syscall(SYS_io_uring_register, ring, IORING_REGISTER_PERSONALITY, NULL, 0));
  struct { unsigned offset, resv; unsigned long long data; } update = {-1U, 0, ring};
  must(word, syscall(SYS_io_uring_register, ring, REGISTER_RING_FDS, &update, 1));
  close(ring);
}

static void install_filter(const char *word, const char *hex, unsigned flags) {
  static unsigned char bytes[8 * BPF_MAXINSNS];
  size_t length = 0;
  for (; hex[2 * length] != 0; length++) sscanf(hex + 2 * length, "%2hhx", &bytes[length]);
  struct sock_fprog program = {length / 8, (struct sock_filter *)bytes};
  must(word, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
}

/* A filter that leaves getpgid(2) to whoever holds the descriptor that is returned. */
static long answering_descriptor(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0 /* the number of the call */),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgid, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof *code, code};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

/* Makes a terminal, and has it control the session, of which this process is the first. */
static void take_terminal(const char *word) {
  int above = must(word, posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  must(word, grantpt(above));
  must(word, unlockpt(above));
  must(word, open(ptsname(above), O_RDWR | O_CLOEXEC));
}

struct start {
  char **words;
  int count;
  sem_t done;
};

static void run(char **words, int count);

static void *thread(void *argument) {
  struct start *start = argument;
  started = &start->done;
  run(start->words, start->count);
  sem_post(&start->done);
  for (;;) pause();
  return NULL;
}

static void start_thread(const char *word, char **words, int count) {
  struct start start = {.words = words, .count = count};
  sem_init(&start.done, 0, 0);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 65536);
  pthread_t id;
  if ((errno = pthread_create(&id, &attributes, thread, &start)) != 0) fail(word);
  while (sem_wait(&start.done) < 0);
}

static void start_process(const char *word, char **words, int count) {
  int ready[2];
  must(word, pipe(ready));
  if (must(word, fork()) == 0) {
    alarm(LIFETIME);
    close(above);
    above = ready[1];
    close(ready[0]);
    run(words, count);
    close(above);
    above = -1;
    wait_for_the_end();
  }
  char byte;
  close(ready[1]);
  while (read(ready[0], &byte, 1) < 0);
  close(ready[0]);
}

static void *serve(void *unused);

/* A thread that starts another one like it, and ends: one of them is always there. */
static void *relay(void *unused) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t next;
  while (pthread_create(&next, &attributes, relay, NULL) != 0);
  return unused;
}

static void set_blocked(int how) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(how, &set, NULL);
}

static char *on_signal;

static void act_on_signal(int signal) {
  (void)signal;
  run((char *[]){on_signal}, 1);
}

/* Processes with the same memory that live for a moment, one after the other, as above. */
static int relay_of_processes(void *unused) {
  enum { STACKS = 64, SIZE = 16384, LIVES = 20000 };
  static char stacks[STACKS][SIZE] __attribute__((aligned(16)));
  static int lives;
  static pid_t owner;
  if (lives == 0) owner = getpid();
  usleep(200);
  if (++lives < LIVES && (lives == 1 || getppid() == owner)) /* ends with the daemon */
    clone(relay_of_processes, stacks[lives % STACKS] + SIZE,
          CLONE_VM | (lives > 1 ? CLONE_PARENT : 0) | SIGCHLD, NULL);
  if (lives > 1) syscall(SYS_exit, 0);
  return unused != NULL;
}

/* Runs one word with its value. Returns whether there is such a word. */
static int act(const char *word, char *value) {
  unsigned long long n[1024] = {0};
  int count = value == NULL ? 0 : numbers(value, n, 1024);
#define IS(name) (strcmp(word, name) == 0)
  if (IS("name")) must(word, prctl(PR_SET_NAME, value));
  else if (IS("groups")) set_groups(word, n, count);
  else if (IS("gid")) must(word, syscall(SYS_setresgid, n[0], n[0], n[0]));
  else if (IS("uid")) must(word, syscall(SYS_setresuid, n[0], n[0], n[0]));
  else if (IS("uids")) must(word, syscall(SYS_setresuid, n[0], n[1], n[2]));
  else if (IS("keep-capabilities")) must(word, prctl(PR_SET_KEEPCAPS, 1));
  else if (IS("capabilities")) set_capabilities(word, n);
  else if (IS("empty-bounding-set"))
    for (int bit = 0; bit < 64; bit++) prctl(PR_CAPBSET_DROP, bit);
  else if (IS("no-new-privs")) must(word, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  else if (IS("parent-death-signal")) must(word, prctl(PR_SET_PDEATHSIG, n[0]));
  else if (IS("dumpable")) must(word, prctl(PR_SET_DUMPABLE, n[0]));
  else if (IS("unshare")) must(word, unshare(n[0]));
  else if (IS("chroot")) must(word, chroot(value));
  else if (IS("setsid")) must(word, setsid());
  else if (IS("open")) must(word, open(value, O_RDWR | O_CLOEXEC));
  else if (IS("open-path")) must(word, open(value, O_PATH | O_CLOEXEC));
  else if (IS("terminal")) take_terminal(word);
  else if (IS("userfaultfd")) must(word, syscall(SYS_userfaultfd, O_CLOEXEC));
  else if (IS("answer-calls")) must(word, answering_descriptor());
  else if (IS("create")) must(word, open(value, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  else if (IS("unlink")) must(word, unlink(value));
  else if (IS("close")) must(word, close(n[0]));
  else if (IS("close-from")) must(word, syscall(SYS_close_range, n[0], ~0U, 0));
  else if (IS("copies")) for (; n[1] > 0; n[1]--) must(word, fcntl(n[0], F_DUPFD_CLOEXEC, 3));
  else if (IS("descriptor-limit"))
    must(word, setrlimit(RLIMIT_NOFILE, &(struct rlimit){n[0], n[0]}));
  else if (IS("packet")) open_packet_socket(word, n[0]);
  else if (IS("raw")) must(word, socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  else if (IS("in-flight")) send_into_flight(word, n[0]);
  else if (IS("map-ring")) map_packet_ring(word, n[0]);
  else if (IS("io-uring")) make_ring(word, n[0]);
  else if (IS("ring-files")) register_files(word, n, count);
  else if (IS("ring-personality"))
    must(word, syscall(SYS_io_uring_register, ring, IORING_REGISTER_PERSONALITY, NULL, 0));
  else if (IS("ring-without-trace")) make_ring_without_trace(word);
  else if (IS("filter")) install_filter(word, value, 0);
  else if (IS("filter-everywhere")) install_filter(word, value, SECCOMP_FILTER_FLAG_TSYNC);
  else if (IS("write-execute")) {
    for (; n[0] > 0; n[0]--) {
      void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (page == MAP_FAILED) fail(word);
      mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* keeps them apart */
    }
  } else if (IS("threads")) {
    for (; n[0] > 0; n[0]--) start_thread(word, NULL, 0);
  } else if (IS("relay")) {
    relay(NULL);
  } else if (IS("vfork")) {
    if (must(word, vfork()) == 0) {
      alarm(LIFETIME);
      close(above);
      sem_post(started);
      wait_for_the_end();
    }
  } else if (IS("relay-of-processes")) {
    signal(SIGCHLD, SIG_IGN); /* they are not to be reaped */
    relay_of_processes(NULL);
  } else if (IS("share-descriptors")) {
    if (must(word, syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0)) == 0) {
      alarm(LIFETIME);
      wait_for_the_end();
    }
  } else if (IS("execute")) {
    char *again[] = {arguments[0], "on-signal=execute", NULL};
    set_blocked(SIG_BLOCK); /* until the new program can handle it */
    must(word, execv("/proc/self/exe", again));
  } else if (IS("on-signal")) {
    on_signal = value;
    signal(SIGUSR1, act_on_signal);
    set_blocked(SIG_UNBLOCK);
  } else if (IS("exit")) {
    _exit(0);
  } else if (IS("end-leader")) {
    pthread_t id;
    if ((errno = pthread_create(&id, NULL, serve, NULL)) != 0) fail(word);
    syscall(SYS_exit, 0);
  } else return 0;
  return 1;
}

/* Runs words; those between `thread` or `fork` and its `end` in a thread or process of their own. */
static void run(char **words, int count) {
  for (int at = 0; at < count; at++) {
    char *word = words[at];
    if (strcmp(word, "thread") == 0 || strcmp(word, "fork") == 0) {
      int end = at, depth = 0;
      do {
        if (end == count) errno = EINVAL, fail(word);
        if (strcmp(words[end], "thread") == 0 || strcmp(words[end], "fork") == 0) depth++;
        if (strcmp(words[end], "end") == 0) depth--;
      } while (end++, depth > 0);
      (*word == 't' ? start_thread : start_process)(word, words + at + 1, end - at - 2);
      at = end - 1;
      continue;
    }
    char name[64] = {0};
    char *value = strchr(word, '=');
    strncpy(name, word, value == NULL ? sizeof name - 1 : (size_t)(value - word) % sizeof name);
    if (!act(name, value == NULL ? NULL : value + 1)) errno = EINVAL, fail(word);
  }
}

/* Answers `ready`, then runs each line of words from standard input and answers again. */
static void *serve(void *unused) {
  static char line[LINE];
  for (;;) {
    must("write", write(1, "ready\n", 6));
    size_t length = 0;
    do {
      ssize_t got = read(0, line + length, 1);
      if (got == 0) _exit(0);
      if (got < 0) continue;
    } while (line[length] != '\n' && ++length < sizeof line - 1);
    line[length] = 0;
    char *words[WORDS], *rest = line;
    int count = 0;
    while (count < WORDS && (words[count] = strsep(&rest, "\t")) != NULL) count++;
    run(words, count);
  }
  return unused;
}

int main(int count, char **given) {
  arguments = given;
  setsid(); /* away from the terminal of the tests, which is another way back to root */
  signal(SIGALRM, end);
  alarm(LIFETIME);
  run(given + 1, count - 1);
  serve(NULL);
}
