/*
 * platform_windows.c: platform.h for Windows, where paths have to be converted to UTF-16.
 */
#include "platform.h"

#include <errno.h>
#include <io.h>
#include <windows.h>

/** Longest path, in UTF-16 units, that is accepted. */
enum { PATH_MAX_UNITS = 4096 };

const char *const platform_curl_names[] = {"libcurl-x64.dll", "libcurl-4.dll", "libcurl.dll", NULL};

void *platform_library_open(const char *name) { return (void *)LoadLibraryA(name); }

void *platform_library_symbol(void *library, const char *name) {
  return (void *)GetProcAddress((HMODULE)library, name);
}

static bool to_wide(const char *path, wchar_t *wide) {
  if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, PATH_MAX_UNITS) > 0) return true;
  errno = EINVAL;
  return false;
}

FILE *platform_file_open(const char *path, bool for_writing) {
  wchar_t wide[PATH_MAX_UNITS];
  return to_wide(path, wide) ? _wfopen(wide, for_writing ? L"wbN" : L"rbN") : NULL;
}

bool platform_file_sync(FILE *file) { return fflush(file) == 0 && _commit(_fileno(file)) == 0; }

bool platform_file_rename(const char *from, const char *to) {
  wchar_t wide_from[PATH_MAX_UNITS];
  wchar_t wide_to[PATH_MAX_UNITS];
  if (!to_wide(from, wide_from) || !to_wide(to, wide_to)) return false;
  if (MoveFileExW(wide_from, wide_to, MOVEFILE_REPLACE_EXISTING)) return true;
  errno = EACCES;
  return false;
}

bool platform_file_remove(const char *path) {
  wchar_t wide[PATH_MAX_UNITS];
  return to_wide(path, wide) && _wremove(wide) == 0;
}
