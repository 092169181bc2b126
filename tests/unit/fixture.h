// SPDX-License-Identifier: MIT
// Shared by unit tests: places input directly before an unreadable page, so that a read one byte
// too far ends the test at once, in every build.
#ifndef AVLD_FIXTURE_H
#define AVLD_FIXTURE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct guarded {
	uint8_t *map;
	size_t room; /* bytes before the unreadable page */
};

// Makes room for inputs of up to `most` bytes.
static inline struct guarded guarded_new(size_t most)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t room = (most / page + 1) * page;
	void *map =
		mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert(map != MAP_FAILED);
	int failed = mprotect((uint8_t *)map + room, page, PROT_NONE);
	assert(!failed);
	(void)failed;
	return (struct guarded){map, room};
}

// Copies the bytes so that they end where the unreadable page starts. Replaces the previous copy.

static inline uint8_t *guarded_copy(struct guarded *guarded, const void *data, size_t len)
{
	assert(len <= guarded->room);
	uint8_t *copy = guarded->map + guarded->room - len;
	if (len > 0)
		memmove(copy, data, len);
	return copy;
}

static inline void guarded_free(struct guarded *guarded)
{
	munmap(guarded->map, guarded->room + (size_t)sysconf(_SC_PAGESIZE));
	guarded->map = NULL;
}

#endif
