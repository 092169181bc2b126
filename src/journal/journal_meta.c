// SPDX-License-Identifier: MIT
// The small files of a journal's folder.
//
// journal.meta, replaced (temporary file, fsync, rename, fsync of the folder) when a process begins to
// write, when a segment is made and at an orderly close:
//     avld-journal 1
//     uuid 3f0c...                     36 characters
//     last 0000000004000000            newest segment, or -: so that a missing one is noticed
//     reserved 0000000044000000        no entry was ever appended at or above this LSN
//     closed 0000000004003f40          LSN after the newest entry if closed in order, else -
//     boot 9a7e...                     the kernel's boot id, or -: if the id is another one now, what
//                                      was not synced is lost
//     check 16 hex digits              XXH3 of the lines above
// stored: 16 hex digits, the LSN up to which the database has everything. lock: the pid of its owner.
#include "journal/journal_meta.h"
#include "journal/journal_format.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

sd_id128_t journal_meta_boot(void)
{
	sd_id128_t boot;
	return sd_id128_get_boot(&boot) < 0 ? SD_ID128_NULL : boot;
}

void journal_meta_uuid_text(sd_id128_t uuid, char text[static UUID_TEXT_SIZE])
{
	snprintf(text, UUID_TEXT_SIZE, SD_ID128_UUID_FORMAT_STR, SD_ID128_FORMAT_VAL(uuid));
}

// Reads up to size - 1 bytes as a string; -1 with errno.
static ssize_t read_small(int dir_fd, const char *name, char *text, size_t size)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = pread(fd, text, size - 1, 0);
	int reason = errno;
	close(fd);
	errno = reason;
	if (n >= 0)
		text[n] = '\0';
	return n;
}

// Returns the value, of `len` characters, of "key value\n" at *at, and moves *at past the line; else NULL.
static const char *read_value(const char **at, const char *key, size_t len)
{
	size_t key_len = strlen(key);
	const char *value = *at + key_len + 1;
	if (strncmp(*at, key, key_len) || (*at)[key_len] != ' ' || strnlen(value, len + 1) <= len ||
		value[len] != '\n')
		return NULL;
	*at = value + len + 1;
	return value;
}

static bool read_lsn(const char **at, const char *key, uint64_t *lsn)
{
	const char *value = read_value(at, key, 16);
	if (value)
		return journal_format_parse_lsn(value, lsn) && *lsn <= LSN_MAX;
	value = read_value(at, key, 1);
	*lsn = NO_LSN;
	return value && *value == '-';
}

static bool read_id(const char **at, const char *key, sd_id128_t *id)
{
	char text[UUID_TEXT_SIZE] = "";
	const char *value = read_value(at, key, sizeof(text) - 1);
	if (value)
		memcpy(text, value, sizeof(text) - 1);
	return value && sd_id128_from_string(text, id) >= 0;
}

static bool read_boot(const char **at, sd_id128_t *boot)
{
	if (read_id(at, "boot", boot))
		return true;
	*boot = SD_ID128_NULL;
	return read_value(at, "boot", 1);
}

enum meta_result journal_meta_read(int dir_fd, struct journal_meta *meta)
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
	if (!read_id(&at, "uuid", &meta->uuid) || !read_lsn(&at, "last", &meta->last) ||
		!read_lsn(&at, "reserved", &meta->reserved) || meta->reserved == NO_LSN ||
		!read_lsn(&at, "closed", &meta->closed) || !read_boot(&at, &meta->boot))
		return META_DAMAGED;
	size_t checked = (size_t)(at - text);
	uint64_t check;
	const char *value = read_value(&at, "check", 16);
	if (!value || !journal_format_parse_lsn(value, &check) ||
		check != journal_format_check(text, checked + 8))
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

// Returns the length of the file's text.
static size_t meta_text(const struct journal_meta *meta, char *text, size_t size)
{
	char uuid[UUID_TEXT_SIZE], boot[UUID_TEXT_SIZE] = "-";
	char last[17], reserved[17], closed[17];
	journal_meta_uuid_text(meta->uuid, uuid);
	if (!sd_id128_is_null(meta->boot))
		journal_meta_uuid_text(meta->boot, boot);
	lsn_text(meta->last, last);
	lsn_text(meta->reserved, reserved);
	lsn_text(meta->closed, closed);
	size_t len = (size_t)snprintf(text, size,
		"avld-journal 1\nuuid %s\nlast %s\nreserved %s\nclosed %s\nboot %s\n", uuid, last,
		reserved, closed, boot);
	uint64_t check = journal_format_check(text, len + 8);
	return len + (size_t)snprintf(text + len, size - len, "check %016" PRIx64 "\n", check);
}

bool journal_meta_write(int dir_fd, const struct journal_meta *meta)
{
	char text[512];
	const ssize_t len = (ssize_t)meta_text(meta, text, sizeof(text));
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

int journal_meta_lock(int dir_fd, const char *dir, char *error, size_t size)
{
	char text[32];
	int fd = openat(dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0) {
		snprintf(error, size, "cannot open %s/lock: %s", dir, strerror(errno));
		return -1;
	}
	if (!flock(fd, LOCK_EX | LOCK_NB)) {
		int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
		/* The pid is for people; a full disk is no reason not to start. */
		if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)len, 0) != len)
			return fd;
		return fd;
	}
	if (errno == EWOULDBLOCK) {
		ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
		text[n > 0 ? n : 0] = '\0';
		text[strcspn(text, "\n")] = '\0';
		snprintf(error, size,
			"journal folder %s is in use by process %s; stop it, or set another folder "
			"for this avld (journal.dir)",
			dir, text[0] ? text : "(unknown pid)");
	} else {
		snprintf(error, size, "cannot lock %s/lock: %s", dir, strerror(errno));
	}
	close(fd);
	return -1;
}

uint64_t journal_meta_read_stored(int dir_fd)
{
	char text[32];
	uint64_t lsn = 0;
	if (read_small(dir_fd, "stored", text, sizeof(text)) >= 16)
		journal_format_parse_lsn(text, &lsn);
	return lsn;
}

bool journal_meta_write_stored(int dir_fd, int *fd, uint64_t lsn)
{
	char text[18];
	if (*fd < 0)
		*fd = openat(dir_fd, "stored", O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	snprintf(text, sizeof(text), "%016" PRIx64 "\n", lsn);
	return *fd >= 0 && pwrite(*fd, text, 17, 0) == 17;
}
