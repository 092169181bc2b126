// SPDX-License-Identifier: MIT
// Files.
#ifndef AVLD_UTIL_FILE_H
#define AVLD_UTIL_FILE_H

#include <stdbool.h>
#include <stddef.h>

// Writes len bytes. Returns false (errno) if not all of them have been written.
bool file_write(int fd, const void *data, size_t len);

#endif
