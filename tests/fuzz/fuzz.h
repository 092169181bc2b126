// SPDX-License-Identifier: MIT
// Shared by the fuzzers: checks, reading an input as a sequence of numbers, a folder in memory.
#ifndef AVLD_FUZZ_H
#define AVLD_FUZZ_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			dprintf(2, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                 \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

struct input {
	const uint8_t *data;
	size_t len;
};

// Returns the next byte of the input, 0 after its end.
static inline uint8_t input_byte(struct input *input)
{
	if (input->len == 0)
		return 0;
	input->len--;
	return *input->data++;
}

static inline uint32_t input_number(struct input *input, unsigned bytes)
{
	uint32_t value = 0;
	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | input_byte(input);
	return value;
}

// Returns the next bytes, at most `most` of those left.
static inline struct input input_bytes(struct input *input, size_t most)
{
	const struct input part = {input->data, most < input->len ? most : input->len};
	input->data += part.len;
	input->len -= part.len;
	return part;
}

// Returns a copy of the bytes on the heap, flush against its red zone. Never NULL.
static inline uint8_t *input_copy(struct input part)
{
	uint8_t *copy = malloc(part.len ? part.len : 1);
	CHECK(copy);
	if (part.len > 0)
		memcpy(copy, part.data, part.len);
	return copy;
}

static inline void fuzz_empty_folder(const char *dir)
{
	char path[400];
	DIR *at = opendir(dir);
	for (struct dirent *entry; at && (entry = readdir(at));) {
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (entry->d_name[0] != '.' || strlen(entry->d_name) > 2)
			remove(path);
	}
	if (at)
		closedir(at);
}

static char fuzz_dir[64]; /* empty until fuzz_folder makes it */

static inline void fuzz_remove_folder(void)
{
	fuzz_empty_folder(fuzz_dir);
	rmdir(fuzz_dir);
}

// Returns the path of a folder in memory, which is removed when the process ends.
static inline const char *fuzz_folder(void)
{
	if (!fuzz_dir[0]) {
		snprintf(fuzz_dir, sizeof(fuzz_dir), "/dev/shm/avld_fuzz_%d", (int)getpid());
		fuzz_empty_folder(fuzz_dir);
		CHECK(!mkdir(fuzz_dir, 0700) || !access(fuzz_dir, W_OK));
		atexit(fuzz_remove_folder);
	}
	return fuzz_dir;
}

// Drops what the program prints: stderr's stream, not its descriptor, on which the sanitizers report.
static inline void fuzz_be_silent(void)
{
	static FILE *nowhere;
	if (!nowhere) {
		nowhere = fopen("/dev/null", "w");
		CHECK(nowhere);
		stderr = nowhere;
	}
}

#endif
