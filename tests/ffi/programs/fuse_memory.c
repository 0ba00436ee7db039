/*
 * A process whose memory cannot be read: over part of its command line, and over the instruction by
 * which its second thread sleeps, it has mapped a file of a FUSE file system that never answers a
 * read. The mount is in a namespace of its own.
 *
 *     fuse_memory FOLDER [without-vdso]
 *
 * Prints "ready", and exits with 7 after a line. After 20 s the file system ends, and reads fail.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <signal.h>
#include <unistd.h>

enum { SIZE = 4096, FILE_NODE = 2 };

static struct fuse_attr attributes(__u64 node) {
  struct fuse_attr attr = {.ino = node, .nlink = 1, .size = SIZE};
  attr.mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0755;
  return attr;
}

static void serve(int fd) {
  static char request[1 << 17];
  for (;;) {
    if (read(fd, request, sizeof request) < 0) {
      if (errno == EINTR || errno == ENOENT) continue;
      _exit(0);
    }
    struct fuse_in_header *in = (void *)request;
    struct {
      struct fuse_out_header head;
      union {
        struct fuse_init_out init;
        struct fuse_entry_out entry;
        struct fuse_attr_out attr;
        struct fuse_open_out open;
      } body;
    } out;
    memset(&out, 0, sizeof out);
    size_t length = 0;
    switch (in->opcode) {
      case FUSE_READ:
      case FUSE_INTERRUPT:
      case FUSE_FORGET:
        continue;
      case FUSE_INIT:
        out.body.init.major = FUSE_KERNEL_VERSION;
        out.body.init.minor = FUSE_KERNEL_MINOR_VERSION;
        out.body.init.max_write = SIZE;
        length = sizeof out.body.init;
        break;
      case FUSE_LOOKUP:
        out.body.entry.nodeid = FILE_NODE;
        out.body.entry.attr = attributes(FILE_NODE);
        length = sizeof out.body.entry;
        break;
      case FUSE_GETATTR:
        out.body.attr.attr = attributes(in->nodeid);
        length = sizeof out.body.attr;
        break;
      case FUSE_OPEN:
        length = sizeof out.body.open;
        break;
      default:
        out.head.error = -ENOSYS;
    }
    out.head.len = sizeof out.head + length;
    out.head.unique = in->unique;
    if (write(fd, &out, out.head.len) < 0) _exit(1);
  }
}

static void *sleeping(void *code) {
  ((void (*)(void))code)();
  return NULL;
}

static void unmap_vdso(void) {
  char line[512];
  FILE *maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps) != NULL) {
    unsigned long start, end;
    if (strstr(line, "[vdso]") == NULL) continue;
    if (sscanf(line, "%lx-%lx", &start, &end) == 2) munmap((void *)start, end - start);
    break;
  }
  fclose(maps);
}

int main(int count, char **words) {
  if (count < 2) return 2;
  static char filler[3 * SIZE];
  if (count < 3 || strlen(words[2]) < sizeof filler - 1) {
    memset(filler, 'x', sizeof filler - 1);
    execl("/proc/self/exe", words[0], words[1], filler, words[2], NULL);
    return 2;
  }
  if (unshare(CLONE_NEWNS) != 0) return 2;
  char options[128], path[256];
  int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return 2;
  if (fuse < 0 || mount("fuse", words[1], "fuse", 0, options) != 0) return 2;
  if (fork() == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(20);
    serve(fuse);
  }
  close(fuse);
  snprintf(path, sizeof path, "%s/file", words[1]);
  int file = open(path, O_RDONLY);
  if (file < 0) return 2;

#if defined(__x86_64__)
  static const unsigned char pausing[] = {0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7};
#else
#error "no code for this architecture"
#endif
  int rwx = PROT_READ | PROT_WRITE | PROT_EXEC;
  char *code = mmap(NULL, SIZE, rwx, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(code, pausing, sizeof pausing);
  pthread_t id;
  if (pthread_create(&id, NULL, sleeping, code) != 0) return 2;
  usleep(50000);
  int fixed = MAP_PRIVATE | MAP_FIXED;
  if (mmap(code, SIZE, PROT_READ | PROT_EXEC, fixed, file, 0) == MAP_FAILED) return 2;

  char *page = (char *)(((unsigned long)words[2] + SIZE) & ~(SIZE - 1UL));
  if (mmap(page, SIZE, PROT_READ, fixed, file, 0) == MAP_FAILED) return 2;
  if (count > 3) unmap_vdso();
  char line[8];
  if (write(1, "ready\n", 6) != 6 || read(0, line, sizeof line) < 0) return 2;
  return 7;
}
