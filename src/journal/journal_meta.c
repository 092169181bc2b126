// SPDX-License-Identifier: MIT
// The journal folder's small files.
//
// journal.meta, written anew (temp, fsync, rename, fsync of the folder) when we start to write,
// when a segment is made and when we close in order:
//     avld-journal 1
//     uuid 3f0c...                     36 characters
//     last 0000000004000000            newest segment, or - : so that a missing one is noticed
//     reserved 0000000044000000        no entry was ever put at or above this LSN
//     closed 0000000004003f40          behind the newest entry when closed in order, else -
//     boot 9a7e...                     the kernel's boot id: unlike ours, what was not synced is
//                                      lost; or -
//     check 16 hex digits              XXH3 of the lines above
// stored: 16 hex digits, the LSN below which all is in the database. lock: the pid of its holder.
#include "journal/journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

int64_t clock_us(int clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool lsn_parse(const char *text, uint64_t *lsn)
{
	uint64_t value = 0;
	for (int i = 0; i < 16; i++) {
		int digit = hex_digit(text[i]);
		if (digit < 0)
			return false;
		value = value << 4 | (unsigned)digit;
	}
	*lsn = value;
	return true;
}

void uuid_text(const uint8_t uuid[static 16], char text[static 37])
{
	static const char digits[] = "0123456789abcdef";
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*text++ = '-';
		*text++ = digits[uuid[i] >> 4];
		*text++ = digits[uuid[i] & 15];
	}
	*text = '\0';
}

bool uuid_parse(const char *text, uint8_t uuid[static 16])
{
	for (int i = 0; i < 16; i++) {
		if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
			return false;
		int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);
		if (low < 0)
			return false;
		uuid[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	return true;
}

void boot_read(char boot[static BOOT_SIZE])
{
	memset(boot, 0, BOOT_SIZE);
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (read(fd, boot, BOOT_SIZE - 1) != BOOT_SIZE - 1)
		boot[0] = '\0';
	close(fd);
}

// Up to cap - 1 bytes as a string; -1 with errno.
static ssize_t read_small(int dir_fd, const char *name, char *text, size_t cap)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = pread(fd, text, cap - 1, 0);
	int reason = errno;
	close(fd);
	errno = reason;
	if (n >= 0)
		text[n] = '\0';
	return n;
}

// "key value\n" at *at: the value, of `len` characters, else NULL.
static const char *value_of(const char **at, const char *key, size_t len)
{
	size_t key_len = strlen(key);
	const char *value = *at + key_len + 1;
	if (strncmp(*at, key, key_len) || (*at)[key_len] != ' ' || strnlen(value, len + 1) <= len ||
		value[len] != '\n')
		return NULL;
	*at = value + len + 1;
	return value;
}

static bool lsn_of(const char **at, const char *key, uint64_t *lsn)
{
	const char *value = value_of(at, key, 16);
	if (value)
		return lsn_parse(value, lsn);
	value = value_of(at, key, 1);
	*lsn = NO_LSN;
	return value && *value == '-';
}

enum meta_result meta_read(int dir_fd, struct meta *meta)
{
	char text[512];
	ssize_t len = read_small(dir_fd, "journal.meta", text, sizeof(text));
	if (len < 0)
		return errno == ENOENT ? META_ABSENT : META_ERROR;
	static const char version[] = "avld-journal 1\n", any_version[] = "avld-journal ";
	const char *number = text + sizeof(any_version) - 1;
	if (strncmp(text, any_version, sizeof(any_version) - 1))
		return META_DAMAGED;
	size_t digits = strspn(number, "0123456789");
	if (digits > 0 && number[digits] == '\n' && strncmp(number, "1\n", 2))
		return META_NEWER;
	if (strncmp(text, version, sizeof(version) - 1))
		return META_DAMAGED;

	const char *at = text + sizeof(version) - 1;
	const char *uuid = value_of(&at, "uuid", 36);
	if (!uuid || !uuid_parse(uuid, meta->uuid) || !lsn_of(&at, "last", &meta->last) ||
		!lsn_of(&at, "reserved", &meta->reserved) || !lsn_of(&at, "closed", &meta->closed))
		return META_DAMAGED;
	memset(meta->boot, 0, sizeof(meta->boot));
	const char *boot = value_of(&at, "boot", BOOT_SIZE - 1);
	if (boot)
		memcpy(meta->boot, boot, BOOT_SIZE - 1);
	else if (!value_of(&at, "boot", 1))
		return META_DAMAGED;
	size_t checked = (size_t)(at - text) + 8;
	uint64_t check;
	if (!lsn_of(&at, "check", &check) || check != header_check(text, checked))
		return META_DAMAGED;
	return META_READ;
}

static void lsn_text(uint64_t lsn, char text[static 17])
{
	if (lsn == NO_LSN)
		snprintf(text, 17, "-");
	else
		snprintf(text, 17, "%016" PRIx64, lsn);
}

bool meta_write(int dir_fd, const struct meta *meta)
{
	char text[512], uuid[37], last[17], reserved[17], closed[17];
	uuid_text(meta->uuid, uuid);
	lsn_text(meta->last, last);
	lsn_text(meta->reserved, reserved);
	lsn_text(meta->closed, closed);
	int len = snprintf(text, sizeof(text),
		"avld-journal 1\nuuid %s\nlast %s\nreserved %s\nclosed %s\nboot %s\n", uuid, last,
		reserved, closed, meta->boot[0] ? meta->boot : "-");
	uint64_t check = header_check(text, (size_t)len + 8);
	len += snprintf(text + len, sizeof(text) - (size_t)len, "check %016" PRIx64 "\n", check);

	int fd = openat(dir_fd, "journal.meta.tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return false;
	ssize_t n = write(fd, text, (size_t)len);
	if (n >= 0 && n != len)
		errno = ENOSPC;
	bool good = n == len && !fsync(fd);
	int reason = errno;
	close(fd);
	if (good && !renameat(dir_fd, "journal.meta.tmp", dir_fd, "journal.meta"))
		return !fsync(dir_fd);
	if (good)
		reason = errno;
	unlinkat(dir_fd, "journal.meta.tmp", 0);
	errno = reason;
	return false;
}

bool lock_take(struct journal *journal, char *error, size_t cap)
{
	char text[32];
	journal->lock_fd = openat(journal->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (journal->lock_fd < 0) {
		snprintf(error, cap, "cannot open %s/lock: %s", journal->dir, strerror(errno));
		return false;
	}
	if (!flock(journal->lock_fd, LOCK_EX | LOCK_NB)) {
		int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
		/* The pid is for people; a full disk is no reason not to start. */
		if (ftruncate(journal->lock_fd, 0) ||
			pwrite(journal->lock_fd, text, (size_t)len, 0) != len)
			return true;
		return true;
	}
	if (errno != EWOULDBLOCK) {
		snprintf(error, cap, "cannot lock %s/lock: %s", journal->dir, strerror(errno));
		return false;
	}
	ssize_t n = pread(journal->lock_fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	snprintf(error, cap,
		"journal folder %s is in use by process %s; one journal belongs to one avld: give "
		"each its "
		"own [journal] dir",
		journal->dir, text[0] ? text : "(pid not known)");
	return false;
}

void stored_read(struct journal *journal)
{
	char text[32];
	if (read_small(journal->dir_fd, "stored", text, sizeof(text)) >= 16)
		lsn_parse(text, &journal->released);
	journal->released_written = journal->released;
}

// For people, and to notice that the oldest segments are missing; so a failure is no trouble.
void stored_write(struct journal *journal)
{
	char text[18];
	if (journal->released == journal->released_written)
		return;
	if (journal->stored_fd < 0)
		journal->stored_fd =
			openat(journal->dir_fd, "stored", O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	snprintf(text, sizeof(text), "%016" PRIx64 "\n", journal->released);
	if (journal->stored_fd >= 0 && pwrite(journal->stored_fd, text, 17, 0) == 17)
		journal->released_written = journal->released;
	journal->released_us = clock_us(CLOCK_REALTIME);
}
