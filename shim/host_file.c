/*
 * host_file.c: the core's imports for files (src/core/host.ts). Results below zero are negated errno values.
 */
#include "host.h"

#include <errno.h>

#include "platform.h"

/** Copies a path out of the core's memory and terminates it. NULL with `*error` set when it cannot be one. */
static char *path_of(connection *connection, u32 data, u32 size, int *error) {
  uint8_t *source = connection_memory(connection, data, size);
  *error = EINVAL;
  if (connection->failure != FAILURE_NONE || size == 0 || memchr(source, 0, size) != NULL) return NULL;
  char *path = sqlite3_malloc64((sqlite3_uint64)size + 1);
  *error = ENOMEM;
  if (path == NULL) return NULL;
  memcpy(path, source, size);
  path[size] = '\0';
  *error = 0;
  return path;
}

static FILE *file_of(struct w2c_host *host, u32 handle) {
  connection *connection = connection_of(host);
  if (connection->failure != FAILURE_NONE) return NULL;
  if (handle < FILES_MAX && connection->files[handle] != NULL) return connection->files[handle];
  connection_fail(connection, FAILURE_DEFECT, "a file was used that is not open");
  return NULL;
}

u32 w2c_host_file_open(struct w2c_host *host, u32 path_data, u32 size, u32 mode) {
  connection *connection = connection_of(host);
  int handle = 0;
  while (handle < FILES_MAX && connection->files[handle] != NULL) handle++;
  if (handle == FILES_MAX) return (u32)-EMFILE;
  int error;
  char *path = path_of(connection, path_data, size, &error);
  if (path == NULL) return (u32)-error;
  FILE *file = platform_file_open(path, mode == 1);
  error = errno;
  sqlite3_free(path);
  if (file == NULL) return (u32)-error;
  connection->files[handle] = file;
  return (u32)handle;
}

u32 w2c_host_file_read(struct w2c_host *host, u32 handle, u32 target, u32 size) {
  FILE *file = file_of(host, handle);
  uint8_t *destination = connection_memory(connection_of(host), target, size);
  if (file == NULL || destination == NULL) return (u32)-EBADF;
  /* The count travels as a signed number. */
  if (size > INT32_MAX) return (u32)-EINVAL;
  size_t count = fread(destination, 1, size, file);
  return count == 0 && ferror(file) ? (u32)-EIO : (u32)count;
}

u32 w2c_host_file_write(struct w2c_host *host, u32 handle, u32 data, u32 size) {
  FILE *file = file_of(host, handle);
  uint8_t *source = connection_memory(connection_of(host), data, size);
  if (file == NULL || source == NULL) return (u32)-EBADF;
  errno = EIO;
  return fwrite(source, 1, size, file) == size ? 0 : (u32)-errno;
}

u32 w2c_host_file_close(struct w2c_host *host, u32 handle, u32 sync) {
  FILE *file = file_of(host, handle);
  if (file == NULL) return (u32)-EBADF;
  connection_of(host)->files[handle] = NULL;
  errno = EIO;
  int error = sync == 1 && !platform_file_sync(file) ? errno : 0;
  errno = EIO;
  if (fclose(file) != 0 && error == 0) error = errno;
  return (u32)-error;
}

u32 w2c_host_file_rename(struct w2c_host *host, u32 from_data, u32 from_size, u32 to_data, u32 to_size) {
  int error;
  char *from = path_of(connection_of(host), from_data, from_size, &error);
  if (from == NULL) return (u32)-error;
  char *to = path_of(connection_of(host), to_data, to_size, &error);
  if (to != NULL && !platform_file_rename(from, to)) error = errno;
  sqlite3_free(from);
  sqlite3_free(to);
  return (u32)-error;
}

u32 w2c_host_file_remove(struct w2c_host *host, u32 path_data, u32 size) {
  int error;
  char *path = path_of(connection_of(host), path_data, size, &error);
  if (path == NULL) return (u32)-error;
  if (!platform_file_remove(path)) error = errno;
  sqlite3_free(path);
  return (u32)-error;
}

void host_file_close_all(connection *connection) {
  for (int handle = 0; handle < FILES_MAX; handle++) {
    if (connection->files[handle] != NULL) fclose(connection->files[handle]);
    connection->files[handle] = NULL;
  }
}
