// SPDX-License-Identifier: MIT
// The small files of a journal's folder: journal.meta, lock, stored. Drawn in journal_meta.c.
#ifndef AVLD_JOURNAL_JOURNAL_META_H
#define AVLD_JOURNAL_JOURNAL_META_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-id128.h>

#define UUID_TEXT_SIZE 37 /* 36 characters and a NUL */

struct journal_meta {
	sd_id128_t uuid;
	uint64_t last;     /* first LSN of the newest segment, or NO_LSN */
	uint64_t reserved; /* no entry was ever appended at or above this LSN */
	uint64_t closed;   /* LSN after the newest entry if closed in order, else NO_LSN */
	sd_id128_t boot;   /* the kernel's boot id; null if unknown */
};

enum meta_result {
	META_READ,
	META_ABSENT,
	META_DAMAGED,
	META_NEWER, /* of a later version */
	META_ERROR, /* errno */
};
enum meta_result journal_meta_read(int dir_fd, struct journal_meta *meta);
// Replaces the file. True: it is on disk, with all names in the folder. False: errno.
bool journal_meta_write(int dir_fd, const struct journal_meta *meta);

// Returns the kernel's boot id, null if it cannot be read.
sd_id128_t journal_meta_boot(void);
void journal_meta_uuid_text(sd_id128_t uuid, char text[static UUID_TEXT_SIZE]);

// Locks the folder for this process until the descriptor returned is closed. -1: error holds the reason.
int journal_meta_lock(int dir_fd, const char *dir, char *error, size_t size);

// Returns the LSN in `stored`, 0 without one.
uint64_t journal_meta_read_stored(int dir_fd);
// Writes `stored`, durable or not. *fd: -1 at first, kept open between calls, the caller closes it.
bool journal_meta_write_stored(int dir_fd, int *fd, uint64_t lsn);

#endif
