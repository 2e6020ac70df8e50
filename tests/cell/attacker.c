/* A filter for HDF5 that tries all that a cell forbids. Of each attempt it writes the result and errno into the chunk. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

extern char **environ;
enum { RESULTS = 64 };
static int results[RESULTS], count;

static void note(long result) { int error = errno; results[count++] = (int)result; results[count++] = result < 0 ? error : 0; errno = 0; }

static void try_open(const char *path, int flags) {
  int fd = open(path, flags, 0600);
  note(fd);
  if (fd >= 0) close(fd);
}

static void secret(char *found) { /* the secret is not to be in memory because it is looked for */
  const char *hidden = HIDDEN;
  size_t n = strlen(hidden);
  for (size_t i = 0; i < n; i++) found[i] = hidden[i] ^ 1;
  found[n] = 0;
}

static int in_memory(void) {
  char wanted[256], line[512];
  int found = 0;
  secret(wanted);
  FILE *maps = fopen("/proc/self/maps", "r");
  if (!maps) return -1;
  while (fgets(line, sizeof line, maps)) {
    unsigned long low, high; char mode[8];
    if (sscanf(line, "%lx-%lx %7s", &low, &high, mode) != 3 || mode[0] != 'r' || strstr(line, "[v")) continue;
    for (char *at = (char *)low; (at = memmem(at, (char *)high - at, wanted, strlen(wanted)));  at++)
      if (at != wanted) found++;
  }
  fclose(maps);
  return found;
}

static int inherited(void) { /* descriptors beside those of the wall and of standard streams */
  int open_ones = 0;
  for (int fd = 3; fd < 1024; fd++) {
    struct stat seen;
    if (fstat(fd, &seen) == 0 && !S_ISSOCK(seen.st_mode)) open_ones++;
  }
  return open_ones;
}

static void *idle(void *given) { return given; }

static void attack(void) {
  char path[64], byte;
  int harmless = getenv("HARMLESS") != NULL; /* where nothing holds it back */
  pid_t parent = getppid();
  try_open(CREDENTIALS, O_RDONLY);
  try_open(CANARY, O_RDONLY);
  try_open(CACHE, O_RDONLY);
  snprintf(path, sizeof path, "/proc/%d/environ", parent);
  try_open(path, O_RDONLY);
  snprintf(path, sizeof path, "/proc/%d/mem", parent);
  try_open(path, O_RDONLY);
  try_open(WRITTEN, O_WRONLY | O_CREAT);
  struct iovec here = {&byte, 1}, there = {environ, 1};
  note(process_vm_readv(parent, &here, 1, &there, 1, 0));
  note(harmless ? 0 : ptrace(PTRACE_ATTACH, parent, 0, 0));
  note(harmless ? 0 : kill(parent, SIGTERM));
  int line = socket(AF_INET, SOCK_STREAM, 0);
  note(line);
  note(socket(AF_UNIX, SOCK_STREAM, 0));
  note(socket(AF_INET, SOCK_DGRAM, 0));
  char *words[] = {"/bin/sh", "-c", "true", NULL};
  pid_t child = harmless ? 1 : fork();
  if (child == 0) _exit(0);
  note(child);
  note(harmless ? 0 : execve("/bin/sh", words, environ));
  note(system("true") == 0 ? 0 : -1);
  note(syscall(SYS_io_uring_setup, 1, NULL));
  struct rlimit most = {RLIM_INFINITY, RLIM_INFINITY};
  note(harmless ? 0 : prlimit(parent, RLIMIT_CPU, &most, NULL));
  note(chmod(CANARY, 0644));
  note(harmless ? 0 : truncate(CANARY, 1));
  note(utimensat(AT_FDCWD, CANARY, NULL, 0));
  note(harmless ? 0 : setxattr(CANARY, "user.mark", "1", 1, 0));
  note(harmless ? 0 : setpriority(PRIO_PROCESS, parent, 19));
  cpu_set_t cpus;
  memset(&cpus, 255, sizeof cpus);
  note(harmless ? 0 : sched_setaffinity(parent, sizeof cpus, &cpus));
  note(harmless ? 0 : fcntl(3, F_SETOWN, parent));
  note(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
  pthread_t thread;
  note(pthread_create(&thread, NULL, idle, NULL) == 0 ? pthread_join(thread, NULL) : -1);
  note(getenv(VARIABLE) != NULL);
  note(in_memory());
  note(inherited());
}

static void on_the_line(const char *data, size_t size, int endless) {
  do
    for (int fd = 3; fd < 64; fd++) {
      struct stat seen;
      if (fstat(fd, &seen) == 0 && S_ISSOCK(seen.st_mode)) send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
  while (endless);
  sleep(60);
}

static size_t filter(unsigned flags, size_t n, const unsigned *how, size_t nbytes, size_t *size, void **buffer) {
  static const char noise[64] = "noise noise noise noise noise noise noise noise noise noise";
  static const unsigned char huge[12] = {8, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 127};
  if (!(flags & 0x0100)) return nbytes;
  switch (n ? how[0] : 0) {
    case 0: attack(); memcpy(*buffer, results, sizeof results); break;
    case 1: on_the_line(noise, sizeof noise, 0); break;
    case 2: on_the_line((const char *)huge, sizeof huge, 0); break;
    case 3: { static const char zeros[4096]; on_the_line(zeros, sizeof zeros, 1); } break;
    case 4: for (;;) {}
    case 5: for (;;) { char *taken = malloc(1 << 24); if (!taken) return 0; memset(taken, 1, 1 << 24); }
    case 6: while (fork() >= 0) {}; return 0;
    case 7: raise(SIGSEGV);
  }
  return nbytes;
}

typedef struct { int version, id; unsigned encoder, decoder; const char *name; void *can, *set;
  size_t (*filter)(unsigned, size_t, const unsigned *, size_t, size_t *, void **); } Class;
static Class mine = {1, 451, 1, 1, "attacker", NULL, NULL, filter};
int H5PLget_plugin_type(void) { return 0; }
const void *H5PLget_plugin_info(void) { return &mine; }
