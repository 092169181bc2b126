// SPDX-License-Identifier: MIT
#include "journal/journal_findings.h"
#include "journal/journal_format.h"
#include "journal/journal_state.h"
#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void journal_findings_add(const struct journal *journal, bool serious, const char *format, ...)
{
	char text[1024];
	va_list args;
	if (!journal->finding)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	journal->finding(journal->context, serious, text);
}

bool journal_findings_fail(const struct journal *journal, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(journal->error, journal->error_size, format, args);
	va_end(args);
	return false;
}

// Writes a complete copy, or none (false, errno).
static bool write_copy(int dir_fd, const char *name, const uint8_t *data, size_t len)
{
	char temp[64];
	snprintf(temp, sizeof(temp), "%s.tmp", name);
	int fd = openat(dir_fd, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return false;
	bool good = file_write(fd, data, len) && !fsync(fd);
	int reason = errno;
	close(fd);
	if (good && !renameat(dir_fd, temp, dir_fd, name))
		return true;
	if (good)
		reason = errno;
	unlinkat(dir_fd, temp, 0);
	errno = reason;
	return false;
}

void journal_findings_set_aside(struct journal *journal, struct segment *segment,
	const uint8_t *map, uint64_t from, uint64_t to, bool again)
{
	char name[SEGMENT_NAME_SIZE], copy[48], damage[128];
	struct stat stat;
	const uint64_t lsn = segment->first + from, bytes = to - from;
	journal_format_segment_name(segment->first, name);
	snprintf(copy, sizeof(copy), "damaged-%016" PRIx64 ".bin", lsn);
	snprintf(damage, sizeof(damage),
		"segment %s: %" PRIu64 " bytes at LSN %016" PRIx64 " cannot be read as entries",
		name, bytes, lsn);

	const bool copied =
		!fstatat(journal->dir_fd, copy, &stat, 0) && (uint64_t)stat.st_size == bytes;
	if ((copied || segment->keep) && !again)
		return;
	if (copied) {
		journal_findings_add(
			journal, true, "%s; their copy is %s/%s", damage, journal->dir, copy);
	} else if (journal->read_only) {
		journal_findings_add(journal, true, "%s", damage);
	} else if (write_copy(journal->dir_fd, copy, map + from, bytes)) {
		journal_findings_add(
			journal, true, "%s; copied to %s/%s", damage, journal->dir, copy);
	} else {
		segment->keep = true;
		journal_findings_add(journal, true,
			"%s, and cannot be copied to %s/%s (%s); the segment is kept", damage,
			journal->dir, copy, strerror(errno));
	}
}
