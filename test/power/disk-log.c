/*
 * Writes down what a process does to the files of one folder, in one order: LD_PRELOAD this, with BATON_POWER_FOLDER
 * (a real path) and BATON_POWER_LOG. Everything is passed on. images.ts reads the log and makes disks of it as they
 * could be after a loss of power.
 *
 * D1 One order: each call is made and written down under one lock, which processes and threads share. So nothing is
 *    written between the begin of a sync and its end, and what a process says on its standard output stands after what
 *    it had waited for.
 * D2 A call that failed, or wrote less than it was given, is written down as what it did.
 * D3 Memory maps are not seen. SQLite maps its -shm only, which is no durable content: the test compares the files at
 *    the end with what the log makes of them, and fails where something went past it.
 *
 * A record: op, u8 flags, u16 length of path, u32 length of data, u64 offset, u64 inode (of what is said: the process);
 * then path and data.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OP_OPEN = 'o', OP_WRITE = 'w', OP_TRUNCATE = 't', OP_SYNC = 's', OP_UNLINK = 'u', OP_RENAME = 'r', OP_SAY = 'p' };
enum { CREATED = 1, IS_FOLDER = 2 };
enum { MOST_FDS = 4096 };

struct record {
  uint8_t op, flags;
  uint16_t path_length;
  uint32_t length;
  uint64_t offset, inode;
} __attribute__((packed));

struct file {
  char *path;
  ino_t inode;
  dev_t device;
  int appends, is_folder;
};

static struct file files[MOST_FDS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX];
static int log_fd = -1;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_open)(const char *, int, ...);
static int (*real_openat)(int, const char *, int, ...);
static int (*real_close)(int);
static int (*real_unlink)(const char *);
static int (*real_rename)(const char *, const char *);

__attribute__((constructor)) static void begin(void) {
  real_write = dlsym(RTLD_NEXT, "write");
  real_writev = dlsym(RTLD_NEXT, "writev");
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_open = dlsym(RTLD_NEXT, "open64");
  real_openat = dlsym(RTLD_NEXT, "openat64");
  real_close = dlsym(RTLD_NEXT, "close");
  real_unlink = dlsym(RTLD_NEXT, "unlink");
  real_rename = dlsym(RTLD_NEXT, "rename");
  const char *in = getenv("BATON_POWER_FOLDER"), *to = getenv("BATON_POWER_LOG");
  if (!in || !to || strlen(in) >= sizeof folder) return;
  strcpy(folder, in);
  /* Not to be taken for a descriptor of the process. */
  int fd = real_open(to, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  log_fd = fcntl(fd, F_DUPFD_CLOEXEC, 900);
  real_close(fd);
}

/* What cannot be written down must not pass for what did not happen. */
static void must_write(const void *bytes, size_t length) {
  const char *at = bytes;
  while (length > 0) {
    ssize_t n = real_write(log_fd, at, length);
    if (n < 0 && errno != EINTR) abort();
    if (n > 0) at += n, length -= n;
  }
}

static void note(int op, int flags, const char *path, uint64_t inode, uint64_t offset, const void *data, size_t length) {
  struct record head = {op, flags, strlen(path), length, offset, inode};
  int was = errno;
  must_write(&head, sizeof head);
  must_write(path, head.path_length);
  must_write(data, length);
  errno = was;
}

static void enter(void) {
  pthread_mutex_lock(&mutex);
  if (log_fd >= 0) flock(log_fd, LOCK_EX);
}
static void leave(void) {
  int was = errno;
  if (log_fd >= 0) flock(log_fd, LOCK_UN);
  pthread_mutex_unlock(&mutex);
  errno = was;
}

static int is_ours(const char *path) {
  size_t n = strlen(folder);
  return n > 0 && path && strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == 0);
}
/* The descriptor may be another's by now: libuv closes by a system call that is not seen here. */
static struct file *file_of(int fd) {
  struct stat now;
  if (log_fd < 0 || fd < 0 || fd >= MOST_FDS || !files[fd].path || fstat(fd, &now) != 0) return NULL;
  return now.st_ino == files[fd].inode && now.st_dev == files[fd].device ? &files[fd] : NULL;
}

static int open_file(int at, const char *path, int flags, mode_t mode) {
  if (log_fd < 0 || !is_ours(path)) return real_openat(at, path, flags, mode);
  enter();
  struct stat before, now;
  int is_new = stat(path, &before) != 0;
  int fd = real_openat(at, path, flags, mode);
  if (fd >= MOST_FDS) abort();
  if (fd >= 0 && fstat(fd, &now) == 0) {
    struct file *file = &files[fd];
    free(file->path);
    *file = (struct file){strdup(path), now.st_ino, now.st_dev, (flags & O_APPEND) != 0, S_ISDIR(now.st_mode)};
    if (!file->is_folder) note(OP_OPEN, is_new ? CREATED : 0, path, now.st_ino, 0, NULL, 0);
    if (!is_new && (flags & O_TRUNC)) note(OP_TRUNCATE, 0, path, now.st_ino, 0, NULL, 0);
  }
  leave();
  return fd;
}

#define MODE_OF(flags)                    \
  mode_t mode = 0;                        \
  if (flags & (O_CREAT | O_TMPFILE)) {    \
    va_list list;                         \
    va_start(list, flags);                \
    mode = va_arg(list, mode_t);          \
    va_end(list);                         \
  }

int open(const char *path, int flags, ...) { MODE_OF(flags) return open_file(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE_OF(flags) return open_file(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE_OF(flags) return open_file(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE_OF(flags) return open_file(at, path, flags, mode); }

int close(int fd) {
  if (!file_of(fd)) return real_close(fd);
  enter();
  free(files[fd].path);
  files[fd].path = NULL;
  int done = real_close(fd);
  leave();
  return done;
}

/* Where a write without an offset goes. */
static uint64_t place_of(int fd, struct file *file) {
  struct stat now;
  if (file->appends && fstat(fd, &now) == 0) return now.st_size;
  return lseek(fd, 0, SEEK_CUR);
}

ssize_t write(int fd, const void *data, size_t length) {
  struct file *file = file_of(fd);
  if (log_fd < 0 || (!file && fd != STDOUT_FILENO)) return real_write(fd, data, length);
  enter();
  uint64_t offset = file ? place_of(fd, file) : 0;
  ssize_t n = real_write(fd, data, length);
  if (n > 0) note(file ? OP_WRITE : OP_SAY, 0, file ? file->path : "", file ? file->inode : (uint64_t)getpid(), offset, data, n);
  leave();
  return n;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  struct file *file = file_of(fd);
  if (log_fd < 0 || (!file && fd != STDOUT_FILENO)) return real_writev(fd, parts, count);
  ssize_t sum = 0;
  for (int i = 0; i < count; i++) {
    ssize_t n = write(fd, parts[i].iov_base, parts[i].iov_len);
    if (n < 0) return sum > 0 ? sum : n;
    sum += n;
    if ((size_t)n < parts[i].iov_len) break;
  }
  return sum;
}

static ssize_t write_at(int fd, const void *data, size_t length, off_t offset) {
  struct file *file = file_of(fd);
  if (!file) return real_pwrite(fd, data, length, offset);
  enter();
  ssize_t n = real_pwrite(fd, data, length, offset);
  if (n > 0) note(OP_WRITE, 0, file->path, file->inode, offset, data, n);
  leave();
  return n;
}
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return write_at(fd, data, length, offset); }
ssize_t pwrite64(int fd, const void *data, size_t length, off_t offset) { return write_at(fd, data, length, offset); }

static int truncate_to(int fd, off_t length) {
  struct file *file = file_of(fd);
  if (!file) return real_ftruncate(fd, length);
  enter();
  int done = real_ftruncate(fd, length);
  if (done == 0) note(OP_TRUNCATE, 0, file->path, file->inode, length, NULL, 0);
  leave();
  return done;
}
int ftruncate(int fd, off_t length) { return truncate_to(fd, length); }
int ftruncate64(int fd, off_t length) { return truncate_to(fd, length); }

static int sync_with(int (*real)(int), int fd) {
  struct file *file = file_of(fd);
  if (!file) return real(fd);
  enter();
  int done = real(fd);
  if (done == 0) note(OP_SYNC, file->is_folder ? IS_FOLDER : 0, file->path, file->inode, 0, NULL, 0);
  leave();
  return done;
}
int fsync(int fd) { return sync_with(real_fsync, fd); }
int fdatasync(int fd) { return sync_with(real_fdatasync, fd); }

int unlink(const char *path) {
  if (log_fd < 0 || !is_ours(path)) return real_unlink(path);
  enter();
  int done = real_unlink(path);
  if (done == 0) note(OP_UNLINK, 0, path, 0, 0, NULL, 0);
  leave();
  return done;
}

int rename(const char *from, const char *to) {
  if (log_fd < 0 || !is_ours(from)) return real_rename(from, to);
  enter();
  int done = real_rename(from, to);
  if (done == 0) note(OP_RENAME, 0, from, 0, 0, to, strlen(to));
  leave();
  return done;
}
