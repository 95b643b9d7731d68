/* Stands between a program and the calls that reach the disk, below one folder.
 *
 * It writes them down (`storage_record`), lets the Nth of them fail or end the process
 * (`storage_strike`), and leaves the syncs out, wherever they are (`storage_skip_syncs`). The tests load it with
 * LD_PRELOAD and call it through ctypes. It knows nothing of databases, but that a file whose name
 * ends in "-shm" is shared memory, which no power cut leaves behind.
 *
 * A record: u8 what, u64 inode, u64 offset, u32 length, then so many bytes, in the machine's order:
 *   O opened (offset 1: made by this; bytes: name)   W written   T cut or grown to offset
 *   S file synced   D folder synced   U unlinked (bytes: name)   R renamed (bytes: from \0 to)
 *   M mark of the program itself
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) \
  static __typeof__(&name) real; \
  if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

enum { NOTHING, FILE_BELOW, SHARED_MEMORY, FOLDER };
static struct { char kind; uint64_t inode; } opened[4096];

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static char folder[4096];
static size_t folder_length;
static int log_file = -1, syncs_skipped;
static long calls, strike_at;
static int strike_error, strike_lasts, strike_halves;

/* --- what the tests call --- */

void storage_watch(const char *path) {
  folder_length = strlen(path);
  memcpy(folder, path, folder_length + 1);
}

void storage_record(const char *path) {
  int fresh = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
  log_file = fcntl(fresh, F_DUPFD, 1000); /* out of the way of the program's own numbers */
  close(fresh);
}

/* error 0: SIGKILL to this process instead. */
void storage_strike(long at, int error, int lasts, int halves) {
  calls = 0, strike_at = at, strike_error = error, strike_lasts = lasts, strike_halves = halves;
}

long storage_calls(void) { return calls; }

void storage_skip_syncs(int skipped) { syncs_skipped = skipped; }

static void note(char what, uint64_t inode, uint64_t offset, const void *bytes, uint32_t length) {
  char head[21];
  if (log_file < 0) return;
  head[0] = what;
  memcpy(head + 1, &inode, 8), memcpy(head + 9, &offset, 8), memcpy(head + 17, &length, 4);
  struct iovec parts[2] = {{head, sizeof head}, {(void *)bytes, length}};
  if (writev(log_file, parts, 2) != (ssize_t)(sizeof head + length)) abort();
}

void storage_mark(const char *text) {
  pthread_mutex_lock(&one_at_a_time);
  note('M', 0, 0, text, strlen(text));
  pthread_mutex_unlock(&one_at_a_time);
}

/* --- what every call does --- */

static int is_below(const char *path) {
  return folder_length && path && !strncmp(path, folder, folder_length) &&
         (path[folder_length] == '/' || !path[folder_length]);
}

static int is_shared_memory(const char *path) {
  size_t length = strlen(path);
  return length > 4 && !strcmp(path + length - 4, "-shm");
}

static const char *name_of(const char *path) {
  return path[folder_length] ? path + folder_length + 1 : "";
}

static int kind(int file) { return file >= 0 && file < 4096 ? opened[file].kind : NOTHING; }

static int fails(void) {
  if (!strike_at) return 0;
  calls++;
  if (calls < strike_at || (calls > strike_at && !strike_lasts)) return 0;
  if (!strike_error) kill(getpid(), SIGKILL);
  errno = strike_error;
  return 1;
}

static void note_opened(int file, const char *path, int flags, int made) {
  struct stat found;
  if (file < 0 || file >= 4096) return;
  opened[file].kind = NOTHING;
  if (!is_below(path) || fstat(file, &found)) return;
  opened[file].inode = found.st_ino;
  opened[file].kind = S_ISDIR(found.st_mode) ? FOLDER
                      : is_shared_memory(path) ? SHARED_MEMORY : FILE_BELOW;
  if (opened[file].kind != FILE_BELOW) return;
  note('O', found.st_ino, made, name_of(path), strlen(name_of(path)));
  if (flags & O_TRUNC && !made) note('T', found.st_ino, 0, "", 0);
}

/* --- the calls --- */

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    REAL(name); \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
      va_list rest; \
      va_start(rest, flags), mode = va_arg(rest, mode_t), va_end(rest); \
    } \
    if (!is_below(path)) return real(path, flags, mode); \
    int made = flags & O_CREAT && access(path, F_OK); \
    if ((made || flags & O_TRUNC) && fails()) return -1; \
    pthread_mutex_lock(&one_at_a_time); \
    int file = real(path, flags, mode); \
    note_opened(file, path, flags, made); \
    pthread_mutex_unlock(&one_at_a_time); \
    return file; \
  }
OPEN(open)
OPEN(open64)

int close(int file) {
  REAL(close);
  if (file >= 0 && file < 4096) opened[file].kind = NOTHING;
  return real(file);
}

/* `done`: the bytes that got through; noted at `offset`. */
#define WRITTEN(call, offset) \
  pthread_mutex_lock(&one_at_a_time); \
  uint64_t place = offset; \
  ssize_t done = call; \
  if (done > 0 && kind(file) == FILE_BELOW) note('W', opened[file].inode, place, bytes, done); \
  pthread_mutex_unlock(&one_at_a_time)

#define PWRITE(name, offset_t) \
  ssize_t name(int file, const void *bytes, size_t length, offset_t offset) { \
    REAL(name); \
    if (!kind(file)) return real(file, bytes, length, offset); \
    if (fails()) { \
      int error = errno; \
      if (strike_halves && length > 1) real(file, bytes, length / 2, offset); \
      return errno = error, -1; \
    } \
    WRITTEN(real(file, bytes, length, offset), offset); \
    return done; \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t write(int file, const void *bytes, size_t length) {
  REAL(write);
  if (!kind(file)) return real(file, bytes, length);
  if (fails()) {
    int error = errno;
    if (strike_halves && length > 1) real(file, bytes, length / 2);
    return errno = error, -1;
  }
  int whence = fcntl(file, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR;
  WRITTEN(real(file, bytes, length), lseek(file, 0, whence));
  return done;
}

#define SYNC(name) \
  int name(int file) { \
    REAL(name); \
    if (!kind(file)) return syncs_skipped ? 0 : real(file); \
    if (fails()) return -1; \
    pthread_mutex_lock(&one_at_a_time); \
    int failed = syncs_skipped ? 0 : real(file); \
    if (!failed && kind(file) != SHARED_MEMORY) \
      note(kind(file) == FOLDER ? 'D' : 'S', opened[file].inode, 0, "", 0); \
    pthread_mutex_unlock(&one_at_a_time); \
    return failed; \
  }
SYNC(fsync)
SYNC(fdatasync)

#define TRUNCATE(name, offset_t) \
  int name(int file, offset_t size) { \
    REAL(name); \
    if (!kind(file)) return real(file, size); \
    if (fails()) return -1; \
    pthread_mutex_lock(&one_at_a_time); \
    int failed = real(file, size); \
    if (!failed && kind(file) == FILE_BELOW) note('T', opened[file].inode, size, "", 0); \
    pthread_mutex_unlock(&one_at_a_time); \
    return failed; \
  }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

int unlink(const char *path) {
  REAL(unlink);
  if (!is_below(path)) return real(path);
  if (fails()) return -1;
  pthread_mutex_lock(&one_at_a_time);
  int failed = real(path);
  if (!failed && !is_shared_memory(path)) note('U', 0, 0, name_of(path), strlen(name_of(path)));
  pthread_mutex_unlock(&one_at_a_time);
  return failed;
}

int rename(const char *from, const char *to) {
  REAL(rename);
  if (!is_below(from) || !is_below(to)) return real(from, to);
  if (fails()) return -1;
  pthread_mutex_lock(&one_at_a_time);
  int failed = real(from, to);
  if (!failed) {
    char names[8192];
    size_t first = strlen(name_of(from)) + 1, second = strlen(name_of(to));
    memcpy(names, name_of(from), first), memcpy(names + first, name_of(to), second);
    note('R', 0, 0, names, first + second);
  }
  pthread_mutex_unlock(&one_at_a_time);
  return failed;
}
