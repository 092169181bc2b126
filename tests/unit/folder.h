// SPDX-License-Identifier: MIT
// Shared by unit tests: a temporary folder in memory, where syncing costs nothing, or in /tmp if there is none.
#ifndef AVLD_FOLDER_H
#define AVLD_FOLDER_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// Makes a folder and writes its path to `path`. Returns false on error, with errno.
static inline bool folder_new(char *path, size_t cap, const char *name)
{
	const char *base = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
	snprintf(path, cap, "%s/avld-%s-XXXXXX", base, name);
	return mkdtemp(path) != NULL;
}

#endif
