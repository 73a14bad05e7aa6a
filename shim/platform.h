/*
 * platform.h: the few things that differ between operating systems: shared libraries and files whose paths are
 * UTF-8. Functions that return bool or NULL set errno when they fail.
 */
#ifndef CLOUDSYNC_PLATFORM_H
#define CLOUDSYNC_PLATFORM_H

#include <stdbool.h>
#include <stdio.h>

/** Opens a shared library by its usual name, searched for as the system does. NULL when it is not there. */
void *platform_library_open(const char *name);

/** Address of a function in an open library, or NULL. */
void *platform_library_symbol(void *library, const char *name);

/** Names under which libcurl is usually installed, ended by NULL. */
extern const char *const platform_curl_names[];

/** Opens for reading, or creates or truncates for writing. */
FILE *platform_file_open(const char *path, bool for_writing);

/** Flushes and forces the file's contents to the disk. */
bool platform_file_sync(FILE *file);

/** Renames, replacing an existing target. */
bool platform_file_rename(const char *from, const char *to);

bool platform_file_remove(const char *path);

#endif
