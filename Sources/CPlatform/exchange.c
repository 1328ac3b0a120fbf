#define _GNU_SOURCE
#include "CPlatform.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

int df_exchange(const char *first, const char *second) {
  if (renameat2(AT_FDCWD, first, AT_FDCWD, second, RENAME_EXCHANGE) == 0) return 0;
  // Some network file systems cannot exchange: go by way of a third name, and back on failure.
  if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP) return -1;
  char third[4096];
  if (snprintf(third, sizeof third, "%s.old", first) >= (int)sizeof third) {
    errno = ENAMETOOLONG;
    return -1;
  }
  if (rename(second, third) != 0) return -1;
  if (rename(first, second) != 0) {
    int reason = errno;
    rename(third, second);
    errno = reason;
    return -1;
  }
  return rename(third, first);
}
