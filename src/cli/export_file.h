// SPDX-License-Identifier: MIT
// A file of avld export: written under a temporary name, so that one with its final name is always complete.
#ifndef AVLD_CLI_EXPORT_FILE_H
#define AVLD_CLI_EXPORT_FILE_H

#include "cli/export_rows.h"

#include <zlib.h>

// A file that is being written.
struct export_file {
	char name[EXPORT_NAME_MAX], temporary[EXPORT_NAME_MAX + 8];
	int dir_fd, fd;
	gzFile stream;
	struct export_rows rows;
	uint64_t bytes; /* once it is closed */
};

// The functions below set errno when they return false.

// Opens a temporary file in the folder, instead of one that an earlier run may have left. plain: without gzip.
bool export_file_open(struct export_file *file, int dir_fd, const char *name,
	enum export_format format, bool plain);
bool export_file_write(struct export_file *file, const char *data, size_t len);
// Returns how many bytes have been written so far; less than that is on disk.
uint64_t export_file_bytes(const struct export_file *file);
// Ends the file. If all went well so far (sound) it is on disk then and has its name, else it is removed. Returns false if it
// has not got its name.
bool export_file_close(struct export_file *file, bool sound);

enum export_found {
	EXPORT_ABSENT,
	EXPORT_COMPLETE,
	EXPORT_BROKEN, /* neither complete nor absent */
	EXPORT_UNREADABLE,
};

// Reads a file of the folder to its end; *rows is set if it is complete.
enum export_found export_file_read(
	int dir_fd, const char *name, enum export_format format, uint64_t *rows);

#endif
